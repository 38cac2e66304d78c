"""However a list moved since the last run, and however oddly it is served: the rows are those of a walk in sequence."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from deployer.backends.http.pages import EndlessListError, Page, walk
from deployer.errors import AccountError


@dataclass
class Listing:
    """A list as a server serves it, well or badly; `asked` are the cursors that arrived."""

    ids: list[str]
    size: int = 3
    order: str = "asc"  # or: one that ignores what is asked for
    more: str = "honest"  # or: absent, always, never
    after: str = "honoured"  # or: ignored, inclusive
    unknown: int | str = 404  # or: another status, or what an unknown cursor gives: all, nothing
    flaky: frozenset[str | None] = frozenset()  # cursors that are refused when they are asked for first
    asked: list[str | None] = field(default_factory=list)

    async def ask(self, cursor: str | None) -> Page:
        self.asked.append(cursor)
        await asyncio.sleep(0)
        if cursor in self.flaky and self.asked.count(cursor) == 1:
            raise AccountError("not now", status=500)
        rest = self._rest(cursor)
        rows = rest[: self.size]
        more = {"honest": len(rest) > len(rows), "absent": None, "always": True, "never": False}[self.more]
        return Page([{"id": one} for one in rows], more)

    def _rest(self, cursor: str | None) -> list[str]:
        ids = self.ids if self.order == "asc" else self.ids[::-1]
        if cursor is None or self.after == "ignored":
            return ids
        if cursor in ids:
            return ids[ids.index(cursor) + (self.after == "honoured") :]
        if isinstance(self.unknown, int):
            raise AccountError("no such cursor", status=self.unknown)
        return ids if self.unknown == "all" else []


Given = tuple[list[str], bool]


async def in_sequence(listing: Listing) -> Given:
    """The plain way, written down once more: one page after another. Gives the rows, and whether it would not end."""
    given: dict[str, None] = {}
    page = await listing.ask(None)
    while True:
        ids = [row["id"] for row in page.rows]
        fresh = [one for one in ids if one not in given]
        given |= dict.fromkeys(fresh)
        if ids and page.more and not fresh:
            return list(given), True
        if not fresh or page.more is False:
            return list(given), False
        page = await listing.ask(ids[-1])


async def walked(listing: Listing, remembered: Sequence[str]) -> tuple[Given, tuple[str, ...]]:
    given: list[str] = []
    try:
        cursors = await walk(listing.ask, remembered, lambda row: given.append(row["id"]))
    except EndlessListError:
        return (given, True), ()
    return (given, False), cursors


names = st.integers(0, 40).map(str)
lists = st.lists(names, unique=True, max_size=30)


@st.composite
def moved(draw: st.DrawFn, ids: list[str]) -> list[str]:
    """What became of a list between two runs: rows added, removed, put elsewhere, or all in another order."""
    ids = list(ids)
    for _ in range(draw(st.integers(0, 4))):
        what = draw(st.sampled_from(["end", "front", "middle", "remove", "swap", "reverse", "shuffle", "run"]))
        place = draw(st.integers(0, len(ids)))
        new = f"n{draw(st.integers(0, 10**6))}"
        if what == "remove":
            ids = ids[:place] + ids[place + 1 :]
        elif what == "run":
            ids = ids[:place] + ids[place + draw(st.integers(1, 8)) :]
        elif what == "reverse":
            ids = ids[::-1]
        elif what == "shuffle":
            ids = draw(st.permutations(ids))
        elif what == "swap":
            ids = ids[place:] + ids[:place]
        elif new not in ids:
            ids.insert({"end": len(ids), "front": 0, "middle": place}[what], new)
    return ids


honest = st.builds(Listing, ids=lists, size=st.integers(1, 6), unknown=st.sampled_from([404, 400, 500]))
odd = st.builds(
    Listing,
    ids=lists,
    size=st.sampled_from([1, 2, 3, 5, 100]),
    order=st.sampled_from(["asc", "desc"]),
    more=st.sampled_from(["honest", "absent", "always", "never"]),
    after=st.sampled_from(["honoured", "ignored", "inclusive"]),
    unknown=st.sampled_from([404, 400, 500, "all", "nothing"]),
)


@given(st.one_of(honest, odd), st.data())
def test_every_run_gives_what_asking_in_sequence_gives(listing: Listing, data: st.DataObject) -> None:
    """Each run remembers what the one before it met; the list moves in between."""
    cursors: tuple[str, ...] = ()
    for _ in range(4):
        expected = asyncio.run(in_sequence(replace(listing, asked=[])))
        given, cursors = asyncio.run(walked(listing, cursors))
        assert given == expected
        size = data.draw(st.sampled_from([listing.size, listing.size, 2]))
        listing = replace(listing, ids=data.draw(moved(listing.ids)), size=size, asked=[])


@given(st.one_of(honest, odd), st.lists(names, max_size=12))
def test_whatever_is_remembered_the_rows_are_the_same(listing: Listing, remembered: list[str]) -> None:
    """A cache that is garbled, or of another account, costs requests and nothing else."""
    expected = asyncio.run(in_sequence(replace(listing, asked=[])))
    assert asyncio.run(walked(listing, remembered))[0] == expected


@given(st.one_of(honest, odd), st.data())
def test_an_answer_that_failed_is_asked_for_again_when_it_is_needed(listing: Listing, data: st.DataObject) -> None:
    expected = asyncio.run(in_sequence(replace(listing, asked=[])))
    _, cursors = asyncio.run(walked(replace(listing, asked=[]), ()))
    flaky = frozenset(data.draw(st.lists(st.sampled_from(cursors or ("none",)))))
    assert asyncio.run(walked(replace(listing, flaky=flaky, asked=[]), cursors))[0] == expected


@given(honest, st.data())
def test_what_is_there_all_along_is_given_once_while_others_edit_the_list(
    listing: Listing, data: st.DataObject
) -> None:
    _, cursors = asyncio.run(walked(listing, ()))
    listing = replace(listing, ids=data.draw(moved(listing.ids)), asked=[])
    before, moment = list(listing.ids), data.draw(st.integers(0, 12))
    going = set(data.draw(st.lists(st.sampled_from(before or ["none"]), max_size=3)))
    place = data.draw(st.integers(0, len(before)))

    async def ask(cursor: str | None) -> Page:
        if len(listing.asked) == moment:
            listing.ids = [one for one in [*before[:place], "late", *before[place:]] if one not in going]
        return await listing.ask(cursor)

    given: list[str] = []
    try:
        asyncio.run(walk(ask, cursors, lambda row: given.append(row["id"])))
    except AccountError:  # the row that was to be asked after has just gone: told, never guessed
        return
    assert len(given) == len(set(given))
    assert set(before) - going <= set(given)


@given(odd)
def test_a_list_that_did_not_move_is_asked_for_no_more_than_in_sequence(listing: Listing) -> None:
    asyncio.run(in_sequence(listing))
    plainly, listing.asked = listing.asked, []
    _, cursors = asyncio.run(walked(listing, ()))
    assert listing.asked == plainly
    listing.asked = []
    asyncio.run(walked(listing, cursors))
    assert sorted(map(str, listing.asked)) == sorted(map(str, plainly))


@given(honest, st.data())
def test_after_a_move_the_next_run_is_at_its_best_again(listing: Listing, data: st.DataObject) -> None:
    _, cursors = asyncio.run(walked(listing, ()))
    listing = replace(listing, ids=data.draw(moved(listing.ids)), asked=[])
    _, cursors = asyncio.run(walked(listing, cursors))
    listing.asked = []
    asyncio.run(walked(listing, cursors))
    assert len(listing.asked) == max(1, math.ceil(len(listing.ids) / listing.size))


@given(st.integers(1, 6), st.integers(1, 60), st.data())
def test_one_row_that_came_or_went_costs_three_requests_at_most(size: int, count: int, data: st.DataObject) -> None:
    """One in vain, one to meet the old pages again, one at a new end."""
    listing = Listing([str(number) for number in range(count)], size)
    _, cursors = asyncio.run(walked(listing, ()))
    place = data.draw(st.integers(0, count))
    ids = data.draw(st.sampled_from([listing.ids[:place] + listing.ids[place + 1 :], [*listing.ids, "new"]]))
    ids = data.draw(st.sampled_from([ids, [*listing.ids[:place], "new", *listing.ids[place:]]]))
    listing = replace(listing, ids=ids, asked=[])
    asyncio.run(walked(listing, cursors))
    assert len(listing.asked) <= max(1, math.ceil(len(ids) / size)) + 3
