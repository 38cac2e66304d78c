"""Schemas made to do harm: each ends, with a diagnostic."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from deployer.functions.check import check_examples, check_function, check_response_format
from deployer.functions.rules import Finding
from deployer.model import Severity

MOST_SECONDS = 20.0
"""Of CPU: what grows with powers of its input would take hours, on any machine."""
Schema = dict[str, Any]


def wide(most: int = 60_000) -> Schema:
    """A few MB."""
    return {"type": "object", "properties": {f"property_{n:07}": {"type": "string"} for n in range(most)}}


def crowded(most: int = 100_000) -> Schema:
    """Small in bytes, large in values."""
    return {"type": "object", "properties": {"x": {"anyOf": [{} for _ in range(most)]}}}


def ten_megabytes() -> Schema:
    return wide(300_000)


def very_crowded() -> Schema:
    return crowded(700_000)


def verbose() -> Schema:
    return {"type": "object", "properties": {"x": {"type": "string", "description": "one of 'a' " * 1_000_000}}}


def just_small_enough() -> Schema:
    return {"type": "object", "properties": {f"p{n}": {"type": "any"} for n in range(16_000)}}


def deep() -> Schema:
    schema: Schema = {"type": "string"}
    for _ in range(10_000):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def deep_branches() -> Schema:
    schema: Schema = {"type": "string"}
    for _ in range(10_000):
        schema = {"anyOf": [schema]}
    return {"type": "object", "properties": {"a": schema}}


def deep_value() -> Schema:
    value: list[Any] = []
    for _ in range(10_000):
        value = [value]
    return {"type": "object", "properties": {"a": {"default": value}}}


def mutual() -> Schema:
    onward = {f"d{n}": {"anyOf": [_ref((n + 1) % 1000), _ref((n * 7) % 1000)]} for n in range(1000)}
    return {"type": "object", "properties": {"a": _ref(0)}, "$defs": onward}


def chain() -> Schema:
    onward = {f"d{n}": _ref((n + 1) % 20_000) for n in range(20_000)}
    return {"type": "object", "properties": {"a": _ref(0)}, "$defs": onward}


def anchors() -> Schema:
    onward = {f"d{n}": {"$anchor": f"a{n}", "$ref": f"#a{n + 1}"} for n in range(10_000)}
    return {"type": "object", "properties": {}, "$defs": onward}


def shared() -> Schema:
    """What YAML aliases make: sixty steps in memory, 2**60 values when written out."""
    schema: Schema = {"type": "string"}
    for _ in range(60):
        schema = {"anyOf": [schema, schema]}
    return {"type": "object", "properties": {"x": schema}}


def ring() -> Schema:
    """A value that contains itself."""
    schema: Schema = {"type": "object", "properties": {}}
    schema["properties"]["a"] = schema
    return schema


def patterns() -> Schema:
    endless = [f"^(a+)+{n}$" for n in range(4000)]
    all_of_them = enumerate(["(" * 450 + ")" * 450, "(" * 450, *endless])
    return {"type": "object", "properties": {f"p{n}": {"type": "string", "pattern": text} for n, text in all_of_them}}


def long_pattern() -> Schema:
    return {"type": "object", "properties": {"a": {"pattern": "(a|b)*" * 100_000}}}


HOSTILE: list[tuple[Callable[[], Schema], str]] = [
    (wide, "size"),
    (crowded, "size"),
    (verbose, "size"),
    (just_small_enough, "type-name"),
    (deep, "depth"),
    (deep_branches, "depth"),
    (deep_value, "depth"),
    (mutual, "reference-circle"),
    (chain, "reference-circle"),
    (anchors, "reference"),
    (shared, "size"),
    (ring, "depth"),
    (patterns, "pattern"),
    (long_pattern, "pattern-length"),
]


LARGER = (
    pytest.param(ten_megabytes, "size", marks=pytest.mark.nightly),
    pytest.param(very_crowded, "size", marks=pytest.mark.nightly),
)


@contextmanager
def soon() -> Iterator[None]:
    since = time.process_time()
    yield
    assert time.process_time() - since < MOST_SECONDS


@pytest.mark.sampled(2)
@pytest.mark.parametrize("strict", (False, True))
@pytest.mark.parametrize(("build", "rule"), (*HOSTILE, *LARGER), ids=lambda value: getattr(value, "__name__", ""))
def test_ends_soon_with_a_diagnostic(build: Callable[[], Schema], rule: str, *, strict: bool) -> None:
    function = {"name": "f", "description": "d", "parameters": build(), "strict": strict}
    with soon():
        found = check_function(function, "assistants")
    assert rule in {finding.rule for finding in found}
    assert len(found) <= 101


@pytest.mark.parametrize(("build", "_rule"), (*HOSTILE, *LARGER), ids=lambda value: getattr(value, "__name__", ""))
def test_examples_end_soon(build: Callable[[], Schema], _rule: str) -> None:
    with soon():
        check_examples({"name": "f", "parameters": build(), "examples": [{"a": "a" * 50 + "!", "p1": "a" * 50 + "!"}]})


def test_a_reference_that_doubles_at_each_step_ends_soon() -> None:
    steps: Schema = {f"d{n}": {"anyOf": [_ref(n + 1), _ref(n + 1)]} for n in range(40)} | {"d40": {"type": "string"}}
    function = {"parameters": {"type": "object", "properties": {"a": _ref(0)}, "$defs": steps}, "examples": [{"a": 1}]}
    with soon():
        found = check_examples(function)
    assert [finding.message for finding in found] == [
        "example 1 cannot be checked: the parameters refer to themselves too often"
    ]


@pytest.mark.parametrize("example", ("[" * 100_000, {"a": "x" * 70_000}, {"a": math.inf}, {"a": date(2026, 1, 1)}))
def test_hostile_examples(example: object) -> None:
    with soon():
        found = check_examples({"parameters": {"type": "object"}, "examples": [example]})
    assert [finding.pointer for finding in found] == [("examples", 0)]


def test_errors_are_not_crowded_out_by_warnings() -> None:
    properties: Schema = {f"p{n}": {"type": "string"} for n in range(300)} | {"last": {"type": "array"}}
    found = check_function({"name": "f", "parameters": {"type": "object", "properties": properties}}, "assistants")
    assert [finding.rule for finding in found[:1]] == ["array-items"]
    assert found[-1].rule == "crowd"
    assert found[-1].message == "202 more findings are not shown"
    assert len(found) == 101


@pytest.mark.parametrize(
    ("value", "what"),
    (
        (math.nan, "nan is no number"),
        (-math.inf, "-inf is no number"),
        (date(2026, 1, 1), "a date is nothing"),
        ({"a"}, "a set is nothing"),
        ({1: "x"}, "the key 1 is not text"),
        ({None: "x"}, "the key None is not text"),
        ({True: "x"}, "the key True is not text"),
    ),
    ids=str,
)
def test_what_is_no_json_is_named_with_its_place(value: object, what: str) -> None:
    schema = {"type": "object", "properties": {"a": {"enum": [1, value]}}}
    found = check_response_format(schema, strict=False, surface="assistants")
    assert [(finding.rule, finding.pointer) for finding in found] == [("json", ("properties", "a", "enum", 1))]
    assert what in found[0].message
    assert found[0].severity is Severity.ERROR


def _ref(number: int) -> Schema:
    return {"$ref": f"#/$defs/d{number}"}


def test_findings_are_plain_values() -> None:
    found = check_function({"name": "f", "parameters": {"type": "dict"}}, "assistants")
    assert all(isinstance(finding, Finding) for finding in found)
    assert len({*found}) == len(found)
