"""One attempt to send one request, through the `openai` package's raw verbs.

Raw verbs, because typed calls cost half a second more to import, churn with the beta, and warn on assistants. The SDK
itself never tries again: it would repeat a POST whose answer was lost, and make a duplicate.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from deployer import json_text
from deployer.backends.base import StreamedEvent, wrote
from deployer.backends.http import failures
from deployer.backends.http.failures import Trouble
from deployer.backends.http.pacing import NOTHING, Counts
from deployer.backends.http.retry import Patience

if TYPE_CHECKING:
    import httpx2
    import openai

EVENTS = "text/event-stream"
_ID = "x-request-id"
_LONGEST_POLL = 60_000
_RAW = "X-Stainless-Raw-Response"  # the SDK's own way to be told that a body is not to be read at once


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
    """A request as the client is asked for it; `counts` is what the limits of the account count of it."""

    method: str
    path: str
    query: Mapping[str, Any] | None = None
    body: Mapping[str, Any] | None = None
    content: Content | None = None
    counts: Counts = NOTHING


async def once(sdk: openai.AsyncOpenAI, call: HttpRequest, headers: Mapping[str, Any], patience: Patience) -> Answer:
    """Send it; raise Trouble unless a JSON object comes back. What fails while a file is read is not caught here."""
    response = await _sent(sdk, call, headers, patience)
    if call.method != "GET":
        wrote(response.headers.get(_ID))
    return Answer(_object(response), _poll_after(response.headers))


async def _sent(
    sdk: openai.AsyncOpenAI, call: HttpRequest, headers: Mapping[str, Any], patience: Patience
) -> httpx2.Response:
    import openai

    wait = patience.read if call.method == "GET" else patience.write
    options = {"headers": headers, "timeout": openai.Timeout(wait, connect=patience.connect), "max_retries": 0}
    whole = patience.whole(wait, call.content.size if call.content else 0)
    try:
        async with asyncio.timeout(whole):
            return await _verb(sdk, call, options)
    except TimeoutError:
        raise Trouble(failures.endless(whole)) from None
    except openai.APIStatusError as error:
        if call.method != "GET":
            wrote(error.response.headers.get(_ID))
        raise Trouble(failures.refused(error)) from None
    except openai.APITimeoutError as error:
        raise Trouble(failures.late(error, patience.connect if failures.never_sent(error) else wait)) from None
    except (openai.APIConnectionError, ConnectionError) as error:  # the latter from an account in this process
        raise Trouble(failures.unreachable(error)) from None
    except UnicodeEncodeError as error:
        raise Trouble(failures.unsendable(error)) from None


async def pieces(
    sdk: openai.AsyncOpenAI, call: HttpRequest, headers: Mapping[str, Any], patience: Patience
) -> AsyncIterator[bytes]:
    """Yield the body of an answer bit by bit; raise Trouble when it does not come, or not to its end."""
    import httpx2

    headers = {**headers, _RAW: "stream"}
    response = await _sent(sdk, call, headers, patience)
    try:
        async for piece in response.aiter_bytes():
            yield piece
    except httpx2.RequestError as error:
        raise Trouble(failures.unreachable(error)) from None
    finally:
        await response.aclose()


async def opened(
    sdk: openai.AsyncOpenAI, call: HttpRequest, headers: Mapping[str, Any], patience: Patience
) -> httpx2.Response:
    """Send it, and return the answer as soon as its headers are here; who asked closes it. Raise Trouble on failure."""
    return await _sent(sdk, call, {**headers, _RAW: "stream", "Accept": EVENTS}, patience)


async def streamed(response: httpx2.Response) -> AsyncIterator[StreamedEvent]:
    """Yield the events of a stream; raise Trouble when it breaks. Frames without data (comments) say nothing.

    Lines end at line feeds only: JSON may hold every other character that Python calls a line end.
    """
    import httpx2

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


async def _verb(sdk: openai.AsyncOpenAI, call: HttpRequest, options: Any) -> httpx2.Response:
    from httpx2 import Response

    if call.query:
        options |= {"params": dict(call.query)}
    if call.method == "GET":
        return await sdk.get(call.path, cast_to=Response, options=options)
    if call.method == "DELETE":
        return await sdk.delete(call.path, cast_to=Response, options=options)
    body = None if call.body is None else dict(call.body)
    answer: Response = await sdk.post(call.path, cast_to=Response, body=body, files=_form(call), options=options)
    return answer


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
