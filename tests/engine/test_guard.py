"""Where the guard stops: numbers by hand, beside the law that holds for all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.engine import guard, stamp
from deployer.errors import DeployerError
from deployer.model import (
    Action,
    Address,
    Change,
    DesiredFile,
    FieldChange,
    FileAction,
    FileChange,
    LiveFile,
    LiveObject,
    OnDrift,
    Origin,
    Plan,
    Problem,
    ProblemsFound,
    Reason,
    Severity,
    Target,
    Why,
)

CASES = {  # (kept, deleted): whether it stops
    (7, 3): False,  # exactly 30 %
    (6, 4): True,
    (14, 6): False,
    (13, 7): True,
    (70, 30): False,
    (69, 31): True,
    (0, 9): False,  # fewer than ten
    (0, 10): True,
    (9, 0): False,
}


def _changes(kept: int, deleted: int) -> tuple[Change, ...]:
    actions = [Action.NO_OP] * kept + [Action.DELETE] * deleted
    return tuple(
        Change(Address("x", f"n{n}"), action, Reason(Why.UNTOUCHED), f"id{n}") for n, action in enumerate(actions)
    )


def _with_documents(kept: int, gone: int, *, action: Action = Action.UPDATE, again: bool = False) -> Plan:
    """A store that has lost documents; `again`: each of them is a second copy, and its path stays."""
    files = tuple(LiveFile(f"file-{n}", f"{n}.md", "0" * 64, "completed", 1, 0) for n in range(kept + gone))
    paths = [str(one.path) for one in files[:gone]]
    changes = [FileChange(FileAction.REMOVE, path, None, (), Reason(Why.UNTOUCHED)) for path in paths]
    changes += [FileChange(FileAction.UPDATE, path, None, (), Reason(Why.UNTOUCHED)) for path in paths if again]
    store = Change(Address("vector_store", "docs"), action, Reason(Why.UNTOUCHED), "vs_1", files=tuple(changes))
    live = LiveObject("vector_store", "vs_1", {}, files)
    return Plan("p", Target("t", "assistants", ""), (store,), live=(live,))


@pytest.mark.parametrize(("kept", "gone"), CASES)
def test_documents_of_a_store_are_guarded_like_objects(kept: int, gone: int) -> None:
    plan = _with_documents(kept, gone)
    guard.check(_with_documents(kept, gone, action=Action.DELETE))
    guard.check(_with_documents(kept, gone, again=True))
    if not CASES[kept, gone]:
        guard.check(plan)
        return
    with pytest.raises(DeployerError, match=f"removes {gone} of {kept + gone} documents from vector_store/docs, more"):
        guard.check(plan)
    guard.check(plan, [guard.PRUNE_LIMIT])


@pytest.mark.parametrize(("kept", "deleted"), CASES)
def test_more_than_thirty_percent_of_ten_or_more_is_stopped(kept: int, deleted: int) -> None:
    plan = Plan("p", Target("t", "assistants", ""), _changes(kept, deleted))
    if not CASES[kept, deleted]:
        guard.check(plan)
        return
    with pytest.raises(DeployerError, match=f"deletes {deleted} of {kept + deleted} owned objects, more than 30%"):
        guard.check(plan)
    guard.check(plan, [guard.PRUNE_LIMIT])


def _conflicts(change: Change, on_drift: OnDrift = OnDrift.FAIL) -> str:
    with pytest.raises(DeployerError) as caught:
        guard.check(Plan("p", Target("t", "assistants", ""), (change,), on_drift=on_drift))
    return str(caught.value)


def test_edits_are_told_value_by_value() -> None:
    long = "수" * 100
    fields = (
        FieldChange(("name",), None, "git", Origin.ACCOUNT),
        FieldChange(("tools", "f"), {"a": "수원"}, long, Origin.BOTH),
        FieldChange(("model",), 1, 2, Origin.MANIFEST),
    )
    live = LiveFile("file_1", "docs/a.md", "f", "completed", 1, 1, attributes={"kept": 1, "level": 2, "gone": 3})
    live = replace(live, declared={stamp.name_of("gone"): "x"})
    wanted = DesiredFile("docs/a.md", 1, "f", attributes={"level": 1, "new": "n"})
    added = DesiredFile("data/b.csv", 1, "g")
    files = (
        FileChange(FileAction.UPDATE, "docs/a.md", wanted, (live, live), Reason(Why.ATTRIBUTES), Origin.ACCOUNT),
        FileChange(FileAction.ADD, "data/b.csv", added, (), Reason(Why.TAKEN_OUT), Origin.ACCOUNT),
    )
    change = Change(Address("vector_store", "s"), Action.UPDATE, Reason(Why.FIELDS), "vs_1", fields, files)
    assert _conflicts(change).splitlines() == [
        "edited on the account since the last apply:",
        '  vector_store/s.name: git says "git", the account says nothing',
        f'  vector_store/s.tools/f: git says "{"수" * 59}…, the account says {{"a": "수원"}}',
        (
            "  vector_store/s: docs/a.md: gone: git says nothing, the account says 3; "
            'level: git says 1, the account says 2; new: git says "n", the account says nothing'
        ),
        "  vector_store/s: data/b.csv: removed on the account",
        "add --on-drift overwrite (git wins) or --on-drift keep (the account wins), or change git",
    ]


@pytest.mark.parametrize("on_drift", (OnDrift.OVERWRITE, OnDrift.KEEP))
def test_edits_stop_only_where_nothing_was_said_about_them(on_drift: OnDrift) -> None:
    fields = (FieldChange(("name",), None, "git", Origin.ACCOUNT),)
    change = Change(Address("assistant", "a"), Action.UPDATE, Reason(Why.FIELDS), "asst_1", fields)
    guard.check(Plan("p", Target("t", "assistants", ""), (change,), on_drift=on_drift))


def test_an_error_stops_first_and_a_warning_does_not() -> None:
    error = Problem("wrong", "mend it")
    plan = Plan("p", Target("t", "assistants", ""), (), problems=(replace(error, severity=Severity.WARNING),))
    guard.check(plan)
    with pytest.raises(ProblemsFound) as caught:
        guard.check(replace(plan, problems=(error,)))
    assert caught.value.problems == (error,)


def test_left_over_file_objects_are_no_objects_of_the_project() -> None:
    files = tuple(
        Change(Address("file", f"f{number}"), Action.DELETE, Reason(Why.LEFT_OVER), f"f{number}")
        for number in range(50)
    )
    created = tuple(Change(Address("x", f"n{number}"), Action.CREATE, Reason(Why.NOT_LIVE)) for number in range(50))
    guard.check(Plan("p", Target("t", "assistants", ""), (*_changes(9, 0), *files, *created)))
    with pytest.raises(DeployerError, match="deletes 10 of 19"):
        guard.check(Plan("p", Target("t", "assistants", ""), (*_changes(9, 10), *files, *created)))
