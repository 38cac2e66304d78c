"""An embedded account that loses and refuses what a test wants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2

from deployer.backends.http.client import Client, connect
from deployer.model import UNLIMITED, AccountSettings
from deployer.server import EmbeddedAccount
from tests.backends import virtual


class Account(httpx2.ASGITransport):
    """An embedded account that loses and refuses what a test wants; `asked` is what arrived, `most` at a time."""

    def __init__(self, app: Any, bad: Callable[[str, int], str | None]) -> None:
        super().__init__(app=app)
        self.asked: list[str] = []
        self.flying = self.most = 0
        self._bad = bad

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/v1/").split("/")
        name = f"{request.method} {'/'.join([path[0], *path[2:]])}"
        self.asked.append(name)
        self.flying += 1
        self.most = max(self.most, self.flying)
        try:
            return await self._answered(request, self._bad(name, self.asked.count(name)))
        finally:
            self.flying -= 1

    async def _answered(self, request: httpx2.Request, bad: str | None) -> httpx2.Response:
        if bad and bad.isdigit():
            async for _ in request.stream:  # type: ignore[union-attr]
                pass
            return httpx2.Response(int(bad), request=request)
        answer = await super().handle_async_request(request)
        if bad == "drop":
            raise httpx2.ReadError("it broke")
        return answer


def never(_name: str, _count: int) -> None:
    return None


def at(place: str, bad: str, *counts: int) -> Callable[[str, int], str | None]:
    """Misbehave at the given requests to one place (counted from 1), or at all of them."""
    return lambda name, count: bad if name == place and (not counts or count in counts) else None


Work = Callable[[Client], Awaitable[Any]]


def on(folder: Path, work: Work, bad: Callable[[str, int], str | None] = never) -> tuple[Any, Account]:
    async def main() -> tuple[Any, Account]:
        with EmbeddedAccount(folder) as account:
            transport = Account(account.app, bad)
            settings = AccountSettings("ours", "assistants", "http://account.invalid/v1", limits=UNLIMITED)
            async with connect(settings, {}, transport, virtual.patience()) as client:
                return await work(client), transport

    return virtual.run(main())


async def stored(client: Client, file: dict[str, Any]) -> bytes:
    return b"".join([piece async for piece in client.download(f"/files/{file['id']}/content")])
