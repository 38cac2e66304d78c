"""The smallest instance of a schema is an instance of it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from deployer.server.runs.instances import smallest_instance
from tests.server.recordings import MATERIAL


@pytest.mark.parametrize(
    ("schema", "instance"),
    (
        ({}, ""),
        (True, None),
        ({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]}, {"a": ""}),
        ({"type": "object"}, {}),
        ({"type": ["null", "integer"]}, 0),
        ({"type": "null"}, None),
        ({"type": "boolean"}, False),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "minimum": 1, "multipleOf": 5}, 5),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "number", "exclusiveMinimum": 0}, 0.5),
        ({"type": "string", "minLength": 2}, "aa"),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "string", "pattern": "^[A-Z]{3}$"}, "AAA"),
        ({"type": "string", "pattern": "("}, ""),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [0, 0]),
        ({"type": "array"}, []),
        ({"enum": ["red", "blue"]}, "red"),
        ({"const": 7}, 7),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": "string", "examples": ["e"], "default": "d"}, "e"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 0),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}}, 0),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 1}}}, 1),
        ({"allOf": [{"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]},
                    {"properties": {"b": {"const": 2}}, "required": ["b"]}]}, {"a": 1, "b": 2}),
    ),
)  # fmt: skip
def test_smallest(schema: Any, instance: Any) -> None:
    assert smallest_instance(schema) == instance


def test_a_schema_that_never_ends_does() -> None:
    schema = {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "required": ["a"]}},
    }
    assert isinstance(smallest_instance(schema), dict)


@pytest.mark.skipif(not MATERIAL.is_dir(), reason="the recordings are not here: ../shared/material is absent")
@pytest.mark.parametrize("name", ("accepted-schemas.jsonl", "accepted-schemas-2.jsonl"))
def test_of_schemas_that_the_real_service_accepted(name: str) -> None:
    lines = (MATERIAL / name).read_text(encoding="utf-8").splitlines()
    found = [case["schema"] for case in map(json.loads, lines) if case["schema"] is not None]
    assert len(found) > 40
    for schema in found:
        jsonschema.validate(smallest_instance(schema), schema)
