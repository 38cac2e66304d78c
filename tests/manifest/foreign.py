"""An account that people have filled by hand, in a project's own folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount
from tests.server.support import made, settled, upload

HEADERS = {"assistants": "assistants=v2", "agents": "agents=v1"}


@dataclass(frozen=True)
class Hand:
    """Somebody at the account."""

    api: httpx2.Client

    def make(self, path: str, **body: Any) -> Any:
        return made(self.api, f"/v1/{path}", **body)

    def get(self, path: str) -> Any:
        return self.api.get(f"/v1/{path}").json()

    def store(self, files: dict[str, bytes], **body: Any) -> str:
        """Make a vector store that holds these files, each searchable."""
        store = str(self.make("vector_stores", **body)["id"])
        for name, data in files.items():
            self.attach(store, name, data)
        return store

    def attach(self, store: str, name: str, data: bytes, **settings: Any) -> str:
        file_id = str(upload(self.api, name, data)["id"])
        self.make(f"vector_stores/{store}/files", file_id=file_id, **settings)
        settled(self.api, store)
        return file_id

    def files(self, store: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"vector_stores/{store}/files")["data"]
        return found


@contextmanager
def by_hand(root: Path, api: str = "assistants") -> Iterator[Hand]:
    """Open the embedded account of the project in `root`; close it again before the tool runs."""
    folder = root / ".deployer" / "account"
    folder.mkdir(parents=True, exist_ok=True)
    with EmbeddedAccount(folder) as account, TestClient(account.app, headers={"OpenAI-Beta": HEADERS[api]}) as client:
        yield Hand(client)
