"""Uploads in parts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.server.support import Clock, made, refused

NEW = {"filename": "큰 파일.txt", "purpose": "assistants", "bytes": 6, "mime_type": "text/plain"}


def part(api: TestClient, upload: Any, data: bytes) -> str:
    answer = api.post(f"/v1/uploads/{upload['id']}/parts", files={"data": ("blob", data)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["upload_id"] == upload["id"]
    return str(answer.json()["id"])


def test_parts_are_joined_in_the_order_asked_for(api: TestClient, tmp_path: Path) -> None:
    upload = made(api, "/v1/uploads", **NEW)
    assert upload["expires_at"] == upload["created_at"] + 3600
    second, first = part(api, upload, b"def"), part(api, upload, b"abc")
    md5 = hashlib.md5(b"abcdef", usedforsecurity=False).hexdigest()
    done = made(api, f"/v1/uploads/{upload['id']}/complete", part_ids=[first, second], md5=md5)
    assert done["status"] == "completed"
    assert (done["file"]["filename"], done["file"]["bytes"]) == ("큰 파일.txt", 6)
    assert api.get(f"/v1/files/{done['file']['id']}/content").content == b"abcdef"
    assert len([path for path in (tmp_path / "account" / "blobs").rglob("*") if path.is_file()]) == 1


def test_size_checksum_and_parts_must_be_right(api: TestClient) -> None:
    upload = made(api, "/v1/uploads", **NEW)
    path = f"/v1/uploads/{upload['id']}/complete"
    whole, half = part(api, upload, b"abcdef"), part(api, upload, b"abc")
    assert "does not match the number of bytes" in refused(api, path, {"part_ids": [half]})["message"]
    assert refused(api, path, {"part_ids": [whole], "md5": "0" * 32})["param"] == "md5"
    assert refused(api, path, {"part_ids": ["part_no"]})["param"] == "part_ids"
    assert refused(api, path, {})["code"] == "missing_required_parameter"
    assert api.get("/v1/files").json()["data"] == []
    assert made(api, path, part_ids=[whole])["status"] == "completed"


def test_an_upload_ends_once(api: TestClient, tmp_path: Path) -> None:
    upload = made(api, "/v1/uploads", **NEW)
    piece = part(api, upload, b"abcdef")
    assert made(api, f"/v1/uploads/{upload['id']}/cancel")["status"] == "cancelled"
    for path, body in (("complete", {"part_ids": [piece]}), ("cancel", {})):
        assert "is cancelled" in refused(api, f"/v1/uploads/{upload['id']}/{path}", body)["message"]
    answer = api.post(f"/v1/uploads/{upload['id']}/parts", files={"data": ("blob", b"x")})
    assert answer.status_code == 400
    assert not [path for path in (tmp_path / "account" / "blobs").rglob("*") if path.is_file()]


def test_an_upload_expires(api: TestClient, clock: Clock) -> None:
    upload = made(api, "/v1/uploads", **NEW)
    clock.ahead = 3601
    assert "is expired" in refused(api, f"/v1/uploads/{upload['id']}/cancel", {})["message"]


@pytest.mark.parametrize(
    ("change", "param"),
    (({"purpose": "fun"}, "purpose"), ({"bytes": -1}, "bytes"), ({"bytes": 9 * 1024**3}, "bytes"), ({"x": 1}, "x")),
)
def test_limits(api: TestClient, change: dict[str, Any], param: str) -> None:
    assert refused(api, "/v1/uploads", NEW | change)["param"] == param


def test_what_is_not_there(api: TestClient) -> None:
    assert api.post("/v1/uploads/upload_no/cancel").status_code == 404
    assert api.post("/v1/uploads/upload_no/parts", files={"data": ("blob", b"x")}).status_code == 404
    assert api.post("/v1/uploads/upload_no/complete", json={"part_ids": []}).status_code == 404
