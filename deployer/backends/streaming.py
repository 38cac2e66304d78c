"""A transport to an app in this process which hands on the pieces of a stream as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx2

_EVENTS = "text/event-stream"


class StreamingTransport(httpx2.ASGITransport):
    """Like its parent, which waits for the end of an answer, but where the client asks for events."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.headers.get("accept") != _EVENTS:
            return await super().handle_async_request(request)
        answer = _StreamingAnswer(await request.aread())
        answer.task = asyncio.create_task(answer.run(self.app, _scope(request)))
        try:
            status, headers = await answer.start
        except BaseException:
            await answer.aclose()
            raise
        return httpx2.Response(status, headers=headers, stream=answer)


class _StreamingAnswer(httpx2.AsyncByteStream):
    """One answer, while its app is still at work on it."""

    task: asyncio.Task[None]

    def __init__(self, body: bytes) -> None:
        self._request: dict[str, Any] | None = {"type": "http.request", "body": body, "more_body": False}
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.start: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = asyncio.get_running_loop().create_future()

    async def run(self, app: Any, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:
            if self.start.done():
                raise
            self.start.set_exception(error)
        finally:
            self._pieces.put_nowait(None)

    async def _receive(self) -> dict[str, Any]:
        found, self._request = self._request, None
        if found is None:
            await asyncio.Event().wait()  # the client stays until it cancels the task
            return {"type": "http.disconnect"}
        return found

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.start.set_result((message["status"], list(message.get("headers", ()))))
        elif piece := message.get("body"):
            self._pieces.put_nowait(piece)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece
        await self.task

    async def aclose(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


def _scope(request: httpx2.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.split(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 123),
        "root_path": "",
    }
