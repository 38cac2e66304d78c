"""What to do about an error: by its code, what it is about, its status; for every error that was ever recorded."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from deployer.backends.http import advice, failures
from deployer.backends.http.retry import Fate
from tests.backends.customer import manifest
from tests.support.project import Project

RECORDED = Path(__file__).parents[3] / "shared" / "material" / "errors.jsonl"
POINTS_ELSEWHERE = "another version of this API"


def failure(status: int, body: Any, asked: str = "POST /assistants", **headers: str) -> failures.Failure:
    method, _, path = asked.partition(" ")
    request = httpx2.Request(method, f"http://account.invalid/v1{path}")
    return failures.refused(httpx2.Response(status, json=body, headers=headers, request=request))


def error(message: str = "no", **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}}


CASES: dict[str, tuple[int, dict[str, Any], str]] = {
    "quota": (429, error(code="insufficient_quota"), "used up its quota or credit"),
    "quota, by its type": (429, error(type="insufficient_quota"), "used up its quota or credit"),
    "billing": (400, error(code="billing_hard_limit_reached"), "used up its quota or credit"),
    "a parameter": (
        400,
        error(code="unsupported_parameter", param="temperature"),
        "the model takes no temperature: remove it from the manifest, or choose another model",
    ),
    "a value": (400, error(code="unsupported_value", param="reasoning_effort"), "takes no such reasoning_effort"),
    "a parameter that is not named": (400, error(code="unsupported_parameter"), POINTS_ELSEWHERE),
    "a file": (400, error(code="unsupported_file", param="input"), "convert the document"),
    "a model, 404": (404, error(code="model_not_found", param="model"), "check the model's name"),
    "a model, 400": (400, error(code="model_not_found", param="model"), "check the model's name"),
    "a deployment of Azure": (404, error(code="DeploymentNotFound"), "the name of a deployment"),
    "the context": (400, error(code="context_length_exceeded", param="input"), "exceeds what the model reads at once"),
    "a schema": (
        400,
        error(code="invalid_function_parameters", param="tools[0].function.parameters"),
        "deployer functions check says what is wrong",
    ),
    "a key": (401, error(code="invalid_api_key"), "check the account's api_key"),
    "an organization": (401, error(code="invalid_organization"), "check the account's organization"),
    "a place": (403, error(code="unsupported_country_region_territory"), "run it elsewhere"),
    "a long text": (400, error(code="string_above_max_length", param="instructions"), "shorten instructions"),
    "what it is about": (400, error(param="tools[0].function.name"), "correct tools[0].function.name in the manifest"),
    "what no manifest says": (400, error(param="purpose"), POINTS_ELSEWHERE),
    "an id": (400, error("Invalid 'assistant_id'", param="assistant_id"), POINTS_ELSEWHERE),
    "nothing that is known": (400, error(code="odd"), POINTS_ELSEWHERE),
    "a parameter that forges": (400, error(param="x; rm -rf / {param}"), POINTS_ELSEWHERE),
    "a parameter in braces": (400, error(code="unsupported_value", param="{0}"), POINTS_ELSEWHERE),
    "words of any form": (400, error(code=["x"], type={"a": 1}, param=7), POINTS_ELSEWHERE),
    "too large": (413, error(), "a proxy before the account"),
    "busy": (429, error(code="rate_limit_exceeded"), "wait a little and run again"),
    "credit": (402, {}, "used up its quota or credit"),
    "a proxy that wants a name": (407, {}, "HTTPS_PROXY"),
    "too slow": (408, {}, "run again later"),
    "at the same time": (409, {}, "run again"),
    "a right": (403, error(code="missing_scope"), "lacks a right"),
    "a policy": (400, error(code="content_filter"), "rules about content"),
    "a header": (400, error(code="invalid_beta"), "may drop headers"),
    "a value above": (400, error(code="decimal_above_max_value", param="temperature"), "choose a smaller temperature"),
    "a value below": (400, error(code="decimal_below_min_value", param="top_p"), "choose a larger top_p"),
    "a file that is gone": (400, error(code="file_not_found", param="file_id"), "--check-files"),
    "a broken file": (400, error(code="invalid_file"), "can be opened"),
    "broken": (500, error(code="server_error"), "the trouble is on the account's side"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_cause_decides(name: str) -> None:
    status, body, expected = CASES[name]
    assert expected in failure(status, body).remedy


NOT_OFFERED = {
    "GET /assistants": "does not offer that: check the account's api and base_url",
    "POST /assistants": "does not offer that: check the account's api and base_url",
    "POST /assistants/asst_1": "does not change what it has made",
    "POST /agents/agent_1": "does not change what it has made",
    "POST /vector_stores/vs_1": "does not change what it has made",
    "POST /vector_stores/vs_1/files/file-1": "does not change what it has made",
    "POST /vector_stores/vs_1/file_batches": "does not offer that",
    "DELETE /assistants/asst_1": "lets nothing be deleted",
    "DELETE /vector_stores/vs_1/files/file-1": "lets nothing be deleted",
    "DELETE /files/file-1": "lets nothing be deleted",
}


@pytest.mark.parametrize("asked", NOT_OFFERED)
@pytest.mark.parametrize("status", (405, 501))
def test_what_is_not_offered_depends_on_what_was_asked(asked: str, status: int) -> None:
    """LiteLLM's proxy answers 405 to an update of an assistant: its base_url is right."""
    assert NOT_OFFERED[asked] in failure(status, error(), asked).remedy
    assert "convert the document" in failure(status, error(code="unsupported_file"), asked).remedy


