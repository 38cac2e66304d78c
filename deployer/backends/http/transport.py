"""The connection under the SDK, with bounds: on the size of an answer, packed or not, and on where a redirect may lead.

httpx2 unpacks whatever arrives and follows redirects with the body, and the SDK turns both on: a small answer can fill
the memory, and a project could be deployed to a host that no manifest names.
"""

from __future__ import annotations

import ssl
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import openai

MOST_BYTES = 64 * 1024 * 1024
"""Of an answer that is no document. A page of 100 assistants with the longest instructions in English has 25 MB."""
_PIECE = 1024 * 1024
_KEEPS_METHOD = (307, 308)
_GZIP_OR_ZLIB = 47  # wbits: 32 for either header, 15 for the window


class TooLargeError(httpx2.RequestError):
    """The answer has more bytes than any that makes sense."""


class RedirectError(httpx2.RequestError):
    """The answer leads elsewhere: to another host, or by another method."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.target = str(response.headers.get("location", ""))
        super().__init__(f"answered {self.status}", request=response.request)


def client(base_url: str, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """Return a client for one account; `transport` is that of an account in this process, None for HTTP.

    A plain http:// address needs no certificates, and to load them takes longer than to connect: it gets none, so that
    nothing there is trusted.
    """
    plain = transport is not None or base_url.lower().startswith("http://")
    made: httpx2.AsyncClient = openai.DefaultAsyncHttpxClient(
        transport=transport,
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True,
        headers={"Accept-Encoding": "gzip, deflate"},
        event_hooks={"response": [_check]},
    )
    return made


async def _check(response: httpx2.Response) -> None:
    """Refuse a redirect that leads elsewhere, and put bounds on the body before it is read."""
    if response.has_redirect_location and not _stays(response):
        raise RedirectError(response)
    if not response.request.url.path.endswith("/content"):
        response.stream = _Bounded(response)


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
    """The body of an answer, unpacked bit by bit and no further than is allowed."""

    def __init__(self, response: httpx2.Response) -> None:
        self._stream: Any = response.stream
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
                yield piece

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
        await self._stream.aclose()
