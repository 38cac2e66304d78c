"""Read what is live: every list page by page, the lists beside each other, memberships as soon as a store is seen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployer.account import shapes
from deployer.account.client import Client
from deployer.account.failures import Failure
from deployer.errors import AccountError
from deployer.kinds import Kind, vector_store
from deployer.model import LiveFile, LiveObject

PAGE = 100
CONCURRENCY = 32
_REMEDY = "check the account's api and base_url"


@dataclass(frozen=True, slots=True)
class _Reader:
    client: Client
    gate: asyncio.Semaphore
    owned: Callable[[Mapping[str, Any]], bool]

    def odd(self, path: str, what: str) -> AccountError:
        return self.client.error("GET", path, Failure(what, _REMEDY))


async def read_live(
    client: Client, kinds: Mapping[str, Kind], owned: Callable[[Mapping[str, Any]], bool]
) -> tuple[LiveObject, ...]:
    """Give every object of every kind; `owned` tells from an object's metadata whether its files are to be read too.

    Requests: one for each page of 100 of each kind, and of each owned vector store that holds files.
    """
    reader = _Reader(client, asyncio.Semaphore(CONCURRENCY), owned)
    try:
        async with asyncio.TaskGroup() as group:
            lists = [group.create_task(_read_kind(reader, name, kind)) for name, kind in kinds.items()]
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    return tuple(one for task in lists for one in task.result())


def _first(error: BaseException) -> BaseException:
    """One sentence is enough: what fails once usually fails for every list. A bug goes before an expected error."""
    while isinstance(error, BaseExceptionGroup):
        bugs = error.split(AccountError)[1]
        error = (bugs or error).exceptions[0]
    return error


async def _read_kind(reader: _Reader, name: str, kind: Kind) -> list[LiveObject]:
    found: list[LiveObject] = []
    files: dict[str, asyncio.Task[tuple[LiveFile, ...]]] = {}
    async with asyncio.TaskGroup() as group:
        async for raw in _rows(reader, kind.PATH, _object_name(kind.PATH)):
            found.append(LiveObject(name, raw["id"], raw))
            if _is_owned(reader, kind.PATH, raw) and name == "vector_store" and _holds_files(raw):
                files[raw["id"]] = group.create_task(_read_files(reader, raw["id"]))
    return [replace(one, files=files[one.id].result()) if one.id in files else one for one in found]


def _object_name(path: str) -> str:
    """`/vector_stores` holds `vector_store` objects, and so does every collection of this API."""
    return path.strip("/").removesuffix("s")


def _is_owned(reader: _Reader, path: str, raw: Mapping[str, Any]) -> bool:
    """Tell whether the object is ours: then it will be compared, so its fields must have the form that we know."""
    metadata = raw.get("metadata") or {}
    odd = None if isinstance(metadata, dict) else "metadata"
    owned = odd is None and reader.owned(metadata)
    odd = odd or (shapes.odd_object(raw) if owned else None)
    if odd:
        raise reader.odd(path, f"gave {raw['id']} with a field {odd} of an unknown form")
    return owned


def _holds_files(raw: Mapping[str, Any]) -> bool:
    """Tell whether the store may hold files: a server that gives no counts is asked."""
    counts = raw.get("file_counts")
    return not isinstance(counts, dict) or counts.get("total") != 0


async def _read_files(reader: _Reader, store: str) -> tuple[LiveFile, ...]:
    path = f"{vector_store.PATH}/{store}/files"
    return tuple([_file(reader, path, raw) async for raw in _rows(reader, path)])


def _file(reader: _Reader, path: str, raw: Mapping[str, Any]) -> LiveFile:
    if odd := shapes.odd_membership(raw):
        raise reader.odd(path, f"gave {raw['id']} with a field {odd} of an unknown form")
    return vector_store.live_file(raw)


async def _rows(reader: _Reader, path: str, name: str | None = None) -> AsyncIterator[dict[str, Any]]:
    """Give each row of a list once, following `after`, whether or not the account says `has_more`.

    An account that leaves `has_more` out and repeats itself does not know `after`: its list has one page. One that
    promises more and repeats itself would never end, so that is an error.
    """
    seen: set[str] = set()
    query: dict[str, Any] = {"limit": PAGE}
    while True:
        async with reader.gate:
            page = (await reader.client.get(path, query)).data
        rows = _page(reader, path, page, name)
        fresh = [row for row in rows if row["id"] not in seen]
        if rows and not fresh and page.get("has_more"):
            raise reader.odd(path, "repeats itself and promises more: the list cannot be read")
        for row in fresh:
            seen.add(row["id"])
            yield row
        if not fresh or page.get("has_more") is False:
            return
        query["after"] = rows[-1]["id"]


def _page(reader: _Reader, path: str, page: Mapping[str, Any], name: str | None) -> list[dict[str, Any]]:
    rows = page.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and _is_id(row.get("id")) for row in rows):
        raise reader.odd(path, "answered something that is not a list of objects with ids")
    odd = next((row["object"] for row in rows if name and row.get("object", name) != name), None)
    if odd is not None:  # other products serve other things under the same paths
        raise reader.odd(path, f"lists objects of another kind ({str(odd)[:40]!r}, not {name!r})")
    return rows


def _is_id(value: Any) -> bool:
    """Tell whether it can be a segment of a path: an account must not send us elsewhere by what it calls an object."""
    return isinstance(value, str) and re.fullmatch(r"[^\s/?#%\\]+", value) is not None and value.strip(".") != ""
