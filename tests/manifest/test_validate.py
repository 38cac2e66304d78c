"""The command around the checks: formats, exit codes, and where it may be called from."""

from __future__ import annotations

import pytest

from tests.support.project import Project

ASSISTANT = "assistants: {tutor: {model: gpt-6-luna}}\n"


def test_a_valid_manifest_is_one_line(project: Project) -> None:
    project.manifest(ASSISTANT)
    result = project.run("validate")
    assert (result.code, result.out, result.err) == (0, "valid: 1 resource\n", "")


def test_warnings_alone_are_no_failure(project: Project) -> None:
    project.manifest("accounts: {live: {api: agents}}\nassistants: {tutor: {model: m, temperature: 1, top_p: 1}}\n")
    result = project.run("validate", "--account", "live")
    assert (result.code, result.out) == (0, "valid: 1 resource, 2 warnings\n")


def test_json_has_every_problem_with_its_place(project: Project) -> None:
    project.manifest("assistants: {tutor: {modle: gpt-6-luna}}\n")
    result = project.run("validate", "--format", "json")
    assert (result.code, result.err) == (1, "")
    assert result.json()["problems"][1] == {
        "severity": "error",
        "message": "unknown key 'modle'",
        "remedy": "did you mean 'model'?",
        "address": "assistant/tutor",
        "file": "assistants.yaml",
        "line": 3,
        "column": 22,
        "rule": None,
        "says": None,
    }


def test_a_manifest_in_another_folder(project: Project) -> None:
    project.write("deploy/prompt.md", "Be brief.")
    project.write(
        "deploy/manifest.yaml",
        "version: 1\nproject: test\nassistants: {tutor: {model: m, instructions: {file: prompt.md}}}\n",
    )
    assert project.run("validate", "-f", "deploy/manifest.yaml").code == 0


@pytest.mark.parametrize(
    "arguments",
    (["--var", "x"], ["--var", "=1"], ["--format", "xml"], ["--acount", "live"], ["assistants.yaml"]),
)
def test_usage_errors_say_what_is_wrong(project: Project, arguments: list[str]) -> None:
    project.manifest(ASSISTANT)
    result = project.run("validate", *arguments)
    assert (result.code, result.out) == (64, "")
    assert result.err.count("\n") >= 1


def test_text_from_a_manifest_cannot_forge_a_terminal(project: Project) -> None:
    project.write("assistants.yaml", 'version: 1\nproject: "\\e[2Jtest\\u202e\\n"\n')
    result = project.run("validate")
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert all(one.isprintable() for one in result.err.removesuffix("\n"))
