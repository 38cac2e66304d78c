"""A saved plan can be looked at; gates end a plan with 1, and every format says so."""

from __future__ import annotations

import json

import pytest

from tests.commands.test_saved_plans import CHANGED, MANIFEST, edit
from tests.support.project import Project

BREAKING = """
assistants:
  a:
    model: m
    tools: [{type: function, name: f, parameters: {type: object, properties: {%s: {type: string}}, required: [%s]}}]
"""
FORMS = ("text", "json", "markdown", "html")


@pytest.fixture
def deployed(project: Project) -> Project:
    project.manifest(MANIFEST)
    assert project.run("apply", "--yes").code == 0
    return project


@pytest.mark.parametrize("form", FORMS)
def test_a_saved_plan_is_shown_as_the_plan_was(deployed: Project, form: str) -> None:
    deployed.manifest(CHANGED)
    edit(deployed, "a", {"instructions": "by hand"})
    file = str(deployed.root / "plan.json")
    made = deployed.run("plan", "--out", file, "--format", form, "--fail-on", "conflict")
    (deployed.root / "assistants.yaml").unlink()
    assert deployed.run("show", file, "--format", form).out == made.out
    assert made.code == 1
    assert "edited on the account: assistant/a" in made.out


def test_its_exit_code_is_that_of_the_plan(deployed: Project) -> None:
    deployed.manifest(CHANGED)
    file = str(deployed.root / "plan.json")
    assert deployed.run("plan", "--out", file).code == 0
    assert deployed.run("show", file).code == 0
    assert deployed.run("show", file, "--exit-code").code == 2


@pytest.mark.parametrize("text", ("", "{", "[]", "{}", "null", '{"version": 1}'))
def test_what_is_no_plan_is_refused(deployed: Project, text: str) -> None:
    deployed.write("plan.json", text)
    result = deployed.run("show", str(deployed.root / "plan.json"))
    assert (result.code, result.out) == (1, "")
    assert "is no plan of this deployer" in result.err


def test_a_plan_that_was_changed_is_refused(deployed: Project) -> None:
    deployed.manifest(CHANGED)
    file = deployed.root / "plan.json"
    deployed.run("plan", "--out", str(file))
    data = json.loads(file.read_text(encoding="utf-8"))
    data["refusal"] = "nothing"
    file.write_text(json.dumps(data), encoding="utf-8")
    assert "was changed after it was made" in deployed.run("show", str(file)).err


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("gate", "manifest", "said"),
    (
        ("breaking", BREAKING % ("y", "y"), "breaking for the application: assistant/a.tools/f"),
        ("delete", "assistants: {}", "deletes: assistant/a"),
        ("conflict", BREAKING % ("x", "x") + "    instructions: git", "edited on the account: assistant/a"),
    ),
)
@pytest.mark.parametrize("form", FORMS)
def test_a_gate_that_is_closed_is_said_in_every_format(
    project: Project, gate: str, manifest: str, said: str, form: str
) -> None:
    project.manifest(BREAKING % ("x", "x") + "    instructions: first")
    project.run("apply", "--yes")
    if gate == "conflict":
        edit(project, "a", {"instructions": "by hand"})
    project.manifest(manifest)
    plan = ("plan", "--prune", "--format", form)
    assert project.run(*plan).code == 0
    others = ",".join(sorted({"breaking", "delete", "conflict"} - {gate}))
    assert project.run(*plan, "--fail-on", others).code == 0
    for words in (gate, f"{gate},model-shutdown=3", f" {gate} "):
        result = project.run(*plan, "--fail-on", words)
        assert result.code == 1
        assert said in result.out
        assert said in result.err, "whoever reads standard output by a program"


@pytest.mark.parametrize("words", ("", "everything", "breaking,", "model-shutdown", "model-shutdown=-1"))
def test_a_gate_that_nobody_knows_is_refused(project: Project, words: str) -> None:
    project.manifest(MANIFEST)
    result = project.run("plan", "--fail-on", words)
    assert result.code == 64
    assert "is none of breaking, conflict, delete, model-shutdown=DAYS" in result.err


def test_gates_are_no_part_of_what_was_reviewed(deployed: Project) -> None:
    deployed.manifest(BREAKING % ("x", "x"))
    file = str(deployed.root / "plan.json")
    assert deployed.run("plan", "--out", file, "--prune", "--fail-on", "delete").code == 1
    assert deployed.run("apply", "--yes", "--plan", file).code == 0


def test_what_apply_will_refuse_stands_at_the_end(deployed: Project) -> None:
    edit(deployed, "a", {"instructions": "by hand"})
    deployed.manifest(CHANGED)
    told = deployed.run("plan")
    assert "apply will refuse: edited on the account since the last apply:" in told.out.splitlines()[-3]
    assert told.err == ""
    assert json.loads(deployed.run("plan", "--format", "json").out)["refusal"].startswith("edited on the account")
    assert "apply will refuse" not in deployed.run("apply", "--yes").out
