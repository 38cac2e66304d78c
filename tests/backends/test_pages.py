"""A walk through a list: what it uses of the pages that were asked for ahead, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from deployer.backends.http.pages import Cursors, Page, walk
from deployer.errors import AccountError

Pages = Mapping[str | None, tuple[str, bool | None]]


def rows(pages: Pages, remembered: Sequence[str] = ()) -> tuple[str, tuple[str, ...], list[str | None]]:
    """The rows (a letter each) of a list whose pages are given by cursor; the cursors to remember; what was asked."""
    asked: list[str | None] = []
    given: list[str] = []

    async def ask(cursor: str | None) -> Page:
        asked.append(cursor)
        if cursor not in pages:
            raise AccountError("no such cursor", status=404)
        letters, more = pages[cursor]
        return Page([{"id": one} for one in letters], more)

    cursors = asyncio.run(walk(ask, remembered, lambda row: given.append(row["id"])))
    return "".join(given), cursors, asked


ABC: Pages = {None: ("abc", True), "c": ("def", True), "f": ("g", False)}


def test_the_cursors_of_a_walk_are_remembered() -> None:
    assert rows(ABC) == ("abcdefg", ("c", "f"), [None, "c", "f"])


def test_pages_are_asked_for_beside_each_other_each_once() -> None:
    found, cursors, asked = rows(ABC, ("c", "f"))
    assert (found, cursors) == ("abcdefg", ("c", "f"))
    assert asked == [None, "c", "f"]


def test_a_row_that_went_costs_nothing_where_pages_overlap() -> None:
    pages = {None: ("acd", True), "c": ("def", True), "f": ("g", False)}
    assert rows(pages, ("c", "f")) == ("acdefg", ("d",), [None, "c", "f"])


def test_an_answer_that_contradicts_the_page_before_it_is_not_used() -> None:
    pages = {None: ("abc", True), "b": ("z", True), "c": ("d", False)}
    assert rows(pages, ("b",)) == ("abcd", ("c",), [None, "b", "c"])


def test_a_cursor_that_is_gone_is_no_error() -> None:
    pages = {None: ("abd", True), "d": ("efg", False), "f": ("g", False)}
    assert rows(pages, ("c", "f"))[0] == "abdefg"


def test_a_cursor_that_is_needed_and_refused_is_one() -> None:
    with pytest.raises(AccountError, match="no such cursor"):
        rows({None: ("abc", True)}, ("c",))


def test_a_row_that_is_listed_twice_is_given_once() -> None:
    assert rows({None: ("aba", True), "a": ("abc", False)})[0] == "abc"


def test_what_was_asked_for_ahead_cannot_lead_round_in_a_circle() -> None:
    circle: Pages = {None: ("xab", True), "a": ("bya", None), "b": ("yab", None), "y": ("aby", None), "x": ("ab", None)}
    assert rows(circle, ("a", "b", "y", "x"))[0] == "xaby"


def test_requests_in_vain_do_not_outlive_the_walk() -> None:
    async def main() -> set[str]:
        async def ask(cursor: str | None) -> Page:
            if cursor:
                await asyncio.Event().wait()  # never answered
            return Page([{"id": "a"}], more=False)

        await walk(ask, ("x", "y"), lambda _row: None)
        return {task.get_name() for task in asyncio.all_tasks()} - {asyncio.current_task().get_name()}  # type: ignore[union-attr]

    assert asyncio.run(main()) == set()


def ahead(made: Sequence[str], order: Sequence[str], page: int = 100) -> tuple[list[str], list[str | None]]:
    """The rows of a list that this run has made, read back, and the cursors that were asked for."""
    cursors, asked, given = Cursors(None, "a", {}), list[str | None](), list[str]()
    cursors.read("/assistants", (), [])
    cursors.rest["/assistants"] += made

    async def ask(cursor: str | None) -> Page:
        asked.append(cursor)
        rest = order[order.index(cursor) + 1 if cursor else 0 :]
        return Page([{"id": one} for one in rest[:page]], len(rest) > page)

    asyncio.run(walk(ask, cursors.of("/assistants"), lambda row: given.append(row["id"])))
    return given, asked


@pytest.mark.parametrize("count", (0, 1, 99, 100, 101, 180, 181, 1_000))
def test_what_was_made_is_asked_for_ahead_though_it_is_listed_in_a_slightly_other_order(count: int) -> None:
    """Answers come in about the order of writes: no page waits for another, but perhaps for the last one."""
    made = [f"a{number}" for number in range(count)]
    order = sorted(made, key=lambda one: (int(one[1:]) // 8, -int(one[1:])))
    given, asked = ahead(made, order)
    assert given == order
    guesses = [f"a{number}" for number in range(79, count - 21, 80)]
    assert asked[: len(guesses) + 1] == [None, *guesses]
    assert len(asked) <= len(guesses) + 2


def test_a_list_in_another_order_is_read_all_the_same() -> None:
    made = [f"a{number}" for number in range(300)]
    for order in (made[::-1], sorted(made)):
        assert ahead(made, order)[0] == order
    assert ahead(made, made, page=20)[0] == made


def test_what_was_deleted_is_no_cursor() -> None:
    ids = [f"a{number}" for number in range(300)]
    cursors = Cursors(None, "a", {})
    cursors.read("/assistants", ("a99", "a199"), ids)
    cursors.gone.update(ids[:150])
    assert cursors.of("/assistants") == ("a199",)
