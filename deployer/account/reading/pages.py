"""One list, page by page: asked for beside each other where cursors are remembered, never otherwise than in sequence.

A page can be asked for when the last row of the page before it is known. The cursors of the last run let all pages be
asked for at once. What such an answer is worth is decided when its turn comes:

- the page before it ends with that cursor: it is what would have been asked for next; or
- the page before it holds that cursor further up, and the rows after it there are the first ones of the answer: a row
  was added or removed somewhere before, and both pages say the same where they overlap.

Everything else is asked for in sequence, until a page shows a remembered cursor again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.errors import AccountError

Row = Mapping[str, Any]
MOST = 20_000
"""Pages of one list; with 100 rows each it is far beyond what any account can hold."""


@dataclass(frozen=True, slots=True)
class Page:
    """`more` is what the account says about rows after these; None when it says nothing."""

    rows: Sequence[Row]
    more: bool | None


Ask = Callable[[str | None], Awaitable[Page]]
"""Gives the page after a cursor (the id of a row), or the first page."""


class EndlessListError(Exception):
    """What the list does instead of ending."""


async def walk(ask: Ask, remembered: Sequence[str], take: Callable[[Row], None]) -> tuple[str, ...]:
    """Hand each row to `take` once, in the list's order; give the cursors to remember for the next time.

    Requests: one for each page, and when the list moved, also those that were asked for in vain.
    """
    first = asyncio.ensure_future(ask(None))  # before the others: nothing is handed out until it has come
    ahead = {cursor: asyncio.ensure_future(ask(cursor)) for cursor in dict.fromkeys(remembered)}
    try:
        return await _Walk(ask, {**ahead}, take).from_page(await first)
    finally:
        await _dismiss(first, *ahead.values())


async def _dismiss(*tasks: asyncio.Future[Page]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class _Walk:
    """`seen` are the ids of all rows so far, in order; `asked` the cursors of a walk that is still in sequence.

    What was asked for ahead is used once: no account can lead the walk round in a circle.
    """

    ask: Ask
    ahead: dict[str, Awaitable[Page]]
    take: Callable[[Row], None]
    seen: dict[str, None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    in_sequence: bool = True
    pages: int = 1

    async def from_page(self, page: Page) -> tuple[str, ...]:
        size = len(page.rows)
        while self._goes_on(page):
            self.pages += 1
            if overlap := await self._overlap(page.rows):
                self._hand_out(page.rows[: overlap[0]])
                page = overlap[1]
            else:
                self._hand_out(page.rows)
                page = await self._after(page.rows[-1]["id"])
        self._hand_out(page.rows)
        return self._cursors(size)

    def _goes_on(self, page: Page) -> bool:
        """Tell whether to ask for more, whether or not the account says `has_more`.

        One that leaves it out and repeats itself does not know `after`: its list has one page.
        """
        fresh = any(row["id"] not in self.seen for row in page.rows)
        if page.rows and page.more and not fresh:
            raise EndlessListError("repeats itself and promises more")
        if self.pages == MOST:
            raise EndlessListError(f"goes on after {MOST:,} pages")
        return fresh and page.more is not False

    def _hand_out(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row["id"] not in self.seen:
                self.seen[row["id"]] = None
                self.take(row)

    async def _after(self, cursor: str) -> Page:
        self.asked.append(cursor)
        return await self._came(cursor) or await self.ask(cursor)

    async def _came(self, cursor: str) -> Page | None:
        """Give what was asked for ahead. A failure is none of that request's, but of the one that really needs it."""
        try:
            return await self.ahead.pop(cursor) if cursor in self.ahead else None
        except AccountError:
            return None

    async def _overlap(self, rows: Sequence[Row]) -> tuple[int, Page] | None:
        """Give how many rows to take of this page, and the page that goes on from there and proves it."""
        ids = [row["id"] for row in rows]
        end = next((end for end in range(len(ids), 0, -1) if ids[end - 1] in self.ahead), 0)
        rest = ids[end:]
        page = await self._came(ids[end - 1]) if end and rest else None
        if page is None or [row["id"] for row in page.rows[: len(rest)]] != rest:
            return None
        self.in_sequence = False
        return end, page

    def _cursors(self, size: int) -> tuple[str, ...]:
        """Give what a walk in sequence asks for: what it did ask for, or would have with pages of this size."""
        return tuple(self.asked) if self.in_sequence else tuple([*self.seen][size - 1 : -1 : size])
