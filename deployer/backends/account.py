"""Read what is live: the lists beside each other, their pages too, memberships as soon as a store is seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer.backends import validate
from deployer.backends.http import pages
from deployer.backends.http.client import Client
from deployer.backends.http.pages import Row
from deployer.engine import age
from deployer.errors import AccountError
from deployer.kinds import Kind, vector_store
from deployer.model import LiveFile, LiveObject

PAGE = pages.PAGE
CONCURRENCY = 32
LOCK = "deployer_lock"
"""The metadata key of a lease: an object that is no resource."""


@dataclass(frozen=True, slots=True)
class _Reader:
    client: Client
    gate: asyncio.Semaphore
    owned: Callable[[Mapping[str, Any]], bool]
    cursors: pages.Cursors


async def read_live(
    client: Client,
    kinds: Mapping[str, Kind],
    owned: Callable[[Mapping[str, Any]], bool],
    cache: Path | None = None,
) -> tuple[LiveObject, ...]:
    """Give every object of every kind; `owned` tells from an object's metadata whether its files are to be read too.

    Requests: one for each page of 100 of each kind, and of each owned vector store that holds files. `cache` is the
    folder where cursors are kept, so that the pages of a list can be asked for beside each other the next time.
    """
    reader = _Reader(client, asyncio.Semaphore(CONCURRENCY), owned, pages.of_account(cache, client.settings))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_read_kind(reader, name, kind)) for name, kind in kinds.items()]
    except BaseExceptionGroup as errors:
        raise _first(errors) from None
    reader.cursors.save()
    return tuple(one for task in tasks for one in task.result())


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

        def take(raw: Row) -> None:
            if _is_lease(raw):
                return
            found.append(LiveObject(name, raw["id"], raw))
            if _is_owned(reader, kind.PATH, raw) and name == "vector_store" and _holds_files(raw):
                files[raw["id"]] = group.create_task(_read_files(reader, raw["id"]))

        await _walk(reader, kind.PATH, take, _object_name(kind.PATH))
    return [replace(one, files=files[one.id].result()) if one.id in files else one for one in found]


def _object_name(path: str) -> str:
    """`/vector_stores` holds `vector_store` objects, and so does every collection of this API."""
    return path.strip("/").removesuffix("s")


def _is_lease(raw: Row) -> bool:
    metadata = raw.get("metadata")
    return isinstance(metadata, dict) and LOCK in metadata


def _is_owned(reader: _Reader, path: str, raw: Row) -> bool:
    """Tell whether the object is ours: then it will be compared, so its fields must have the form that we know."""
    odd = validate.odd_metadata(raw)
    owned = odd is None and reader.owned(raw.get("metadata") or {})
    if odd := odd or (validate.odd_object(raw) if owned else None):
        raise pages.odd_answer(reader.client, path, f"gave {raw['id']} with {odd}")
    return owned


def _holds_files(raw: Row) -> bool:
    """Tell whether the store may hold files: a server that gives no counts is asked."""
    counts = raw.get("file_counts")
    return not isinstance(counts, dict) or counts.get("total") != 0


async def _read_files(reader: _Reader, store: str) -> tuple[LiveFile, ...]:
    path = f"{vector_store.PATH}/{store}/files"
    found: list[LiveFile] = []
    await _walk(reader, path, lambda raw: found.append(_file(reader, path, raw)))
    return tuple(found)


def _file(reader: _Reader, path: str, raw: Row) -> LiveFile:
    if odd := validate.odd_membership(raw):
        raise pages.odd_answer(reader.client, path, f"gave {raw['id']} with {odd}")
    return vector_store.live_file({**raw, "created_at": age.seconds(raw.get("created_at"))})


async def _walk(reader: _Reader, path: str, take: Callable[[Row], None], name: str | None = None) -> None:
    remembered = reader.cursors.of(path)
    reader.cursors.now[path] = await pages.walk_list(reader.client, reader.gate, path, take, remembered, name=name)
