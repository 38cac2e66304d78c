"""The connection to an account, with bounds: on the size of an answer, packed or not, and on where a redirect may lead.

httpx2 unpacks whatever arrives and follows redirects with the body: a small answer can fill the memory, and a project
could be deployed to a host that no manifest names.

What is read goes by httpx2 itself. What is written goes through the `openai` package, over the same connections, by its
raw verbs: typed calls churn with the beta, and warn on assistants. To import it takes most of the time of a short
command, so it is loaded for the first write. It never tries again itself: it would repeat a POST whose answer was lost,
and make a duplicate.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    import openai

MOST_BYTES = 24 * 1024 * 1024
"""Of an answer that is no document: a hundred assistants with instructions of 250,000 bytes each."""
_MOST_OF_ERROR = 1024 * 1024
"""Bytes of an error: what follows says nothing to anybody."""
_LARGE = 2 * 1024 * 1024
"""Bytes from which on an answer is read while no other large one is: together they would fill the memory."""
_SMALL = 256 * 1024
"""Bytes of a form that are in memory anyway."""
_ERROR = 400
_PIECE = 1024 * 1024
_KEEPS_METHOD = (307, 308)
_GZIP_OR_ZLIB = 47  # wbits: 32 for either header, 15 for the window
_IDENTITY = ("OpenAI-Organization", "OpenAI-Project")
"""Where the settings name none, none is sent: the SDK's defaults would take them from the environment."""
_WHO = ("authorization", *(name.lower() for name in _IDENTITY))
_RAW = "X-Stainless-Raw-Response"  # the SDK's own way to be told that a body is not to be read at once


class TooLargeError(httpx2.RequestError):
    """The answer has more bytes than any that makes sense."""


