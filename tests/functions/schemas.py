"""Hypothesis strategies for schemas, ways to narrow them, and what counts as an instance."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema
from jsonschema import Draft202012Validator

Schema = dict[str, Any]

NAMES = ("a", "b", "c")
_WORDS = ("x", "yy", "zzz")

texts: st.SearchStrategy[Schema] = st.fixed_dictionaries(
    {"type": st.just("string")},
    optional={"minLength": st.integers(0, 2), "maxLength": st.integers(2, 4), "pattern": st.sampled_from(["^a", "b$"])},
)
numbers: st.SearchStrategy[Schema] = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={
        "minimum": st.integers(-3, 0),
        "exclusiveMinimum": st.integers(-3, 0),
        "maximum": st.integers(2, 5),
        "multipleOf": st.sampled_from([1, 2, 0.5]),
    },
)
enums: st.SearchStrategy[Schema] = st.lists(
    st.sampled_from([*_WORDS, 1, 2, 2.5, True, False, None]), min_size=1, max_size=4, unique_by=repr
).map(lambda values: {"enum": values})
consts: st.SearchStrategy[Schema] = st.sampled_from([*_WORDS, 1, None]).map(lambda value: {"const": value})
plain: st.SearchStrategy[Schema] = st.sampled_from(
    [{"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}, {"type": ["integer", "string"]}]
)
leaves = st.one_of(texts, numbers, enums, consts, plain)


def _arrays(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner},
        optional={"minItems": st.integers(0, 1), "maxItems": st.integers(1, 3), "uniqueItems": st.booleans()},
    )


@st.composite
def _objects(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    properties = draw(st.dictionaries(st.sampled_from(NAMES), inner, max_size=3))
    schema: Schema = {"type": "object", "properties": properties}
    if properties:
        schema["required"] = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
    if draw(st.integers(0, 3)) == 0:
        schema["additionalProperties"] = draw(st.sampled_from([False, True, {"type": "string"}]))
    return schema


def _unions(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches})


schemas: st.SearchStrategy[Schema] = st.recursive(
    leaves, lambda inner: st.one_of(_arrays(inner), _objects(inner), _unions(inner)), max_leaves=6
)
parameters: st.SearchStrategy[Schema] = _objects(schemas)


def closed(schema: Any) -> Any:
    """The same schema, with undeclared properties refused where nothing is said about them."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = dict(schema)
    for key in ("items", "anyOf", "allOf", "oneOf", "additionalProperties"):
        if key in schema:
            result[key] = closed(schema[key])
    for key in ("properties", "$defs"):
        if key in schema:
            result[key] = {name: closed(inner) for name, inner in schema[key].items()}
    if "object" in schema.get("type", ()) or "properties" in schema:
        result.setdefault("additionalProperties", False)
    return result


def admits(schema: Any, instance: Any) -> bool:
    return bool(Draft202012Validator(closed(schema)).is_valid(instance))


@st.composite
def narrowed(draw: st.DrawFn, schema: Schema) -> Schema:
    """A schema that admits less, or the same, by what was done to it."""
    if "anyOf" in schema:
        kept = draw(st.lists(st.sampled_from(schema["anyOf"]), min_size=1, max_size=3))
        return {"anyOf": [draw(narrowed(branch)) for branch in kept]}
    result = {key: value for key, value in schema.items() if key != "description"}
    if "enum" in schema:
        return {"enum": draw(st.lists(st.sampled_from(schema["enum"]), min_size=1, unique_by=repr))}
    if "items" in schema:
        result["items"] = draw(narrowed(schema["items"]))
        result["minItems"] = max(schema.get("minItems", 0), draw(st.integers(0, 1)))
    if "properties" in schema:
        return draw(_narrowed_object(result))
    if schema.get("type") == "string":
        result["maxLength"] = min(schema.get("maxLength", 9), draw(st.integers(2, 9)))
    if schema.get("type") == "number" and draw(st.booleans()):
        result["type"] = "integer"
    if isinstance(schema.get("type"), list):
        result["type"] = draw(st.sampled_from(schema["type"]))
    return result


@st.composite
def _narrowed_object(draw: st.DrawFn, schema: Schema) -> Schema:
    required, extra = schema.get("required", []), schema.get("additionalProperties", False)
    properties = {
        name: draw(narrowed(inner))
        for name, inner in schema["properties"].items()
        if name in required or extra is not False or draw(st.booleans())
    }
    more = [name for name in properties if name not in required and draw(st.booleans())]
    result = {**schema, "properties": properties, "required": [*required, *more]}
    return {**result, "additionalProperties": False} if extra is not False and draw(st.booleans()) else result


def instances(schema: Any) -> st.SearchStrategy[Any]:
    """Instances of a schema of the kinds above, undeclared properties left out where nothing is said about them.

    hypothesis-jsonschema samples what has no parts; its way to build objects does not work with today's hypothesis.
    """
    if "anyOf" in schema:
        return st.one_of([instances(branch) for branch in schema["anyOf"]])
    if isinstance(schema.get("type"), list):
        return st.one_of([instances({**schema, "type": name}) for name in schema["type"]])
    if schema.get("type") == "array":
        items = instances(schema["items"]) if "items" in schema else _anything
        unique = (lambda item: json.dumps(item, sort_keys=True)) if schema.get("uniqueItems") else None
        least, most = schema.get("minItems", 0), 0 if items.is_empty else schema.get("maxItems", 3)
        return st.lists(items, min_size=least, max_size=most, unique_by=unique) if least <= most else st.nothing()
    if schema.get("type") == "object":
        return _object_instances(schema)
    return from_schema(schema)


@st.composite
def _object_instances(draw: st.DrawFn, schema: Schema) -> dict[str, Any]:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    names = [name for name in properties if name in required or draw(st.booleans())]
    result = {name: draw(instances(properties[name])) for name in names}
    extra = schema.get("additionalProperties", False)
    if extra is not False:
        undeclared = st.sampled_from([name for name in (*NAMES, "z") if name not in properties])
        values = from_schema(extra) if isinstance(extra, dict) else _anything
        result |= draw(st.dictionaries(undeclared, values, max_size=2))
    return result


_anything: st.SearchStrategy[Any] = st.sampled_from(["x", "", 1, 0.5, None, True, [], {}])
