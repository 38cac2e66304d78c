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
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from deployer import cache
from deployer.backends import validate
from deployer.backends.base import Row, without_password
from deployer.backends.http.client import Client
from deployer.backends.http.exchange import Answer
from deployer.backends.http.failures import TOO_LARGE, Failure
from deployer.backends.http.redact import redacted
from deployer.errors import AccountError
from deployer.model import AccountSettings

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
    """Hand each row to `take` once, in the list's order; return the cursors to remember for the next time.

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
        """Whether to ask for more, whether or not the account says `has_more`.

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
        """Return what was asked for ahead. A failure is none of that request's, but of the one that really needs it."""
        try:
            return await self.ahead.pop(cursor) if cursor in self.ahead else None
        except AccountError:
            return None

    async def _overlap(self, rows: Sequence[Row]) -> tuple[int, Page] | None:
        """Return how many rows to take of this page, and the page that goes on from there and proves it."""
        ids = [row["id"] for row in rows]
        end = next((end for end in range(len(ids), 0, -1) if ids[end - 1] in self.ahead), 0)
        rest = ids[end:]
        page = await self._came(ids[end - 1]) if end and rest else None
        if page is None or [row["id"] for row in page.rows[: len(rest)]] != rest:
            return None
        self.in_sequence = False
        return end, page

    def _cursors(self, size: int) -> tuple[str, ...]:
        """Return what a walk in sequence asks for: what it did ask for, or would have with pages of this size."""
        return tuple(self.asked) if self.in_sequence else tuple([*self.seen][size - 1 : -1 : size])


PAGE = 100
_FEW = 10
_OK = 200
_BAD_QUERY = (400, 422)
_REMEDY = "check the account's api and base_url"
_NONE: Mapping[str, Any] = MappingProxyType({})


async def rows(
    client: Client,
    path: str,
    query: Mapping[str, Any] = _NONE,
    gate: asyncio.Semaphore | None = None,
    *,
    until_empty: bool = False,
) -> list[Row]:
    """Return all rows, each once, oldest first; `gate` bounds the requests that go out beside each other."""
    found: list[Row] = []
    await walk_list(client, gate or asyncio.Semaphore(1), path, found.append, query=query, until_empty=until_empty)
    return found


async def walk_list(  # noqa: PLR0913
    client: Client,
    gate: asyncio.Semaphore,
    path: str,
    take: Callable[[Row], None],
    cursors: Cursors | None = None,
    *,
    name: str | None = None,
    query: Mapping[str, Any] = _NONE,
    until_empty: bool = False,
) -> None:
    """Hand each row to `take` once, in order; `name` is what the objects call themselves.

    `until_empty`: the list ends with a page without rows, whatever the pages before it say of more.

    `cursors` tell where its pages began the last time, and are told where they begin now.

    Oldest first: what is new comes last, so the pages before it stay what they were.
    """
    wanted, ids = {"limit": PAGE, "order": "asc", **query}, list[str]()

    async def ask(cursor: str | None) -> Page:
        page = await _page(client, gate, path, name, wanted, cursor)
        return Page(page.rows, None) if until_empty and page.rows else page

    def taken(row: Row) -> None:
        ids.append(row["id"])
        take(row)

    try:
        found = await walk(ask, cursors.of(path) if cursors else (), taken)
    except EndlessListError as error:
        raise odd_answer(client, path, f"{error}: the list cannot be read") from None
    if cursors:
        cursors.read(path, found, ids)


async def first(
    client: Client, gate: asyncio.Semaphore, path: str, fits: Callable[[Row], bool], query: Mapping[str, Any]
) -> Row | None:
    """Return the first row that fits of a list that ends with a page without rows; None when there is none."""
    cursor, seen = None, set[str]()
    while True:
        page = await _page(client, gate, path, None, {"limit": PAGE, **query}, cursor)
        fresh = [row for row in page.rows if row["id"] not in seen]
        found = next(filter(fits, fresh), None)
        if found or not fresh:
            return found
        seen.update(row["id"] for row in fresh)
        cursor = page.rows[-1]["id"]


