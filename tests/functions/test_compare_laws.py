"""Laws of the comparison, with a JSON Schema validator as the judge."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from deployer.functions.compatibility.compare import compare, compare_all
from deployer.functions.compatibility.difference import BREAKING, COMPATIBLE, Difference
from tests.functions.schemas import NAMES, admits, instances, narrowed, parameters


def _compared(old: Any, new: Any) -> tuple[Difference, ...]:
    return compare({"name": "f", "parameters": old}, {"name": "f", "parameters": new})


def _is_compatible(old: Any, new: Any) -> bool:
    return not any(one.breaking for one in _compared(old, new))


@st.composite
def _edited(draw: st.DrawFn, schema: dict[str, Any]) -> dict[str, Any]:
    """A copy with one keyword changed or dropped somewhere, or with a part taken from another schema."""
    result = json.loads(json.dumps(schema))
    part = draw(st.sampled_from(_parts(result)))
    keys = [key for key in part if key != "type"]
    change = draw(st.sampled_from(["drop", "replace", "type"]))
    if change == "drop" and keys:
        del part[draw(st.sampled_from(keys))]
    elif change == "type":
        part["type"] = draw(st.sampled_from(["string", "integer", "number", "object", ["string", "null"]]))
    else:
        part.update(draw(parameters))
    return dict(result)


def _parts(schema: Any) -> list[dict[str, Any]]:
    if not isinstance(schema, dict):
        return []
    inner = [schema.get("items"), *schema.get("anyOf", ()), *schema.get("properties", {}).values()]
    return [schema, *(part for one in inner for part in _parts(one))]


@pytest.mark.slow
@given(st.data())
def test_what_is_called_compatible_admits_nothing_new(data: st.DataObject) -> None:
    old = data.draw(parameters)
    new = data.draw(st.one_of(_edited(old), narrowed(old), parameters))
    compatible = _is_compatible(old, new)
    event("compatible" if compatible else "breaking")
    assume(compatible)
    instance = data.draw(instances(new))
    assume(admits(new, instance))  # the sampler leaves out, say, what is required and not declared
    assert admits(old, instance), f"{instance} is new"


@given(st.data())
def test_what_was_narrowed_is_compatible(data: st.DataObject) -> None:
    """By construction; so not everything is called breaking."""
    old = data.draw(parameters)
    new = data.draw(narrowed(old))
    assert [one for one in _compared(old, new) if one.breaking] == []


@given(parameters, parameters)
def test_nothing_differs_only_from_itself(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert _compared(old, json.loads(json.dumps(old))) == ()
    assert (_compared(old, new) == ()) is (json.dumps(old) == json.dumps(new))


@given(parameters, parameters)
def test_every_difference_has_a_place_and_a_sentence(old: Any, new: Any) -> None:
    for one in _compared(old, new):
        assert one.pointer[0] == "parameters"
        named = [name for key, name in itertools.pairwise(one.pointer) if key == "properties"]
        assert {*named} <= {*NAMES, "properties"}
        assert one.what.strip()
        assert one.breaking is (one.kind in BREAKING) is (one.kind not in COMPATIBLE)


_keys = (
    "type",
    "properties",
    "items",
    "required",
    "enum",
    "const",
    "anyOf",
    "allOf",
    "oneOf",
    "$ref",
    "minimum",
    "not",
)
_more = ("additionalProperties", "maxLength", "multipleOf", "prefixItems", "patternProperties", "minItems", "$defs")
_values: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 1.5, 1e999, "object", "string", "#", "#/$defs/a", "a", [], {}]
)
_json = st.recursive(
    _values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((*_keys, *_more)), inner, max_size=4),
)


@given(_json, _json)
def test_nothing_makes_it_fall_over(old: Any, new: Any) -> None:
    for one in _compared(old, new):
        assert isinstance(one.breaking, bool)


def _nested(levels: int, leaf: dict[str, Any]) -> dict[str, Any]:
    schema = leaf
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def _doubling(leaf: str) -> dict[str, Any]:
    """Two ways at every one of 60 levels."""
    levels = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
    inner = {f"e{n}": _nested(1, {"$ref": f"#/$defs/e{n + 1}"}) for n in range(60)}
    ends = {"d60": {"type": leaf}, "e60": {"type": leaf}}
    properties = {"a": {"$ref": "#/$defs/d0"}, "b": {"$ref": "#/$defs/e0"}}
    return {"type": "object", "properties": properties, "$defs": {**levels, **inner, **ends}}


def _chain(leaf: str) -> dict[str, Any]:
    defs = {f"n{n}": {"$ref": f"#/$defs/n{n + 1}"} for n in range(1000)} | {"n1000": {"type": leaf}}
    return {"type": "object", "properties": {"a": {"$ref": "#/$defs/n0"}}, "$defs": defs}


def _mutual(leaf: str) -> dict[str, Any]:
    names = [f"n{n}" for n in range(1000)]
    defs = {
        name: {"type": "object", "properties": {"a": {"$ref": f"#/$defs/{names[n - 1]}"}, "b": {"type": leaf}}}
        for n, name in enumerate(names)
    }
    return {"type": "object", "properties": {"a": {"$ref": "#/$defs/n999"}}, "$defs": defs}


@pytest.mark.parametrize("make", (lambda leaf: _nested(10_000, {"type": leaf}), _doubling, _mutual, _chain))
def test_a_hostile_schema_ends_soon_and_counts_as_breaking(make: Any) -> None:
    start = time.process_time()
    found = _compared(make("integer"), make("string"))
    assert time.process_time() - start < 2
    assert any(one.breaking for one in found)


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    (
        ({}, {}, []),
        ({"parameters": None}, {"parameters": {"type": "object", "properties": {}}}, []),
        ({}, {"description": "d"}, ["annotation-changed"]),
        ({"description": ""}, {}, []),
        ({}, {"strict": True}, ["strict-added"]),
        ({"strict": True}, {"strict": False}, ["strict-dropped"]),
        ({"strict": None}, {"strict": False}, []),
        ({}, {"defer_loading": True}, ["setting-changed"]),
        ({}, {"name": "g"}, ["function-renamed"]),
    ),
)
def test_what_stands_around_the_parameters(old: dict[str, Any], new: dict[str, Any], kinds: list[str]) -> None:
    found = compare({"name": "f", **old}, {"name": "f", **new})
    assert [one.kind for one in found] == kinds
    assert any(one.breaking for one in found) is (kinds in (["strict-dropped"], ["function-renamed"]))


def test_the_functions_of_an_assistant() -> None:
    text, number = ({"type": "object", "properties": {"a": {"type": kind}}} for kind in ("string", "number"))
    old: dict[str, dict[str, Any]] = {
        "gone": {"parameters": {}},
        "before": {"parameters": text},
        "stays": {"name": "stays", "parameters": number},
    }
    new: dict[str, dict[str, Any]] = {
        "stays": {"parameters": text},
        "after": {"parameters": text},
        "fresh": {"parameters": number},
    }
    assert [(one.pointer[0], one.kind, one.breaking) for one in compare_all(old, new)] == [
        ("stays", "type-added", True),
        ("stays", "type-removed", False),
        ("after", "function-renamed", True),
        ("fresh", "function-added", True),
        ("gone", "function-removed", False),
    ]
