"""A page's server in this process: its endpoints behind the guard, as a browser would ask them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from deployer import Project as Library
from deployer.playground.app import Playground, build_app
from deployer.playground.guard import PageGuard
from deployer.playground.observer import AccountObserver
from deployer.playground.talks import Conversations
from deployer.server import Rehearsal, read_script

PORT, TOKEN = 8788, "the-token"
URL = f"http://127.0.0.1:{PORT}"


@dataclass(frozen=True)
class OpenPage:
    """What a page asks: JSON in, JSON out."""

    client: httpx2.AsyncClient
    observer: AccountObserver
    talks: Conversations

    async def get(self, path: str) -> Any:
        return _good(await self.client.get(path))

    async def post(self, path: str, data: Mapping[str, Any] | None = None) -> Any:
        return _good(await self.client.post(path, json=data or {}))

    async def refused(self, path: str, data: Mapping[str, Any]) -> tuple[int, str]:
        answer = await self.client.post(path, json=data)
        return answer.status_code, answer.json()["error"]

    async def begin(self) -> str:
        return str((await self.post("/api/conversations"))["id"])

    async def say(self, talked: str, address: str, text: str, **more: Any) -> None:
        await self.post(f"/api/conversations/{talked}/say", {"address": address, "text": text, **more})

    async def entries(self, talked: str, after: int = 0) -> list[dict[str, Any]]:
        """Return what the page hears until the turn is over."""
        answer = await self.client.get(f"/api/conversations/{talked}/entries?after={after}")
        return [
            json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")
        ]

    async def heard(self, talked: str, kind: str) -> dict[str, Any]:
        """Return the first entry of a kind, as soon as it has come."""
        return await anext(one async for one in self.talks.all[talked].follow(0) if one["type"] == kind)


def _good(answer: httpx2.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json()


def on_page(
    work: Callable[[OpenPage], Coroutine[Any, Any, Any]],
    *turns: Mapping[str, Any],
    account: str = "embedded",
    handler_seconds: float = 0.0,
) -> Any:
    """Do something on the page of the project in this folder, whose embedded account plays turns."""
    script = Rehearsal(read_script({"version": 1, "turns": [*turns]}, Library.load(account=account).manifest.root))

    async def opened() -> Any:
        observer = AccountObserver(lambda: Library.load(account=account), script)
        talks = Conversations(observer, handler_seconds)
        app = PageGuard(build_app(Playground(observer, talks)), PORT, TOKEN)
        headers = {"authorization": f"Bearer {TOKEN}"}
        try:
            async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL, headers=headers) as client:
                return await work(OpenPage(client, observer, talks))
        finally:
            await talks.close()
            await observer.close()

    return asyncio.run(opened())
