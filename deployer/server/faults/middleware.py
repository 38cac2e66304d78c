"""The middleware that makes faults happen: around the whole application, so that no answer escapes it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployer.server.faults import Effects, Strikes
from deployer.server.faults.recent import RecentSnapshots
from deployer.server.state import FAULTS_KEY, HANG_UP_KEY, LEAVE_KEY
from deployer.server.storage import SNAPSHOT
from deployer.server.wire import Json


class FaultMiddleware:
    """The middleware; `latency` (seconds) is added to every request."""

    def __init__(self, app: ASGIApp, strikes: Strikes, recent: RecentSnapshots, latency: float) -> None:
        self._app, self._strikes, self._recent, self._latency = app, strikes, recent, latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        numbers, effects = self._strikes.request(scope["method"], scope["path"])
        scope[FAULTS_KEY], scope[LEAVE_KEY] = numbers, effects.leave
        await asyncio.sleep(self._latency + (effects.delay or 0.0))
        if effects.drop == "before":
            await _hang_up(scope)
            return
        await self._serve(effects, scope, receive, send)

    async def _serve(self, effects: Effects, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer()
        # A write whose end is not noted yet must not be known to any client: its age is counted from there.
        held = _spoils(effects) or (self._recent.horizon > 0 and scope["method"] != "GET")
        if effects.status is None or effects.after_work:
            async with self._time(effects, scope["method"]):
                await self._app(scope, receive, answer if held else send)
            if not held:
                return
        if effects.status is not None:
            answer = _Answer()
            await _refusal(effects, effects.status)(scope, receive, answer)
        if effects.drop != "after":
            await _spoiled(answer, effects, send)
        if effects.drop:
            await _hang_up(scope)

    @contextlib.asynccontextmanager
    async def _time(self, effects: Effects, method: str) -> AsyncIterator[None]:
        """The time in which a request is: a read may see the past, and a write makes a past for others to see."""
        if method != "GET":
            async with self._recent.written():
                yield
        elif effects.stale:
            with self._recent.seen(effects.stale) as snapshot:
                before = SNAPSHOT.set(snapshot)
                try:
                    yield
                finally:
                    SNAPSHOT.reset(before)
        else:
            yield


class _Answer:
    """An answer that is held back until it has been spoiled."""

    def __init__(self) -> None:
        self.start: Message = {}
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")


def _spoils(effects: Effects) -> bool:
    """Whether the answer must be held back."""
    return any((effects.status, effects.body is not None, effects.content_type, effects.truncate, effects.drop))


def _refusal(effects: Effects, status: int) -> JSONResponse:
    """The API's envelope around a status, with the headers that clients read (recorded answers)."""
    kind, code = ("requests", "rate_limit_exceeded") if status == 429 else ("server_error", None)
    kind = "invalid_request_error" if status < 500 and status != 429 else kind
    error: Json = {"message": f"The embedded account was told to answer {status}.", "type": kind, "param": None}
    headers = {"x-request-id": f"req_{secrets.token_hex(16)}"}
    if effects.retry_after is not None:
        headers["retry-after"] = f"{effects.retry_after:g}"
    if effects.retry_after_ms is not None:
        headers["retry-after-ms"] = f"{effects.retry_after_ms:g}"
    return JSONResponse({"error": error | {"code": code}}, status, headers)


async def _spoiled(answer: _Answer, effects: Effects, send: Send) -> None:
    """Send the answer as the effects have it; one that is cut has the length of what is left, as proxies do it."""
    headers = MutableHeaders(scope=answer.start)
    if effects.content_type:
        headers["content-type"] = effects.content_type
    body = answer.body if effects.body is None else effects.body.encode()
    body = body[: len(body) // 2] if effects.truncate else body
    headers["content-length"] = str(len(body))
    await send(answer.start)
    if effects.drop == "halfway":
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    else:
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def _hang_up(scope: Scope) -> None:
    """End the connection: ASGI has no word for it, so the HTTP server lends its own."""
    if HANG_UP_KEY in scope:
        await scope[HANG_UP_KEY]()
        return
    from httpx2 import RemoteProtocolError

    # A client in this process has no connection that could break: it gets the error that it would have seen.
    raise RemoteProtocolError("Server disconnected without sending a response.")
