"""deployer rollback where nobody can answer, and deployer rollback --list: both only tell."""

from __future__ import annotations

import json
import time
from io import StringIO
from pathlib import Path

import pytest

from deployer.backends.http.lease import HOLDER, LOCK, UNTIL
from tests.commands.test_drift import ask, ids
from tests.support.project import Project
from tests.support.rollback import SNAPSHOTS, account, run, snapshots

MANIFEST = (
    "accounts: {here: {api: assistants, lock: true}, there: {api: agents}}\nassistants: {tutor: {model: MODEL}}\n"
)


@pytest.fixture
def changed(project: Project) -> Project:
    for model in ("one", "two"):
        project.manifest(MANIFEST.replace("MODEL", model))
        run(project, "apply", "--yes", "--account", "here")
    return project


def test_where_nobody_can_answer_the_plan_is_shown_and_nothing_changed(changed: Project) -> None:
    before, written = account(changed), snapshots(changed)
    result = changed.run("rollback", "--account", "here")
    assert result.code == 64
    assert "~ model  two → one" in result.out
    assert "1 to update" in result.out
    assert result.err == "nobody can confirm here; add --yes to roll back without asking\n"
    assert account(changed) == before
    assert snapshots(changed) == written


def test_a_preview_needs_no_lease(changed: Project) -> None:
    """It must neither wait for a run that is at work, nor write to the account."""
    metadata = {LOCK: "test", HOLDER: "ann", UNTIL: str(int(time.time()) + 100)}
    ask(changed, "POST", "/vector_stores", {"name": "lease", "metadata": metadata})
    before = account(changed)
    assert "locked by ann" in changed.run("rollback", "--account", "here", "--yes").err
    for command, shown in (("rollback", "1 to update"), ("destroy", "1 to delete")):
        result = changed.run(command, "--account", "here")
        assert (result.code, shown in result.out) == (64, True), result.err
    assert account(changed) == before


def test_what_would_be_refused_anyway_says_why(changed: Project) -> None:
    live = json.loads(run(changed, "outputs", "--format", "json", "--account", "here").out)["assistant/tutor"]
    ask(changed, "POST", f"/assistants/{live}", {"model": "by-hand"})
    result = changed.run("rollback", "--account", "here")
    assert result.code == 1
    assert "assistant/tutor.model: git says" in result.err


def test_with_nothing_to_do_there_is_nothing_to_ask(project: Project) -> None:
    project.manifest("assistants: {tutor: {model: m}}\n")
    run(project, "apply", "--yes")
    ask(project, "DELETE", f"/assistants/{ids(project)['assistant/tutor']}")
    result = run(project, "rollback")
    assert "Nothing to do" in result.out


@pytest.mark.parametrize(("typed", "code"), (("y", 0), ("n", 1)))
def test_on_a_terminal_it_asks(changed: Project, monkeypatch: pytest.MonkeyPatch, typed: str, code: int) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    before = account(changed)
    monkeypatch.setattr("sys.stdin", Terminal(f"{typed}\n"))
    result = changed.run("rollback", "--account", "here")
    assert result.code == code, result.err
    assert (account(changed).told == before.told) == (code == 1)


def test_the_list_tells_when_where_and_what(changed: Project) -> None:
    many = "".join(f"  a{number}: {{model: m}}\n" for number in range(5))
    changed.manifest(MANIFEST.replace("assistants: {tutor: {model: MODEL}}\n", f"assistants:\n{many}"))
    run(changed, "apply", "--yes", "--prune", "--account", "there")
    third, second, first = (json.loads(path.read_text(encoding="utf-8")) for path in reversed(snapshots(changed)))
    names = [path.stem for path in reversed(snapshots(changed))]
    here, there = "assistants · embedded in .deployer/account", "agents · embedded in .deployer/account"
    assert run(changed, "rollback", "--list").out.splitlines() == [
        names[0],
        f"    {third['time']}  there · {there} · project test",
        "    before apply: 5 to create",
        "      create: assistant/a0, assistant/a1, assistant/a2 and 2 more",
        names[1],
        f"    {second['time']}  here · {here} · project test",
        "    before apply: 1 to update",
        "      update: assistant/tutor",
        names[2],
        f"    {first['time']}  here · {here} · project test",
        "    before apply: 1 to create",
        "      create: assistant/tutor",
    ]
    chosen = run(changed, "rollback", "--list", "--account", "there").out
    assert [line for line in chosen.splitlines() if not line.startswith(" ")] == names[:1]


def test_an_account_without_any_says_that_others_have_some(changed: Project) -> None:
    assert run(changed, "rollback", "--list", "--account", "there").out == (
        "No snapshot of this account yet (2 of other accounts).\n"
    )


def test_no_snapshot_at_all(project: Project) -> None:
    project.manifest("")
    assert run(project, "rollback", "--list").out == "No snapshot of this project yet.\n"


def test_one_that_cannot_be_read_does_not_hide_the_others(changed: Project) -> None:
    bad = Path(SNAPSHOTS) / "20200101T000000.000000Z-test"
    changed.write(f"{bad}.json", "{")
    lines = run(changed, "rollback", "--list").out.splitlines()
    assert lines[-2] == bad.name
    assert "it is not JSON" in lines[-1]
    assert sum(not line.startswith(" ") for line in lines) == 3