@pytest.mark.parametrize("code", sorted(advice.CODES))
def test_every_row_is_a_sentence(code: str) -> None:
    told = failure(400, error(code=code, param="temperature")).remedy
    assert told.isprintable()
    assert "{" not in told
    assert not told.endswith(".")


@pytest.mark.parametrize("word", sorted(advice.SPENT))
@pytest.mark.parametrize("field", ("code", "type"))
def test_what_is_used_up_is_not_asked_for_again(word: str, field: str) -> None:
    assert failure(429, error(**{field: word})).fate is Fate.REFUSED
    assert failure(429, error()).fate is Fate.UNDONE


def recorded() -> Iterator[tuple[int, dict[str, Any]]]:
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield row["status"], row["body"]


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded errors (../shared/material) are not here")
def test_no_recorded_error_with_a_cause_is_sent_elsewhere() -> None:
    seen = 0
    for status, body in recorded():
        remedy = failure(status, body).remedy
        found = body["error"] if isinstance(body, dict) else {}
        if found.get("code") in advice.CODES:
            seen += 1
            assert POINTS_ELSEWHERE not in remedy, found
            assert "base_url" not in remedy, found
        elif status == 400 and str(found.get("param")).partition("[")[0] in ("temperature", "tools"):
            assert f"correct {found['param']} in the manifest" in remedy
    assert seen > 10


@pytest.mark.parametrize(
    ("number", "expected"),
    ((20, "SSL_CERT_FILE"), (18, "SSL_CERT_FILE"), (10, "has expired"), (9, "clock"), (62, "is for another host")),
)
def test_a_certificate_that_is_refused_is_refused_for_good(number: int, expected: str) -> None:
    told = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate in chain")
    told.verify_code = number
    outer = httpx2.ConnectError("x")
    outer.__cause__ = told
    found = failures.unreachable(outer)
    assert expected in found.remedy
    assert found.fate is Fate.REFUSED


@pytest.mark.parametrize(("reason", "fate"), (("WRONG_VERSION_NUMBER", Fate.REFUSED), ("UNEXPECTED_EOF", Fate.UNDONE)))
def test_a_server_without_tls_is_told_at_once(reason: str, fate: Fate) -> None:
    outer = httpx2.ConnectError("x")
    outer.__cause__ = ssl.SSLError(1, "wrong version number")
    outer.__cause__.reason = reason
    found = failures.unreachable(outer)
    assert found.fate is fate
    assert ("speaks no TLS (http://)" in found.remedy) == (fate is Fate.REFUSED)


@pytest.mark.parametrize("key", (" k", "k ", "k\n", "\tk", "k\u00a0"))
def test_a_key_that_no_header_carries(project: Project, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAD_KEY", key)
    manifest(project, "http://127.0.0.1:9/v1")
    result = project.run("plan", "--account", "bad")
    assert result.code == 1
    assert result.err.startswith("account bad: api_key holds a character that cannot be sent (")
    assert "set it again" in result.err
