"""The HTTP backend: typed operations as requests, and answers as rows. The only place that knows paths and headers."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from unicodedata import normalize
from urllib.parse import urlsplit

from deployer.backends import validate
from deployer.backends.base import (
    AttachForm,
    Condition,
    Held,
    Holder,
    Lease,
    Pause,
    Progress,
    Row,
    Sent,
    Silence,
    StoredFile,
    ignore,
    without_password,
)
from deployer.backends.http import lease, pages, routes, uploads
from deployer.backends.http.client import PATIENT, Client, Patience, connect
from deployer.backends.http.dialogue import HttpDialogue
from deployer.backends.http.failures import Failure
from deployer.backends.http.pacing import attaching
from deployer.backends.http.pages import Cursors, rows
from deployer.backends.http.redact import masked, redacted
from deployer.backends.http.routes import DEPLOYMENTS, ROUTES, SHARED, STORES, Route
from deployer.backends.http.versions import Versioned, latest
from deployer.engine import canonical
from deployer.errors import AccountError
from deployer.kinds import SURFACES, Kind, vector_store
from deployer.model import AccountSettings, Attrs, LiveFile, Member

if TYPE_CHECKING:
    import httpx2

CONCURRENCY = 32
"""Reads beside each other."""
_MOST_FILES = 10_000
_FRESH = 5.0
"""Seconds for which a list is good enough to compare with before a write."""
_REMEDY = "check the account's api and base_url, then run again"
_SUSPECT = ("failed", "cancelled", "in_progress")
_NOT_FOUND = 404
_NOT_OFFERED = (405, 501)
_NO_SUCH_COLLECTION = (*range(400, 408), *range(409, 429), 501)
"""What a server answers whose API has no such collection; a 408, a 429 or a broken answer says nothing."""


@dataclass(slots=True)
class ListIndex:
    """The rows of lists by kind and id, for objects that are not served by id: one list for many, and each fresh.

    A row that was written since is read anew.
    """

    clock: Callable[[], float] = time.monotonic
    found: dict[str, tuple[float, dict[str, Row]]] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, kind: str, live_id: str, read: Callable[[], Awaitable[Iterable[Row]]]) -> Row | None:
        asked = self.clock()
        async with self._turn:
            at, rows = self.found.get(kind, (-math.inf, {}))
            if (live_id not in rows and at < asked) or at < asked - _FRESH:
                rows = {row["id"]: row for row in await read()}
                self.found[kind] = (self.clock(), rows)
            return rows.get(live_id)

    def forget(self, kind: str, live_id: str) -> None:
        if kind in self.found:
            self.found[kind][1].pop(live_id, None)


@dataclass(frozen=True, slots=True)
class HttpBackend:
    """The objects and files of one account. `cursors` remember where the pages of its lists begin.

    `versions` are those that were read last, by the names of agents that have some.
    """

    client: Client
    cursors: Cursors
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONCURRENCY))
    by_list: ListIndex = field(default_factory=ListIndex)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> HttpFiles:
        return HttpFiles(self.client, self.cursors, self.gate)

    @property
    def leases(self) -> HttpLeases:
        return HttpLeases(self.client)

    @property
    def models(self) -> HttpModels | None:
        return None if self.client.settings.api in DEPLOYMENTS else HttpModels(self.client)

    @property
    def dialogue(self) -> HttpDialogue:
        return HttpDialogue(self.client)

    async def list(self, kind: str, seen: Callable[[Row], object] = ignore) -> list[Row]:
        route, found = self._route(kind), list[Row]()

        def take(row: Row) -> None:
            if other := next((what for name, what in route.unlike.items() if name in row), None):
                raise pages.odd_answer(self.client, route.path, f"lists {other}")
            if not lease.is_lease(row):
                found.append(row)
                if not route.versioned:
                    seen(row)

        await pages.walk_list(
            self.client, self.gate, route.path, take, self.cursors, name=route.object, until_empty=route.versioned
        )
        if versioned := self._versioned(kind):
            found = await versioned.rows(found)
            for row in found:
                seen(row)
        return found

    async def get(self, kind: str, live_id: str) -> Row:
        """Where objects are not served by id (LiteLLM), the list has them."""
        try:
            if versioned := self._versioned(kind):
                return await versioned.get(live_id)
            return await _read(self.client, f"{self._route(kind).path}/{live_id}")
        except AccountError as error:
            if error.status not in _NOT_OFFERED:
                raise
        return await self.by_list.get(kind, live_id, partial(self.list, kind)) or self._absent(kind, live_id)

    def _absent(self, kind: str, live_id: str) -> Row:
        failure = Failure("no longer lists it", "plan again", _NOT_FOUND)
        raise self.client.error("GET", f"{self._route(kind).path}/{live_id}", failure)

    @property
    def unserved(self) -> frozenset[str]:
        return frozenset(self.by_list.found)

    async def create(self, kind: str, body: Mapping[str, Any], key: str = "") -> Row:
        if versioned := self._versioned(kind):
            return await versioned.create(body)
        path = self._route(kind).path
        made = _with_id(self.client, path, (await self.client.write("POST", path, body, key=key)).data)
        self.cursors.rest[path].append(made["id"])
        return made

    async def update(self, kind: str, live_id: str, body: Mapping[str, Any]) -> Row:
        path = f"{self._route(kind).path}/{live_id}"
        self.by_list.forget(kind, live_id)
        if versioned := self._versioned(kind):
            return await versioned.update(live_id, body)
        return _with_id(self.client, path, (await self.client.write("POST", path, body, again=True)).data)

    async def delete(self, kind: str, live_id: str) -> None:
        self.by_list.forget(kind, live_id)
        await _delete(self.client, f"{self._route(kind).path}/{live_id}")
        self.cursors.gone.add(live_id)

    async def trim(self, kind: str, live_id: str, keep: int, project: str) -> Sequence[str]:
        versioned = self._versioned(kind)
        return await versioned.trim(live_id, keep, project) if versioned else ()

    def reference(self, kind: str, row: Row) -> str:
        """Of an agent with versions it is what a request names it by (`agent_reference`), with the version."""
        if not self._route(kind).versioned:
            return str(row["id"])
        return json.dumps({"type": "agent_reference", "name": row["id"], "version": row.get("version")})

    def odd(self, kind: str, what: str) -> AccountError:
        return pages.odd_answer(self.client, self._route(kind).path, what)

    def _route(self, kind: str) -> Route:
        return routes.route(self.client.settings.api, kind)

    def _versioned(self, kind: str) -> Versioned | None:
        """Return what reads and writes objects of a kind that are rows of versions; None where they are none."""
        route = self._route(kind)
        return Versioned(self.client, self.gate, route.path, self.versions) if route.versioned else None


async def _read(client: Client, path: str) -> Row:
    return redacted((await client.get(path)).data, client.settings.api_key)


async def _delete(client: Client, path: str) -> None:
    try:
        await client.write("DELETE", path, again=True)
    except AccountError as error:
        if not error.absent:  # else what was to go is gone
            raise


def _with_id(client: Client, path: str, data: dict[str, Any]) -> dict[str, Any]:
    if isinstance(data.get("id"), str):
        return data
    raise client.error("POST", path, Failure("answered without an id", _REMEDY), done=True)


@dataclass(frozen=True, slots=True)
class HttpModels:
    """The models of one account."""

    client: Client

    async def offered(self) -> Mapping[str, str | None] | None:
        """Names of other servers are no ids (`org/model`), and one page has them all: only the answer's form counts."""
        try:
            data = (await self.client.get("/models")).data
        except AccountError as error:
            if error.unsupported:
                return None
            raise
        listed = data.get("data") if isinstance(data, Mapping) else None
        found = [row for row in listed if isinstance(row, Mapping)] if isinstance(listed, list) else []
        return {str(row.get("id")): row.get("shutdown_date") for row in found} or None


