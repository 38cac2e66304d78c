"""Who uses what, and which File objects are unreferenced: each case is data."""

from __future__ import annotations

import asyncio

import pytest

from deployer.apply import usage
from deployer.apply.usage import Known, OtherUsers, Unreferenced, Uploads
from deployer.backends.base import Holder, StoredFile
from tests.apply.place import Kept, Place, account, sha

NONE = frozenset[str]()


def store(name: str, count: int | None, *uses: str) -> Holder:
    return Holder(name, f"store {name}", frozenset(uses), NONE, is_store=True, count=count)


def assistant(name: str, uses: tuple[str, ...] = (), holds: tuple[str, ...] = ()) -> Holder:
    return Holder(name, f"assistant {name}", frozenset(uses), frozenset(holds))


def test_who_holds_a_file_and_who_uses_a_store() -> None:
    place = Place(
        users=[
            assistant("mine", ("vs_1",), ("file_1",)),
            assistant("asst", ("vs_1",), ("file_1", "file_2")),
            store("vs_mine", 1),
            store("vs_small", 1),
            store("vs_unknown", None),
            store("vs_empty", 0),
        ],
        members_of={"vs_mine": {"file_3"}, "vs_small": {"file_4"}, "vs_unknown": {"file_5"}, "vs_empty": {"file_6"}},
    )

    async def ask() -> None:
        users = OtherUsers(account(place), lambda one: "mine" in one)
        assert await users.holder("file_1") == "assistant asst"
        assert await users.holder("file_2") == "assistant asst"
        assert await users.holder("file_3") is None
        assert await users.holder("file_4") == "store vs_small"
        assert await users.holder("file_5") == "store vs_unknown"
        assert await users.holder("file_6") is None
        assert await users.user("vs_1") == "assistant asst"
        assert await users.user("vs_2") is None

    asyncio.run(ask())
    assert place.asked == {"holders": 1, "list of vs_small": 1, "list of vs_unknown": 1}


def test_a_large_store_is_asked_for_one_file_until_its_list_is_less() -> None:
    """300 files are three pages: three questions, then the list."""
    place = Place(users=[store("vs_large", 300), store("vs_mine", 300)], members_of={"vs_large": {"file_2", "file_9"}})

    async def ask() -> list[str | None]:
        users = OtherUsers(account(place), lambda one: "mine" in one)
        return [await users.holder(f"file_{number}") for number in (1, 2, 3, 4, 9)]

    assert asyncio.run(ask()) == [None, "store vs_large", None, None, "store vs_large"]
    assert place.asked == {"holders": 1, "one of vs_large": 3, "list of vs_large": 1}


def test_a_store_of_a_page_is_large() -> None:
    for count, asked in ((99, "list of vs"), (100, "one of vs")):
        place = Place(users=[store("vs", count)], members_of={"vs": {"file_1"}})
        users = OtherUsers(account(place), lambda _one: False)
        assert asyncio.run(users.holder("file_1")) == "store vs"
        assert place.asked == {"holders": 1, asked: 1}


def test_what_any_store_or_assistant_holds() -> None:
    place = Place(
        users=[assistant("a", (), ("file_1",)), store("vs_1", 1), store("vs_2", None), store("vs_3", 0)],
        members_of={"vs_1": {"file_2"}, "vs_2": {"file_3"}, "vs_3": {"file_4"}},
    )
    assert asyncio.run(usage.holdings(place)) == {"file_1", "file_2", "file_3"}
    assert asyncio.run(usage.members(place, place.users)) == {"file_2", "file_3"}


A, B = Known("a.md of vector_store/s", "a.md", 3, sha(b"abc")), Known("b.md of assistant/a", "b.md", 3, sha(b"xyz"))


def uploads() -> Uploads:
    return Uploads.of([A, B, Known("again", "a.md", 3, sha(b"abc"))], ["file_note"])


@pytest.mark.parametrize(
    ("kept", "why"),
    (
        (Kept(StoredFile("file_1", "a.md", 3, 5), b"abc"), "the bytes of a.md of vector_store/s"),
        (Kept(StoredFile("file_1", "other.md", 3, 5), b"abc"), "the bytes of a.md of vector_store/s"),
        (Kept(StoredFile("file_1", "a.md", 3, 5), b"xyz"), "the bytes of b.md of assistant/a"),
        (Kept(StoredFile("file_1", "a.md", 3, 5), b"???"), None),
        (Kept(StoredFile("file_1", "a.md", 3, 5)), "name and size of a.md of vector_store/s"),
        (Kept(StoredFile("file_1", "other.md", 3, 5)), None),
        (Kept(StoredFile("file_1", "a.md", 4, 5)), None),
        (Kept(StoredFile("file_1", "a.md", 3, 10), b"abc"), None),
        (Kept(StoredFile("file_1", "a.md", 3, 9), b"abc"), "the bytes of a.md of vector_store/s"),
        (Kept(StoredFile("file_1", "a.md", 3, None), b"abc"), None),
        (Kept(StoredFile("file_held", "a.md", 3, 5), b"abc"), None),
        (Kept(StoredFile("file_note", "any", 99, 5), b"?"), "left over by an interrupted run"),
        (Kept(StoredFile("file_note", "any", -1, 5)), "left over by an interrupted run"),
    ),
)
def test_what_is_owned_and_unreferenced(kept: Kept, why: str | None) -> None:
    place = Place([kept], [assistant("a", (), ("file_held",))])
    found = asyncio.run(usage.unreferenced(place, uploads(), 10))
    file = kept.file
    assert found == ([Unreferenced(file.id, file.name, max(0, file.size), file.created or 0, why)] if why else [])


def test_the_oldest_comes_first_and_nobody_is_asked_about_nothing() -> None:
    files = [Kept(StoredFile(f"file_{number}", "a.md", 3, 9 - number % 2), b"abc") for number in range(4)]
    found = asyncio.run(usage.unreferenced(Place(files), uploads(), 10))
    assert [one.id for one in found] == ["file_1", "file_3", "file_0", "file_2"]
    for place in (Place(listed=False), Place([Kept(StoredFile("file_1", "a.md", 1, 5))])):
        assert asyncio.run(usage.unreferenced(place, uploads(), 10)) == []
        assert place.asked == {"files": 1}


def test_each_delete_is_told() -> None:
    place, told = Place([Kept(StoredFile(f"file_{one}", "a", 1)) for one in range(3)]), list[str]()
    asyncio.run(usage.delete_files(place, ["file_0", "file_2"], told.append))
    assert sorted(told) == ["file_0", "file_2"]
    assert [one.file.id for one in place.kept] == ["file_1"]
