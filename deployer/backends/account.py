"""An open account: the kinds of its surface, the backend where objects of each are, and what is live on all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from deployer import cache, remote
from deployer.backends import embedded, validate
from deployer.backends.base import Backend, Dialogue, FileStore, Leases, NoFiles, Pause, Row, Silence, ignore
from deployer.backends.capabilities import Capabilities, of_account
from deployer.errors import AccountError
from deployer.kinds import SURFACES, Kind, kinds_of
from deployer.model import AccountSettings, LiveFile, LiveObject

Told = Callable[[Pause | Silence], object]
_NO_FILES: FileStore = cast("FileStore", NoFiles())
OBJECTS = Path(".deployer") / "objects"
"""Where a project keeps objects that live in a folder, beside the manifest: a folder for each account."""
BUNDLES = Path("bundles")
"""The same of objects whose files are read by others: they are meant to be seen, and may be committed."""


@dataclass(frozen=True, slots=True)
class Account:
    """The kinds that it holds by name, and the open backends by name; `homes` says which backend a kind lives in.

    `unlisted` are the kinds that the account did not list when it was last read, with its refusal: it has no such
    collection (404, 405, 501), or this key may not look there (403). `capabilities`: what it can do with documents.
    """

    settings: AccountSettings
    kinds: Mapping[str, Kind]
    homes: Mapping[str, str]
    backends: Mapping[str, Backend]
    unlisted: dict[str, AccountError] = field(default_factory=dict)
    capabilities: Capabilities = field(default_factory=Capabilities)

    def of(self, kind: str) -> Backend:
        """Return the backend where objects of a kind are."""
        return self.backends[self.homes[kind]]

    @property
    def files(self) -> FileStore:
        """The files of the account, wherever it has them."""
        return next((files for one in self.backends.values() if (files := one.files)), _NO_FILES)

    @property
    def leases(self) -> Leases | None:
        """What keeps a second run out; None where no backend can."""
        return next((leases for one in self.backends.values() if (leases := one.leases)), None)

    @property
    def dialogue(self) -> Dialogue | None:
        """What conversations are held by; None where no backend holds any."""
        return next((found for one in self.backends.values() if (found := one.dialogue)), None)

    async def offered_models(self) -> Mapping[str, str | None] | None:
        """Return the models that the account offers, by name; None where it says none."""
        lists = [one.models for one in self.backends.values() if one.models is not None]
        return await lists[0].offered() if lists else None

    async def read(
        self, owned: Callable[[Mapping[str, Any]], bool], needed: Collection[str] = ()
    ) -> tuple[LiveObject, ...]:
        """Return every object of every kind; `owned` tells of an object whether its files are to be read, too.

        The lists are read beside each other, memberships as soon as a store is seen. A kind that is not `needed` may
        be `unlisted`; AccountError when a needed one is, or when there is no list at all.
        """
        return await self._read(self.kinds, owned, needed)

    async def listed(self, *kinds: str) -> tuple[LiveObject, ...]:
        """Return every object of these kinds (of all that there are, if none is named), without what it holds."""
        return await self._read(kinds or tuple(self.kinds), lambda _raw: False, kinds)

    async def _read(
        self, kinds: Iterable[str], owned: Callable[[Mapping[str, Any]], bool], needed: Collection[str]
    ) -> tuple[LiveObject, ...]:
        names, unlisted = tuple(kinds), dict[str, AccountError]()

        def optional(name: str, error: AccountError) -> bool:
            if name in needed or not _is_optional(error):
                return False
            unlisted[name] = error
            return True

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._of_kind(name, owned, partial(optional, name))) for name in names]
        except BaseExceptionGroup as errors:
            raise _first(errors) from None
        if names and len(unlisted) == len(names):  # an account without a single list is none: its URL or key is wrong
            raise unlisted[names[0]]
        for name in names:
            self.unlisted.pop(name, None)
        self.unlisted.update(unlisted)
        return tuple(one for task in tasks for one in task.result())

    async def _of_kind(
        self, kind: str, owned: Callable[[Mapping[str, Any]], bool], optional: Callable[[AccountError], bool]
    ) -> list[LiveObject]:
        """Read a list, which may be missing where that is `optional`; what a list has shown must be readable whole."""
        backend, files = self.of(kind), dict[str, asyncio.Task[tuple[LiveFile, ...]]]()
        rows, shown = list[Row](), False
        async with asyncio.TaskGroup() as group:

            def seen(raw: Row) -> None:
                nonlocal shown
                shown = True
                if _is_owned(backend, kind, raw, owned) and self.kinds[kind].is_store and _holds_files(raw):
                    files[raw["id"]] = group.create_task(self.files.members(raw["id"]))

            try:
                rows = await backend.list(kind, seen)
            except AccountError as error:
                if shown or not optional(error):
                    raise
        found = [LiveObject(kind, raw["id"], raw) for raw in rows]
        return [replace(one, files=files[one.id].result()) if one.id in files else one for one in found]


def _is_optional(error: AccountError) -> bool:
    """Whether an account without this list is still one that can be worked with."""
    return error.unsupported or error.forbidden


def _first(error: BaseException) -> BaseException:
    """One sentence is enough: what fails once usually fails for every list. A bug goes before an expected error."""
    while isinstance(error, BaseExceptionGroup):
        bugs = error.split(AccountError)[1]
        error = (bugs or error).exceptions[0]
    return error


def _is_owned(backend: Backend, kind: str, raw: Row, owned: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Whether the object is owned: then it will be compared, so its fields must have the form that we know."""
    odd = validate.odd_metadata(raw)
    carries = odd is None and owned(raw)
    if odd := odd or (validate.odd_object(raw) if carries else None):
        raise backend.odd(kind, f"gave {raw['id']} with {odd}")
    return carries


