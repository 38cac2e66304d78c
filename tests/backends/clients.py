"""Clients for tests: at a server on this machine, or at a function, in time that passes at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx2

from deployer.backends.http.client import Answer, Client, Patience, connect
from deployer.model import UNLIMITED, AccountSettings
from tests.backends import virtual

HEADERS = {"/agents": {"OpenAI-Beta": "agents=v1"}}


def settings(base_url: str, **fields: Any) -> AccountSettings:
    return AccountSettings("bad", "agents", base_url, **{"api_key": "sk-ours", **fields})


def exchange(base_url: str, send: Callable[[Client], Awaitable[Answer]], **options: Any) -> Answer:
    async def run() -> Answer:
        patience = options.pop("patience", Patience())
        async with connect(settings(base_url, **options), HEADERS, patience=patience) as client:
            return await send(client)

    return asyncio.run(run())


def at_once(**fields: Any) -> Patience:
    """Patience whose pauses take no time that anybody notices."""
    return Patience(**{"base": 0.001, "cap": 0.002, **fields})


Respond = (
    Callable[[httpx2.Request], httpx2.Response] | Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]
)


def within(respond: Respond, send: Callable[[Client], Awaitable[Any]], **fields: Any) -> Any:
    """Let a client talk to a function, in time that passes at once."""

    async def main() -> Any:
        limits = fields.pop("limits", UNLIMITED)
        transport = httpx2.MockTransport(respond)
        one = settings("http://account.invalid/v1", limits=limits)
        async with connect(one, HEADERS, transport, virtual.patience(**fields)) as client:
            return await send(client)

    return virtual.run(main())


def ok(_request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json={"id": "x"})
