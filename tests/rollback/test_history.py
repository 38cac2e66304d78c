"""What a chain of snapshots says together, told as data: what was there, and what was created since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from deployer.model import Action, Address
from deployer.rollback import history
from deployer.rollback.snapshot import Entry, Run

Data = Mapping[str, Any]
TIME = "2026-01-01T00:00:00+00:00"


def shot(*changes: Data, command: str = "apply", origin: str = "c1", there: tuple[str, ...] = ()) -> Data:
    return {
        "project": "test",
        "command": command,
        "time": TIME,
        "origin": origin,
        "there": list(there),
        "changes": list(changes),
    }


def was(address: str, live_id: str, *, name: str = "", owner: str | None = "test", **more: Any) -> Data:
    """A change of what was there; its stamp names another address if it is moved from there."""
    metadata = {"deployer": f"{owner}/{name or address}", "deployer_origin": more.pop("origin", "c0")} if owner else {}
    change: Data = {"address": address, "action": "update", "id": live_id, "files": [], "uploads": []}
    return {**change, "object": {"metadata": metadata, "model": live_id}, **more}


def new(address: str, made: str | None = None, action: str = "create") -> Data:
    """A change that creates; without `made` its run did not live to say what."""
    change: Data = {"address": address, "action": action, "id": None, "object": None, "files": [], "uploads": []}
    return change if made is None else {**change, "made": made}


def told(*chain: Data) -> list[tuple[str, str, str | None]]:
    """Return address (with the previous one, if that differs), what it is, and the id of each entry."""
    return [(_address(one), _what(one), one.id) for one in history.merged(chain)]


def _address(one: Entry) -> str:
    return str(one.address) if one.address == one.previous else f"{one.previous} now {one.address}"


def _what(one: Entry) -> str:
    if one.raw is None:
        return f"{one.action.value} {one.created}"
    return "foreign" if one.foreign else "copy" if one.copy else "there"


A, B, C = "assistant/a", "assistant/b", "assistant/c"


@pytest.mark.parametrize(
    ("chain", "expected"),
    (
        ((shot(was(A, "1")),), [(A, "there", "1")]),
        ((shot(new(A, "1")),), [(A, "create 1", "1")]),
        ((shot(new(A)),), [(A, "create None", None)]),
        ((shot(new(A, "")),), [(A, "create ", None)]),
        # of what was there the oldest counts, whatever became of it later
        ((shot(was(A, "1")), shot(was(A, "1"))), [(A, "there", "1")]),
        ((shot(was(A, "1")), shot(new(A, "2"))), [(A, "there", "1"), (A, "create 2", "2")]),
        # what was created is followed to the address that it has
        ((shot(new(A, "1")), shot(was(A, "1"))), [(A, "create 1", "1")]),
        ((shot(new(A, "1")), shot(was(B, "1", name=A))), [(B, "create 1", "1")]),
        (
            (shot(new(A, "1")), shot(was(B, "1", name=A)), shot(new(A, "2"))),
            [(B, "create 1", "1"), (A, "create 2", "2")],
        ),
        # also where its run did not record it
        ((shot(new(A)), shot(was(A, "1", origin="c1"))), [(A, "create None", "1")]),
        ((shot(new(A)), shot(was(B, "1", name=A, origin="c1"))), [(B, "create None", "1")]),
        # but not what another run wrote, or what was there before
        ((shot(new(A)), shot(was(A, "1", origin="c9"))), [(A, "there", "1"), (A, "create None", None)]),
        (
            (shot(new(A), there=("1",)), shot(was(A, "1", origin="c1"))),
            [(A, "there", "1"), (A, "create None", None)],
        ),
        # a create that failed was planned once more
        ((shot(new(A, "")), shot(new(A, "1"))), [(A, "create 1", "1")]),
        ((shot(new(A)), shot(new(A, "1"))), [(A, "create 1", "1")]),
        ((shot(new(A, "1")), shot(new(A, ""))), [(A, "create 1", "1")]),
        ((shot(new(A, "")), shot(new(A, ""))), [(A, "create ", None)]),
        ((shot(new(A)), shot(new(A))), [(A, "create None", None)]),
        ((shot(new(A, "")), shot(new(A))), [(A, "create None", None)]),
        # deleted and created again: both are what was created
        (
            (shot(new(A, "1")), shot(was(A, "1", action="delete")), shot(new(A, "2"))),
            [(A, "create 1", "1"), (A, "create 2", "2")],
        ),
        # what expired is replaced: what replaces it stays, unless the address was empty
        ((shot(new(A, "2", "replace")),), [(A, "replace 2", "2")]),
        ((shot(new(A, "1")), shot(new(A, "2", "replace"))), [(A, "create 1", "1"), (A, "create 2", "2")]),
        ((shot(was(A, "1")), shot(new(A, "2", "replace"))), [(A, "there", "1"), (A, "create 2", "2")]),
        ((shot(new(A, "1", "replace")), shot(new(A, "2"))), [(A, "replace 1", "1"), (A, "replace 2", "2")]),
        ((shot(was(A, "1")), shot(new(A, action="replace"))), [(A, "there", "1"), (A, "create None", None)]),
        ((shot(new(A, action="replace")), shot(new(A))), [(A, "replace None", None)]),
        # foreign things keep out of it
        ((shot(was(A, "1", owner="other")),), [(A, "foreign", "1")]),
        ((shot(was(A, "1", owner=None)), shot(was(A, "1"))), [(A, "foreign", "1")]),
        ((shot(new(A)), shot(was(A, "1", owner=None))), [(A, "foreign", "1"), (A, "create None", None)]),
        # moved
        ((shot(was(B, "1", name=A)),), [(f"{A} now {B}", "there", "1")]),
        (
            (shot(was(B, "1", name=A)), shot(was(A, "2", name=C))),
            [(f"{A} now {B}", "there", "1"), (f"{C} now {A}", "there", "2")],
        ),
        # second copies, unless the first is known to be created or what made room for another object
        ((shot(was(f"{A}#2", "2", name=A)),), [(f"{A} now {A}#2", "copy", "2")]),
        ((shot(was(A, "1"), was(f"{A}#2", "2", name=A)),), [(A, "there", "1"), (f"{A} now {A}#2", "copy", "2")]),
        ((shot(was(A, "2")), shot(was(f"{A}#2", "2", name=A))), [(A, "there", "2")]),
        ((shot(new(A, "1")), shot(was(f"{A}#2", "2", name=A))), [(A, "create 1", "1")]),
        (
            (shot(was(f"{A}#2", "2", name=A)), shot(was(f"{B}#3", "3", name=B))),
            [(f"{A} now {A}#2", "copy", "2"), (f"{B} now {B}#3", "copy", "3")],
        ),
        ((shot(was(A, "1", name=B), was(f"{A}#2", "2", name=A)),), [(f"{B} now {A}", "there", "1"), (A, "there", "2")]),
    ),
)
def test_a_chain(chain: tuple[Data, ...], expected: list[tuple[str, str, str | None]]) -> None:
    assert told(*chain) == expected


def test_each_run_that_may_have_created_it_counts() -> None:
    (found,) = history.merged([shot(new(A), origin="c1"), shot(new(A), origin="c2")])
    assert [run.origin for run in found.runs] == ["c1", "c2"]
    (found,) = history.merged([shot(new(A, ""), origin="c1"), shot(new(A), origin="c2")])
    assert [run.origin for run in found.runs] == ["c2"], "the first has said that it did not"
    (_, found) = history.merged([shot(new(A, "1"), origin="c1"), shot(new(A), origin="c2")])
    assert [run.origin for run in found.runs] == ["c2"]


def test_what_was_followed_is_what_its_run_made() -> None:
    (found,) = history.merged([shot(new(A), origin="c1"), shot(was(A, "1", origin="c1"), origin="c2")])
    assert (found.action, found.address, found.id) == (Action.CREATE, Address("assistant", "a"), "1")
    assert found.runs == (Run("apply", TIME, "c1", frozenset()),)


def test_an_object_that_came_back_to_its_first_address_keeps_its_place() -> None:
    """Of several that were created at an address, the last one is replaced by what is planned there."""
    chain = (
        shot(new(A, "1", "replace")),
        shot(was(B, "1", name=A)),
        shot(new(A, "2")),
        shot(was(C, "2", name=A)),
        shot(was(A, "1", name=B)),
        shot(new(A, "3")),
    )
    assert told(*chain) == [(A, "replace 1", "1"), (C, "create 2", "2"), (A, "replace 3", "3")]


def test_of_several_that_were_created_at_an_address_the_last_one_counts() -> None:
    """The ids say nothing about the order."""
    chain = (
        shot(new(A, "9", "replace")),
        shot(was(B, "9", name=A)),
        shot(new(A, "1")),
        shot(was(B, "1", name=A)),
        shot(new(B, "5", "replace")),
    )
    assert told(*chain) == [(B, "replace 9", "9"), (B, "create 1", "1"), (B, "create 5", "5")]


def test_nothing_is_nothing() -> None:
    assert told() == []
    assert told(shot()) == []
