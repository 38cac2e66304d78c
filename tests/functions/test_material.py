"""Precision and recall on what the real API accepted and rejected: both 100 %."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deployer.functions.check import check_function, check_response_format
from deployer.functions.rules import Finding
from deployer.model import Severity

MATERIAL = Path(__file__).parents[3] / "shared" / "material"
pytestmark = pytest.mark.skipif(not MATERIAL.is_dir(), reason="the recordings (../shared/material) are not here")
Schema = dict[str, Any]


def closed(properties: Schema, required: Sequence[str] | None = None) -> Schema:
    names = list(properties) if required is None else list(required)
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


STRING: Schema = {"type": "string"}
# What the recorded message is about: the rule that must find it and, where the recording has none, the smallest schema
# with the named fault in the named place.
REJECTED: dict[str, tuple[str, Schema | None]] = {
    "root additionalProperties:false (strict)": (
        "strict-additional-properties",
        {"type": "object", "properties": {"a": STRING}, "required": ["a"]},
    ),
    "type array branch additionalProperties:false (strict)": (
        "strict-additional-properties",
        closed({"params": {"type": ["object", "null"], "properties": {}}}),
    ),
    "required has extra key (strict)": ("strict-required", closed({}, ["memory_episodic_append"])),
    "root must be object, no top-level combinators (also non-strict)": (
        "root-combinator",
        {"type": "object", "properties": {"a": STRING}, "anyOf": [{"required": ["a"]}]},
    ),
    "root type missing/null": ("root-type", {"oneOf": [{"type": "object", "properties": {"a": STRING}}]}),
    "allOf not permitted": ("strict-keyword", closed({"data": {"type": "string", "allOf": [STRING]}})),
    "array needs items (also non-strict)": (
        "array-items",
        {"type": "object", "properties": {"configs": {"type": "array"}}},
    ),
    "unsupported format (strict)": ("strict-format", closed({"url": {"type": "string", "format": "uri"}})),
    "pattern must compile with Python re (non-strict too, 2026-09)": ("pattern", None),
    "strict:true with NO parameters key (RECORDED real 400)": ("strict-additional-properties", None),
}
# What the API says today where the recorded message is older (rejections-2.jsonl has the newer ones).
TODAY = {
    "'oneOf'/'anyOf'/'allOf'/'enum'/'not'": "'oneOf'/'anyOf'/'allOf'/'enum'/'const'/'not'",
    "got 'type: null'": "got 'type: \"None\"'",
    "parameters exceed the limit of": "parameters exceeds limit of",
}
# The limit was 100 then and is 5000 now, so the recorded 144 properties are accepted; see test_limit_of_today.
OUTDATED = "max properties (2024 limit 100, now 5000)"
OUT_OF_SCOPE = {
    "vector store create: file_ids max 100": "about vector stores, not about a schema",
    "just-uploaded file not found yet (eventual consistency / rate limit)": "a state of the account, not of a schema",
    "Azure: files without expiry quota": "a quota of the account",
}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (MATERIAL / name).read_text(encoding="utf-8").splitlines()]


def check(row: dict[str, Any], schema: Schema | None) -> Sequence[Finding]:
    """Check a row as what it was sent as: a function or a response format, on the surface of its address."""
    surface = "responses" if _is_responses(row) else "assistants"
    if _is_format(row):
        return check_response_format(schema or {}, strict=bool(row["strict"]), surface=surface, name=_name(row))
    function = {"name": _name(row), "description": "d", "strict": row["strict"]}
    return check_function(function if schema is None else {**function, "parameters": schema}, surface)


def _is_responses(row: dict[str, Any]) -> bool:
    named = "/v1/responses" if row.get("surface") == "responses" else row.get("uri")
    return named == "/v1/responses" or "function" not in str(row.get("param") or "function")


def _is_format(row: dict[str, Any]) -> bool:
    if "kind" in row:
        return bool(row["kind"] == "format")
    return "format" in str(row.get("where") or "") or "response_format" in str(row.get("message") or "")


def _name(row: dict[str, Any]) -> str:
    return str(row["name"] if "name" in row else row["id"] if "id" in row else str(row["message"]).split("'")[1])


def errors(found: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in found if finding.severity is Severity.ERROR]


def test_precision(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where two surfaces differ, no accepted schema has an error on either of them."""
    accepted = [*rows("accepted-schemas.jsonl"), *rows("accepted-schemas-2.jsonl")]
    wrong = {row["file"]: found for row in accepted if (found := errors(check(row, row["schema"])))}
    with capsys.disabled():
        print(f"\nprecision: {len(accepted) - len(wrong)} of {len(accepted)} accepted schemas pass")
    assert wrong == {}


def test_recall(capsys: pytest.CaptureFixture[str]) -> None:
    rejected = [row for row in rows("rejections.jsonl") if row["rule"] in REJECTED]
    found = [row for row in rejected if _is_found(row)]
    with capsys.disabled():
        print(f"\nrecall: {len(found)} of {len(rejected)} rejected schemas are found, each in the API's own words")
    assert [row["rule"] for row in rejected if row not in found] == []


@pytest.mark.parametrize("number", range(14))
def test_a_rejected_schema_is_found_in_the_words_of_the_api(number: int) -> None:
    row = rows("rejections-2.jsonl")[number]
    found = errors(check(row, row["schema"]))
    assert found
    # one message is about a schema with another name in its place
    message = row["message"].replace("'view_range'", "'p'")
    assert any(message in (finding.says or "") for finding in found), [finding.says for finding in found]
    assert len({finding.pointer for finding in found}) == len(found), "a fault is told once"


def test_live_tools_have_no_error_without_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    tools = rows("live-tools.jsonl")
    found = [
        (row["name"], finding) for row in tools for finding in errors(check({**row, "strict": None}, row["schema"]))
    ]
    with capsys.disabled():
        print(f"\nlive tools: {len(tools)}, errors: {[(name, finding.rule) for name, finding in found]}")
    assert [(name, finding.rule) for name, finding in found] == [("hubspot-search-objects", "array-items")]
    assert all(finding.says for _, finding in found)


def _is_found(row: dict[str, Any]) -> bool:
    rule, schema = REJECTED[row["rule"]]
    found = errors(check(row, row.get("schema", schema)))
    return (rule, today(row["message"])) in {(finding.rule, finding.says) for finding in found}


def today(message: str) -> str:
    for old, new in TODAY.items():
        message = message.replace(old, new)
    return message


@pytest.mark.parametrize("rule", sorted(REJECTED))
def test_the_fault_is_the_only_one(rule: str) -> None:
    row = next(row for row in rows("rejections.jsonl") if row["rule"] == rule)
    found = errors(check(row, row.get("schema", REJECTED[rule][1])))
    assert [finding.rule for finding in found] == [REJECTED[rule][0]]


def test_every_rejection_is_accounted_for() -> None:
    assert {row["rule"] for row in rows("rejections.jsonl")} == {*REJECTED, OUTDATED, *OUT_OF_SCOPE}


@pytest.mark.parametrize(("count", "found"), ((144, []), (5001, ["strict-properties"])))
def test_limit_of_today(count: int, found: list[str]) -> None:
    row = next(row for row in rows("rejections.jsonl") if row["rule"] == OUTDATED)
    seen = errors(check(row, closed({f"p{number}": STRING for number in range(count)})))
    assert [finding.rule for finding in seen] == found
    words = today(row["message"]).removeprefix("400 ").replace("144", str(count)).replace("100.", "5000.")
    assert [finding.says for finding in seen] == [words] * len(found)
