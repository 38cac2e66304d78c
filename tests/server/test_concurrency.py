"""Thirty-two clients at once, doing everything."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from deployer.server import BackgroundServer

CLIENTS = 32
ROUNDS = 2


def work(base_url: str, number: int) -> list[int]:
    """One client: make, change, list, search and delete; every status that it saw."""
    statuses: list[int] = []
    with httpx2.Client(base_url=base_url, timeout=30) as client:

        def call(method: str, path: str, **options: object) -> httpx2.Response:
            answer = client.request(method, path, **options)  # type: ignore[arg-type]
            statuses.append(answer.status_code)
            return answer

        for turn in range(ROUNDS):
            form = {"files": {"file": (f"{number}.md", f"문서 {number} {turn}")}, "data": {"purpose": "assistants"}}
            file_id = call("POST", "/files", **form).json()["id"]
            store_id = call("POST", "/vector_stores", json={"name": str(number), "file_ids": [file_id]}).json()["id"]
            tools = {"file_search": {"vector_store_ids": [store_id]}}
            assistant = call("POST", "/assistants", json={"model": "m", "tool_resources": tools}).json()["id"]
            call("POST", f"/assistants/{assistant}", json={"name": f"{number}-{turn}"})
            call("GET", "/assistants", params={"limit": 100})
            while call("GET", f"/vector_stores/{store_id}").json()["status"] == "in_progress":
                time.sleep(0.02)
            found = call("POST", f"/vector_stores/{store_id}/search", json={"query": "문서"}).json()["data"]
            assert [result["file_id"] for result in found] == [file_id]
            if turn % 2:
                call("DELETE", f"/files/{file_id}")
                call("DELETE", f"/vector_stores/{store_id}")
                call("DELETE", f"/assistants/{assistant}")
    return statuses


@pytest.mark.slow
def test_thirty_two_clients(tmp_path: Path) -> None:
    with BackgroundServer(tmp_path) as server, ThreadPoolExecutor(CLIENTS) as threads:
        seen = list(threads.map(lambda number: work(server.base_url, number), range(CLIENTS)))
        assert {status for statuses in seen for status in statuses} == {200}
        kept = CLIENTS * (ROUNDS - ROUNDS // 2)
        with httpx2.Client(base_url=server.base_url) as client:
            files = client.get("/files").json()["data"]
            stores = client.get("/vector_stores", params={"limit": 100}).json()["data"]
            assert len(files) == len(stores) == kept
            assert all(store["file_counts"]["completed"] == store["file_counts"]["total"] == 1 for store in stores)
    blobs = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == kept
