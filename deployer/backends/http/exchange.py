"""One attempt to send one request: a good answer, or Trouble that says what became of it."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import anyio
import httpx2

from deployer import json_text
from deployer.backends.base import StreamedEvent, wrote
from deployer.backends.http import failures
from deployer.backends.http.failures import Trouble
from deployer.backends.http.pacing import NOTHING, Counts
from deployer.backends.http.retry import Patience
from deployer.backends.http.transport import Connection

EVENTS = "text/event-stream"
_ID = "x-request-id"
_LONGEST_POLL = 60_000
_BROKEN = (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream, ConnectionError)
"""How a connection ends: httpx2 lets some errors of TLS through, and an account in this process its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON object that came back, and how long the account asks to wait before the next poll (seconds)."""

    data: dict[str, Any]
    poll_after: float | None


class UploadSource(Protocol):
    """An open binary file; it is read from its beginning for each attempt."""

    def read(self, size: int = -1, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Content:
    """A file in a form: the field, the name that the account is told, and what it holds."""

    field: str
    name: str
    file: UploadSource

    @property
    def size(self) -> int:
        """How many bytes it has."""
        here = self.file.tell()
        try:
            return self.file.seek(0, os.SEEK_END)
        finally:
            self.file.seek(here)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as the client is asked for it; `counts` is what the limits of the account count of it.

    `key` is the same for each time that one and the same thing is asked for ("" where that does not matter).
    """

    method: str
    path: str
    query: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None
    content: Content | None = None
    counts: Counts = NOTHING
    key: str = ""


async def once(connection: Connection, call: HttpRequest, headers: Mapping[str, str], patience: Patience) -> Answer:
    """Send it; raise Trouble unless a JSON object comes back. What fails while a file is read is not caught here."""
    response = await _sent(connection, call, headers, patience)
    return Answer(_object(response), _poll_after(response.headers))


async def _sent(
    connection: Connection, call: HttpRequest, headers: Mapping[str, str], patience: Patience, *, stream: bool = False
) -> httpx2.Response:
    wait = patience.write if call.method == "POST" else patience.read
    whole = patience.whole(wait, call.content.size if call.content else 0)
    within = httpx2.Timeout(wait, connect=patience.connect)
    try:
        async with asyncio.timeout(whole):
            response = await _verb(connection, call, headers, within, stream=stream)
            if not response.is_success:
                await response.aread()
    except TimeoutError:
        raise Trouble(failures.endless(whole)) from None
    except httpx2.TimeoutException as error:
        raise Trouble(failures.late(error, patience.connect if failures.never_sent(error) else wait)) from None
    except _BROKEN as error:
        raise Trouble(failures.unreachable(error)) from None
    except UnicodeEncodeError as error:
        raise Trouble(failures.unsendable(error)) from None
    if call.method != "GET":
        wrote(response.headers.get(_ID))
    if not response.is_success:
        raise Trouble(failures.refused(response))
    return response


async def _verb(
    connection: Connection, call: HttpRequest, headers: Mapping[str, str], within: httpx2.Timeout, *, stream: bool
) -> httpx2.Response:
    if call.method == "GET":
        return await connection.read(call.path, call.query, headers, within=within, stream=stream)
    body = None if call.body is None else dict(call.body)
    files = _form(call)
    return await connection.write(
        call.method, call.path, call.query, headers, within=within, stream=stream, body=body, files=files
    )


async def pieces(
    connection: Connection, call: HttpRequest, headers: Mapping[str, str], patience: Patience
) -> AsyncIterator[bytes]:
    """Yield the body of an answer bit by bit; raise Trouble when it does not come, or not to its end."""
    response = await _sent(connection, call, headers, patience, stream=True)
    try:
        async for piece in response.aiter_bytes():
            yield piece
    except httpx2.RequestError as error:
        raise Trouble(failures.unreachable(error)) from None
    finally:
        await response.aclose()


async def opened(
    connection: Connection, call: HttpRequest, headers: Mapping[str, str], patience: Patience
) -> httpx2.Response:
    """Send it, and return the answer as soon as its headers are here; who asked closes it. Raise Trouble on failure."""
    return await _sent(connection, call, {**headers, "Accept": EVENTS}, patience, stream=True)


async def streamed(response: httpx2.Response) -> AsyncIterator[StreamedEvent]:
    """Yield the events of a stream; raise Trouble when it breaks. Frames without data (comments) say nothing.

    Lines end at line feeds only: JSON may hold every other character that Python calls a line end.
    """
    rest, name, lines = b"", "", list[bytes]()
    try:
        async for piece in response.aiter_bytes():
            *whole, rest = (rest + piece).split(b"\n")
            for line in (one.removesuffix(b"\r") for one in whole):
                if not line and lines:
                    if event := _event(name, b"\n".join(lines)):
                        yield event
                    name, lines = "", []
                elif line.startswith(b"event:"):
                    name = line.removeprefix(b"event:").strip().decode(errors="replace")
                elif line.startswith(b"data:"):
                    lines.append(line.removeprefix(b"data:").strip())
    except httpx2.RequestError as error:
        raise Trouble(failures.unreachable(error)) from None


def _event(name: str, text: bytes) -> StreamedEvent | None:
    """Return an event whose data is a JSON object; the last frame of a stream (`[DONE]`) holds none."""
    try:
        data = json_text.loads(text)
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    return StreamedEvent(name or str(data.get("type", "")), data)


def _form(call: HttpRequest) -> Any:
    """Return the file of a form; its content goes as it is, whatever the name says."""
    content = call.content
    return [(content.field, (content.name, content.file, "application/octet-stream"))] if content else None


def _object(response: httpx2.Response) -> dict[str, Any]:
    try:
        data = json_text.loads(response.content)
    except json_text.TooDeep as error:
        raise Trouble(failures.too_deep(response, error)) from None
    except ValueError:
        data = None
    if isinstance(data, dict):
        return data
    raise Trouble(failures.not_an_object(response))


def _poll_after(headers: Mapping[str, str]) -> float | None:
    try:
        milliseconds = float(headers["openai-poll-after-ms"])
    except (KeyError, ValueError):
        return None
    return milliseconds / 1000 if 0 < milliseconds <= _LONGEST_POLL else None
