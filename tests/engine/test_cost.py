"""What a plan costs, and where its bytes come from: each case is data."""

from __future__ import annotations

import pytest

from deployer.engine import cost
from deployer.engine.uploads import MISSING, Releases, Source, Supply, of_membership, token
from deployer.model import (
    Action,
    Address,
    AttachFiles,
    Change,
    DeleteFile,
    DesiredFile,
    Limits,
    LiveFile,
    Member,
    Plan,
    Reason,
    Target,
    Upload,
    Why,
)

S = Address("vector_store", "s")


def plan(limits: Limits, uploads: int, *batches: tuple[str, int]) -> Plan:
    """A plan that sends so many files, and attaches batches of so many to each store."""
    sent = [Upload(DesiredFile(f"{number}.md", 10, "a"), f"{number}") for number in range(uploads)]
    members = [(store, tuple(Member("k", f"{one}", {}, None, "g") for one in range(size))) for store, size in batches]
    attaches = [AttachFiles(store, some, "g") for store, some in members]
    waiting = AttachFiles("s", (Member("k", "p", {}, None, "g"),) * 1_000, "w", attached=True)
    change = Change(S, Action.UPDATE, Reason(Why.FILES), "vs_1", operations=(*sent, *attaches, waiting))
    return Plan("p", Target("here", "assistants", ""), (change,), limits=limits)


@pytest.mark.parametrize(
    ("limits", "seconds"),
    (
        (Limits(None, None, None), 0),
        (Limits(0, 0, 0), 0),
        (Limits(30, None, None), 12),
        (Limits(None, 12, None), 10),
        (Limits(None, None, 60), 9),
        (Limits(30, 12, 60), 12),
        (Limits(60, 12, 60), 10),
        (Limits(60, 60, 60), 9),
    ),
)
def test_the_tightest_limit_says_how_long_it_takes(limits: Limits, seconds: float) -> None:
    """Requests that attach are counted by store, files over all of them; what is only waited for costs none."""
    assert cost.seconds(plan(limits, 6, ("s", 3), ("s", 1), ("t", 5))) == seconds


def test_what_sends_nothing_takes_no_time() -> None:
    assert cost.seconds(plan(Limits(1, 1, 1), 0)) == 0
    assert cost.seconds(plan(Limits(None, 1, None), 2)) == 0


def test_requests_and_bytes() -> None:
    """What is attached is asked after, too; what was attached before is only asked after."""
    built = plan(Limits(), 3, ("s", 3), ("t", 5))
    assert cost.total_requests(built) == 3 + 2 * 2 + 1
    assert cost.total_bytes(built) == 30


A, B, OTHER = DesiredFile("x/a.md", 1, "1"), DesiredFile("y/a.md", 1, "1"), DesiredFile("x/b.md", 1, "1")


def test_the_same_bytes_under_the_same_name_are_one_file() -> None:
    supply = Supply({token("a.md", "1"): ["file_1", "file_2"]})
    sources, uploads = supply.sources([A, OTHER], ["file_1"])
    new = f"file {token('b.md', '1')} 0"
    assert sources == {"x/a.md": Source("file_2", live=True), "x/b.md": Source(new, live=False)}
    assert uploads == {"x/b.md": Upload(OTHER, new)}
    assert supply.used == {"file_2"}
    again, none = supply.sources([OTHER], [])
    assert (again, none) == ({"x/b.md": Source(new, live=False)}, {})


def test_one_holder_needs_two_files_for_two_documents_alike() -> None:
    sources, uploads = Supply({}).sources([A, B], [])
    first, second = (f"file {token('a.md', '1')} {number}" for number in (0, 1))
    assert sources == {"x/a.md": Source(first, live=False), "y/a.md": Source(second, live=False)}
    assert uploads == {"x/a.md": Upload(A, first), "y/a.md": Upload(B, second)}
    taken, rest = Supply({token("a.md", "1"): ["file_1"]}).sources([A, B], [])
    assert taken == {"x/a.md": Source("file_1", live=True), "y/a.md": Source(first, live=False)}
    assert rest == {"y/a.md": Upload(B, first)}


@pytest.mark.parametrize(
    ("file", "known"),
    (
        (LiveFile("f", "docs/a.md", "1", "completed", 1, 1), token("a.md", "1")),
        (LiveFile("f", "a.md", "1", "failed", 1, 1), token("a.md", "1")),
        (LiveFile("f", "x/docs/a.md", "1", "completed", 1, 1), token("a.md", "1")),
        (LiveFile("f", None, "1", "completed", 1, 1), None),
        (LiveFile("f", "a.md", None, "completed", 1, 1), None),
        (LiveFile("f", "a.md", "", "completed", 1, 1), None),
        (LiveFile("f", "a.md", "1", MISSING, 1, 1), None),
    ),
)
def test_what_a_membership_holds(file: LiveFile, known: str | None) -> None:
    assert of_membership(file) == known


@pytest.mark.parametrize(
    ("holders", "used", "attached", "deleted"),
    (
        ({"file_1": 2}, (), True, True),
        ({"file_1": 3}, (), True, False),
        ({}, (), True, True),
        ({"file_1": 2}, ("file_1",), True, False),
        ({"file_1": 2}, (), False, False),
    ),
)
def test_the_last_to_let_go_of_a_file_deletes_it(
    holders: dict[str, int], used: tuple[str, ...], *, attached: bool, deleted: bool
) -> None:
    releases = Releases()
    releases.add("file_1", "vector_store/s", "first", attached=False)
    releases.add("file_1", "vector_store/t", "second", attached=attached)
    expected = {"vector_store/t": [DeleteFile("file_1", ("first", "second"))]} if deleted else {}
    assert releases.deletes(holders, used) == expected
