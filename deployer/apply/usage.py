"""Who uses a store, and who holds a File object; and which File objects of ours nobody holds.

Whatever is on the account counts, whosever it is and on whichever surface. It is asked right before something is
deleted, not when that was planned.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from deployer.apply.reuse import digest
from deployer.backends.http.client import Client
from deployer.backends.http.pages import Row, rows
from deployer.engine import age
from deployer.errors import AccountError
from deployer.kinds import SURFACES, Kind, vector_store

_REFUSED = (*range(400, 408), *range(409, 429), 501)
"""What an account answers whose API has no such collection; a 408, a 429 or a broken answer says nothing."""


@dataclass(frozen=True, slots=True)
class Being:
    """An object as its list gives it."""

    kind: Kind
    raw: Row

    def __str__(self) -> str:
        return f"{self.kind.PATH.strip('/').removesuffix('s').replace('_', ' ')} {self.raw['id']}"

    @property
    def id(self) -> str:
        return str(self.raw["id"])

    @property
    def count(self) -> int | None:
        """How many files a store holds, as it says; None where it does not say."""
        counts = self.raw.get("file_counts")
        total = counts.get("total") if isinstance(counts, dict) else None
        return total if isinstance(total, int) else None

    @property
    def may_hold(self) -> bool:
        """Tell whether its own list has to be asked for what it holds."""
        return self.kind.PATH == vector_store.PATH and self.raw.get("status") != "expired" and self.count != 0


async def everyone(client: Client, kinds: Mapping[str, Kind], gate: asyncio.Semaphore) -> list[Being]:
    """Give every object of the account's surface, and of others where the account has them, too.

    The embedded account serves two surfaces over the same stores and files. Memberships are not read.
    """
    ours = {kind.PATH: kind for kind in kinds.values()}
    others = {kind.PATH: kind for found in SURFACES.values() for kind in found.values() if kind.PATH not in ours}
    found = await asyncio.gather(
        *(_of_kind(client, kind, gate) for kind in ours.values()),
        *(_if_there(client, kind, gate) for kind in others.values()),
    )
    return [one for group in found for one in group]


async def _of_kind(client: Client, kind: Kind, gate: asyncio.Semaphore) -> list[Being]:
    return [Being(kind, row) for row in await rows(client, kind.PATH, gate=gate)]


async def _if_there(client: Client, kind: Kind, gate: asyncio.Semaphore) -> list[Being]:
    try:
        return await _of_kind(client, kind, gate)
    except AccountError as error:
        if error.status in _REFUSED:
            return []
        raise


async def members(client: Client, stores: Iterable[Being], gate: asyncio.Semaphore) -> frozenset[str]:
    """Give the ids of the files that these stores hold."""
    paths = [f"{one.kind.PATH}/{one.id}/files" for one in stores if one.may_hold]
    found = await asyncio.gather(*(rows(client, path, gate=gate) for path in paths))
    return frozenset(row["id"] for group in found for row in group)


_NOT_FOUND = 404
_PAGE = 100
_FRESH = 30.0
"""Seconds for which what was read is good enough: a run that deletes thousands does not list the account for each."""


@dataclass(slots=True)
class Usage:
    """Everybody but us. `ours` gives the ids of what this run knows better than a list does."""

    client: Client
    kinds: Mapping[str, Kind]
    gate: asyncio.Semaphore
    ours: Callable[[], Collection[str]]
    _read: float | None = None
    _found: asyncio.Task[list[Being]] | None = None
    _members: dict[str, asyncio.Task[frozenset[str]]] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)

    async def holder(self, file_id: str) -> str | None:
        """Name who else holds a file; None when nobody does."""
        for one in await self._everyone():
            if file_id in one.kind.held(one.raw) or (one.may_hold and await self._holds(one, file_id)):
                return str(one)
        return None

    async def user(self, store: str) -> str | None:
        """Name who else refers to a store; None when nobody does."""
        return next((str(one) for one in await self._everyone() if store in one.kind.references(one.raw)), None)

    async def _everyone(self) -> list[Being]:
        now = time.monotonic()
        if self._found is None or self._read is None or now - self._read > _FRESH:
            self._read, self._found = now, asyncio.create_task(everyone(self.client, self.kinds, self.gate))
            self._members.clear()
            self._asked.clear()
        ours = self.ours()
        return [one for one in await self._found if one.id not in ours]

    async def _holds(self, store: Being, file_id: str) -> bool:
        """Ask for one file after another, until the whole list would have been less."""
        self._asked[store.id] += 1
        if store.id not in self._members and self._asked[store.id] * _PAGE <= (store.count or 0):
            return await self._answers(store, file_id)
        if store.id not in self._members:
            self._members[store.id] = asyncio.create_task(members(self.client, [store], self.gate))
        return file_id in await self._members[store.id]

    async def _answers(self, store: Being, file_id: str) -> bool:
        try:
            async with self.gate:
                await self.client.get(f"{store.kind.PATH}/{store.id}/files/{file_id}")
        except AccountError as error:
            if error.status != _NOT_FOUND:
                raise
            return False
        return True


_FILES = MappingProxyType({"purpose": "assistants", "limit": 10_000})
_ABSENT = (404, 405, 501)
_BESIDE = 16


@dataclass(frozen=True, slots=True)
class Unreferenced:
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


async def unreferenced(
    client: Client, kinds: Mapping[str, Kind], uploads: Uploads, before: float
) -> list[Unreferenced]:
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


async def _judged(client: Client, gate: asyncio.Semaphore, row: Row, uploads: Uploads) -> Unreferenced | None:
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
    return Unreferenced(row["id"], name, size, _created(row) or 0, why) if why else None


async def holdings(client: Client, kinds: Mapping[str, Kind]) -> frozenset[str]:
    """Give the ids of all File objects that any store or assistant of the account holds, ours or foreign."""
    gate = asyncio.Semaphore(_BESIDE)
    found = await everyone(client, kinds, gate)
    return await members(client, found, gate) | {file for one in found for file in one.kind.held(one.raw)}


async def delete_files(client: Client, file_ids: Sequence[str], gone: Callable[[str], None]) -> None:
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
