"""Small HTTP servers that behave as badly as a test wishes, and remember what was asked of them."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_LAST = "/last"


@dataclass(frozen=True)
class Reply:
    """What a server answers; a body of None drops the connection instead."""

    body: bytes | None = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def collection(self) -> str:
        return self.path.removeprefix("/v1").partition("?")[0]


@dataclass
class Server:
    """Where it listens, and what was asked, in order."""

    base_url: str
    asked: list[Asked] = field(default_factory=list)
    settle: Callable[[], None] = lambda: None
    """Wait until all is answered that arrived so far, also what its client no longer waits for."""

    def writes(self) -> list[Asked]:
        return [one for one in self.asked if one.method != "GET"]


Behaviour = Callable[[Asked], Reply]


def said(body: Any, status: int = 200, **headers: str) -> Reply:
    """A reply in JSON; headers are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(json.dumps(body).encode(), status, {"Content-Type": "application/json", **named})


def page(*rows: Any, **more: Any) -> Reply:
    """A list with these rows; `more` replaces or adds fields of its envelope."""
    return said({"object": "list", "data": list(rows), "has_more": False, **more})


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[Server]:
    """Serve on a free port of 127.0.0.1, in threads of this process."""
    asked: list[Asked] = []
    with _Http(("127.0.0.1", 0), _handler(behaviour, asked)) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Server(f"http://127.0.0.1:{http.server_port}/v1", asked, http.settle)
        finally:
            http.shutdown()
            thread.join()


class _Http(ThreadingHTTPServer):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._at_work = 0
        self._changed = threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._count(1)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._count(-1)

    def _count(self, step: int) -> None:
        with self._changed:
            self._at_work += step
            self._changed.notify_all()

    def settle(self) -> None:
        """Connections are accepted in their order: when this one has its answer, those before it are at work."""
        with socket.create_connection(("127.0.0.1", self.server_port)) as last:
            last.sendall(f"GET {_LAST} HTTP/1.0\r\n\r\n".encode())
            while last.recv(1024):
                pass
        with self._changed:
            assert self._changed.wait_for(lambda: self._at_work == 0, timeout=20)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when the client has gone: it stops reading its other lists at the first failure."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _handler(behaviour: Behaviour, asked: list[Asked]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == _LAST:
                return
            asked.append(one := Asked(self.command, self.path, dict(self.headers)))
            reply = behaviour(one)
            if reply.body is None:
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Keep quiet: `asked` is the log."""

    return Handler