def odd_answer(client: Client, path: str, what: str, status: int | None = None) -> AccountError:
    """Return the error for an answer that makes no sense; with its status, one that has another form than a list."""
    return client.error("GET", path, Failure(what, _REMEDY, status))


async def _page(  # noqa: PLR0913, PLR0917
    client: Client, gate: asyncio.Semaphore, path: str, name: str | None, query: Mapping[str, Any], cursor: str | None
) -> Page:
    async with gate:
        answer = await _asked(client, path, query if cursor is None else {**query, "after": cursor})
    data = redacted(answer.data, client.settings.api_key)
    found, more = data.get("data"), data.get("has_more")
    if not isinstance(found, list) or not all(isinstance(row, dict) and validate.is_id(row.get("id")) for row in found):
        raise odd_answer(client, path, "answered something that is not a list of objects with ids", _OK)
    other = next((row["object"] for row in found if name and row.get("object", name) != name), None)
    if other is not None:  # other products serve other things under the same paths
        raise odd_answer(client, path, f"lists objects of another kind ({str(other)[:40]!r}, not {name!r})", _OK)
    return Page(found, more if isinstance(more, bool) else None)


async def _asked(client: Client, path: str, query: Mapping[str, Any]) -> Answer:
    """Ask for a page; a size that this account refuses falls back to the one that every list takes.

    What is too large to be read falls back to a few rows: a hundred assistants may have the longest instructions.
    """
    try:
        return await client.get(path, query)
    except AccountError as error:
        if error.code == TOO_LARGE and query["limit"] > _FEW:
            fewer = _FEW
        elif error.status in _BAD_QUERY and query["limit"] > PAGE:
            fewer = PAGE
        else:
            raise
    return await _asked(client, path, {**query, "limit": fewer})


_NAME = "cursors"
_STEP = 80
"""Rows from one guess to the next: fewer than a page has, so that rows that come in another order still overlap."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """The cursors of one account by the path of the list: `before` of the last run, `now` of this one.

    `rest` are the ids after the last of them: first those that were read, then those that this run has made since, in
    about the order that the list will have. `gone` are the ids of what it has deleted.
    """

    folder: Path | None
    account: str
    before: Mapping[str, Any]
    now: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rest: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    gone: set[str] = field(default_factory=set)

    def of(self, path: str) -> tuple[str, ...]:
        """Return where pages began the last time, and where they will begin in what was made since."""
        found = self.now.get(path, self.before.get(path))
        known = [one for one in found if validate.is_id(one)] if isinstance(found, (list, tuple)) else []
        rest = [one for one in self.rest.get(path, ()) if one not in self.gone]
        guesses = rest[_STEP - 1 : max(0, len(rest) - PAGE + _STEP - 1) : _STEP]
        return tuple(one for one in (*known, *guesses) if one not in self.gone)

    def read(self, path: str, found: tuple[str, ...], ids: Sequence[str]) -> None:
        """Note the cursors of a list that was read, and the ids of its rows."""
        self.now[path] = found
        self.rest[path] = list(ids[ids.index(found[-1]) + 1 :] if found else ids)

    def save(self) -> None:
        """Keep those of this run, beside what is kept of other accounts."""
        after = {path: list(cursors) for path, cursors in self.now.items() if cursors}
        if after != self.before:
            cache.save(self.folder, _NAME, {**cache.load(self.folder, _NAME), self.account: after})


def of_account(folder: Path | None, settings: AccountSettings) -> Cursors:
    """Read what is remembered of an account; without a folder that is nothing."""
    name = without_password(settings.base_url or "")
    found = cache.load(folder, _NAME).get(name)
    return Cursors(folder, name, found if isinstance(found, dict) else {})
