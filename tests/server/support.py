"""What the tests of the embedded account share: a clock, uploads, and waiting for ingestion."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx2

DEADLINE = 20.0


class Clock:
    """A clock that a test can move."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def upload(api: httpx2.Client, name: str = "notes.txt", data: bytes = b"some text", purpose: str = "assistants") -> Any:
    answer = api.post("/v1/files", files={"file": (name, data)}, data={"purpose": purpose})
    assert answer.status_code == 200, answer.text
    return answer.json()


def made(api: httpx2.Client, path: str, **body: Any) -> Any:
    """Post what must be accepted, and return the answer."""
    answer = api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(api: httpx2.Client, path: str, body: Any, **headers: str) -> Any:
    """Post what must be refused with 400, and return the error."""
    answer = api.post(path, json=body, headers=headers)
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that happens on its own, a few milliseconds at a time."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def settled(api: httpx2.Client, store_id: str) -> Any:
    """The vector store, once nothing in it is in progress."""
    until(lambda: api.get(f"/v1/vector_stores/{store_id}").json()["status"] != "in_progress")
    return api.get(f"/v1/vector_stores/{store_id}").json()


def stored(api: httpx2.Client, *documents: tuple[str, bytes], **fields: Any) -> tuple[str, list[str]]:
    """A vector store with these documents, ingested."""
    file_ids = [upload(api, name, data)["id"] for name, data in documents]
    store = made(api, "/v1/vector_stores", file_ids=file_ids, **fields)
    settled(api, store["id"])
    return store["id"], file_ids
