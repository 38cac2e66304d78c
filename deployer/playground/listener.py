"""The server of the page, on a port of 127.0.0.1: no option lets another machine reach it."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from deployer.errors import DeployerError
from deployer.playground.app import Playground, build_app
from deployer.playground.guard import PageGuard
from deployer.playground.observer import AccountObserver
from deployer.playground.talks import Conversations

HOST, PORT = "127.0.0.1", 8788
_GRACE = 2


def serve_page(
    observer: AccountObserver,
    port: int | None,
    announce: Callable[[str], None],
    stopped: Callable[[], bool],
    *,
    handler_seconds: float = 0.0,
) -> None:
    """Serve until `stopped` says so; `announce` gets the address, with its token, once it listens.

    Without a port it is PORT, or a free one where that is taken. DeployerError when the port cannot be used.
    """
    with _listener(port) as listener:
        asyncio.run(_served(observer, listener, announce, stopped, handler_seconds))


async def _served(
    observer: AccountObserver,
    listener: socket.socket,
    announce: Callable[[str], None],
    stopped: Callable[[], bool],
    handler_seconds: float,
) -> None:
    import uvicorn

    token, port = secrets.token_urlsafe(24), listener.getsockname()[1]
    talks = Conversations(observer, handler_seconds)
    app = PageGuard(build_app(Playground(observer, talks)), port, token)
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _quiet(uvicorn.Server(config))
    async with _watching(observer, talks):
        running = asyncio.create_task(server.serve(sockets=[listener]))
        announce(f"http://{HOST}:{port}/?token={token}")
        while not running.done() and not stopped():
            await asyncio.wait({running}, timeout=0.1)
        server.should_exit = True
        await running


@contextlib.asynccontextmanager
async def _watching(observer: AccountObserver, talks: Conversations) -> AsyncIterator[None]:
    looks = asyncio.create_task(observer.watch())
    try:
        yield
    finally:
        looks.cancel()
        await asyncio.wait({looks})
        await talks.close()
        await observer.close()


def _quiet(server: Any) -> Any:
    """Leave signals to the command: the first one ends everything in order."""
    server.capture_signals = contextlib.nullcontext
    return server


def _listener(port: int | None) -> socket.socket:
    for one in (PORT, 0) if port is None else (port,):
        try:
            return socket.create_server((HOST, one))
        except OSError as error:
            why = error.strerror
    raise DeployerError(f"port {port} of {HOST} cannot be used ({why}); name another one, or --port 0 for a free one")
