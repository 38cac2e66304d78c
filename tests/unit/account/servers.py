"""Small HTTP servers that behave as badly as a test wishes, and remember what was asked of them."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


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
            yield Server(f"http://127.0.0.1:{http.server_port}/v1", asked)
        finally:
            http.shutdown()
            thread.join()


class _Http(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when the client has gone: it stops reading its other lists at the first failure."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _handler(behaviour: Behaviour, asked: list[Asked]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
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
