"""Read what is live: every list page by page, the lists beside each other, memberships as soon as a store is seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

from deployer.account.client import Client
from deployer.errors import AccountError
from deployer.kinds import Kind, vector_store
from deployer.model import LiveFile, LiveObject

PAGE = 100
CONCURRENCY = 32


async def read_live(
    client: Client, kinds: Mapping[str, Kind], owned: Callable[[Mapping[str, Any]], bool]
) -> tuple[LiveObject, ...]:
    """Give every object of every kind; `owned` tells from an object's metadata whether its files are to be read too.

    Requests: one for each page of 100 of each kind, and of each owned vector store that holds files.
    """
    gate = asyncio.Semaphore(CONCURRENCY)
    try:
        async with asyncio.TaskGroup() as group:
            lists = [group.create_task(_read_kind(client, gate, name, kind, owned)) for name, kind in kinds.items()]
    except* AccountError as errors:
        raise _first(errors) from None
    return tuple(one for task in lists for one in task.result())


def _first(group: BaseExceptionGroup[AccountError]) -> AccountError:
    """One sentence is enough: what fails once usually fails for every list."""
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


async def _read_kind(
    client: Client,
    gate: asyncio.Semaphore,
    name: str,
    kind: Kind,
    owned: Callable[[Mapping[str, Any]], bool],
) -> list[LiveObject]:
    found: list[LiveObject] = []
    files: dict[str, asyncio.Task[tuple[LiveFile, ...]]] = {}
    async with asyncio.TaskGroup() as group:
        async for raw in _rows(client, gate, kind.PATH):
            live = LiveObject(name, str(raw["id"]), raw)
            found.append(live)
            if name == "vector_store" and owned(raw.get("metadata") or {}) and _holds_files(raw):
                files[live.id] = group.create_task(_read_files(client, gate, live.id))
    return [replace(one, files=files[one.id].result()) if one.id in files else one for one in found]


def _holds_files(raw: Mapping[str, Any]) -> bool:
    """Tell whether the store may hold files: a server that gives no counts is asked."""
    counts = raw.get("file_counts")
    return not isinstance(counts, dict) or counts.get("total") != 0


async def _read_files(client: Client, gate: asyncio.Semaphore, store: str) -> tuple[LiveFile, ...]:
    path = f"{vector_store.PATH}/{store}/files"
    return tuple([vector_store.live_file(raw) async for raw in _rows(client, gate, path)])


async def _rows(client: Client, gate: asyncio.Semaphore, path: str) -> AsyncIterator[dict[str, Any]]:
    """Give each row of a list once, following `after`; a list that repeats itself is an error, not an endless loop."""
    seen: set[str] = set()
    query: dict[str, Any] = {"limit": PAGE}
    while True:
        async with gate:
            page = (await client.get(path, query)).data
        rows = _page(client, path, page)
        fresh = [row for row in rows if row["id"] not in seen]
        if rows and not fresh:
            raise AccountError(f"account {client.settings.name}: the list {path} repeats itself; it cannot be read")
        for row in fresh:
            seen.add(row["id"])
            yield row
        if not rows or page.get("has_more") is False:
            return
        query["after"] = rows[-1]["id"]


def _page(client: Client, path: str, page: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = page.get("data")
    if isinstance(rows, list) and all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows):
        return rows
    raise AccountError(
        f"account {client.settings.name}: the list {path} has no rows with ids; check the account's api and base_url"
    )
