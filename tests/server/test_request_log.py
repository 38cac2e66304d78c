"""The log of requests: all that happened, and nothing that is private."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount
from tests.server.support import made, upload
from tests.server.wires import WIRES, wired


@pytest.mark.parametrize("wire", WIRES)
def test_a_line_for_each_request(tmp_path: Path, wire: str) -> None:
    lines: list[dict[str, Any]] = []
    faults: list[dict[str, Any]] = [
        {"on": "POST /v1/vector_stores", "calls": [1], "drop": "before"},
        {"on": "GET *", "status": 503},
        {"on": "GET /v1/files", "delay": 0.02},
    ]
    with wired(wire, tmp_path, *faults, log=lines.append, key="sk-very-secret") as api:
        api.headers["authorization"] = "Bearer sk-very-secret"
        upload(api, "private-name.txt", b"private words")
        with contextlib.suppress(httpx2.TransportError):
            made(api, "/v1/vector_stores", name="private name")
        assert api.get("/v1/files", params={"after": "private-cursor"}).status_code == 503
    assert [(line["number"], line["method"], line["path"], line["status"], line["faults"]) for line in lines] == [
        (1, "POST", "/v1/files", 200, []),
        (2, "POST", "/v1/vector_stores", None, [1]),
        (3, "GET", "/v1/files", 503, [2, 3]),
    ]
    first, second, third = lines
    assert (first["request_bytes"] > 13, first["answer_bytes"] > 100, second["answer_bytes"]) == (True, True, 0)
    assert third["ms"] >= 20
    assert "private" not in json.dumps(lines)
    assert "secret" not in json.dumps(lines)


def test_a_bug_is_logged_as_the_500_that_the_client_saw(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    closed = EmbeddedAccount(tmp_path, log=lines.append)
    assert TestClient(closed.app).get("/v1/assistants").status_code == 500
    assert [(line["status"], line["answer_bytes"] > 0) for line in lines] == [(500, True)]
