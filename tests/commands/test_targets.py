"""--target: a part of a manifest, with what it needs, on plan, apply, drift and destroy."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.manifest import schema
from tests.commands.test_drift import ask, ids
from tests.support.project import Project

MANIFEST = """
vector_stores:
  docs: {files: [docs/a.md]}
  laws: {files: [docs/b.md]}
assistants:
  tutor: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}
  judge: {model: m, tools: [{type: file_search, vector_stores: [laws]}]}
  clerk: {model: m}
"""
PARTIAL = "this plan is partial: it is about assistant/tutor and what that needs"


@pytest.fixture
def whole(project: Project) -> Project:
    project.write("docs/a.md", "a")
    project.write("docs/b.md", "b")
    project.manifest(MANIFEST)
    return project


def changes(project: Project, *words: str) -> dict[str, str]:
    found = project.run("plan", "--format", "json", *words).json()
    return {one["address"]: one["action"] for one in found["changes"]}


def stamps(project: Project) -> dict[str, Any]:
    listed = ask(project, "GET", "/assistants")["data"] + ask(project, "GET", "/vector_stores")["data"]
    return {one["metadata"]["deployer"]: one["metadata"] for one in listed}


def test_a_target_brings_what_it_needs_and_nothing_else(whole: Project) -> None:
    assert changes(whole, "--target", "assistant/tutor") == {"vector_store/docs": "create", "assistant/tutor": "create"}
    result = whole.run("apply", "--yes", "--target", "assistant/tutor")
    assert (result.code, PARTIAL in result.out) == (0, True), result.err
    assert result.out.splitlines()[-1].endswith("The next plan of these targets is empty.")
    assert changes(whole) == {
        "vector_store/docs": "no-op",
        "vector_store/laws": "create",
        "assistant/clerk": "create",
        "assistant/judge": "create",
        "assistant/tutor": "no-op",
    }


@pytest.mark.parametrize("form", ("text", "json", "markdown", "html"))
def test_every_format_says_that_a_plan_is_partial(whole: Project, form: str) -> None:
    result = whole.run("plan", "--target", "assistant/tutor", "--format", form)
    assert PARTIAL in result.out


def test_several_targets_are_one_plan(whole: Project) -> None:
    words = ("--target", "assistant/clerk", "--target", "vector_store/laws", "--target", "assistant/clerk")
    assert set(changes(whole, *words)) == {"assistant/clerk", "vector_store/laws"}


def test_the_rest_keeps_its_stamps_and_its_edits(whole: Project) -> None:
    whole.run("apply", "--yes")
    before = stamps(whole)
    whole.manifest(MANIFEST.replace("model: m", "model: n").replace("  clerk: {model: n}\n", ""))
    result = whole.run("apply", "--yes", "--prune", "--target", "assistant/tutor")
    assert result.code == 0, result.err
    after = stamps(whole)
    assert {name for name in before if before[name] != after.get(name)} == {"test/assistant/tutor"}


def test_drift_of_a_part(whole: Project) -> None:
    whole.run("apply", "--yes")
    for name in ("tutor", "clerk"):
        ask(whole, "POST", f"/assistants/{ids(whole)[f'assistant/{name}']}", {"model": "x"})
    moved = whole.run("drift", "--target", "assistant/tutor", "--format", "json").json()["moved"]
    assert [one["address"] for one in moved] == ["assistant/tutor"]


@pytest.mark.parametrize("form", ("text", "markdown"))
def test_a_drift_of_a_part_says_that_it_is_one(whole: Project, form: str) -> None:
    """What moved elsewhere was not looked at, so that nothing moved is said of the part alone."""
    whole.run("apply", "--yes")
    ask(whole, "POST", f"/assistants/{ids(whole)['assistant/clerk']}", {"model": "x"})
    part = "Only assistant/tutor and what that needs was compared."
    result = whole.run("drift", "--target", "assistant/tutor", "--exit-code", "--format", form)
    assert (result.code, f"Nothing moved on the account. {part}" in result.out) == (0, True)
    assert "Only" not in whole.run("drift", "--format", form).out


def test_a_drift_of_a_part_tells_programs_too(whole: Project) -> None:
    whole.run("apply", "--yes")
    found = whole.run("drift", "--target", "assistant/tutor", "--format", "json").json()
    assert (found["targets"], schema.misfit("drift.schema.json", found)) == (["assistant/tutor"], None)


def test_what_a_destruction_is_told_of_is_not_called_everything(whole: Project) -> None:
    whole.run("apply", "--yes")
    shown = whole.run("destroy", "--target", "assistant/clerk").out
    assert "it is a target of the destruction" in shown
    assert "everything of this project" not in shown


def test_destroy_takes_the_target_alone(whole: Project) -> None:
    whole.run("apply", "--yes")
    result = whole.run("destroy", "--confirm", "test", "--target", "assistant/tutor")
    assert result.code == 0, result.err
    assert result.out.splitlines()[-1].endswith("Of project test, assistant/tutor is gone from the account.")
    assert changes(whole)["vector_store/docs"] == "no-op"
    assert [address for address, action in changes(whole).items() if action == "create"] == ["assistant/tutor"]


def test_destroy_keeps_a_store_that_something_else_needs(whole: Project) -> None:
    whole.run("apply", "--yes")
    result = whole.run("destroy", "--confirm", "test", "--target", "vector_store/docs")
    assert "assistant/tutor" in result.out
    assert set(changes(whole).values()) == {"no-op"}


def test_a_saved_plan_knows_its_targets(whole: Project) -> None:
    whole.run("plan", "--target", "assistant/tutor", "--out", "plan.json")
    assert whole.run("apply", "--yes", "--plan", "plan.json", "--target", "assistant/tutor").code == 64
    assert whole.run("apply", "--yes", "--plan", "plan.json").code == 0
    assert set(ids(whole)) == {"assistant/tutor", "vector_store/docs"}


@pytest.mark.parametrize("words", (("plan",), ("apply", "--yes"), ("drift",), ("destroy", "--confirm", "test")))
def test_an_unknown_target_is_refused_before_anything_is_sent(whole: Project, words: tuple[str, ...]) -> None:
    result = whole.run(*words, "--target", "assistant/tutr")
    assert (result.code, result.out) == (1, "")
    assert "the manifest does not declare 'assistant/tutr'; did you mean 'assistant/tutor'?" in result.err
    assert not (whole.root / ".deployer").exists()


def test_a_file_that_only_the_rest_holds_stays(whole: Project) -> None:
    whole.write("docs/b.md", "a")
    whole.run("apply", "--yes")
    whole.write("docs/a.md", "another")
    assert whole.run("apply", "--yes", "--target", "vector_store/docs").code == 0
    assert set(changes(whole).values()) == {"no-op"}
    assert whole.run("plan", "--check-files", "--exit-code").code == 0
