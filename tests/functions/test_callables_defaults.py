"""Defaults make parameters optional; strict schemas tell them in words."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from deployer.errors import DeployerError
from deployer.functions.python.callables import agreement, from_callable
from deployer.functions.python.static import agreement_static
from tests.functions.callable_table import ENUM, INTEGER, STRING, Color, taking


@pytest.mark.parametrize(
    ("annotation", "default", "expected"),
    (
        (int, 5, {"type": "integer", "default": 5}),
        (str, None, {"type": ["string", "null"], "default": None}),
        (Any, None, {"default": None}),
        (Color, Color.BLUE, {**ENUM, "default": "blue"}),
        (
            set[str],
            {"b", "a", "c"},
            {"type": "array", "uniqueItems": True, "items": STRING, "default": ["a", "b", "c"]},
        ),
        (tuple[int, ...], (1, 2), {"type": "array", "items": INTEGER, "default": [1, 2]}),
        (float, float("inf"), {"type": "number"}),
        (int, object(), {"type": "integer"}),
        (Annotated[int, Field(default=3)], 4, {"type": "integer", "default": 4}),
        (
            int,
            Field(3, ge=1, description="How many."),
            {**INTEGER, "description": "How many.", "minimum": 1, "default": 3},
        ),
    ),
)
def test_a_default_makes_a_parameter_optional(annotation: Any, default: Any, expected: Any) -> None:
    function = taking(annotation, default)
    definition = from_callable(function)
    assert definition["parameters"]["properties"]["x"] == expected
    assert "required" not in definition["parameters"]
    assert agreement(definition, function) == ()


def test_strict_does_not_pretend_to_know_other_combinators() -> None:
    both = Field(json_schema_extra={"allOf": [{"type": "string"}]})
    with pytest.raises(DeployerError, match="strict schemas know no allOf"):
        from_callable(taking(Annotated[str, both]), strict=True)


def test_a_default_inside_of_a_type_may_be_an_object_of_python() -> None:
    class Query(BaseModel):
        marker: Any = object()
        limit: int = 3

    taken = {"marker": {}, "limit": {"type": "integer", "default": 3}}
    properties = from_callable(taking(Query))["parameters"]["properties"]
    assert properties["x"] == {"type": "object", "properties": taken}


def test_a_field_without_default_is_required() -> None:
    assert from_callable(taking(int, Field(description="n")))["parameters"]["required"] == ["x"]
    assert "required" not in from_callable(taking(list[int], Field(default_factory=list)))["parameters"]


@pytest.mark.parametrize(
    ("annotation", "default", "description"),
    (
        (Annotated[int, "How many"], 5, "How many. Default: 5."),
        (Annotated[Color, "Which one?"], Color.RED, "Which one? Default: red."),
        (set[int], frozenset({2, 1}), "No item occurs twice. Default: [1, 2]."),
        (Path, Path("a"), "Format: path. Default: a."),
        (Annotated[str, "One of:\n- a\n- b"], "a", "One of:\n- a\n- b\n\nDefault: a."),
        (Annotated[str | None, "Or not"], None, "Or not"),
    ),
)
def test_strict_tells_in_words_what_it_cannot_say(annotation: Any, default: Any, description: str) -> None:
    parameters = from_callable(taking(annotation, default), strict=True)["parameters"]
    assert parameters["properties"]["x"]["description"] == description
    assert parameters["required"] == ["x"]


NEW_SYNTAX = """
type Names = list[str] | None

def handler[T: int](x: Names, y: T, z=3): ...
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695 is the syntax of Python 3.12")
def test_type_aliases_and_type_parameters() -> None:
    module: dict[str, Any] = {}
    exec(NEW_SYNTAX, module)  # noqa: S102 (older Pythons cannot even read it)
    definition = from_callable(module["handler"])
    Draft202012Validator.check_schema(definition["parameters"])
    assert agreement(definition, module["handler"]) == ()
    assert agreement_static(definition, NEW_SYNTAX, "handler") == ()
