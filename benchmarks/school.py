"""A large project, and an embedded account for it in which every request takes its time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2

from deployer import cache, manifest
from deployer.backends.http.backend import open_backend
from deployer.project.session import Session, target_of
from deployer.server import EmbeddedAccount
from tests.support.live import account_of

ASSISTANTS = 200
STORES = 20
FILES = 3
LATENCY = 0.05


class Distant:
    """An account that is some seconds away, and counts what arrives there by method and collection.

    `chain` is how many requests were made one after another: each began when the one before it had been answered.
    """

    def __init__(self, app: Any, latency: float = LATENCY) -> None:
        self._app = app
        self._latency = latency
        self.requests: Counter[str] = Counter()
        self.chain = self._answered = 0

    def begin(self) -> None:
        """Count from here on."""
        self.requests.clear()
        self.chain = self._answered = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix("/v1").split("/")
        self.requests[f"{scope['method']} /{'/'.join([path[1], *path[3:4]])}"] += 1
        place = self._answered + 1
        self.chain = max(self.chain, place)
        await asyncio.sleep(self._latency)
        await self._app(scope, receive, send)
        self._answered = max(self._answered, place)


def build(folder: Path) -> Path:
    """Write the manifest: assistants with instructions, a function and a store to search; stores with a few files."""
    lines = ["version: 1", "project: school", "vector_stores:"]
    for number in range(STORES):
        for file in range(FILES):
            path = folder / f"knowledge/{number}/문서-{file}.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"# 문서 {file} of store {number}\n", encoding="utf-8")
        lines.append(f"  store-{number}: {{name: Store {number}, files: [knowledge/{number}/**]}}")
    lines.append("assistants:")
    for number in range(ASSISTANTS):
        lines += _assistant(number)
    path = folder / "assistants.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _assistant(number: int) -> list[str]:
    return [
        f"  assistant-{number}:",
        f"    name: Assistant {number}",
        "    model: gpt-6-luna",
        f"    instructions: {f'You are assistant {number} and answer briefly, with one example. ' * 10}",
        "    temperature: 0.3",
        "    tools:",
        f"      - {{type: file_search, vector_stores: [store-{number % STORES}]}}",
        "      - type: function",
        f"        name: ask_{number}",
        "        description: Ask the student.",
        "        parameters:",
        "          {type: object, properties: {title: {type: string, description: The title.}}, required: [title]}",
        "    metadata: {team: education}",
    ]


@asynccontextmanager
async def opened(folder: Path, file: Path) -> AsyncIterator[tuple[Session, Distant]]:
    """Open the project on the distant account that is kept in `folder`, as `deployer plan` would."""
    found = manifest.compile_manifest(file, None, {}, {})
    if found.problems:
        raise SystemExit("\n".join(map(str, found.problems)))
    found = replace(found, resources=manifest.digest(found.root, found.resources))
    with EmbeddedAccount(folder / "account") as account:
        distant = Distant(account.app)
        settings = replace(found.settings, base_url="http://distant.invalid/v1")
        async with open_backend(
            settings, found.root / cache.FOLDER, transport=httpx2.ASGITransport(app=distant)
        ) as http:
            yield Session(account_of(http), found, target_of(found), ""), distant
