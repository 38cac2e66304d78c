"""A line for each request: what was asked and how it went. Never a header, never a body, never a query."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployer.server.bad_day import FAULTS_KEY
from deployer.server.wire import Json

Log = Callable[[Json], None]


class RequestLog:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, log: Log, clock: Callable[[], float]) -> None:
        self._app, self._log, self._clock = app, log, clock
        self._numbers = itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number, now, since = next(self._numbers), self._clock(), time.monotonic()
        counted = _Counted(receive, send)
        try:
            await self._app(scope, counted.receive, counted.send)
        finally:
            self._log(
                {
                    "time": round(now, 3),
                    "number": number,
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": counted.status,
                    "ms": round((time.monotonic() - since) * 1000, 1),
                    "request_bytes": counted.received,
                    "answer_bytes": counted.sent,
                    "faults": scope.get(FAULTS_KEY, []),
                }
            )


@dataclass
class _Counted:
    """The two ends of a request, counting what goes through them; the status is None until an answer begins."""

    receiver: Receive
    sender: Send
    status: int | None = None
    received: int = 0
    sent: int = 0

    async def receive(self) -> Message:
        message = await self.receiver()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        self.status = message.get("status", self.status)
        self.sent += len(message.get("body", b""))
        await self.sender(message)
