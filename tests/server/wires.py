"""Two ways to one account, so that a test can be run on both: in this process, and over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from deployer.server import BackgroundServer, EmbeddedAccount, read_faults

WIRES = ("in-process", "http")
DROPPED = (httpx2.RemoteProtocolError, httpx2.ReadError)


@contextmanager
def wired(wire: str, folder: Path, *faults: dict[str, Any], seed: int = 0, **options: Any) -> Iterator[httpx2.Client]:
    """A client of an account with these faults; paths begin with /v1 on either way."""
    options["faults"] = read_faults({"seed": seed, "faults": list(faults)})
    if wire == "in-process":
        with EmbeddedAccount(folder, **options) as account, TestClient(account.app) as client:
            yield client
        return
    with (
        BackgroundServer(folder, **options) as server,
        httpx2.Client(base_url=server.base_url.removesuffix("/v1"), timeout=20) as client,
    ):
        yield client


def names(client: httpx2.Client) -> list[str]:
    """The names of all assistants, oldest first."""
    page = client.get("/v1/assistants", params={"limit": 100, "order": "asc"}).json()
    return [assistant["name"] for assistant in page["data"]]


def create(client: httpx2.Client, name: str) -> httpx2.Response:
    return client.post("/v1/assistants", json={"model": "m", "name": name})
