"""deployer destroy: all that is ours goes, nothing else does."""

from __future__ import annotations

from io import StringIO

import pytest

from tests.commands.test_drift import ask, ids
from tests.support.project import Project
from tests.support.rollback import account, run, snapshots
from tests.support.whole import Whole

MANIFEST = """
vector_stores:
  docs: {files: [docs/**]}
assistants:
  tutor: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}
  plain: {model: m}
"""
EMPTY = Whole([], [], {}, {})


@pytest.fixture
def live(project: Project) -> Project:
    project.manifest(MANIFEST)
    project.write("docs/a.md", "a")
    project.write("docs/b.md", "b")
    run(project, "apply", "--yes")
    return project


def test_everything_goes_and_a_second_run_has_nothing_to_do(live: Project) -> None:
    result = run(live, "destroy", "--confirm", "test")
    assert "3 to delete" in result.out
    assert "everything of this project goes" in result.out
    assert account(live) == EMPTY
    assert "Nothing to do" in run(live, "destroy", "--confirm", "test").out


def test_it_needs_no_file_of_the_manifest_and_takes_orphans_too(live: Project) -> None:
    live.manifest("assistants: {plain: {model: m}}\n")
    (live.root / "docs/a.md").unlink()
    run(live, "destroy", "--confirm", "test")
    assert account(live) == EMPTY


def test_more_than_a_third_of_many_is_what_was_asked_for(project: Project) -> None:
    project.manifest("assistants:\n" + "".join(f"  a{n}: {{model: m}}\n" for n in range(12)))
    run(project, "apply", "--yes")
    run(project, "destroy", "--confirm", "test")
    assert account(project) == EMPTY


def test_foreign_things_stay(live: Project) -> None:
    store = ids(live)["vector_store/docs"]
    searching = {"tools": [{"type": "file_search"}], "tool_resources": {"file_search": {"vector_store_ids": [store]}}}
    others = [
        ask(live, "POST", "/assistants", {"model": "m", "name": "By hand", **searching}),
        ask(live, "POST", "/assistants", {"model": "m", "metadata": {"deployer": "another/assistant/plain"}}),
    ]
    result = run(live, "destroy", "--confirm", "test")
    assert f"vector_store/docs: stays: it is in use by assistant {others[0]['id']}" in result.out
    found = account(live)
    assert {one["id"] for one in found.assistants} == {one["id"] for one in others}
    assert [one["id"] for one in found.stores] == [store]
    assert len(found.members[store]) == 2


@pytest.mark.parametrize("applied", (True, False))
def test_what_is_protected_keeps_everything(live: Project, *, applied: bool) -> None:
    live.manifest(MANIFEST.replace("plain: {model: m}", "plain: {model: m, protect: true}"))
    if applied:
        run(live, "apply", "--yes")
    before = account(live)
    result = live.run("destroy", "--confirm", "test")
    assert result.code == 1
    assert result.err.startswith("protected: assistant/plain; nothing was deleted")
    assert account(live) == before


def test_where_nobody_can_answer_the_plan_is_shown_and_nothing_deleted(live: Project) -> None:
    before, written = account(live), snapshots(live)
    result = live.run("destroy")
    assert result.code == 64
    for address in ("assistant/plain", "assistant/tutor", "vector_store/docs"):
        assert f"- {address}" in result.out
    assert "3 to delete" in result.out
    assert result.err == "nobody can confirm here; add --confirm test to destroy without asking\n"
    assert (account(live), snapshots(live)) == (before, written)


def test_with_nothing_left_there_is_nothing_to_ask(project: Project) -> None:
    project.manifest("assistants: {plain: {model: m}}\n")
    assert "Nothing to do" in run(project, "destroy").out


def test_another_name_is_wrong_usage(live: Project) -> None:
    before = account(live)
    other = live.run("destroy", "--confirm", "tests")
    assert other.code == 64
    assert "--confirm tests is not the name of this project, which is test" in other.err
    assert account(live) == before


@pytest.mark.parametrize(("typed", "code"), (("test", 0), ("yes", 1), ("", 1)))
def test_on_a_terminal_the_name_is_typed(live: Project, monkeypatch: pytest.MonkeyPatch, typed: str, code: int) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(f"{typed}\n"))
    result = live.run("destroy")
    assert result.code == code, result.err
    assert (account(live) == EMPTY) == (code == 0)


def test_it_can_be_rolled_back(live: Project) -> None:
    before = account(live)
    run(live, "destroy", "--confirm", "test")
    assert len(snapshots(live)) == 2
    run(live, "rollback", "--yes")
    assert account(live).told == before.told
    assert run(live, "plan", "--exit-code").code == 0