class RedirectError(httpx2.RequestError):
    """The answer leads elsewhere: to another host, or by another method."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.target = str(response.headers.get("location", ""))
        super().__init__(f"answered {self.status}", request=response.request)


@dataclass(slots=True)
class Connection:
    """Sends a request once and returns the answer, whatever its status; `httpx2.RequestError` when none comes."""

    http: httpx2.AsyncClient
    api_key: str
    _sdk: openai.AsyncOpenAI | None = None

    async def read(
        self, path: str, query: Mapping[str, Any] | None, headers: Mapping[str, str], *, within: Any, stream: bool
    ) -> httpx2.Response:
        """Send a GET; with `stream`, the body is left to be read."""
        request = self.http.build_request("GET", path, params=query, headers=headers, timeout=within)
        return await self.http.send(request, stream=stream)

    async def write(  # noqa: PLR0913 (what a request has)
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str],
        *,
        within: Any,
        stream: bool,
        body: Any,
        files: Any,
    ) -> httpx2.Response:
        """Send a POST or DELETE through the SDK."""
        import openai

        absent = {name: openai.Omit() for name in _IDENTITY if name not in headers}
        raw = {_RAW: "stream"} if stream else {}
        options: Any = {"headers": {**headers, **absent, **raw}, "timeout": within, "max_retries": 0}
        options["params"] = dict(query or {})
        sdk = self._loaded()
        try:
            if method == "DELETE":
                return await sdk.delete(path, cast_to=httpx2.Response, options=options)
            return await sdk.post(path, cast_to=httpx2.Response, body=body, files=files, options=options)
        except openai.APIStatusError as error:
            return error.response
        except openai.APIConnectionError as error:
            failed = error.__cause__ or error
        raise failed  # here, where it is no consequence of the SDK's own error

    def _loaded(self) -> openai.AsyncOpenAI:
        import openai

        if self._sdk is None:
            self._sdk = openai.AsyncOpenAI(
                api_key=self.api_key, base_url=str(self.http.base_url), max_retries=0, http_client=self.http
            )
        return self._sdk


def connection(base_url: str, api_key: str, transport: httpx2.AsyncBaseTransport | None) -> Connection:
    """Return the connection to one account; `transport` is that of an account in this process, None for HTTP.

    Raises `httpx2.InvalidURL`. A plain http:// address needs no certificates, and to load them takes longer than to
    connect: it gets none, so that nothing there is trusted.
    """
    plain = transport is not None or base_url.lower().startswith("http://")
    http = httpx2.AsyncClient(
        base_url=base_url,
        transport=transport,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True,
        headers={
            "Accept": "application/json",
            "User-Agent": "deployer",
            **_custom_headers(),
            "Accept-Encoding": "gzip, deflate",
        },
        limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=100),
        follow_redirects=True,
        event_hooks={"request": [_joined], "response": [partial(_check, asyncio.Lock())]},
    )
    return Connection(http, api_key)


def _custom_headers() -> dict[str, str]:
    """Return what `OPENAI_CUSTOM_HEADERS` sends to a gateway, as the SDK reads it; never who is calling."""
    lines = (line.partition(":") for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n"))
    named = {name.strip(): value.strip() for name, colon, value in lines if colon}
    return {name: value for name, value in named.items() if name.lower() not in _WHO}


async def _joined(request: httpx2.Request) -> None:
    """Put a small form together: each of its parts would be sent by itself."""
    size = request.headers.get("content-length", "")
    if size.isdecimal() and int(size) <= _SMALL:
        await request.aread()


async def _check(turn: asyncio.Lock, response: httpx2.Response) -> None:
    """Refuse a redirect that leads elsewhere, and put bounds on the body before it is read."""
    if response.has_redirect_location and not _stays(response):
        raise RedirectError(response)
    if not response.request.url.path.endswith("/content"):
        response.stream = _Bounded(response, turn)


def _stays(response: httpx2.Response) -> bool:
    """Whether a redirect asks the same of the same service."""
    here = response.request.url
    try:
        there = here.join(response.headers["location"])
    except httpx2.InvalidURL:
        return False
    same = (here.scheme, here.host, here.port) == (there.scheme, there.host, there.port)
    return same and (response.request.method in ("GET", "HEAD") or response.status_code in _KEEPS_METHOD)


class _Bounded(httpx2.AsyncByteStream):
    """The body of an answer, unpacked bit by bit and no further than is allowed; `turn` is that of large ones."""

    def __init__(self, response: httpx2.Response, turn: asyncio.Lock) -> None:
        self._stream: Any = response.stream
        self._is_error = response.status_code >= _ERROR
        self._turn, self._left = turn, ExitStack()
        self._has_turn = response.headers.get("content-type", "").startswith("text/event-stream")  # it needs none
        self._request = response.request
        coding = response.headers.get("content-encoding", "").strip().lower()
        self._packed = zlib.decompressobj(_GZIP_OR_ZLIB) if coding in ("gzip", "x-gzip", "deflate") else None
        if self._packed:
            del response.headers["content-encoding"]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for raw in self._stream:
            for piece in self._unpacked(raw):
                size += len(piece)
                if size > MOST_BYTES:
                    raise TooLargeError("the answer is too large", request=self._request)
                if self._is_error and size > _MOST_OF_ERROR:
                    return
                if size > _LARGE:
                    await self._alone()
                yield piece

    async def _alone(self) -> None:
        if not self._has_turn:
            self._has_turn = True
            await self._turn.acquire()
            self._left.callback(self._turn.release)

    def _unpacked(self, raw: bytes) -> Iterator[bytes]:
        if self._packed is None:
            yield raw
            return
        try:
            while raw and not self._packed.eof:
                yield self._packed.decompress(raw, _PIECE)
                raw = self._packed.unconsumed_tail
        except zlib.error as error:
            raise httpx2.DecodingError(str(error), request=self._request) from error

    async def aclose(self) -> None:
        """The turn goes on last: only then what was read is let go of, before anybody else's next step."""
        with self._left:
            await self._stream.aclose()
