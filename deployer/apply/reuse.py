"""File objects that are on the account already and hold the very bytes of a declared file: nothing is sent twice.

A File object has no checksum, so what has the same name and size is read back; an account that does not let its files
be read proves nothing, and then the bytes are sent again (and `gc` finds what is left over). OpenAI lets no one read
back a file that is for assistants (public docs: files with the purpose `assistants` cannot be downloaded). There, name
and size may count as proof of a foreign document, when the user says so.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from deployer.apply.lag import SharedLook
from deployer.backends.account import Account
from deployer.backends.base import FileStore, StoredFile, digest
from deployer.cache import FOLDER
from deployer.engine.adopt import MAX_ATTRIBUTES
from deployer.engine.uploads import MISSING
from deployer.errors import AccountError, DeployerError
from deployer.model import DesiredFile, LiveFile, LiveObject

_BESIDE = 16


async def _no_holder(_file_id: str) -> None:
    return None


@dataclass(slots=True)
class _Spares:
    """The ids of one name and size that are free: `unread` in order, and by digest those that were read back."""

    unread: deque[str] = field(default_factory=deque)
    read: dict[str | None, deque[str]] = field(default_factory=lambda: defaultdict(deque))

    def only(self) -> str | None:
        """Return the one that is left, where nothing can be read of it; None where there are others."""
        left = sum(map(len, self.read.values())) + len(self.unread)
        return self.read[None].popleft() if left == 1 and self.read[None] else None


@dataclass(slots=True)
class Reuse:
    """`held` are the ids that are known to be held, `shas` what is known of others.

    `names` are those under which earlier runs sent files, `lost` what they may have sent: name, size and sha256. The
    account is asked when a file is first looked for; `holder` names who else holds a file that would fit.
    """

    account: Account
    held: Collection[str]
    holder: Callable[[str], Awaitable[str | None]] = _no_holder
    shas: dict[str, str | None] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    lost: Collection[tuple[str, int, str]] = ()
    seen: set[str] = field(default_factory=set)
    _free: dict[tuple[str, int], _Spares] = field(default_factory=lambda: defaultdict(_Spares))
    _noted: dict[tuple[str, str], deque[str]] = field(default_factory=lambda: defaultdict(deque))
    _listing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _turns: dict[tuple[str, int], asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _sending: Counter[tuple[str, int]] = field(default_factory=Counter)
    _listed: bool = False
    _none_listed: bool = False
    _stored: SharedLook[Mapping[tuple[str, int], Sequence[str]]] = field(init=False)

    def __post_init__(self) -> None:
        self._stored = SharedLook(self._by_name)
        for one, name in self.names.items():
            self._noted[name, self.shas.get(one) or ""].append(one)

    async def _by_name(self) -> Mapping[tuple[str, int], Sequence[str]]:
        found: dict[tuple[str, int], list[str]] = defaultdict(list)
        for one in await self.account.files.stored() or ():
            found[one.name, one.size].append(one.id)
        return found

    async def take(self, file: DesiredFile) -> str | None:
        """Return the id of a File object with the very bytes of `file`; it is given away once only.

        Raises DeployerError when an earlier run may have sent it, and this account lists no files that could tell.
        """
        async with self._listing:
            if not self._listed:
                await self._list()
        spares = self._free[file.name, file.size]
        found = await self._proven(file, spares) or await self._noted_before(file)
        if found is None and (file.name, file.size, file.sha256) in self.lost:
            if self._none_listed:
                raise DeployerError(
                    f"whether {file.path} was uploaded by an earlier run is unknown, since its answer was lost and "
                    "this account lists no files; to send it once more, "
                    f"delete {FOLDER / 'journal.jsonl'} and run again"
                )
            only = spares.only()
            return None if only is None or await self.holder(only) else only
        return found

    async def _noted_before(self, file: DesiredFile) -> str | None:
        """Return what an earlier run has sent under this name, though no list shows it."""
        async with self._turns[file.name, file.size]:
            fits = self._noted[file.name, file.sha256]
            while fits:
                one = fits.popleft()
                if self._is_new(one) and await self._is_there(one) and not await self.holder(one):
                    self.seen.add(one)
                    return one
        return None

    async def _is_there(self, file_id: str) -> bool:
        """Whether an account has a file; one that does not say so is believed to: the attach tells."""
        try:
            return file_id in await self.account.files.described([file_id])
        except AccountError as error:
            return error.unsupported

    @contextmanager
    def under_way(self, file: DesiredFile) -> Iterator[None]:
        """Count a file as being sent, from before its first byte until its id is known or given up."""
        self._sending[file.name, file.size] += 1
        try:
            yield
        finally:
            self._sending[file.name, file.size] -= 1

    async def appeared(self, file: DesiredFile) -> str | None:
        """Look for a file whose upload had no answer.

        Where it cannot be read, it is the only new one of its name and size while no other such is under way.
        """
        there = await self._stored.look()
        fits = [one for one in there.get((file.name, file.size), ()) if self._is_new(one)]
        alone = self._sending[file.name, file.size] == 1
        found = await self._proven(file, _Spares(deque(fits)))
        if found is None and alone and len(fits) == 1 and self.shas.get(fits[0]) is None:
            found = fits[0]
        if found is None or not self._is_new(found):
            return None
        self.seen.add(found)
        return found

    def _is_new(self, file_id: str) -> bool:
        return file_id not in self.seen and file_id not in self.held

    async def _list(self) -> None:
        self._listed = True
        stored = await self.account.files.stored()
        self._none_listed = stored is None
        for one in stored or ():
            self.seen.add(one.id)
            if one.id not in self.held:
                self._free[one.name, one.size].unread.append(one.id)

    async def _proven(self, file: DesiredFile, spares: _Spares) -> str | None:
        """Return the oldest that holds the bytes of a file; each is read once, and none is looked at for each file."""
        async with self._turns[file.name, file.size]:
            fits = spares.read[file.sha256]
            while fits or spares.unread:
                if fits:
                    if not await self.holder(one := fits.popleft()):
                        return one
                else:
                    one = spares.unread.popleft()
                    spares.read[await self._sha(one)].append(one)
        return None

    async def _sha(self, file_id: str) -> str | None:
        if file_id not in self.shas:
            self.shas[file_id] = await digest(self.account.files, file_id)
        return self.shas[file_id]


async def without_files(account: Account, live: Sequence[LiveObject]) -> tuple[LiveObject, ...]:
    """Return the live objects with the status `missing` on documents without a File object, and the ids that are gone.

    A store goes on listing documents whose File object is gone (UB-Mannheim/UBi, pull request 181). Requests: one for
    each 10,000 File objects of the account.
    """
    if not any(one.files or account.kinds[one.kind].held(one.raw) for one in live):
        return tuple(live)  # an account without a document may be one without File objects
    stored = await account.files.stored(every=True)
    if stored is None:
        return tuple(live)
    there = {one.id for one in stored}

    def seen(file: LiveFile) -> LiveFile:
        return file if file.id in there else replace(file, status=MISSING)

    return tuple(
        replace(
            one,
            files=tuple(map(seen, one.files)),
            gone=frozenset(account.kinds[one.kind].held(one.raw)) - there,
        )
        for one in live
    )


UNREADABLE = "the account does not let it be read, so nothing proves that it is the declared file"
OTHER = "no declared file has this name and these bytes"
GONE = "its File object is gone"
CROWDED = f"it has more than {MAX_ATTRIBUTES} attributes of its own"
_READY = ("completed", "in_progress")


@dataclass(frozen=True, slots=True)
class Proof:
    """`proven`: the declared file by the id of a File object. `foreign`: name and reason of each that stays foreign."""

    proven: dict[str, DesiredFile]
    foreign: tuple[tuple[str, str], ...] = ()


async def prove(
    files: FileStore, live: Sequence[LiveFile], desired: Sequence[DesiredFile], *, by_size: bool = False
) -> Proof:
    """Match foreign documents with declared files that no owned document is at yet; the oldest one wins.

    Requests: one for each foreign document, and the content of those whose name and size fit.
    """
    taken = {file.path for file in live if file.path is not None}
    foreign = sorted((file for file in live if file.path is None), key=_age)
    held = await files.described([file.id for file in foreign])
    wanted: dict[tuple[str, int], list[DesiredFile]] = defaultdict(list)
    for file in desired:
        if file.path not in taken:
            wanted[file.name, file.size].append(file)
    known = [held[file.id] for file in foreign if file.id in held]
    shas = await _digests(files, [file for file in known if (file.name, file.size) in wanted])
    proven: dict[str, DesiredFile] = {}
    told = []
    for one in foreign:
        why = _why_not(one, held.get(one.id), shas, by_size=by_size) or _take(
            held[one.id], wanted, shas[one.id], proven
        )
        told += [(held[one.id].name if one.id in held else one.id, why)] if why else []
    return Proof(proven, tuple(told))


def _age(file: LiveFile) -> tuple[bool, int, str]:
    return file.status not in _READY, file.created_at, file.id


async def _digests(store: FileStore, files: Sequence[StoredFile]) -> dict[str, str | None]:
    gate = asyncio.Semaphore(_BESIDE)

    async def of(file: StoredFile) -> str | None:
        async with gate:
            return await digest(store, file.id)

    return dict(zip([file.id for file in files], await asyncio.gather(*map(of, files)), strict=True))


def _why_not(file: LiveFile, held: StoredFile | None, shas: dict[str, str | None], *, by_size: bool) -> str:
    if held is None:
        return GONE
    if file.id not in shas:
        return OTHER
    if len(file.attributes) > MAX_ATTRIBUTES:
        return CROWDED
    return UNREADABLE if shas[file.id] is None and not by_size else ""


def _take(
    held: StoredFile,
    wanted: dict[tuple[str, int], list[DesiredFile]],
    sha256: str | None,
    proven: dict[str, DesiredFile],
) -> str:
    """Use up the declared file that this is; without a digest, the only one of its name and size."""
    same = wanted[held.name, held.size]
    fits = [file for file in same if file.sha256 == sha256] if sha256 else same if len(same) == 1 else []
    if not fits:
        return OTHER if sha256 or not same else UNREADABLE
    proven[held.id] = fits[0]
    same.remove(fits[0])
    return ""
