"""A list of an account, from beginning to end: rows are objects with ids, it does end, and it holds no key of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from deployer.account.connection.clean import clean
from deployer.account.connection.client import Client
from deployer.account.connection.failures import Failure
from deployer.account.reading import pages, shapes
from deployer.account.reading.pages import Page, Row
from deployer.errors import AccountError

PAGE = 100
_REMEDY = "check the account's api and base_url"
_NONE: Mapping[str, Any] = MappingProxyType({})


async def rows(
    client: Client, path: str, query: Mapping[str, Any] = _NONE, gate: asyncio.Semaphore | None = None
) -> list[Row]:
    """Give all rows, each once, oldest first; `gate` bounds the requests that go out beside each other."""
    found: list[Row] = []
    await walk(client, gate or asyncio.Semaphore(1), path, found.append, query=query)
    return found


async def walk(  # noqa: PLR0913
    client: Client,
    gate: asyncio.Semaphore,
    path: str,
    take: Callable[[Row], None],
    remembered: Sequence[str] = (),
    *,
    name: str | None = None,
    query: Mapping[str, Any] = _NONE,
) -> tuple[str, ...]:
    """Hand each row to `take` once, in order; `name` is what the objects call themselves. Gives cursors to remember.

    Oldest first: what is new comes last, so the pages before it stay what they were.
    """
    ask = partial(_page, client, gate, path, name, {"limit": PAGE, "order": "asc", **query})
    try:
        return await pages.walk(ask, remembered, take)
    except pages.EndlessListError as error:
        raise odd(client, path, f"{error}: the list cannot be read") from None


def odd(client: Client, path: str, what: str) -> AccountError:
    """Give the error for an answer that makes no sense."""
    return client.error("GET", path, Failure(what, _REMEDY))


async def _page(  # noqa: PLR0913, PLR0917
    client: Client, gate: asyncio.Semaphore, path: str, name: str | None, query: Mapping[str, Any], cursor: str | None
) -> Page:
    async with gate:
        answer = await client.get(path, query if cursor is None else {**query, "after": cursor})
    data = clean(answer.data, client.settings.api_key)
    found, more = data.get("data"), data.get("has_more")
    if not isinstance(found, list) or not all(isinstance(row, dict) and shapes.is_id(row.get("id")) for row in found):
        raise odd(client, path, "answered something that is not a list of objects with ids")
    other = next((row["object"] for row in found if name and row.get("object", name) != name), None)
    if other is not None:  # other products serve other things under the same paths
        raise odd(client, path, f"lists objects of another kind ({str(other)[:40]!r}, not {name!r})")
    return Page(found, more if isinstance(more, bool) else None)
