"""One list of an account, whole, where only its rows are wanted: ids, and what a reader looks at by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from deployer.account import pages, shapes
from deployer.account.clean import clean
from deployer.account.client import Client
from deployer.account.failures import Failure
from deployer.account.pages import Page, Row

PAGE = 100
_REMEDY = "check the account's api and base_url"


async def rows(
    client: Client, path: str, query: Mapping[str, Any] | None = None, gate: asyncio.Semaphore | None = None
) -> list[Row]:
    """Give every row of a list, oldest first; `gate` bounds the requests that go out beside each other."""
    found: list[Row] = []
    gate, wanted = gate or asyncio.Semaphore(1), {"limit": PAGE, "order": "asc", **(query or {})}

    async def ask(cursor: str | None) -> Page:
        async with gate:
            answer = await client.get(path, wanted if cursor is None else {**wanted, "after": cursor})
        return _page(client, path, clean(answer.data, client.settings.api_key))

    try:
        await pages.walk(ask, (), found.append)
    except pages.EndlessListError as error:
        raise client.error("GET", path, Failure(f"{error}: the list cannot be read", _REMEDY)) from None
    return found


def _page(client: Client, path: str, data: Mapping[str, Any]) -> Page:
    found, more = data.get("data"), data.get("has_more")
    if not isinstance(found, list) or not all(isinstance(row, dict) and shapes.is_id(row.get("id")) for row in found):
        what = "answered something that is not a list of objects with ids"
        raise client.error("GET", path, Failure(what, _REMEDY))
    return Page(found, more if isinstance(more, bool) else None)