@dataclass(frozen=True, slots=True)
class HttpFiles:
    """The File objects of an account, and the memberships of its vector stores."""

    client: Client
    cursors: Cursors
    gate: asyncio.Semaphore

    async def upload(
        self, name: str, content: BinaryIO, size: int, sent: Sent = ignore, key: str = ""
    ) -> tuple[str, str]:
        sha256, answer = await uploads.send(self.client, name, content, size, sent, key)
        return str(_with_id(self.client, "/files", answer)["id"]), sha256

    async def stored(self, *, every: bool = False) -> list[StoredFile] | None:
        query = {"limit": _MOST_FILES} if every else {"limit": _MOST_FILES, **uploads.PURPOSE}
        try:
            return [_stored(row) for row in await rows(self.client, "/files", query)]
        except AccountError as error:
            if error.unsupported:
                return None
            raise

    async def described(self, ids: Iterable[str]) -> dict[str, StoredFile]:
        found = await asyncio.gather(*(self._described(one) for one in dict.fromkeys(ids)))
        return {one.id: one for one in found if one}

    async def _described(self, file_id: str) -> StoredFile | None:
        path = f"/files/{file_id}"
        async with self.gate:
            try:
                data = await _read(self.client, path)
            except AccountError as error:
                if not error.absent:
                    raise
                return None
        name, size = data.get("filename"), data.get("bytes")
        if not isinstance(name, str) or not isinstance(size, int):
            raise pages.odd_answer(self.client, path, "answered no name and size")
        return StoredFile(file_id, normalize("NFC", name), size)

    def download(self, file_id: str) -> AsyncIterator[bytes]:
        return self.client.download(f"/files/{file_id}/content")

    async def delete(self, file_id: str) -> None:
        await _delete(self.client, f"/files/{file_id}")

    async def members(self, store: str) -> tuple[LiveFile, ...]:
        path, found = _members(store), list[LiveFile]()

        def take(row: Row) -> None:
            found.append(self._member(path, row))

        await pages.walk_list(self.client, self.gate, path, take, self.cursors)
        return tuple(found)

    async def member_ids(self, store: str) -> frozenset[str]:
        return frozenset(row["id"] for row in await rows(self.client, _members(store), gate=self.gate))

    async def member(self, store: str, file_id: str) -> LiveFile | None:
        path = _members(store)
        try:
            return self._member(path, {**await _read(self.client, f"{path}/{file_id}"), "id": file_id})
        except AccountError as error:
            if error.absent:
                return None
            raise

    async def has_member(self, store: str, file_id: str) -> bool:
        try:
            async with self.gate:
                await self.client.get(f"{_members(store)}/{file_id}")
        except AccountError as error:
            if error.absent:
                return False
            raise
        return True

    def _member(self, path: str, row: Row) -> LiveFile:
        if odd := validate.odd_membership(row):
            raise pages.odd_answer(self.client, path, f"gave {row['id']} with {odd}")
        return vector_store.live_file({**row, "created_at": canonical.seconds(row.get("created_at"))})

    async def attach(
        self, store: str, members: Mapping[str, Member], key: str = "", form: AttachForm = AttachForm.BATCH
    ) -> str | None:
        path, body = _attaching(store, members, form)
        counts = attaching(store, len(members))
        answer = (await self.client.write("POST", path, body, counts=counts, key=key)).data
        self.cursors.rest[_members(store)] += members
        return str(_with_id(self.client, path, answer)["id"]) if form.is_batch else None

    async def progress(self, store: str, batch: str) -> Progress:
        path = f"{_batches(store)}/{batch}"
        answer = await self.client.get(path)
        counts = answer.data.get("file_counts")
        if not isinstance(counts, dict) or not _is_count(counts.get("in_progress") or 0):
            raise self.client.error("GET", path, Failure("answered without file_counts that can be read", _REMEDY))
        suspect = tuple(status for status in _SUSPECT if counts.get(status))
        total = counts.get("total")
        whole = total if _is_count(total) else None
        return Progress(int(counts.get("in_progress") or 0), suspect, answer.poll_after, whole)

    async def conditions(self, store: str, status: str, batch: str | None = None) -> list[Condition]:
        path = f"{_batches(store)}/{batch}/files" if batch else _members(store)
        return [_condition(row) for row in await rows(self.client, path, {"filter": status}, self.gate)]

    async def update_member(self, store: str, file_id: str, attributes: Attrs) -> LiveFile | None:
        path, body = _members(store), {"attributes": dict(attributes)}
        answer = (await self.client.write("POST", f"{path}/{file_id}", body, again=True)).data
        return self._member(path, {**answer, "id": file_id}) if answer.get("attributes") else None

    async def detach(self, store: str, file_id: str) -> None:
        await _delete(self.client, f"{_members(store)}/{file_id}")

    async def holders(self) -> list[Holder]:
        surface = self.client.settings.api
        own = {route.path: (surface, kind) for kind, route in routes.routes(surface).items()}
        shared = SHARED.get(surface, ())
        others = {route.path: (other, kind) for other in shared for kind, route in ROUTES[other].items()}
        found = await asyncio.gather(
            *(self._holders_if_offered(*one) for one in own.values()),
            *(self._holders_if_there(*one) for path, one in others.items() if path not in own),
        )
        return [one for group in found for one in group]

    async def _holders(self, surface: str, name: str) -> list[Holder]:
        route, kind = routes.route(surface, name), SURFACES[surface][name].kind
        found = await rows(self.client, route.path, gate=self.gate, until_empty=route.versioned)
        return [_holder(route, kind, latest(row) or row if route.versioned else row) for row in found]

    async def _holders_if_offered(self, surface: str, name: str) -> list[Holder]:
        """Of the account's own surface: one that this key may not see could hold anything."""
        try:
            return await self._holders(surface, name)
        except AccountError as error:
            if error.unsupported:
                return []
            raise

    async def _holders_if_there(self, surface: str, name: str) -> list[Holder]:
        try:
            return await self._holders(surface, name)
        except AccountError as error:
            if error.status in _NO_SUCH_COLLECTION or error.other_form:
                return []  # what answers in another form is another product's (LiteLLM's /agents is its own registry)
            raise


