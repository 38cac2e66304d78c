"""What each annotation becomes, plain and strict, and that both agree with the callable they were made from."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deployer.errors import DeployerError
from deployer.functions.check import check_function
from deployer.functions.python.callables import agreement, from_callable
from deployer.functions.rules import SURFACES
from tests.functions.callable_table import ALL, FREE, TYPES, Tree, taking


@pytest.mark.parametrize(("annotation", "expected"), TYPES, ids=lambda value: str(value)[:40])
def test_an_annotation_becomes_a_schema(annotation: Any, expected: Any) -> None:
    definition = from_callable(taking(annotation))
    parameters = definition["parameters"]
    assert parameters["properties"]["x"] == expected
    assert {**parameters, "properties": {}} == {
        "type": "object",
        "properties": {},
        "required": ["x"],
        "additionalProperties": False,
    }
    assert list(definition) == ["name", "description", "parameters"]


@pytest.mark.parametrize("annotation", ALL, ids=lambda value: str(value)[:40])
def test_what_is_made_is_valid_and_agrees(annotation: Any) -> None:
    function = taking(annotation)
    definition = from_callable(function)
    Draft202012Validator.check_schema(definition["parameters"])
    assert agreement(definition, function) == ()


@pytest.mark.parametrize("strict", (False, True))
def test_what_is_made_breaks_no_rule_of_any_surface(*, strict: bool) -> None:
    for annotation in ALL:
        if strict and annotation in FREE:
            continue
        definition = from_callable(taking(annotation), strict=strict)
        for surface in SURFACES:
            found = {finding.rule for finding in check_function(definition, surface)}
            assert found <= {"parameter-description"}, annotation  # a hint, and true of these


@pytest.mark.parametrize("annotation", [each for each in ALL if each not in FREE], ids=lambda value: str(value)[:40])
def test_what_is_made_strict_is_in_the_subset_and_agrees(annotation: Any) -> None:
    function = taking(annotation)
    definition = from_callable(function, strict=True)
    assert definition["strict"] is True
    assert agreement(definition, function) == ()
    for schema in _schemas(definition["parameters"]):
        assert {"type", "anyOf", "$ref"} & schema.keys()
        assert not {"default", "title", "oneOf", "uniqueItems", "prefixItems", "discriminator"} & schema.keys()
        assert schema.keys() == {"$ref"} or "$ref" not in schema
        if schema.get("type") == "object":
            assert schema["required"] == list(schema["properties"])
            assert schema["additionalProperties"] is False


@pytest.mark.parametrize("annotation", FREE, ids=lambda value: str(value)[:40])
def test_what_strict_cannot_say_is_refused(annotation: Any) -> None:
    with pytest.raises(DeployerError, match=r"^the (parameter x|type Shelf): (strict has no|any value is)"):
        from_callable(taking(annotation), strict=True)


def _schemas(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for each in schema for found in _schemas(each)]
    named = [each for key in ("properties", "$defs") for each in schema.get(key, {}).values()]
    inner = [*named, *schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]
    return [schema, *_schemas(inner)] if inner else [schema]


def test_a_type_that_contains_itself_stays_a_definition() -> None:
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}
    parameters = from_callable(taking(Tree))["parameters"]
    assert parameters["properties"]["x"] == {"$ref": "#/$defs/Tree"}
    assert parameters["$defs"] == {"Tree": {**tree, "required": ["children"]}}
