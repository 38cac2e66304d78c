"""Who uses a store, and who holds a File object; and which owned File objects are unreferenced.

Whatever is on the account counts, whosever it is and on whichever surface. It is asked right before something is
deleted, not when that was planned.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from deployer.backends.account import Account
from deployer.backends.base import FileStore, Holder, StoredFile, digest

_PAGE = 100
_FRESH = 30.0
"""Seconds for which what was read is good enough: a run that deletes thousands does not list the account for each."""
_BESIDE = 16


async def members(files: FileStore, stores: Iterable[Holder]) -> frozenset[str]:
    """Return the ids of the files that these stores hold."""
    found = await asyncio.gather(*(files.member_ids(one.id) for one in stores if _may_hold(one)))
    return frozenset[str]().union(*found)


def _may_hold(one: Holder) -> bool:
    """Whether its own list has to be asked for what it holds."""
    return one.is_store and one.count != 0


@dataclass(slots=True)
class _Reading:
    """What the account said at one moment, by file and by store.

    `large` are stores whose own lists were not read yet; `asked` counts how often they were asked for one file.
    """

    holding: dict[str, list[Holder]] = field(default_factory=lambda: defaultdict(list))
    using: dict[str, list[Holder]] = field(default_factory=lambda: defaultdict(list))
    large: dict[str, Holder] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    lists: dict[str, asyncio.Task[frozenset[str]]] = field(default_factory=dict)

    def holds(self, store: Holder, file_ids: Iterable[str]) -> None:
        for one in file_ids:
            self.holding[one].append(store)


@dataclass(slots=True)
class OtherUsers:
    """Who else uses stores and holds files. `knows` tells of an id whether this run knows better than a list does."""

    account: Account
    knows: Callable[[str], bool]
    _read: float | None = None
    _found: asyncio.Task[_Reading] | None = None

    async def holder(self, file_id: str) -> str | None:
        """Name who else holds a file; None when it is unreferenced."""
        seen = await self._everyone()
        named = next((one for one in seen.holding.get(file_id, ()) if not self.knows(one.id)), None)
        if named:
            return named.label
        for store in list(seen.large.values()):
            if not self.knows(store.id) and await self._holds(seen, store, file_id):
                return store.label
        return None

    async def user(self, store: str) -> str | None:
        """Name who else refers to a store; None when there is no one."""
        using = (await self._everyone()).using.get(store, ())
        return next((one.label for one in using if not self.knows(one.id)), None)

    async def _everyone(self) -> _Reading:
        now = time.monotonic()
        if self._found is None or self._read is None or now - self._read > _FRESH:
            self._read, self._found = now, asyncio.create_task(self._reading())
        return await self._found

    async def _reading(self) -> _Reading:
        """Read who names files and stores, and the lists of stores that are no longer than a page."""
        seen, stores = _Reading(), []
        for one in await self.account.files.holders():
            seen.holds(one, one.holds)
            for used in one.uses:
                seen.using[used].append(one)
            if _may_hold(one) and not self.knows(one.id):
                stores.append(one)
        seen.large = {one.id: one for one in stores if (one.count or 0) >= _PAGE}
        small = [one for one in stores if one.id not in seen.large]
        lists = await asyncio.gather(*(members(self.account.files, [one]) for one in small))
        for store, found in zip(small, lists, strict=True):
            seen.holds(store, found)
        return seen

    async def _holds(self, seen: _Reading, store: Holder, file_id: str) -> bool:
        """Ask for one file after another, until the whole list would have been less."""
        seen.asked[store.id] += 1
        if store.id not in seen.lists and seen.asked[store.id] * _PAGE <= (store.count or 0):
            return await self.account.files.has_member(store.id, file_id)
        if store.id not in seen.lists:
            seen.lists[store.id] = asyncio.create_task(members(self.account.files, [store]))
        found = await seen.lists[store.id]
        if seen.large.pop(store.id, None):
            seen.holds(store, found)
        return file_id in found


@dataclass(frozen=True, slots=True)
class Unreferenced:
    """A File object; `why` says by what it is known as owned."""

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
    """Everything that can be known as owned: by name and size, by sha256, or by an id that a run left a note of."""

    named: Mapping[tuple[str, int], str]
    content: Mapping[str, str]
    sizes: Collection[int]
    ids: Collection[str]

    @classmethod
    def of(cls, known: Sequence[Known], ids: Collection[str] = ()) -> Uploads:
        """Of several that fit, the first gives its name."""
        named = {(one.name, one.size): one.what for one in reversed(known)}
        return cls(named, {one.sha256: one.what for one in reversed(known)}, {one.size for one in known}, ids)

    def may_be(self, file: StoredFile) -> bool:
        return file.id in self.ids or file.size in self.sizes


async def unreferenced(files: FileStore, uploads: Uploads, before: float) -> list[Unreferenced]:
    """Return what is owned, older than `before` (Unix seconds) and unreferenced, the oldest first.

    Every store and every assistant of the account is asked, whosever they are; one that cannot be read stops it.
    """
    there = await files.stored() or ()
    maybe = [one for one in there if uploads.may_be(one) and (one.created or before) < before]
    if not maybe:
        return []
    held = await holdings(files)
    gate = asyncio.Semaphore(_BESIDE)
    found = await asyncio.gather(*(_judged(files, gate, one, uploads) for one in maybe if one.id not in held))
    return sorted((one for one in found if one), key=lambda one: (one.created, one.id))


async def _judged(files: FileStore, gate: asyncio.Semaphore, file: StoredFile, uploads: Uploads) -> Unreferenced | None:
    """Return a file with the reason why it is owned, by its id or its content; None when there is none.

    Name and size count only where the account does not let a file be read.
    """
    why = "left over by an interrupted run" if file.id in uploads.ids else ""
    if not why:
        async with gate:
            sha = await digest(files, file.id)
        what = uploads.content.get(sha) if sha else uploads.named.get((file.name, file.size))
        why = f"{'the bytes' if sha else 'name and size'} of {what}" if what else ""
    return Unreferenced(file.id, file.name, max(0, file.size), file.created or 0, why) if why else None


async def holdings(files: FileStore) -> frozenset[str]:
    """Return the ids of all File objects that any store or assistant of the account holds, owned or foreign."""
    found = await files.holders()
    return (await members(files, found)).union(*(one.holds for one in found))


async def delete_files(files: FileStore, file_ids: Sequence[str], gone: Callable[[str], None]) -> None:
    """Delete File objects, a few beside each other; `gone` is told of each. One that is gone already is fine."""
    gate = asyncio.Semaphore(_BESIDE)

    async def one(file_id: str) -> None:
        async with gate:
            await files.delete(file_id)
        gone(file_id)

    await asyncio.gather(*map(one, file_ids))
