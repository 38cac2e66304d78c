"""Laws of making strict, with a JSON Schema validator and the strict rules as the judges."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from deployer.functions.check import check_examples, check_function
from deployer.functions.rules import RULES
from deployer.functions.strictness.fix import make_strict
from deployer.manifest import yaml12
from deployer.manifest.edit import edit
from deployer.model import Severity
from tests.functions.schemas import admits, instances, parameters

Schema = dict[str, Any]


@st.composite
def _decorated(draw: st.DrawFn) -> Schema:
    """Parameters with what `fix` has to rewrite, here and there."""
    result = json.loads(json.dumps(draw(parameters)))
    for part in _parts(result):
        if part is not result and draw(st.integers(0, 3)) == 0:
            _decorate(part, draw(st.sampled_from(["oneOf", "allOf", "default", "format", "title"])))
    return dict(result)


def _decorate(part: Schema, how: str) -> None:
    match how:
        case "oneOf" if "anyOf" in part:
            part["oneOf"] = part.pop("anyOf")
        case "allOf" if "anyOf" not in part:
            inner = dict(part)
            part.clear()
            part.update({"description": "d", "allOf": [inner]})
        case "default" | "title":
            part[how] = "x"
        case "format" if part.get("type") == "string":
            part["format"] = "uri"


def _parts(schema: Any) -> Iterator[Schema]:
    for inner in (schema.get("items"), *schema.get("anyOf", ()), *schema.get("properties", {}).values()):
        if isinstance(inner, dict):
            yield from list(_parts(inner))
    yield schema


def _filled(schema: Schema, instance: Any) -> Iterator[Any]:
    """The instance with null for what it leaves out: once for each way to read the schema."""
    branches = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    if branches:
        for branch in branches:
            yield from _filled(branch, instance)
    elif isinstance(instance, list) and "items" in schema:
        yield from map(list, itertools.product(*(list(_filled(schema["items"], item)) for item in instance)))
    elif isinstance(instance, dict) and "properties" in schema:
        names = list(dict.fromkeys([*schema["properties"], *instance]))
        ways = [
            list(_filled(schema["properties"].get(name, {}), instance[name])) if name in instance else [None]
            for name in names
        ]
        for values in itertools.islice(itertools.product(*ways), 200):
            yield dict(zip(names, values, strict=True))
    else:
        yield instance


def _function(schema: Schema) -> dict[str, Any]:
    return {"name": "f", "description": "d", "parameters": schema}


@given(st.data())
def test_what_was_valid_is_valid_with_null_for_what_it_leaves_out(data: st.DataObject) -> None:
    schema = data.draw(_decorated())
    fixed = make_strict(_function(schema))
    event("refused" if fixed.refusals else "strict")
    assume(not fixed.refusals)
    instance = data.draw(instances(_sampled(schema)))
    assume(admits(schema, instance))
    strict = Draft202012Validator(fixed.function["parameters"])
    assert any(strict.is_valid(filled) for filled in _filled(schema, instance)), instance


def _sampled(schema: Any) -> Any:
    """Written so that the sampler knows it; the validator has the last word."""
    if isinstance(schema, list):
        return [_sampled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "allOf" in schema:
        return _sampled(schema["allOf"][0])
    kept = {key: value for key, value in schema.items() if key not in ("format", "default", "title")}
    return {"anyOf" if key == "oneOf" else key: _sampled_inside(key, value) for key, value in kept.items()}


def _sampled_inside(key: str, value: Any) -> Any:
    return {name: _sampled(item) for name, item in value.items()} if key == "properties" else _sampled(value)


@given(st.data())
def test_what_is_valid_after_was_valid_without_its_nulls(data: st.DataObject) -> None:
    """For schemas of which nothing goes into a description."""
    schema = data.draw(parameters.filter(lambda one: "uniqueItems" not in json.dumps(one)))
    fixed = make_strict(_function(schema))
    assume(not fixed.refusals)
    instance = data.draw(instances(fixed.function["parameters"]))
    assume(Draft202012Validator(fixed.function["parameters"]).is_valid(instance))
    assert any(admits(schema, bare) for bare in _without_nulls(instance)), instance


def _without_nulls(instance: Any) -> Iterator[Any]:
    """The instance with each null left out and not."""
    if isinstance(instance, list):
        yield from map(list, itertools.islice(itertools.product(*(list(_without_nulls(one)) for one in instance)), 500))
    elif isinstance(instance, dict):
        ways = [[*([...] if value is None else []), *_without_nulls(value)] for value in instance.values()]
        for values in itertools.islice(itertools.product(*ways), 500):
            yield {name: value for name, value in zip(instance, values, strict=True) if value is not ...}
    else:
        yield instance


@given(_decorated())
def test_the_result_passes_the_strict_rules_or_nothing_changes(schema: Schema) -> None:
    function = _function(schema)
    fixed = make_strict(function)
    if fixed.refusals:
        assert fixed.function == function
        assert fixed.notes == ()
        assert {finding.rule for finding in fixed.refusals} <= RULES.keys()
    else:
        found = check_function(fixed.function, "assistants")
        assert [one for one in found if one.severity is Severity.ERROR] == []
        assert fixed.function["strict"] is True
        again = make_strict(fixed.function)
        assert (json.dumps(again.function), again.notes, again.refusals) == (json.dumps(fixed.function), (), ())


@given(_decorated(), st.booleans(), st.sampled_from([None, 1, 2, "\t"]))
def test_a_file_is_edited_to_exactly_the_new_data(schema: Schema, is_json: bool, indent: Any) -> None:  # noqa: FBT001
    old = _function(schema)
    new = make_strict(old).function
    text = json.dumps(old, indent=indent) if is_json or indent == "\t" else _block(old)
    edited = edit(text, old, new, is_json=is_json)
    data, _ = (yaml12.read_json if is_json else yaml12.read)(edited)
    assert json.dumps(data) == json.dumps(new)
    assert sum(line not in edited.splitlines() for line in text.splitlines() if line.strip().startswith("#")) == 0


def _block(data: Any, indent: str = "") -> str:
    """YAML in block style, with a comment before every key."""
    if isinstance(data, dict) and data:
        pairs = [
            f"{indent}# about {key}\n{indent}{json.dumps(key)}:{_after(value, indent)}" for key, value in data.items()
        ]
        return "\n".join(pairs)
    return indent + json.dumps(data)


def _after(value: Any, indent: str) -> str:
    if isinstance(value, dict) and value:
        return "\n" + _block(value, indent + "  ")
    return f" {json.dumps(value)}"


@given(parameters, st.data())
def test_examples_stay_examples(schema: Schema, data: st.DataObject) -> None:
    example = data.draw(instances(schema))
    assume(admits(schema, example))
    fixed = make_strict({**_function(schema), "examples": [example]})
    assume(not fixed.refusals and '"anyOf"' not in json.dumps(schema))
    assert check_examples(fixed.function) == ()
    assert make_strict(fixed.function).function == fixed.function


_OBJECT: Schema = {"type": "object", "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "rule", "pointer"),
    (
        ({"type": "object"}, "strict-additional-properties", ()),
        ({**_OBJECT, "additionalProperties": True}, "strict-additional-properties", ("additionalProperties",)),
        (
            {**_OBJECT, "additionalProperties": {"type": "string"}},
            "strict-additional-properties",
            ("additionalProperties",),
        ),
        ({**_OBJECT, "patternProperties": {"^x": {"type": "string"}}}, "strict-keyword", ("patternProperties",)),
        ({**_OBJECT, "required": ["b"]}, "strict-required", ("required",)),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, "strict-keyword", ("oneOf",)),
        ({"oneOf": [_OBJECT, {**_OBJECT, "required": ["a"]}]}, "strict-keyword", ("oneOf",)),
        ({"type": "string", "not": {"const": "a"}}, "strict-keyword", ("not",)),
        ({"type": "string", "if": {"minLength": 1}}, "strict-keyword", ("if",)),
        (
            {"allOf": [_OBJECT, {"type": "object", "properties": {"a": {"type": "integer"}}}]},
            "strict-keyword",
            ("allOf",),
        ),
        ({**_OBJECT, "anyOf": [{"type": "object", "required": ["a"]}]}, "strict-keyword", ("anyOf",)),
        ({"$ref": "#/$defs/D", "maxLength": 3}, "strict-reference-alone", ("$ref",)),
        ({"type": "string", "nullable": True}, "strict-keyword", ("nullable",)),
        ({"maxLength": 3}, "strict-type", ()),
        (True, "strict-type", ()),
        ({"type": "array"}, "array-items", ()),
        ({"type": "array", "items": True}, "strict-type", ("items",)),
        ({"type": "text"}, "type-name", None),
    ),
)
def test_what_cannot_be_said_is_refused_where_it_stands(schema: Any, rule: str, pointer: Any) -> None:
    root = {"type": "object", "properties": {"p": schema}, "$defs": {"D": {"type": "string"}}}
    fixed = make_strict(_function(root))
    places = {one.rule: one.pointer for one in fixed.refusals}
    assert rule in places
    assert pointer is None or places[rule] == ("parameters", "properties", "p", *pointer)
    assert fixed.function == _function(root)


@pytest.mark.parametrize(
    ("schema", "after"),
    (
        ({"type": "string"}, {"type": ["string", "null"]}),
        ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
        ({"enum": ["a", 1]}, {"type": ["string", "integer", "null"], "enum": ["a", 1, None]}),
        ({"const": 1.5}, {"type": ["number", "null"], "enum": [1.5, None]}),
        ({"type": "string", "enum": ["a", None]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"anyOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (
            {"type": ["string", "integer"], "anyOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        ),
        ({"$ref": "#/$defs/D"}, {"anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]}),
        ({"type": "string", "format": "date"}, {"type": ["string", "null"], "format": "date"}),
        (
            {
                "allOf": [{"type": "string", "minLength": 1, "description": "in", "title": "in"}],
                "minLength": 2,
                "title": "out",
            },
            {"description": "in", "type": ["string", "null"], "minLength": 2, "title": "out"},
        ),
        (
            {"type": "object", "properties": {"a": {"type": "null"}}, "dependentRequired": {"a": ["b", "c"]}},
            {
                "type": ["object", "null"],
                "properties": {"a": {"type": "null"}},
                "description": "If a is not null, b and c must not be null either.",
                "required": ["a"],
                "additionalProperties": False,
            },
        ),
    ),
)
def test_an_optional_property(schema: Schema, after: Schema) -> None:
    root = {"type": "object", "properties": {"p": schema}, "$defs": {"D": {"type": "string"}}}
    fixed = make_strict(_function(root))
    assert fixed.refusals == ()
    assert fixed.function["parameters"]["properties"]["p"] == after
    assert fixed.function["parameters"]["required"] == ["p"]


def test_a_tagged_union_is_an_any_of() -> None:
    forms = [{"type": "object", "properties": {"kind": {"const": name}}, "required": ["kind"]} for name in "ab"]
    fixed = make_strict(_function({"type": "object", "properties": {"p": {"oneOf": forms}}, "required": ["p"]}))
    after = fixed.function["parameters"]["properties"]["p"]
    assert [branch["properties"]["kind"] for branch in after["anyOf"]] == [
        {"type": "string", "const": "a"},
        {"type": "string", "const": "b"},
    ]
    assert all(branch["additionalProperties"] is False for branch in after["anyOf"])


def test_what_is_merged_in_order() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}
    merged = {"description": "d", "allOf": [inner], "type": "object"}
    fixed = make_strict(_function({"type": "object", "properties": {"p": merged}, "required": ["p"]}))
    after = fixed.function["parameters"]["properties"]["p"]
    assert list(after) == ["description", "properties", "type", "required", "additionalProperties"]
    assert [note.message for note in fixed.notes][:2] == ["is true now", "is merged into the schema that it stood in"]
