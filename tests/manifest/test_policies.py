"""What a team has agreed on is an error where it is broken, on validate and on plan, and nothing is sent."""

from __future__ import annotations

import pytest

from tests.support.project import Project

FUNCTION = "{type: function, name: f, description: D, parameters: {type: object, properties: {}}}"
ONLY = "policy: the model"
CASES = (
    ("allowed_models: [gpt-6*]", "model: gpt-5", "model: policy: the model 'gpt-5' is not allowed; use one of gpt-6*"),
    (
        "allowed_models: [gpt-6]",
        "model: gpt-6.1",
        f"model: {ONLY} 'gpt-6.1' is not allowed; use one of gpt-6",
    ),
    (
        "required_metadata: [team, b]",
        "model: m, metadata: {team: a}",
        "metadata: policy: metadata lacks b; add it",
    ),
    ("required_metadata: [team]", "model: m", "metadata: policy: metadata lacks team; add it"),
    (
        "max_instructions: 3",
        "model: m, instructions: Text",
        "instructions: policy: the instructions have 4 characters; at most 3 are allowed; shorten them",
    ),
    (
        "max_temperature: 0.5",
        "model: m, temperature: 0.6",
        "temperature: policy: the temperature 0.6 is higher than the allowed 0.5; lower it",
    ),
    (
        "strict_functions: true",
        f"model: m, tools: [{FUNCTION}]",
        "tools: policy: the function 'f' is not strict; deployer functions fix makes it so",
    ),
    (
        "forbidden: {tools: [code_interpreter]}",
        "model: m, tools: [{type: code_interpreter}]",
        "tools: policy: the tool code_interpreter is forbidden; remove it",
    ),
    (
        "forbidden: {texts: [acme corp]}",
        "model: m, instructions: Buy from ACME Corp.",
        "instructions: policy: the text acme corp is forbidden; write it otherwise",
    ),
)
KEPT = (
    ("allowed_models: [gpt-6*, o?]", "model: gpt-6-luna"),
    ("required_metadata: [team]", "model: m, metadata: {team: a}"),
    ("max_instructions: 4", "model: m, instructions: Text"),
    ("max_temperature: 0.5", "model: m, temperature: 0.5"),
    ("max_temperature: 0.5", "model: m"),
    ("strict_functions: true", "model: m, tools: [{type: code_interpreter}]"),
    ("strict_functions: false", f"model: m, tools: [{FUNCTION}]"),
    ("forbidden: {tools: [file_search], texts: [acme]}", "model: m, tools: [{type: code_interpreter}]"),
)


def write(project: Project, policy: str, assistant: str) -> None:
    project.manifest(f"policies: {{{policy}}}\nassistants:\n  tutor: {{{assistant}}}\n")


@pytest.mark.parametrize(("policy", "assistant", "said"), CASES)
def test_what_breaks_a_policy_is_told_at_its_place(project: Project, policy: str, assistant: str, said: str) -> None:
    write(project, policy, assistant)
    for command in ("validate", "plan", "apply"):
        result = project.run(command, *(["--yes"] if command == "apply" else []))
        found = [line for line in result.err.splitlines() if ": policy: " in line]
        assert (result.code, len(found)) == (1, 1), result.err
        assert found[0].startswith("assistants.yaml:5:")
        assert found[0].endswith(f": assistant/tutor.{said}")
    assert not (project.root / ".deployer").exists(), "nothing is sent"


@pytest.mark.parametrize(("policy", "assistant"), KEPT)
def test_what_keeps_to_it_is_fine(project: Project, policy: str, assistant: str) -> None:
    write(project, policy, assistant)
    assert "policy" not in project.run("validate").err


def test_a_policy_sees_what_an_account_overrides(project: Project) -> None:
    project.manifest("""
        policies: {allowed_models: [small]}
        accounts: {live: {api: assistants, overrides: {assistant/tutor: {model: large}}}}
        assistants: {tutor: {model: small}}
    """)
    assert project.run("validate").code == 0
    assert "assistants.yaml:5:66: assistant/tutor.model: policy:" in project.run("validate", "--account", "live").err


def test_policies_stand_in_the_manifest_alone(project: Project) -> None:
    project.manifest("include: [more.yaml]\n")
    project.write("more.yaml", "policies: {allowed_models: [m]}\n")
    assert "only the manifest itself has them" in project.run("validate").err


def test_metadata_is_asked_of_stores_too(project: Project) -> None:
    project.manifest("policies: {required_metadata: [team]}\nvector_stores: {docs: {}}\n")
    assert "vector_store/docs.metadata: policy: metadata lacks team" in project.run("validate").err
