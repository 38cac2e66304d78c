"""Files that are on the account already are not sent again: each case is data."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from deployer.apply.reuse import CROWDED, GONE, OTHER, UNREADABLE, Proof, Reuse, prove, without_files
from deployer.backends.base import StoredFile
from deployer.errors import DeployerError
from deployer.model import DesiredFile, LiveFile, LiveObject
from tests.apply.place import Kept, Place, account, sha


def kept(file_id: str, content: bytes | None, name: str = "a.md", size: int = 3) -> Kept:
    return Kept(StoredFile(file_id, name, size, 1), content)


def wanted(content: bytes, path: str = "docs/a.md") -> DesiredFile:
    return DesiredFile(path, len(content), sha(content))


def taken(
    place: Place, files: Sequence[DesiredFile], held_by: Mapping[str, str] | None = None, **rest: Any
) -> list[Any]:
    async def holder(file_id: str) -> str | None:
        return (held_by or {}).get(file_id)

    async def work() -> list[str | None]:
        reuse = Reuse(account(place), rest.pop("held", ()), holder, **rest)
        return [await reuse.take(one) for one in files]

    return asyncio.run(work())


def test_what_holds_the_very_bytes_is_given_away_once() -> None:
    place = Place(
        [kept("file_1", b"xyz"), kept("file_2", b"abc"), kept("file_3", b"abc"), kept("file_4", b"abc", "b.md")]
    )
    found = taken(place, [wanted(b"abc"), wanted(b"abc", "x/a.md"), wanted(b"abc"), wanted(b"xyz"), wanted(b"???")])
    assert found == ["file_2", "file_3", None, "file_1", None]
    assert place.asked == {"files": 1, **{f"bytes of file_{number}": 1 for number in (1, 2, 3)}}


@pytest.mark.parametrize(
    ("kept_file", "rest"),
    (
        (kept("file_1", b"abc"), {"held": {"file_1"}}),
        (kept("file_1", b"abc"), {"held_by": {"file_1": "somebody"}}),
        (kept("file_1", b"abc", size=4), {}),
        (kept("file_1", None), {}),
        (kept("file_1", None), {"lost": [("a.md", 3, sha(b"xyz"))]}),
        (kept("file_1", None), {"lost": [("a.md", 3, sha(b"abc"))], "held_by": {"file_1": "somebody"}}),
    ),
)
def test_what_is_held_or_unproven_is_sent_again(kept_file: Kept, rest: dict[str, Any]) -> None:
    assert taken(Place([kept_file]), [wanted(b"abc")], **rest) == [None]


def test_what_is_known_of_a_file_is_not_read() -> None:
    place = Place([kept("file_1", None), kept("file_2", None)])
    assert taken(place, [wanted(b"abc")], shas={"file_1": None, "file_2": sha(b"abc")}) == ["file_2"]
    assert place.asked == {"files": 1}


def test_an_upload_whose_answer_was_lost_is_the_only_one_of_its_name_and_size() -> None:
    lost = [("a.md", 3, sha(b"abc"))]
    assert taken(Place([kept("file_1", None)]), [wanted(b"abc"), wanted(b"abc")], lost=lost) == ["file_1", None]
    assert taken(Place([kept("file_1", None), kept("file_2", None)]), [wanted(b"abc")], lost=lost) == [None]
    assert taken(Place([kept("file_1", None), kept("file_2", b"xyz")]), [wanted(b"abc")], lost=lost) == [None]
    assert taken(Place([]), [wanted(b"abc")], lost=lost) == [None]
    assert taken(Place(listed=False), [wanted(b"xyz")], lost=lost) == [None]
    with pytest.raises(
        DeployerError, match=r"whether docs/a.md was uploaded by an earlier run is unknown.*journal.jsonl"
    ):
        taken(Place(listed=False), [wanted(b"abc")], lost=lost)


@pytest.mark.parametrize(
    ("there", "rest", "found"),
    (
        (True, {}, "file_1"),
        (False, {}, None),
        (True, {"held": {"file_1"}}, None),
        (True, {"held_by": {"file_1": "somebody"}}, None),
        (True, {"seen": {"file_1"}}, None),
        (True, {"names": {"file_1": "b.md"}}, None),
        (True, {"shas": {"file_1": sha(b"xyz")}}, None),
    ),
)
def test_what_an_earlier_run_noted_is_used_though_no_list_shows_it(
    rest: dict[str, Any], found: str | None, *, there: bool
) -> None:
    noted: dict[str, Any] = {"names": {"file_1": "a.md"}, "shas": {"file_1": sha(b"abc")}, **rest}
    place = Place([kept("file_1", None)] if there else [], listed=False)
    assert taken(place, [wanted(b"abc"), wanted(b"abc")], **noted) == [found, None]


def appeared(before: list[Kept], after: list[Kept], sending: int = 1, **rest: Any) -> list[str | None]:
    """Return what is found, asked twice, for an upload without an answer, while so many of its name are under way."""

    async def work() -> list[str | None]:
        place = Place(before)
        reuse, file = Reuse(account(place), (), **rest), wanted(b"abc")
        await reuse.take(wanted(b"", "other.md"))  # what was there before is known
        place.kept = before + after
        with ExitStack() as under_way:
            for _ in range(sending):
                under_way.enter_context(reuse.under_way(file))
            return [await reuse.appeared(file), await reuse.appeared(file)]

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("before", "after", "sending", "found"),
    (
        ([], [kept("file_1", b"abc")], 1, "file_1"),
        ([], [kept("file_1", b"abc")], 2, "file_1"),
        ([], [kept("file_1", None)], 1, "file_1"),
        ([], [kept("file_1", None)], 2, None),
        ([], [kept("file_1", None), kept("file_2", None)], 1, None),
        ([], [kept("file_1", b"xyz")], 1, None),
        ([kept("file_1", b"abc")], [], 1, None),
        ([kept("file_1", None)], [kept("file_2", None)], 1, "file_2"),
        ([], [kept("file_1", b"abc", "b.md")], 1, None),
        ([], [], 1, None),
    ),
)
def test_an_upload_without_an_answer_is_found_once(
    before: list[Kept], after: list[Kept], sending: int, found: str | None
) -> None:
    assert appeared(before, after, sending) == [found, None]


def live(file_id: str, path: str | None = None, **rest: Any) -> LiveFile:
    return LiveFile(file_id, path, None, rest.pop("status", "completed"), None, rest.pop("created_at", 1), **rest)


def test_documents_whose_file_is_gone_are_missing() -> None:
    place = Place([kept("file_1", None), kept("file_2", None)])
    store = LiveObject("vector_store", "vs_1", {}, (live("file_1"), live("file_9")))
    assistant = LiveObject(
        "assistant", "asst_1", {"tool_resources": {"code_interpreter": {"file_ids": ["file_2", "file_8"]}}}
    )
    found = asyncio.run(without_files(account(place), [store, assistant]))
    assert [(one.id, one.status) for one in found[0].files] == [("file_1", "completed"), ("file_9", "missing")]
    assert [one.gone for one in found] == [frozenset(), {"file_8"}]
    assert place.asked == {"every file": 1}
    silent, bare = Place(listed=False), LiveObject("vector_store", "vs_2", {})
    assert asyncio.run(without_files(account(silent), [store, bare])) == (store, bare)
    assert asyncio.run(without_files(account(silent), [bare])) == (bare,)
    assert silent.asked == {"every file": 1}


MANY = {f"key{number}": "x" for number in range(13)}
FILE, OTHER_FILE = wanted(b"abc"), wanted(b"xyz", "x/a.md")


@pytest.mark.parametrize(
    ("there", "members", "desired", "proven", "foreign"),
    (
        ([kept("file_1", b"abc")], [live("file_1")], [FILE], {"file_1": FILE}, []),
        ([kept("file_1", b"abc")], [live("file_1"), live("file_2", "docs/a.md")], [FILE], {}, [("a.md", OTHER)]),
        ([kept("file_1", b"???")], [live("file_1")], [FILE], {}, [("a.md", OTHER)]),
        ([kept("file_1", b"abc", "b.md")], [live("file_1")], [FILE], {}, [("b.md", OTHER)]),
        ([], [live("file_1")], [FILE], {}, [("file_1", GONE)]),
        ([kept("file_1", None)], [live("file_1")], [FILE], {}, [("a.md", UNREADABLE)]),
        ([kept("file_1", b"abc")], [live("file_1", attributes=MANY)], [FILE], {}, [("a.md", CROWDED)]),
        (
            [kept("file_1", b"abc"), kept("file_2", b"abc")],
            [live("file_1", created_at=2), live("file_2", created_at=1)],
            [FILE],
            {"file_2": FILE},
            [("a.md", OTHER)],
        ),
        (
            [kept("file_1", b"abc"), kept("file_2", b"abc")],
            [live("file_1", created_at=2), live("file_2", created_at=1, status="failed")],
            [FILE],
            {"file_1": FILE},
            [("a.md", OTHER)],
        ),
        (
            [kept("file_1", b"xyz"), kept("file_2", b"abc")],
            [live("file_1"), live("file_2")],
            [FILE, OTHER_FILE],
            {"file_1": OTHER_FILE, "file_2": FILE},
            [],
        ),
    ),
)
def test_which_declared_file_a_foreign_document_holds(
    there: list[Kept],
    members: list[LiveFile],
    desired: list[DesiredFile],
    proven: dict[str, DesiredFile],
    foreign: list[tuple[str, str]],
) -> None:
    found = asyncio.run(prove(Place(there), members, desired))
    assert found == Proof(proven, tuple(foreign))


def test_name_and_size_are_proof_where_the_user_says_so_and_one_fits() -> None:
    place = Place([kept("file_1", None)])
    assert asyncio.run(prove(place, [live("file_1")], [FILE], by_size=True)) == Proof({"file_1": FILE})
    twice = asyncio.run(prove(place, [live("file_1")], [FILE, OTHER_FILE], by_size=True))
    assert twice.proven == {}
    assert [name for name, _ in twice.foreign] == ["a.md"]
    readable = Place([kept("file_1", b"???")])
    assert asyncio.run(prove(readable, [live("file_1")], [FILE], by_size=True)).proven == {}
