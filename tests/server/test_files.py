"""Files: names in every form, purposes, expiry, deletion, and bytes on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from tests.server.recordings import form
from tests.server.support import Clock, made, stored, upload

DAY = 86400


def blobs(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "account" / "blobs").rglob("*") if path.is_file()]


def leftovers(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "account" / "incoming").iterdir())


def test_a_file_and_its_bytes(api: TestClient, tmp_path: Path) -> None:
    file = upload(api, "수원도시계획.md", "용도지역".encode())
    assert (file["filename"], file["bytes"], file["status"]) == ("수원도시계획.md", 12, "processed")
    assert api.get(f"/v1/files/{file['id']}").json() == file
    assert api.get(f"/v1/files/{file['id']}/content").content.decode() == "용도지역"
    assert len(blobs(tmp_path)) == 1
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("disposition", "name"),
    (
        ('name="file"; filename="수원 도시계획.md"', "수원 도시계획.md"),
        (f"name=file; filename=plain.md; filename*=utf-8''{quote('수원도시계획.md')}", "수원도시계획.md"),
        ("name=file; filename*=UTF-8'en'%e2%82%ac%20rates.txt", "€ rates.txt"),
        ("name=file; filename=plain.md", "plain.md"),
        (r'name="file"; filename="a\"b\\c.md"', 'a"b\\c.md'),
        ('name="file"; filename="a%22b.md"', 'a"b.md'),
        ('name="file"; filename="100%25.md"', "100%25.md"),
        ('name="file"; filename="x; filename*=utf-8\'\'evil.md"', "x; filename*=utf-8''evil.md"),
        ('name="file"; filename="../../etc/passwd"', "../../etc/passwd"),
        ('name="file"; filename="/etc/passwd"', "/etc/passwd"),
        ('name="file"', "upload"),
    ),
)
def test_names_are_data(api: TestClient, tmp_path: Path, disposition: str, name: str) -> None:
    body = (
        f"--limit\r\nContent-Disposition: form-data; {disposition}\r\n\r\nbytes\r\n"
        '--limit\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--limit--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=limit"}
    answer = api.post("/v1/files", content=body.encode(), headers=headers)
    assert answer.json()["filename"] == name
    assert [path.read_bytes() for path in blobs(tmp_path)] == [b"bytes"]


@pytest.mark.parametrize("path", ("../account.sqlite3", "..%2F..%2Fetc%2Fpasswd", "%00", "file-" + "x" * 5000))
def test_ids_are_looked_up_only(api: TestClient, path: str) -> None:
    assert api.get(f"/v1/files/{path}").status_code == 404
    assert api.get(f"/v1/files/{path}/content").status_code == 404
    assert api.delete(f"/v1/files/{path}").status_code == 404


@pytest.mark.parametrize(
    ("fields", "message"),
    (
        ({}, "'purpose' is a required property"),
        ({"purpose": "assistants", "expires_after[seconds]": "7200"},
         "'None' is not one of ['created_at'] - 'expires_after.anchor'"),
        ({"purpose": "assistants", "expires_after[anchor]": "created_at", "expires_after[seconds]": "60"},
         "60 is less than the minimum of 3600 - 'expires_after.seconds'"),
        ({"purpose": "assistants", "expires_after[anchor]": "created_at", "expires_after[seconds]": "9999999"},
         "9999999 is greater than the maximum of 2592000 - 'expires_after.seconds'"),
        ({"purpose": "assistants", "expires_after[anchor]": "created_at", "expires_after[seconds]": "soon"},
         "'soon' is not of type 'integer' - 'expires_after.seconds'"),
    ),
)  # fmt: skip
def test_fields_of_the_form(api: TestClient, tmp_path: Path, fields: dict[str, str], message: str) -> None:
    answer = api.post("/v1/files", files={"file": ("a.txt", b"a")}, data=fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == answer.json()["detail"]["message"] == message
    assert blobs(tmp_path) == leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("content_type", "content"),
    (
        ("multipart/form-data; boundary=limit", b"--limit\r\nno form"),
        ("multipart/form-data", b"x"),
        ("application/json", b"{}"),
        ("multipart/form-data; boundary=limit", b""),
        ("multipart/form-data; boundary=limit", (form({"purpose": "batch"}, "file", "a", b"b").content or b"")[:-12]),
    ),
    ids=["garbage", "no boundary", "json", "empty", "cut off"],
)
def test_forms_that_cannot_be_read(api: TestClient, tmp_path: Path, content_type: str, content: bytes) -> None:
    answer = api.post("/v1/files", content=content, headers={"content-type": content_type})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Could not parse multipart form."
    assert blobs(tmp_path) == leftovers(tmp_path) == []


def test_a_form_without_a_file(api: TestClient) -> None:
    answer = api.post("/v1/files", files={"other": ("a.txt", b"a")}, data={"purpose": "assistants"})
    assert answer.json()["error"]["message"] == "'file' is a required property"


def test_lists_by_purpose_and_in_order(api: TestClient) -> None:
    first, second = upload(api, "1.txt"), upload(api, "2.txt")
    vision = upload(api, "3.png", purpose="vision")
    assert [file["id"] for file in api.get("/v1/files").json()["data"]] == [vision["id"], second["id"], first["id"]]
    page = api.get("/v1/files", params={"purpose": "assistants", "order": "asc", "limit": 1}).json()
    assert ([file["id"] for file in page["data"]], page["has_more"]) == ([first["id"]], True)
    page = api.get("/v1/files", params={"purpose": "assistants", "order": "asc", "after": first["id"]}).json()
    assert ([file["id"] for file in page["data"]], page["has_more"]) == ([second["id"]], False)
    assert api.get("/v1/files", params={"limit": 10000}).status_code == 200
    assert api.get("/v1/files", params={"limit": 10001}).status_code == 400


def test_bytes_live_as_long_as_any_file_with_them(api: TestClient, tmp_path: Path) -> None:
    one, other = upload(api, "one.txt", b"same"), upload(api, "other.txt", b"same")
    assert len(blobs(tmp_path)) == 1
    api.delete(f"/v1/files/{one['id']}")
    assert api.get(f"/v1/files/{other['id']}/content").content == b"same"
    api.delete(f"/v1/files/{other['id']}")
    assert blobs(tmp_path) == []


def test_a_deleted_file_leaves_its_vector_stores(api: TestClient) -> None:
    store_id, [file_id] = stored(api, ("a.txt", b"some words"))
    assert api.delete(f"/v1/files/{file_id}").json() == {"id": file_id, "object": "file", "deleted": True}
    assert api.get(f"/v1/vector_stores/{store_id}/files").json()["data"] == []
    assert api.get(f"/v1/vector_stores/{store_id}").json()["file_counts"]["total"] == 0
    assert made(api, f"/v1/vector_stores/{store_id}/search", query="words")["data"] == []
    assert api.delete(f"/v1/files/{file_id}").status_code == 404


def test_files_expire(api: TestClient, clock: Clock) -> None:
    expiry: Any = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    answer = api.post("/v1/files", files={"file": ("a.txt", b"a")}, data={"purpose": "assistants"} | expiry)
    file = answer.json()
    assert file["expires_at"] == file["created_at"] + 3600
    batch = upload(api, "b.jsonl", purpose="batch")
    assert batch["expires_at"] == batch["created_at"] + 30 * DAY
    clock.ahead = 3601
    assert api.get(f"/v1/files/{file['id']}").status_code == 404
    assert [file["id"] for file in api.get("/v1/files").json()["data"]] == [batch["id"]]
    assert api.post("/v1/vector_stores", json={"file_ids": [file["id"]]}).status_code == 404
