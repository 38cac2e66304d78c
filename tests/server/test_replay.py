"""The embedded account against the recorded sessions with the real API."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount
from deployer.server.wire import masked
from tests.server.comparison import differences
from tests.server.differences import DIFFERENCES
from tests.server.recordings import MATERIAL, OURS, form, sessions
from tests.server.replay import replay_all, report
from tests.server.support import made

recorded = pytest.mark.skipif(
    not MATERIAL.is_dir(),
    reason="the recordings are not here: ../shared/material is absent",
)


@pytest.mark.slow
@recorded
def test_every_recorded_exchange_agrees() -> None:
    table = asyncio.run(replay_all())
    print(report(table))
    problems = [problem for agreement in table.values() for problem in agreement.problems]
    assert not problems, "\n".join(problems)
    assert sum(agreement.exchanges for agreement in table.values()) > 300


@recorded
def test_every_difference_is_still_one() -> None:
    steps = [step for session in sessions() for step in session]
    unused = [difference.name for difference in DIFFERENCES if not any(map(difference.applies, steps))]
    assert not unused
    assert all(difference.reason for difference in DIFFERENCES)


def _errors() -> list[Any]:
    if not MATERIAL.is_dir():
        return []
    lines = (MATERIAL / "errors.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@recorded
def test_recorded_errors_of_these_endpoints(api: TestClient) -> None:
    ours = [error for error in _errors() if OURS.match(error["path"]) and "/responses" not in error["path"]]
    assert len(ours) == 6
    for error in ours:
        purpose = form({"purpose": "world_domination"}, "file", "any.txt", b"any")
        content = purpose.content if error["method"] == "POST" else None
        answer = api.request(
            error["method"],
            error["path"],
            content=content,
            headers={"content-type": purpose.content_type},
        )
        assert (answer.status_code, answer.json()) == (error["status"], error["body"])


@recorded
def test_a_wrong_key_is_refused_in_the_recorded_words(tmp_path: Path) -> None:
    bodies = [error["body"] for error in _errors() if error["status"] == 401]
    with EmbeddedAccount(tmp_path, key="right") as account, TestClient(account.app) as api:
        for given in ("fake_key", "invalid-key"):
            answer = api.get("/v1/models", headers={"authorization": f"Bearer {given}"})
            assert answer.status_code == 401
            assert answer.json() in bodies


@recorded
def test_schemas_that_the_real_service_accepted_are_accepted(api: TestClient) -> None:
    """And they come back as they were sent, key for key in their order."""
    lines = (MATERIAL / "accepted-schemas.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 68
    for case in map(json.loads, lines):
        function = {"name": case["name"], "parameters": case["schema"], "strict": case["strict"]}
        tools = [{"type": "function", "function": function}]
        assistant = made(api, "/v1/assistants", model="m", tools=tools)
        shown = assistant["tools"][0]["function"]["parameters"]
        if case["schema"] is not None:
            assert json.dumps(shown) == json.dumps(case["schema"])


@pytest.mark.parametrize(
    ("key", "shown"),
    (
        ("invalid-key", "invalid-key"),
        ("<not-a-real-key>", "<not-a-r****key>"),
        ("test-context-key", "test-con****-key"),
        ("not-a-re" + "?" * 26 + "ized", "not-a-re" + "*" * 26 + "ized"),
    ),
)
def test_keys_are_masked_as_recorded(key: str, shown: str) -> None:
    assert masked(key) == shown


@pytest.mark.parametrize(
    ("one", "other", "found"),
    (
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {}, ["shape : keys ['a'] recorded, [] ours"]),
        ({"a": None}, {"a": {}}, ["shape .a: None recorded, {} ours"]),
        ({"a": "x"}, {"a": "y"}, ["value .a: 'x' recorded, 'y' ours"]),
        ({"a": [1, 2]}, {"a": [1]}, ["value .a: 2 items recorded, 1 ours"]),
        ({"created_at": 1}, {"created_at": 2}, []),
        ({"expires_at": 1}, {"expires_at": None}, ["shape .expires_at: 1 recorded, None ours"]),
        ({"status": "in_progress"}, {"status": "completed"}, []),
        ({"status": "failed"}, {"status": "completed"}, ["value .status: 'failed' recorded, 'completed' ours"]),
    ),
)
def test_the_comparison_notices(one: Any, other: Any, found: list[str]) -> None:
    assert list(differences(one, other)) == found