def _holds_files(raw: Row) -> bool:
    """Whether the store may hold files: a server that gives no counts is asked."""
    counts = raw.get("file_counts")
    return not isinstance(counts, dict) or counts.get("total") != 0


@asynccontextmanager
async def open_account(
    settings: AccountSettings, root: Path, told: Told = ignore, answers: Any = None
) -> AsyncIterator[Account]:
    """Open every backend that the surface of an account needs; `root` is the manifest's folder.

    `told` is told when the account is in trouble, or does not answer. Without a `base_url` it is the embedded account,
    where conversations are answered by `answers` (deployer.server.Answerer), or else by a rehearsal.
    """
    surface, place = SURFACES[settings.api], _Opening(settings, root, told, answers)
    async with AsyncExitStack() as stack:
        backends: dict[str, Backend] = {}
        for name in dict.fromkeys(home.backend for home in surface.values()):
            backends[name] = await stack.enter_async_context(_OPENERS[name](place))
        homes = {name: home.backend for name, home in surface.items()}
        able = of_account(place.home / cache.FOLDER, place.reached)
        yield Account(place.reached, kinds_of(settings.api, settings), homes, backends, capabilities=able)


@dataclass(frozen=True, slots=True)
class _Opening:
    """Where to open backends: an account, the manifest's folder, and who is told of trouble."""

    settings: AccountSettings
    root: Path
    told: Told
    answers: Any = None

    @property
    def home(self) -> Path:
        return self.root / self.settings.home

    @property
    def reached(self) -> AccountSettings:
        """The settings with the URL by which requests go out."""
        url = self.settings.base_url or embedded.URLS.get(self.settings.api, embedded.URL)
        return replace(self.settings, base_url=url)


@asynccontextmanager
async def _http(place: _Opening) -> AsyncIterator[Backend]:
    from deployer.backends.http.backend import open_backend

    cursors = place.home / cache.FOLDER
    if place.settings.base_url:
        async with open_backend(place.settings, cursors, place.told) as backend:
            yield backend
        return
    folder = place.home / embedded.FOLDER
    with embedded.transport(folder, place.answers) as transport:
        shown = f"the embedded account in {folder}"
        async with open_backend(place.reached, cursors, place.told, transport, shown) as backend:
            yield backend


@asynccontextmanager
async def _folder(place: _Opening) -> AsyncIterator[Backend]:
    from deployer.backends.folder import FolderBackend

    settings, homes = place.settings, SURFACES[place.settings.api].items()
    forms = {kind: home.kind.file for kind, home in homes if home.backend == "folder" and home.kind.file}
    chosen = settings.folder or str((BUNDLES if forms else OBJECTS) / settings.name)
    yield FolderBackend(settings.name, chosen if remote.is_url(chosen) else str(place.root / chosen), forms=forms)


Opener = Callable[[_Opening], AbstractAsyncContextManager[Backend]]
_OPENERS: Mapping[str, Opener] = MappingProxyType({"http": _http, "folder": _folder})
"""By the names that stand in the table of surfaces."""