def _members(store: str) -> str:
    return f"{STORES.path}/{store}/files"


def _batches(store: str) -> str:
    return f"{STORES.path}/{store}/file_batches"


def _attaching(store: str, members: Mapping[str, Member], form: AttachForm) -> tuple[str, dict[str, Any]]:
    """Return path and body of a request that attaches files, in one of the forms that accounts take."""
    entries = [
        {**vector_store.membership(one.attributes, one.chunking), "file_id": file_id}
        for file_id, one in members.items()
    ]
    if form is AttachForm.BATCH:
        return _batches(store), {"files": entries}
    if not form.carries_attributes:
        entries = [{name: value for name, value in one.items() if name != "attributes"} for one in entries]
    if form is not AttachForm.IDS:
        return _members(store), entries[0]
    shared = {name: value for name, value in entries[0].items() if name != "file_id"}
    return _batches(store), {"file_ids": [*members], **shared}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _stored(row: Row) -> StoredFile:
    size = row.get("bytes")
    return StoredFile(
        str(row["id"]),
        str(row.get("filename")),
        size if isinstance(size, int) else -1,
        canonical.seconds(row.get("created_at")),
    )


def _condition(row: Row) -> Condition:
    error = row.get("last_error")
    said, code = (error.get("message"), error.get("code")) if isinstance(error, dict) else (None, None)
    words = f"{said} [{code}]" if said and isinstance(code, str) else said or code
    return Condition(str(row["id"]), str(row.get("status")), str(words) if words else None)


