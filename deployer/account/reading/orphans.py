"""File objects of ours that nobody holds: sent by a run that did not live to attach them, or to delete them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from deployer.account.applying.spare import digest
from deployer.account.connection.client import Client
from deployer.account.reading.everyone import everyone, members
from deployer.account.reading.lists import rows
from deployer.account.reading.pages import Row
from deployer.engine import age
from deployer.errors import AccountError
from deployer.kinds import Kind

_FILES = MappingProxyType({"purpose": "assistants", "limit": 10_000})
_ABSENT = (404, 405, 501)
_BESIDE = 16


@dataclass(frozen=True, slots=True)
class Orphan:
    """A File object; `why` says what tells that it is ours."""

    id: str
    name: str
    size: int
    created: int
    why: str


@dataclass(frozen=True, slots=True)
class Known:
    """A file that this project has sent, or was about to send; `what` names it."""

    what: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Uploads:
    """Everything that can be told to be ours: by name and size, by sha256, or by an id that a run left a note of."""

    named: Mapping[tuple[str, int], str]
    content: Mapping[str, str]
    sizes: Collection[int]
    ids: Collection[str]

    @classmethod
    def of(cls, known: Sequence[Known], ids: Collection[str] = ()) -> Uploads:
        """Of several that fit, the first gives its name."""
        named = {(one.name, one.size): one.what for one in reversed(known)}
        return cls(named, {one.sha256: one.what for one in reversed(known)}, {one.size for one in known}, ids)

    def may_be(self, row: Row) -> bool:
        return row["id"] in self.ids or row.get("bytes") in self.sizes


async def all_files(client: Client) -> list[Row]:
    """Give the File objects that are for assistants; nothing where the account does not list them."""
    try:
        return await rows(client, "/files", _FILES)
    except AccountError as error:
        if error.status in _ABSENT:
            return []
        raise


async def orphans(client: Client, kinds: Mapping[str, Kind], uploads: Uploads, before: float) -> list[Orphan]:
    """Give what is ours, older than `before` (Unix seconds) and held by nobody at all, the oldest first.

    Every store and every assistant of the account is asked, whosever they are; one that cannot be read stops it.
    """
    files = [row for row in await all_files(client) if uploads.may_be(row) and (_created(row) or before) < before]
    if not files:
        return []
    held = await holdings(client, kinds)
    gate = asyncio.Semaphore(_BESIDE)
    free = [row for row in files if row["id"] not in held]
    found = await asyncio.gather(*(_judged(client, gate, row, uploads) for row in free))
    return sorted((one for one in found if one), key=lambda one: (one.created, one.id))


def _created(row: Row) -> int | None:
    return age.seconds(row.get("created_at"))


async def _judged(client: Client, gate: asyncio.Semaphore, row: Row, uploads: Uploads) -> Orphan | None:
    """Tell by its id or its content that a file is ours; None when nothing does.

    Name and size count only where the account does not let a file be read.
    """
    name, size = str(row.get("filename")), int(row.get("bytes") or 0)
    why = "left over by an interrupted run" if row["id"] in uploads.ids else ""
    if not why:
        async with gate:
            sha = await digest(client, row["id"])
        what = uploads.content.get(sha) if sha else uploads.named.get((name, size))
        why = f"{'the bytes' if sha else 'name and size'} of {what}" if what else ""
    return Orphan(row["id"], name, size, _created(row) or 0, why) if why else None


async def holdings(client: Client, kinds: Mapping[str, Kind]) -> frozenset[str]:
    """Give the ids of all File objects that any store or assistant of the account holds, ours or foreign."""
    gate = asyncio.Semaphore(_BESIDE)
    found = await everyone(client, kinds, gate)
    return await members(client, found, gate) | {file for one in found for file in one.kind.held(one.raw)}


async def delete(client: Client, file_ids: Sequence[str], gone: Callable[[str], None]) -> None:
    """Delete File objects, a few beside each other; `gone` is told of each. One that is gone already is fine."""
    gate = asyncio.Semaphore(_BESIDE)

    async def one(file_id: str) -> None:
        try:
            async with gate:
                await client.write("DELETE", f"/files/{file_id}", again=True)
        except AccountError as error:
            if error.status != _ABSENT[0]:
                raise
        gone(file_id)

    await asyncio.gather(*map(one, file_ids))
