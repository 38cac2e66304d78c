"""Each limit of strict schemas: the most that is taken, and one more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from deployer.functions.check import check_function, check_response_format
from deployer.functions.rules import Finding
from deployer.model import Severity

Schema = dict[str, Any]


def closed(properties: Mapping[str, Any], **more: Any) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [*properties],
        "additionalProperties": False,
        **more,
    }


def nested(levels: int, leaf: Schema) -> Schema:
    schema = leaf
    for level in range(levels):
        schema = {"type": "array", "items": schema} if level % 2 and level < levels - 1 else closed({"a": schema})
    return schema


def texts(count: int, length: int) -> list[str]:
    return [f"{number:0{length}}" for number in range(count)]


def strings(count: int) -> Schema:
    return closed({name: {"type": "string"} for name in texts(count, 4)})


def in_enums(count: int, per_enum: int) -> Schema:
    values = texts(count, 4)
    groups = [values[start : start + per_enum] for start in range(0, count, per_enum)]
    return closed({f"p{n}": {"type": "string", "enum": group} for n, group in enumerate(groups)})


LIMITS = [
    ("strict-properties", strings(5000), True),
    ("strict-properties", strings(5001), False),
    ("strict-depth", nested(10, {"type": "string"}), True),
    ("strict-depth", nested(11, {"type": "string"}), False),
    ("strict-strings", closed({"a" * 119_990: {"type": "string", "const": "b" * 10}}), True),
    ("strict-strings", closed({"a" * 119_990: {"type": "string", "const": "b" * 11}}), False),
    ("strict-strings", closed({"a": {"$ref": f"#/$defs/{'d' * 119_999}"}}, **{"$defs": {"d" * 119_999: {}}}), True),
    ("strict-strings", closed({"a": {"$ref": f"#/$defs/{'d' * 120_000}"}}, **{"$defs": {"d" * 120_000: {}}}), False),
    ("strict-enum-count", in_enums(1000, 200), True),
    ("strict-enum-count", in_enums(1001, 200), False),
    ("strict-enum-size", closed({"a": {"type": "string", "enum": texts(251, 59)}}), True),
    ("strict-enum-size", closed({"a": {"type": "string", "enum": texts(251, 60)}}), False),
    ("strict-enum-size", closed({"a": {"type": "string", "enum": texts(250, 400)}}), True),
]


@pytest.mark.parametrize(("rule", "schema", "fits"), LIMITS, ids=lambda value: value if isinstance(value, str) else "")
def test_limit(rule: str, schema: Schema, *, fits: bool) -> None:
    found = check_response_format(schema, strict=True, surface="responses", name="n")
    assert (rule not in {finding.rule for finding in found}) is fits
    assert rule not in {finding.rule for finding in check_response_format(schema, strict=False, surface="responses")}


def says(schema: Schema, rule: str) -> str | None:
    found = check_response_format(schema, strict=True, surface="responses", name="n")
    return next(finding.says for finding in found if finding.rule == rule)


def test_the_words_of_the_api() -> None:
    start = "Invalid schema for response_format 'n': "
    assert says(strings(5144), "strict-properties") == f"{start}5144 parameters exceeds limit of 5000."
    deep = nested(14, {"type": "string"})
    assert says(deep, "strict-depth") == f"{start}14 levels of nesting exceeds limit of 10."
    assert says(in_enums(1008, 200), "strict-enum-count") == (
        f"{start}Expected at most 1000 enum values in total within a single schema when using structured outputs, but "
        "received 1008. Consider reducing the number of enums, or use 'strict: false' to opt out of structured outputs."
    )


def test_branches_share_a_level_and_references_add_none() -> None:
    branch = {"anyOf": [{"anyOf": [{"$ref": "#/$defs/x"}, {"type": "null"}]}]}
    schema = nested(10, branch) | {"$defs": {"x": nested(9, {"type": "string"})}}
    assert [finding.rule for finding in errors(schema)] == []
    schema["$defs"]["x"] = nested(10, {"type": "string"})
    assert [finding.rule for finding in errors(schema)] == ["strict-depth"]


def errors(schema: Schema) -> list[Finding]:
    found = check_response_format(schema, strict=True, surface="responses")
    return [finding for finding in found if finding.severity is Severity.ERROR]


@pytest.mark.parametrize(("length", "rules"), ((1024, []), (1025, ["description-length"])))
def test_descriptions(length: int, rules: list[str]) -> None:
    found = check_function({"name": "f", "description": "d" * length}, "assistants")
    assert [finding.rule for finding in found] == rules
    assert [finding.severity for finding in found] == [Severity.WARNING] * len(rules)
    if rules:
        assert found[0].says == (
            "Invalid 'tools[…].function.description': string too long. Expected a string with maximum length 1024, "
            "but got a string with length 1025 instead."
        )
