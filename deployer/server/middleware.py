"""What surrounds every request: the key, a request id, the time it took, no exception that gets out, and the log."""

from __future__ import annotations

import hmac
import ipaddress
import itertools
import logging
import re
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployer.server.state import FAULTS_KEY
from deployer.server.storage.disk import Complaints, disk_trouble, refusal
from deployer.server.wire import ApiError, Json, wrong_key

logger = logging.getLogger(__name__)

_BUG = ApiError(500, "The server had an error while processing your request.", code="internal_error")
# Without a key, whoever reaches the port may use the account; a web page in a browser is not who was meant.
_WEB_PAGE = ApiError(403, "Requests from a web page need a key: serve with --key.", code="origin_not_allowed")


_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:]+)(?::\d+)?")


class HostCheck:
    """Whether a request names this server: a page can have its own name lead to 127.0.0.1, a browser sends that name.

    Names of this machine always do; `names` are others that do.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = {name.lower().rstrip(".") for name in names}

    def refusal(self, headers: Headers) -> ApiError | None:
        """Return what to answer instead; None where all is well. What is older than HTTP/1.1 may name no host."""
        odd = next((one for one in headers.getlist("host") if not self._knows(one)), None)
        if odd is None:
            return None
        what = f"The host {odd[:100]!r} is not served here: serve with --allow-host, or with --key."
        return ApiError(403, what, code="host_not_allowed")

    def _knows(self, host: str) -> bool:
        found = _HOST.fullmatch(host.strip())
        name = found.group(1).strip("[]").lower().rstrip(".") if found else ""
        return name in self._names or is_loopback(name)


def is_loopback(name: str) -> bool:
    """Whether an address, or a name, always leads to this very machine (RFC 6761)."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


class Envelope:
    """The middleware around the routes; `hosts` is None where no network leads here."""

    def __init__(self, app: ASGIApp, key: str | None, complaints: Complaints, hosts: HostCheck | None = None) -> None:
        self._app, self._key, self._complaints, self._hosts = app, key, complaints, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._serve(scope, receive, _Labelled(send))

    async def _serve(self, scope: Scope, receive: Receive, send: _Labelled) -> None:
        refusal = self._refusal(Headers(scope=scope))
        if refusal is not None:
            await JSONResponse(refusal.body(), refusal.status)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 (the server's one boundary)
            answered = self._error(error, send.request_id)
            if not send.started:
                # The SDK repeats what is answered with 5xx, unless it is told not to (its _base_client.py).
                headers = {"x-should-retry": "false"} if answered.code != _BUG.code else None
                await JSONResponse(answered.body(), answered.status, headers)(scope, receive, send)

    def _error(self, error: Exception, request_id: str) -> ApiError:
        """The client is told of a disk's refusal; a bug is logged here, and the client sees no traces of it."""
        found = disk_trouble(error)
        if found is None:
            logger.error("request %s failed", request_id, exc_info=error)
            return _BUG
        self._complaints.about(found)
        return refusal(found)

    def _refusal(self, headers: Headers) -> ApiError | None:
        if self._key is None:
            if "origin" in headers:
                return _WEB_PAGE
            return self._hosts.refusal(headers) if self._hosts else None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            return wrong_key(None)
        right = hmac.compare_digest(given.strip().encode(), self._key.encode())
        return None if right else wrong_key(given.strip())


class _Labelled:
    """Sends messages, with the headers that every answer carries."""

    def __init__(self, send: Send) -> None:
        self.request_id = f"req_{secrets.token_hex(16)}"
        self.started = False
        self._send = send
        self._since = time.monotonic()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self.request_id
            headers["openai-processing-ms"] = str(int((time.monotonic() - self._since) * 1000))
            headers["openai-version"] = "2020-10-01"
        await self._send(message)


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
