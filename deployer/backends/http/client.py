"""An open account: requests go at its pace, behind one circuit breaker, and again where that does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import httpx2

from deployer.backends.base import StreamedEvent
from deployer.backends.http.circuit import Circuit
from deployer.backends.http.exchange import Answer, Content, HttpRequest, once, opened, pieces, streamed
from deployer.backends.http.failures import Failure, Trouble
from deployer.backends.http.pacing import NOTHING, Counts, Pace
from deployer.backends.http.redact import masked
from deployer.backends.http.retry import PATIENT, Fate, Patience, Series
from deployer.backends.http.transport import Connection, connection
from deployer.errors import AccountError
from deployer.model import AccountSettings

__all__ = ["PATIENT", "Answer", "Client", "Patience", "Place", "Places", "connect"]

_OK = 200
_BUSY = 429
_UNKNOWN_KEY = 401


@dataclass(frozen=True, slots=True)
class Place:
    """Where a collection is: what stands before its path, and the query that goes with every request to it."""

    prefix: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


Places = Mapping[str, Place]
"""By collection (`/agents`), "" for every other one; none where all are below the base URL, without a query."""
_BELOW = Place()


@dataclass(slots=True)
class Client:
    """An open connection. `requests` counts the calls, however often each had to be sent.

    `place` is what users call an account that has no URL of its own.
    """

    settings: AccountSettings
    connection: Connection
    headers: Mapping[str, Mapping[str, str]]
    patience: Patience
    pace: Pace
    circuit: Circuit
    place: str = ""
    places: Places = field(default_factory=dict)
    requests: int = 0
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Answer:
        return await self._send(HttpRequest("GET", path, query=query), again=True)

    async def write(  # noqa: PLR0913 (what is known of it)
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        again: bool = False,
        counts: Counts = NOTHING,
        key: str = "",
    ) -> Answer:
        """Send a POST or DELETE; `again`: to do it twice does no harm. `counts` is what limits count of it.

        `key` tells a service that knows it (Idempotency-Key) which requests are one and the same.

        What was certainly not done is repeated in any case. Without `again`, an attempt that may have been done is the
        last one, and the AccountError says that it is `lost`.
        """
        return await self._send(HttpRequest(method, path, body=body, counts=counts, key=key), again=again)

    async def send_file(  # noqa: PLR0913 (what is known of it)
        self,
        path: str,
        content: Content,
        fields: Mapping[str, Any] | None = None,
        *,
        again: bool = False,
        counts: Counts = NOTHING,
        key: str = "",
    ) -> Answer:
        """Send a form with one file, streamed; each attempt reads it from its beginning."""
        call = HttpRequest("POST", path, body=dict(fields or {}), content=content, counts=counts, key=key)
        return await self._send(call, again=again)

    async def download(self, path: str) -> AsyncIterator[bytes]:
        """Yield what a file holds, bit by bit; when the connection breaks, go on where it broke."""
        self.requests += 1
        series, call, given = Series(self.patience, again=True), HttpRequest("GET", path), 0
        while True:
            series.count, key = series.count + 1, self.settings.api_key
            try:
                async for piece in self._after(call, given):
                    self.circuit.silence.moved()
                    given += len(piece)
                    yield piece
            except Trouble as trouble:
                await self._rest(call, series, trouble.failure, key)
            else:
                return

    async def _after(self, call: HttpRequest, skip: int) -> AsyncIterator[bytes]:
        async with self._attempt(call):
            async for piece in pieces(self.connection, self._placed(call), self._headers(call), self.patience):
                if skip < len(piece):
                    yield piece[skip:]
                skip = max(0, skip - len(piece))

    @asynccontextmanager
    async def events(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> AsyncIterator[AsyncIterator[StreamedEvent]]:
        """Send a request once, and hear the events of its answer; AccountError when it, or its stream, breaks."""
        self.requests += 1
        call = HttpRequest(method, path, body=body)
        try:
            async with self._attempt(call):
                response = await opened(self.connection, self._placed(call), self._headers(call), self.patience)
        except Trouble as trouble:
            lost = trouble.failure.fate is Fate.UNKNOWN and method != "GET"
            raise self.error(method, path, trouble.failure, lost=lost) from None
        try:
            yield self._heard(call, response)
        finally:
            await response.aclose()

    async def _heard(self, call: HttpRequest, response: httpx2.Response) -> AsyncIterator[StreamedEvent]:
        try:
            with self.circuit.silence.waiting():
                async for event in streamed(response):
                    self.circuit.silence.moved()
                    yield event
        except Trouble as trouble:
            raise self.error(call.method, call.path, trouble.failure, lost=True) from None

    def error(  # noqa: PLR0913 (what is known of it)
        self,
        method: str,
        path: str,
        failure: Failure,
        *,
        attempts: int = 1,
        lost: bool = False,
        done: bool = False,
    ) -> AccountError:
        """Return the sentence: account, URL, what happened, what to do. The key is masked, whoever repeated it."""
        base = str(self.connection.http.base_url.copy_with(username=None, password=None)).rstrip("/")
        path = f"{self._place(path).prefix}{path}"
        where = f"{method} {path} on {self.place}" if self.place else f"{method} {base}{path}"
        often = f", after {attempts} attempts," if attempts > 1 else ""
        text = f"account {self.settings.name}: {where}{often} {failure.what}; {failure.remedy}"
        text = masked(text, self.settings.api_key)
        other_form = failure.status == _OK and failure.fate in (Fate.REFUSED, Fate.ANSWERED)
        said = masked(failure.said, self.settings.api_key)
        return AccountError(
            text,
            status=failure.status,
            code=failure.code,
            lost=lost,
            done=done,
            other_form=other_form,
            param=failure.param,
            said=said,
        )

    async def _send(self, call: HttpRequest, *, again: bool) -> Answer:
        self.requests += 1
        series = Series(self.patience, again)
        while True:
            series.count, key = series.count + 1, self.settings.api_key
            try:
                async with self._attempt(call):
                    return await once(self.connection, self._placed(call), self._headers(call), self.patience)
            except Trouble as trouble:
                await self._rest(call, series, trouble.failure, key)

    async def _rest(self, call: HttpRequest, series: Series, failure: Failure, key: str | None) -> None:
        """Wait for the next attempt, or raise when there is to be none; `key` is what the last one was sent with."""
        if failure.status == _UNKNOWN_KEY and await self._renewed(series, key):
            return
        pause = series.next(failure, known=self.circuit.known)
        if pause is None:
            lost = series.unknown and call.method != "GET"
            raise self.error(call.method, call.path, failure, attempts=series.count, lost=lost)
        await self.patience.sleep(pause)

    async def _renewed(self, series: Series, key: str | None) -> bool:
        """Ask for the key anew, once in a series: a token ends. Whether there is another one than `key` now."""
        if self.settings.renew is None or series.renewed:
            return False
        series.renewed = True
        async with self._asking:
            if self.settings.api_key == key:  # else another request has asked meanwhile
                found = await asyncio.to_thread(self.settings.renew)
                self.settings = replace(self.settings, api_key=found)
        return self.settings.api_key != key

    def _place(self, path: str) -> Place:
        return self.places.get(_collection(path)) or self.places.get("", _BELOW)

    def _placed(self, call: HttpRequest) -> HttpRequest:
        """Return a request as it goes out."""
        place = self._place(call.path)
        if not place.prefix and not place.query:
            return call
        return replace(call, path=f"{place.prefix}{call.path}", query={**place.query, **(call.query or {})} or None)

    @asynccontextmanager
    async def _attempt(self, call: HttpRequest) -> AsyncIterator[None]:
        """Wait for leave to send; learn from what becomes of it."""
        self.circuit.give_up()
        paid = await self.pace.admit(call.counts)
        try:
            async with self.circuit.passing():
                yield
        except Trouble as trouble:
            if trouble.failure.status == _BUSY and self.patience.believes(trouble.failure.wait):
                self.pace.slower(paid, self.patience.pause(1, trouble.failure.wait))
            raise
        self.pace.faster(paid)

    def _headers(self, call: HttpRequest) -> dict[str, str]:
        """Return who is calling, on each request, and what its collection wants."""
        form = {"Content-Type": "multipart/form-data"} if call.content else {}
        organization = {"OpenAI-Organization": self.settings.organization} if self.settings.organization else {}
        wanted = self.headers.get(_collection(call.path), {})
        key = {"Idempotency-Key": call.key} if call.key else {}
        return {"Authorization": f"Bearer {_key(self.settings)}", **organization, **wanted, **form, **key}


def _collection(path: str) -> str:
    return "/" + path.split("/", 2)[1]


def _unusable(base_url: str) -> str | None:
    """Return what keeps a base URL from being one."""
    try:
        parts = urlsplit(base_url)
        port_is_wrong = parts.port == 0
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https"):
        return "does not begin with http:// or https://"
    if not parts.hostname or port_is_wrong:
        return "names no host"
    return "has a query (?…): put it into the account's query" if parts.query or parts.fragment else None


def _key(settings: AccountSettings) -> str:
    return settings.api_key or "none"


@asynccontextmanager
async def connect(  # noqa: PLR0913, PLR0917 (what an account is opened with)
    settings: AccountSettings,
    headers: Mapping[str, Mapping[str, str]],
    transport: httpx2.AsyncBaseTransport | None = None,
    patience: Patience = PATIENT,
    place: str = "",
    places: Places | None = None,
) -> AsyncIterator[Client]:
    """Open the account. `headers` go by collection (`/agents`); `transport` is an embedded account's, None for HTTP.

    `places` are where its collections are, None for below its base URL, with its query.
    """
    _check(settings)
    if places is None:
        places = {"": Place(query=settings.query)} if settings.query else {}
    try:
        made = connection(settings.base_url or "", _key(settings), transport)
    except httpx2.InvalidURL as error:
        raise AccountError(f"account {settings.name}: base_url is not a URL ({error}); correct it") from None
    async with made.http:
        pace = Pace(settings.limits, clock=patience.clock, sleep=patience.sleep)
        yield Client(settings, made, headers, patience, pace, Circuit(patience), place, places)


def _check(settings: AccountSettings) -> None:
    """Refuse what cannot be called, and what no header can carry (unseen: a pasted secret brings a line break)."""
    if reason := _unusable(settings.base_url or ""):
        raise AccountError(f"account {settings.name}: base_url {reason}; write it like https://api.openai.com/v1")
    for name, value in (("api_key", settings.api_key), ("organization", settings.organization)):
        if what := _unsendable(value or ""):
            raise AccountError(
                f"account {settings.name}: {name} holds a character that cannot be sent ({what}); set it again"
            )


def _unsendable(value: str) -> str | None:
    """Return what no header can carry of a value."""
    if not value.isascii():
        return "one that is not ASCII"
    if not value.isprintable():
        return "a line break?"
    return "a blank at an end" if value != value.strip() else None
