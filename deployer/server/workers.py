"""More processes beside the one that serves an account: on the same address, over the same folder.

The system gives each new connection to one of them. What is stored is the database's affair, whoever answers. But the
turns of conversations are played in the first process alone, which tells their events to whoever listens: the others
hand requests for conversations on to it, by a port of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

_PROJECT = re.compile(r"^/api/projects/[^/]+/openai")  # of Foundry: there, too, stands /v1
_CONVERSATIONS = ("/v1/threads", "/v1/responses", "/v1/conversations", "/v1/agents/sessions")
_OF_A_CONNECTION = (b"connection", b"keep-alive", b"transfer-encoding")
_START_SECONDS = 60.0
_SOON = 2.0  # seconds: what ends sooner than this after its start did not start
_MOST_ATTEMPTS = 3
logger = logging.getLogger(__name__)


@dataclass
class Workers:
    """Processes that are kept running, each by the same command; each ends when its standard input does."""

    command: Sequence[str]
    count: int
    environment: dict[str, str]
    _running: list[subprocess.Popen[bytes] | None] = field(default_factory=list)
    _stopping: bool = False

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start them, and wait until they answer; OSError when one does not."""
        self._running = [None] * self.count
        ready = [threading.Event() for _ in range(self.count)]
        watchers = [threading.Thread(target=self._keep, args=one, daemon=True) for one in enumerate(ready)]
        try:
            for watcher in watchers:
                watcher.start()
            if not all(one.wait(_START_SECONDS) for one in ready) or None in self._running:
                raise OSError("a process beside the first one did not start")
            yield
        finally:
            self._stopping = True
            for process in self._running:
                if process and process.stdin:
                    process.stdin.close()
            for watcher in watchers:
                watcher.join()

    def _keep(self, number: int, ready: threading.Event) -> None:
        """Start one again when it ends; give up on one that ends at once."""
        attempts = 0
        while not self._stopping and attempts < _MOST_ATTEMPTS:
            started = time.monotonic()
            with subprocess.Popen(  # noqa: S603 (our own command)
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the first process, which then ends the others
            ) as process:
                assert process.stdout  # noqa: S101
                self._running[number] = process
                if process.stdout.readline():
                    ready.set()
                process.wait()
            if not self._stopping:
                logger.warning("process %s ended with %s and is started again", process.pid, process.returncode)
                attempts = attempts + 1 if time.monotonic() - started < _SOON else 0
        if not self._stopping:
            self._running[number] = None
            ready.set()


class HandingOn:
    """An application that hands requests for conversations on to the process at a port of this machine."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._home = f"http://127.0.0.1:{port}"
        self._client: httpx2.AsyncClient | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_of_conversations(scope["path"]):
            await self._hand_on(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _hand_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the request as it is, and the answer piece by piece; a client that goes away ends both."""
        if self._client is None:
            self._client = httpx2.AsyncClient(timeout=None, trust_env=False, limits=httpx2.Limits(max_connections=None))
        gone = asyncio.Event()
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        request = self._client.build_request(
            scope["method"],
            f"{self._home}{scope['raw_path'].decode()}{query}",
            headers=_kept(scope["headers"]),
            content=_body(receive),
        )
        answer = asyncio.create_task(self._answered(self._client, request, send, gone))
        leaving = asyncio.create_task(_until_gone(receive, gone))
        await asyncio.wait((answer, leaving), return_when=asyncio.FIRST_COMPLETED)
        for task in (answer, leaving):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await answer

    async def _answered(
        self, client: httpx2.AsyncClient, request: httpx2.Request, send: Send, heard: asyncio.Event
    ) -> None:
        response = await client.send(request, stream=True)
        heard.set()
        try:
            headers = _kept(response.headers.raw)
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            async for piece in response.aiter_raw():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await response.aclose()


def _is_of_conversations(path: str) -> bool:
    below = _PROJECT.sub("", path)
    return f"{below}/".startswith(tuple(f"{one}/" for one in _CONVERSATIONS))


def _kept(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in _OF_A_CONNECTION]


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        yield message.get("body", b"")


async def _until_gone(receive: Receive, heard: asyncio.Event) -> None:
    """Wait until the client goes away; before the answer begins, what is received is the body of the request."""
    await heard.wait()
    while (await receive())["type"] != "http.disconnect":
        pass
