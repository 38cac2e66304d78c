"""The embedded account over HTTP: in the foreground for a person, in a thread for tests."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from deployer.server.embedded import EmbeddedAccount
from deployer.server.middleware import HostCheck, is_loopback
from deployer.server.state import HANG_UP_KEY
from deployer.server.workers import HandingOn

_GRACE_SECONDS = 5
_START_SECONDS = 30.0
logger = logging.getLogger(__name__)


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens, and leaves signals to its caller."""

    def __init__(self, account: EmbeddedAccount, listening: Callable[[], None], app: ASGIApp | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                _hanging_up(app or account.app),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self._account, self._listening = account, listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._account.end_streams()  # else they would keep the server waiting
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _hanging_up(app: ASGIApp) -> ASGIApp:
    """The application, with a way to end a connection without an answer."""

    async def hanging_up(scope: Scope, receive: Receive, send: Send) -> None:
        async def hang_up() -> None:
            # `send` is a method of uvicorn's cycle of one request, whichever parser it uses.
            getattr(send, "__self__").transport.close()  # noqa: B009 (the type checker knows no __self__ of it)
            while (await receive())["type"] != "http.disconnect":
                pass

        scope[HANG_UP_KEY] = hang_up
        await app(scope, receive, send)

    return hanging_up


def serve(  # noqa: PLR0913
    folder: Path,
    host: str,
    port: int,
    key: str | None,
    announce: Callable[[str], None],
    *,
    allowed: Collection[str] = (),
    workers: Callable[[int, int], AbstractContextManager[None]] | None = None,
    **options: Any,
) -> None:
    """Serve the account in `folder` until SIGINT or SIGTERM; `announce` gets the base URL once it listens.

    An address that other machines can reach needs a key. Without one, requests must name this machine, or a host that
    is `allowed`. `workers` starts more processes (`serve_beside`); it takes the port, and the one for conversations.
    The other options are those of EmbeddedAccount.
    """
    if key is None and not is_loopback(host):
        raise ValueError(f"refusing to serve on {host} without a key: other machines can reach that address")
    options |= {"key": key, "hosts": HostCheck([host, *allowed])}
    account = EmbeddedAccount(folder, complain=lambda text: logger.warning("%s: %s", folder, text), **options)
    with account, contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(_listener(host, port, shared=workers is not None))]
        if workers:
            listeners.append(stack.enter_context(_listener("127.0.0.1", 0)))
            stack.enter_context(workers(*(one.getsockname()[1] for one in listeners)))
        server = _Server(account, lambda: announce(_base_url(listeners[0])))
        with _stopping_on_signals(server):
            server.run(sockets=listeners)


def serve_beside(  # noqa: PLR0913
    folder: Path,
    host: str,
    port: int,
    home: int,
    announce: Callable[[], None],
    *,
    allowed: Collection[str] = (),
    **options: Any,
) -> None:
    """Serve the account beside a process that does so on the same port, until standard input ends.

    Conversations are handed on to it, at port `home`; `announce` is called once this one listens.
    """
    hosts = HostCheck([host, *allowed])
    account = EmbeddedAccount(
        folder, hosts=hosts, plays=False, complain=lambda text: logger.warning("%s: %s", folder, text), **options
    )
    with account, _listener(host, port, shared=True) as listener:
        server = _Server(account, announce, HandingOn(account.app, home))
        threading.Thread(target=_stop_at_the_end_of_input, args=(server,), daemon=True).start()
        with _stopping_on_signals(server):
            server.run(sockets=[listener])


def _stop_at_the_end_of_input(server: uvicorn.Server) -> None:
    while os.read(0, 1):
        pass
    server.should_exit = True


class BackgroundServer:
    """The embedded account served by a thread of this process, on a free port of 127.0.0.1."""

    base_url: str

    def __init__(self, folder: Path, **options: Any) -> None:
        self.account = EmbeddedAccount(folder, hosts=HostCheck(()), **options)
        self._ready = threading.Event()
        self._server = _Server(self.account, self._ready.set)

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.account)
            listener = stack.enter_context(_listener("127.0.0.1", 0))
            stack.enter_context(self._running(listener))
            self.base_url = _base_url(listener)
            self._open = stack.pop_all()
        return self

    @contextlib.contextmanager
    def _running(self, listener: socket.socket) -> Iterator[None]:
        thread = threading.Thread(target=self._server.run, args=([listener],), name="server", daemon=True)
        thread.start()
        try:
            if not self._ready.wait(_START_SECONDS):
                raise RuntimeError("the embedded account's server did not start")
            yield
        finally:
            self._server.should_exit = True
            thread.join()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop serving and close the account."""
        self._open.close()


def _listener(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """`shared`: other processes listen on the same port, and the system gives each connection to one of them."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listener = socket.create_server((host, port), family=family, backlog=2048, reuse_port=shared)
    # Accepted connections take this over; else each answer after the first waits 40 ms for the client's receipt.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"


@contextlib.contextmanager
def _stopping_on_signals(server: uvicorn.Server) -> Iterator[None]:
    """Both signals end the server's loop; uvicorn's own handling would end the process before the account is closed."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
