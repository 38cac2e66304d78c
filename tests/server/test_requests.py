"""Requests that are wrong before any resource is involved."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    (
        ("GET", "/v1/foo", 404, "Invalid URL (GET /v1/foo)"),
        ("POST", "/v1/assistants/", 404, "Invalid URL (POST /v1/assistants/)"),
        ("GET", "/", 404, "Invalid URL (GET /)"),
        ("PUT", "/v1/assistants", 405, "Not allowed to PUT on /v1/assistants."),
        ("PATCH", "/v1/files/file-1", 405, "Not allowed to PATCH on /v1/files/file-1."),
    ),
)
def test_no_such_route(api: TestClient, method: str, path: str, status: int, message: str) -> None:
    answer = api.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["message"] == message
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "body",
    (
        b"{",
        b"[1, 2]",
        b'"text"',
        b"\xff\xfe",
        b'{"model": NaN}',
        b'{"model": "x", "temperature": 1e999}',
        b'{"model": ' + b"9" * 5000 + b"}",
        b'{"model": "\\ud800"}',
        b'{"model": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model": ' + b"[" * 400 + b"]" * 400 + b"}",
    ),
    ids=["broken", "list", "text", "bytes", "nan", "infinity", "digits", "half a character", "deep", "too deep"],
)
def test_a_body_that_cannot_be_read(api: TestClient, body: bytes) -> None:
    answer = api.post("/v1/assistants", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("We could not parse the JSON body of your request.")


def test_a_body_that_is_too_large(api: TestClient) -> None:
    answer = api.post("/v1/assistants", content=b'{"model": "' + b"x" * 11_000_000 + b'"}')
    assert answer.status_code == 413


def test_every_answer_carries_an_id_and_its_time(api: TestClient) -> None:
    for answer in (api.get("/v1/models"), api.get("/v1/foo")):
        assert answer.headers["x-request-id"].startswith("req_")
        assert int(answer.headers["openai-processing-ms"]) >= 0


@pytest.mark.parametrize("headers", ({}, {"authorization": "Basic right"}, {"authorization": "Bearer "}))
def test_a_key_is_asked_for(tmp_path: Path, headers: dict[str, str]) -> None:
    with EmbeddedAccount(tmp_path, key="right") as account, TestClient(account.app) as api:
        answer = api.get("/v1/models", headers=headers)
        assert answer.status_code == 401
        assert "You didn't provide an API key" in answer.json()["error"]["message"]
        assert api.get("/v1/models", headers={"authorization": "Bearer right"}).status_code == 200


def test_a_key_that_is_not_ascii_is_just_wrong(tmp_path: Path) -> None:
    with EmbeddedAccount(tmp_path, key="right") as account, TestClient(account.app) as api:
        answer = api.get("/v1/models", headers={b"authorization": "Bearer 열쇠".encode()})
        assert answer.status_code == 401


def test_a_bug_is_logged_and_shows_nothing(
    account: EmbeddedAccount,
    api: TestClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    account.__exit__(None, None, None)  # every use of the storage is a bug from here on
    answer = api.get("/v1/assistants")
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {
            "message": "The server had an error while processing your request.",
            "type": "server_error",
            "param": None,
            "code": "internal_error",
        },
    }
    assert "context manager" in caplog.text
