"""Vector stores, the files in them, and batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount, read_faults
from tests.server.support import Clock, made, refused, settled, stored, upload

PATH = "/v1/vector_stores"
DAY = 86400


def test_update_changes_name_expiry_and_metadata(api: TestClient) -> None:
    store = made(api, PATH, name="a", metadata={"a": "1"}, description="d")
    assert store["description"] == "d"
    expiry = {"anchor": "last_active_at", "days": 2}
    changed = made(api, f"{PATH}/{store['id']}", name="b", metadata={"b": "2"}, expires_after=expiry)
    assert (changed["name"], changed["metadata"], changed["expires_after"]) == ("b", {"b": "2"}, expiry)
    assert changed["expires_at"] == changed["last_active_at"] + 2 * DAY
    cleared = made(api, f"{PATH}/{store['id']}", expires_after=None)
    assert (cleared["expires_after"], cleared["expires_at"], cleared["name"]) == (None, None, "b")


@pytest.mark.parametrize(
    ("body", "param"),
    (
        ({"file_ids": ["f"] * 501}, "file_ids"),
        ({"expires_after": {"anchor": "last_active_at", "days": 366}}, "expires_after.days"),
        ({"expires_after": {"anchor": "created_at", "days": 1}}, "expires_after.anchor"),
        ({"chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 99, "chunk_overlap_tokens": 0}}},
         "chunking_strategy.static.max_chunk_size_tokens"),
        ({"chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 200,
                                                            "chunk_overlap_tokens": 101}}},
         "chunking_strategy.static.chunk_overlap_tokens"),
        ({"chunking_strategy": {"type": "static", "max_chunk_size_tokens": 200}},
         "chunking_strategy.max_chunk_size_tokens"),
        ({"files": []}, "files"),
    ),
)  # fmt: skip
def test_limits(api: TestClient, body: Any, param: str) -> None:
    assert refused(api, PATH, body)["param"] == param


def test_update_accepts_nothing_else(api: TestClient) -> None:
    store = made(api, PATH)
    assert refused(api, f"{PATH}/{store['id']}", {"file_ids": []})["code"] == "unknown_parameter"


def test_a_file_is_ingested_and_says_how(idle: TestClient) -> None:
    file_id, store = upload(idle)["id"], made(idle, PATH)
    answer = idle.post(f"{PATH}/{store['id']}/files", json={"file_id": file_id, "attributes": {"path": "a/b"}})
    assert answer.json()["status"] == "in_progress"
    assert int(answer.headers["openai-poll-after-ms"]) > 0
    waiting = idle.get(f"{PATH}/{store['id']}")
    assert waiting.json()["status"] == "in_progress"
    assert "openai-poll-after-ms" in waiting.headers
    assert waiting.json()["file_counts"] == {"in_progress": 1, "completed": 0, "failed": 0, "cancelled": 0, "total": 1}


def test_a_file_that_cannot_be_read_fails_with_a_reason(api: TestClient) -> None:
    store_id, [good, bad, wrong] = stored(
        api,
        ("a.txt", b"fine"),
        ("b.png", b"\x89PNG"),
        ("c.txt", b"\xff\xfe\x00\xd8\xff"),
    )
    store = api.get(f"{PATH}/{store_id}").json()
    assert store["file_counts"] == {"in_progress": 0, "completed": 1, "failed": 2, "cancelled": 0, "total": 3}
    assert store["status"] == "completed"
    codes = {}
    for file_id in (good, bad, wrong):
        error = api.get(f"{PATH}/{store_id}/files/{file_id}").json()["last_error"]
        codes[file_id] = error and error["code"]
    assert codes == {good: None, bad: "unsupported_file", wrong: "invalid_file"}
    failed = api.get(f"{PATH}/{store_id}/files", params={"filter": "failed"}).json()["data"]
    assert {file["id"] for file in failed} == {bad, wrong}


def test_attributes_are_replaced(api: TestClient) -> None:
    store_id, [file_id] = stored(api, ("a.txt", b"words"))
    path = f"{PATH}/{store_id}/files/{file_id}"
    first = {"path": "가/나.md", "size": 1.5, "kept": True}
    assert made(api, path, attributes=first)["attributes"] == first
    assert made(api, path, attributes={"n": 1})["attributes"] == {"n": 1}
    assert made(api, path, attributes=None)["attributes"] == {}
    assert refused(api, path, {})["code"] == "missing_required_parameter"
    assert refused(api, path, {"attributes": {"a": [1]}})["param"] == "attributes.a"
    assert refused(api, path, {"chunking_strategy": {"type": "auto"}})["code"] == "unknown_parameter"


def test_detaching_keeps_the_file(api: TestClient) -> None:
    store_id, [file_id] = stored(api, ("a.txt", b"words"))
    gone = {"id": file_id, "object": "vector_store.file.deleted", "deleted": True}
    assert api.delete(f"{PATH}/{store_id}/files/{file_id}").json() == gone
    answer = api.get(f"{PATH}/{store_id}/files/{file_id}")
    message = f"No file found with id '{file_id}' in vector store '{store_id}'."
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, message)
    assert api.get(f"/v1/files/{file_id}").status_code == 200


def test_deleting_a_store_keeps_the_files(api: TestClient) -> None:
    store_id, [file_id] = stored(api, ("a.txt", b"words"))
    assert api.delete(f"{PATH}/{store_id}").json()["deleted"] is True
    assert api.get(f"{PATH}/{store_id}").status_code == 404
    assert api.get(f"/v1/files/{file_id}").status_code == 200


def test_attaching_again_starts_anew(api: TestClient) -> None:
    store_id, [file_id] = stored(api, ("a.txt", b"words"))
    again = made(api, f"{PATH}/{store_id}/files", file_id=file_id, attributes={"v": 2})
    assert (again["status"], again["attributes"]) == ("in_progress", {"v": 2})
    assert settled(api, store_id)["file_counts"]["total"] == 1
    assert len(made(api, f"{PATH}/{store_id}/search", query="words")["data"]) == 1


def found(api: TestClient, store_id: str, query: str) -> list[str]:
    return [result["content"][0]["text"] for result in made(api, f"{PATH}/{store_id}/search", query=query)["data"]]


def test_a_file_stays_searchable_while_it_is_ingested_again(tmp_path: Path) -> None:
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        text = "words " * 200
        store_id, [file_id] = stored(api, ("a.txt", text.encode()))
    small = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    with EmbeddedAccount(tmp_path, workers=0) as account, TestClient(account.app) as api:
        again = made(api, f"{PATH}/{store_id}/files", file_id=file_id, chunking_strategy=small)
        assert (again["status"], again["usage_bytes"], again["chunking_strategy"]) == ("in_progress", 0, small)
        assert found(api, store_id, "words") == [text]
        assert api.get(f"{PATH}/{store_id}/files/{file_id}/content").json()["data"] == []
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        settled(api, store_id)
        assert [len(chunk) for chunk in found(api, store_id, "words")] == [396, 396, 396, 12]
    with EmbeddedAccount(tmp_path, workers=0) as account, TestClient(account.app) as api:
        api.delete(f"{PATH}/{store_id}/files/{file_id}")
        made(api, f"{PATH}/{store_id}/files", file_id=file_id)
        assert found(api, store_id, "words") == []  # nothing is left of what was detached


def test_an_ingestion_that_fails_takes_nothing_away(tmp_path: Path) -> None:
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        store_id, [file_id] = stored(api, ("a.txt", b"words"))
    fails = read_faults({"faults": [{"ingest": "*", "fail": "server_error"}]})
    with EmbeddedAccount(tmp_path, faults=fails) as account, TestClient(account.app) as api:
        made(api, f"{PATH}/{store_id}/files", file_id=file_id)
        assert settled(api, store_id)["file_counts"]["failed"] == 1
        assert found(api, store_id, "words") == ["words"]
        api.delete(f"/v1/files/{file_id}")
        assert found(api, store_id, "words") == []


def test_a_file_named_twice_is_attached_once(api: TestClient) -> None:
    file_id = upload(api)["id"]
    assert made(api, PATH, file_ids=[file_id, file_id])["file_counts"]["total"] == 1


def test_content_is_the_parsed_text(api: TestClient) -> None:
    text = "\n".join(f"{number}번째 줄: 도시계획의 목표" for number in range(400))
    chunking = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 30}}
    store_id, [file_id] = stored(api, ("a.md", text.encode("utf-16")), chunking_strategy=chunking)
    assert api.get(f"{PATH}/{store_id}/files/{file_id}/content").json() == {
        "object": "vector_store.file_content.page",
        "data": [{"type": "text", "text": text}],
        "has_more": False,
        "next_page": None,
    }
    assert len(made(api, f"{PATH}/{store_id}/search", query="도시계획", max_num_results=50)["data"]) > 10


def test_a_batch_gives_each_file_its_own(api: TestClient) -> None:
    store, files = made(api, PATH), [upload(api, f"{n}.txt", b"word %d" % n)["id"] for n in range(3)]
    wanted = [{"file_id": file_id, "attributes": {"n": n}} for n, file_id in enumerate(files)]
    batch = made(api, f"{PATH}/{store['id']}/file_batches", files=wanted)
    assert (batch["status"], batch["file_counts"]["total"]) == ("in_progress", 3)
    settled(api, store["id"])
    path = f"{PATH}/{store['id']}/file_batches/{batch['id']}"
    assert api.get(path).json()["status"] == "completed"
    members = api.get(f"{path}/files", params={"order": "asc"}).json()["data"]
    assert [(member["id"], member["attributes"]) for member in members] == [(f, {"n": n}) for n, f in enumerate(files)]


def test_a_batch_shares_what_it_is_given(api: TestClient) -> None:
    store, file_id = made(api, PATH), upload(api)["id"]
    chunking = {"type": "static", "static": {"max_chunk_size_tokens": 300, "chunk_overlap_tokens": 0}}
    made(api, f"{PATH}/{store['id']}/file_batches", file_ids=[file_id], attributes={"a": 1}, chunking_strategy=chunking)
    member = api.get(f"{PATH}/{store['id']}/files/{file_id}").json()
    assert (member["attributes"], member["chunking_strategy"]) == ({"a": 1}, chunking)


def test_a_batch_needs_one_kind_of_list(api: TestClient) -> None:
    path = f"{PATH}/{made(api, PATH)['id']}/file_batches"
    assert refused(api, path, {})["param"] == "file_ids"
    assert refused(api, path, {"file_ids": []})["code"] == "empty_array"
    assert refused(api, path, {"file_ids": ["a"], "files": [{"file_id": "a"}]})["param"] == "files"
    assert refused(api, path, {"file_ids": ["a"] * 2001})["code"] == "array_above_max_length"
    assert api.post(path, json={"file_ids": ["file-no"]}).status_code == 404


def test_a_batch_can_be_cancelled(idle: TestClient) -> None:
    store = made(idle, PATH)
    batch = made(idle, f"{PATH}/{store['id']}/file_batches", file_ids=[upload(idle)["id"]])
    path = f"{PATH}/{store['id']}/file_batches/{batch['id']}"
    cancelled = made(idle, f"{path}/cancel")
    assert (cancelled["status"], cancelled["file_counts"]["cancelled"]) == ("cancelled", 1)
    assert idle.get(f"{PATH}/{store['id']}").json()["status"] == "completed"
    assert [file["status"] for file in idle.get(f"{path}/files").json()["data"]] == ["cancelled"]


def test_a_batch_of_bad_files_failed(api: TestClient) -> None:
    store = made(api, PATH)
    batch = made(api, f"{PATH}/{store['id']}/file_batches", file_ids=[upload(api, "a.exe")["id"]])
    settled(api, store["id"])
    assert api.get(f"{PATH}/{store['id']}/file_batches/{batch['id']}").json()["status"] == "failed"


def test_stores_expire_when_they_are_not_used(api: TestClient, clock: Clock) -> None:
    store_id, [file_id] = stored(api, ("a.txt", b"words"), expires_after={"anchor": "last_active_at", "days": 1})
    clock.ahead = DAY - 100
    made(api, f"{PATH}/{store_id}/search", query="words")  # being searched is being active
    clock.ahead = 2 * DAY - 200
    assert api.get(f"{PATH}/{store_id}").json()["status"] == "completed"
    clock.ahead = 2 * DAY
    store = api.get(f"{PATH}/{store_id}").json()
    assert (store["status"], store["file_counts"]["total"], store["usage_bytes"]) == ("expired", 0, 0)
    assert api.get(f"{PATH}/{store_id}/files").json()["data"] == []
    assert "has expired" in refused(api, f"{PATH}/{store_id}/files", {"file_id": file_id})["message"]
    assert "has expired" in refused(api, f"{PATH}/{store_id}/search", {"query": "words"})["message"]
    assert api.get(f"/v1/files/{file_id}").status_code == 200


@pytest.mark.parametrize(
    "path", ("", "/files", "/files/f", "/files/f/content", "/file_batches/b", "/file_batches/b/files")
)
def test_what_is_not_there(api: TestClient, path: str) -> None:
    answer = api.get(f"{PATH}/vs_no{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "Vector store with id 'vs_no' not found."
    store = made(api, PATH)
    if path.count("/") > 1:
        assert api.get(f"{PATH}/{store['id']}{path}").status_code == 404
