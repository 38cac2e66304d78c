"""deployer adopt: a foreign object becomes ours, and nothing of it changes."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.manifest.foreign import by_hand
from tests.support.project import Project

TUTOR = """
assistants:
  tutor:
    name: Tutor
    model: gpt-6-luna
    instructions: Explain.
    metadata: {team: education}
"""
STORE = """
vector_stores:
  docs: {name: Docs, files: ['docs/**']}
"""


def foreign_tutor(project: Project, **more: Any) -> str:
    with by_hand(project.root) as hand:
        fields = {"name": "Tutor", "model": "gpt-6-luna", "instructions": "Explain.", **more}
        return str(hand.make("assistants", **fields)["id"])


def test_what_is_as_declared_is_ours_and_the_next_plan_is_empty(project: Project) -> None:
    live_id = foreign_tutor(project, metadata={"team": "education", "own": "kept"}, temperature=0.3)
    project.manifest(TUTOR)
    result = project.run("adopt", "assistant/tutor", live_id, "--yes")
    assert (result.code, result.err) == (0, "")
    assert "» assistant/tutor" in result.out
    assert "adopted" in result.out
    assert project.run("plan", "--exit-code").code == 0
    with by_hand(project.root) as hand:
        found = hand.get(f"assistants/{live_id}")
        assert found["metadata"].items() >= {"own": "kept", "deployer": "test/assistant/tutor"}.items()
        assert found["temperature"] == 0.3
        assert len(hand.get("assistants")["data"]) == 1


def test_only_the_stamp_is_written_and_differences_are_of_git(project: Project) -> None:
    live_id = foreign_tutor(project, instructions="Explain at length.", metadata={"team": "sales"})
    project.manifest(TUTOR)
    result = project.run("adopt", "assistant/tutor", live_id, "--yes")
    assert result.code == 0
    assert "instructions" in result.out
    with by_hand(project.root) as hand:
        assert hand.get(f"assistants/{live_id}")["instructions"] == "Explain at length."
    plan = project.run("plan", "--format", "json").json()
    (change,) = plan["changes"]
    assert {one["path"]: one["origin"] for one in change["fields"]} == {
        "instructions": "manifest",
        "metadata/team": "manifest",
    }
    assert project.run("apply", "--yes").code == 0
    assert project.run("plan", "--exit-code").code == 0


def test_a_unique_name_is_enough_and_several_are_named_with_their_ids(project: Project) -> None:
    first = foreign_tutor(project)
    second = foreign_tutor(project)
    project.manifest(TUTOR)
    result = project.run("adopt", "assistant/tutor", "--name", "Tutor", "--yes")
    assert result.code == 1
    assert first in result.err
    assert second in result.err
    foreign_tutor(project, name="Other")
    assert project.run("adopt", "assistant/tutor", "--name", "Other", "--yes").code == 0
    nobody = project.run("adopt", "assistant/tutor", "--name", "Nobody", "--yes")
    assert nobody.code == 1
    assert "'Nobody'" in nobody.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    (
        (("assistant/nobody", "asst_1"), 1, "does not declare 'assistant/nobody'"),
        (("assistant/tuto", "asst_1"), 1, "did you mean 'assistant/tutor'?"),
        (("assistant/tutor", "asst_1"), 1, "has no assistant 'asst_1'"),
        (("assistant/tutor",), 64, "either its ID, or --name"),
        (("assistant/tutor", "asst_1", "--name", "x"), 64, "either its ID, or --name"),
    ),
)
def test_what_cannot_be_meant_is_refused(project: Project, words: tuple[str, ...], code: int, said: str) -> None:
    project.manifest(TUTOR)
    result = project.run("adopt", *words, "--yes")
    assert (result.code, said in result.err) == (code, True), result.err


@pytest.mark.slow
def test_a_no_changes_nothing(project: Project) -> None:
    live_id = foreign_tutor(project)
    project.manifest(TUTOR)
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "deployer", "adopt", "assistant/tutor", live_id]
    with subprocess.Popen(words, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        os.write(ours, b"n\n")
        _, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, "nothing was changed" in err) == (1, True), err
    with by_hand(project.root) as hand:
        assert hand.get(f"assistants/{live_id}")["metadata"] == {}


def test_what_another_project_owns_needs_force(project: Project) -> None:
    live_id = foreign_tutor(project, metadata={"deployer": "rivals/assistant/x", "deployer_applied": "abcdef=1"})
    project.manifest(TUTOR)
    refused = project.run("adopt", "assistant/tutor", live_id, "--yes")
    assert refused.code == 1
    assert "project 'rivals'" in refused.err
    assert project.run("adopt", "assistant/tutor", live_id, "--yes", "--force", "other-project").code == 0
    plan = project.run("plan", "--format", "json").json()
    assert [change["action"] for change in plan["changes"]] == ["update"]  # the declared pair `team` is missing


def test_an_address_has_one_live_object(project: Project) -> None:
    project.manifest(TUTOR)
    assert project.run("apply", "--yes").code == 0
    live_id = foreign_tutor(project)
    refused = project.run("adopt", "assistant/tutor", live_id, "--yes")
    assert refused.code == 1
    assert "is live already" in refused.err


def test_what_is_ours_elsewhere_is_moved_not_adopted(project: Project) -> None:
    project.manifest(TUTOR)
    assert project.run("apply", "--yes").code == 0
    live_id = project.run("outputs", "--format", "json").json()["assistant/tutor"]
    again = project.run("adopt", "assistant/tutor", live_id, "--yes")
    assert (again.code, "already" in again.out) == (0, True)
    project.manifest(TUTOR.replace("tutor:", "teacher:"))
    refused = project.run("adopt", "assistant/teacher", live_id, "--yes")
    assert refused.code == 1
    assert "moved: [{from: assistant/tutor, to: assistant/teacher}]" in refused.err


def test_a_stamp_that_does_not_fit_is_refused(project: Project) -> None:
    live_id = foreign_tutor(project, metadata={f"k{number}": "v" for number in range(15)})
    project.manifest(TUTOR)
    refused = project.run("adopt", "assistant/tutor", live_id, "--yes")
    assert refused.code == 1
    assert "remove 2 on the account first" in refused.err


def test_documents_that_are_the_declared_ones_are_not_uploaded_again(project: Project) -> None:
    project.write("docs/한글.md", "# 하나\n")
    project.write("docs/deep/same.md", "same")
    project.write("docs/other.md", "declared")
    with by_hand(project.root) as hand:
        files = {"한글.md": "# 하나\n".encode(), "same.md": b"same", "other.md": b"DECLARED", "extra.md": b"extra"}
        store = hand.store(files, name="Docs")
        before = {one["id"] for one in hand.files(store)}
    project.manifest(STORE)
    result = project.run("adopt", "vector_store/docs", store, "--yes")
    assert result.code == 0, result.err
    assert "stays foreign: other.md" in result.out
    assert "the next apply uploads 1 of 3 declared files" in result.out
    with by_hand(project.root) as hand:
        marked = {one["attributes"]["deployer_path"] for one in hand.files(store) if one["attributes"]}
        assert marked == {"docs/한글.md", "docs/deep/same.md"}
        assert {one["id"] for one in hand.files(store)} == before
    assert project.run("apply", "--yes").code == 0
    with by_hand(project.root) as hand:
        assert len({one["id"] for one in hand.files(store)} - before) == 1
        hand.attach(store, "late.md", b"late")
    project.write("docs/late.md", "late")
    assert project.run("adopt", "vector_store/docs", store, "--yes").code == 0
    assert project.run("plan", "--exit-code").code == 0


def test_attributes_of_documents_stay_until_the_next_apply(project: Project) -> None:
    project.write("docs/a.md", "text")
    with by_hand(project.root) as hand:
        store = hand.store({}, name="Docs")
        hand.attach(store, "a.md", b"text", attributes={"year": 2029, "own": "kept"})
    project.manifest(STORE.replace("'docs/**'", "{path: 'docs/**', attributes: {year: 2030}}"))
    assert project.run("adopt", "vector_store/docs", store, "--yes").code == 0
    with by_hand(project.root) as hand:
        assert hand.files(store)[0]["attributes"].items() >= {"year": 2029, "own": "kept"}.items()
    (change,) = project.run("plan", "--format", "json").json()["changes"]
    assert [one["path"] for one in change["files"]["update"]] == ["docs/a.md"]
    assert project.run("drift", "--exit-code").code == 0  # git moved, not the account
    assert project.run("apply", "--yes").code == 0
    with by_hand(project.root) as hand:
        assert hand.files(store)[0]["attributes"].items() >= {"year": 2030, "own": "kept"}.items()


def test_a_store_first_then_who_searches_it(project: Project) -> None:
    with by_hand(project.root) as hand:
        store = hand.store({}, name="Docs")
        resources = {"file_search": {"vector_store_ids": [store]}}
        user = hand.make("assistants", model="m", tools=[{"type": "file_search"}], tool_resources=resources)["id"]
    project.manifest(
        "vector_stores: {docs: {name: Docs}}\n"
        "assistants: {a: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}}\n"
    )
    early = project.run("adopt", "assistant/a", user, "--name", "x", "--yes")
    assert early.code == 64
    assert project.run("adopt", "vector_store/docs", store, "--yes").code == 0
    late = project.run("adopt", "assistant/a", user, "--yes")
    assert (late.code, late.err) == (0, "")
    assert project.run("plan", "--exit-code").code == 0


def test_who_searches_a_foreign_store_is_told_so(project: Project) -> None:
    with by_hand(project.root) as hand:
        store = hand.store({}, name="Docs")
        resources = {"file_search": {"vector_store_ids": [store]}}
        user = hand.make("assistants", model="m", tools=[{"type": "file_search"}], tool_resources=resources)["id"]
    project.manifest("assistants: {a: {model: m}}\n")
    result = project.run("adopt", "assistant/a", user, "--yes")
    assert result.code == 0
    assert f"vector store {store}, which is foreign" in result.err


def test_where_nobody_can_answer_it_shows_the_plan_and_changes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with by_hand(project.root) as hand:
        live_id = hand.make("assistants", name="A", model="m")["id"]
    project.manifest("assistants: {a: {model: n}}\n")
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        shown = project.run("adopt", "assistant/a", live_id)
        wrong = project.run("adopt", "assistant/a", "--name", "B")
    assert (shown.code, shown.err) == (64, "nobody can confirm here; add --yes to adopt without asking\n")
    assert "» assistant/a" in shown.out
    assert (wrong.code, "no foreign assistant that is called 'B'" in wrong.err) == (1, True)
    with by_hand(project.root) as hand:
        assert hand.get(f"assistants/{live_id}")["metadata"] == {}