def _holder(route: Route, kind: Kind, row: Row) -> Holder:
    counts = row.get("file_counts")
    total = counts.get("total") if isinstance(counts, dict) else None
    return Holder(
        str(row["id"]),
        f"{route.object.replace('_', ' ')} {row['id']}",
        frozenset(kind.references(row)),
        frozenset(kind.held(row)),
        is_store=route is STORES and row.get("status") != "expired",
        count=total if isinstance(total, int) else None,
    )


@dataclass(frozen=True, slots=True)
class HttpLeases:
    """Leases kept on the account itself, as empty vector stores."""

    client: Client

    async def listed(self, project: str) -> list[Lease]:
        return await lease.leases(self.client, project)

    async def remove(self, lease_id: str) -> None:
        await lease.remove(self.client, lease_id)

    def held(self, project: str, patience: float) -> AbstractAsyncContextManager[Held]:
        return lease.held(self.client, project, patience)


@asynccontextmanager
async def open_backend(  # noqa: PLR0913, PLR0917
    settings: AccountSettings,
    folder: Path | None,
    told: Callable[[Pause | Silence], object] = ignore,
    transport: httpx2.AsyncBaseTransport | None = None,
    place: str = "",
    patience: Patience = PATIENT,
) -> AsyncIterator[HttpBackend]:
    """Open an account. `folder` is where cursors are kept; `transport` and `place` are those of an embedded account.

    Cursors are kept when every list was read, so that those of stores that are gone are forgotten.
    """
    headers = routes.headers(*SHARED.get(settings.api, ()), settings.api)
    async with connect(settings, headers, transport, patience, place, routes.places(settings)) as client:
        client.circuit.told = partial(tell_of, client, told)
        if not place:
            host = urlsplit(without_password(settings.base_url or "")).netloc
            client.circuit.silence.told = lambda seconds: told(Silence(host, seconds))
        backend = HttpBackend(client, pages.of_account(folder, settings))
        yield backend
        if {route.path for route in routes.routes(settings.api).values()} <= backend.cursors.now.keys():
            backend.cursors.save()


def tell_of(client: Client, told: Callable[[Pause], object], failure: Failure, since: float, seconds: float) -> None:
    """Say a pause in words that hold no key."""
    settings, patience = client.settings, client.patience
    what = masked(failure.what, settings.api_key)
    told(Pause(settings.name, what, since, patience.clock(), seconds, patience.outage))
