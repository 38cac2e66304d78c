"""Where a definition and its handler disagree: the same answer from the callable and from its source alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from deployer.functions.python.callables import agreement, from_callable
from deployer.functions.python.static import agreement_static
from deployer.functions.rules import Finding
from deployer.model import Severity

HEAD = """
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Dict, List, Literal, Optional, Sequence, Union
import typing as t
from collections.abc import Mapping
"""
INTEGER, STRING, NULL, NUMBER = ({"type": kind} for kind in ("integer", "string", "null", "number"))


def both(definition: dict[str, Any], signature: str) -> tuple[Finding, ...]:
    """Give what both ways say of `def handler(SIGNATURE)`; they must say the same."""
    source = f"{HEAD}\ndef handler({signature}): ...\n"
    module: dict[str, Any] = {}
    code = compile(source, "<handler>", "exec", dont_inherit=True)
    exec(code, module)  # noqa: S102 (the point: one way runs it, the other reads it)
    imported = agreement(definition, module["handler"])
    assert agreement_static(definition, source, "handler") == imported
    return imported


def taking(schema: Any, *, required: bool = True, **more: Any) -> dict[str, Any]:
    names = ["x"] if required else []
    return {"name": "f", **more, "parameters": {"type": "object", "properties": {"x": schema}, "required": names}}


@pytest.mark.parametrize(
    ("signature", "schema"),
    (
        ("x: int", INTEGER),
        ("x: float", INTEGER),
        ("x: float", NUMBER),
        ("x: bool", {"type": "boolean"}),
        ("x: bool", {"enum": [True, False]}),
        ("x: str", {"type": "string", "enum": ["a"]}),
        ("x: 'str'", STRING),
        ("x: Optional[int]", {"type": ["integer", "null"]}),
        ("x: Optional[int]", INTEGER),
        ("x: int | None", {"anyOf": [INTEGER, NULL]}),
        ("x: t.Union[int, str]", {"type": ["integer", "string"]}),
        ("x: Union[int, str, None]", {"oneOf": [STRING, NULL]}),
        ("x: list", {"type": "array", "items": STRING}),
        ("x: list[int]", {"type": "array"}),
        ("x: List[float]", {"type": "array", "items": INTEGER}),
        ("x: Sequence[str]", {"type": "array", "items": STRING}),
        ("x: tuple[int, ...]", {"type": "array", "items": INTEGER}),
        ("x: dict", {"type": "object", "properties": {"a": INTEGER}}),
        ("x: dict[str, int]", {"type": "object", "properties": {"a": INTEGER}}),
        ("x: Mapping[str, Any]", {"type": "object", "additionalProperties": STRING}),
        ("x: Dict[str, list[int]]", {"type": "object", "additionalProperties": {"type": "array", "items": INTEGER}}),
        ("x: Literal['a', 'b']", {"const": "a"}),
        ("x: Literal[1, 2] | Literal['a']", {"enum": ["a", 2]}),
        ("x: Literal[1] | Literal[2]", {"enum": [1, 2.0]}),
        ("x: Optional[Literal['a']]", {"enum": ["a", None]}),
        ("x: Literal['a', None]", NULL),
        ("x: Annotated[int, 'how many']", INTEGER),
        ("x: Any", {"allOf": [STRING]}),
        ("x", {}),
        ("x: object", {"type": ["string", "array"]}),
        ("*, x: int", INTEGER),
        ("**x: int", STRING),
        ("*args, x: int", INTEGER),
        ("x: int", {"allOf": [STRING]}),
        ("x: int", {"$ref": "#/$defs/nowhere"}),
        ("x: int", {"$ref": "https://example.com/schema"}),
        ("x: int", {"type": "wrong"}),
        ("x: int", {"properties": {}}),
    ),
)
def test_they_agree(signature: str, schema: Any) -> None:
    assert both(taking(schema), signature) == ()


@pytest.mark.parametrize(
    ("signature", "schema", "place", "message"),
    (
        ("x: int", STRING, (), "the schema admits string, the handler takes integer"),
        ("x: int", NUMBER, (), "the schema admits number, the handler takes integer"),
        ("x: int", {}, (), "the schema admits anything, the handler takes integer"),
        ("x: int", True, (), "the schema admits anything, the handler takes integer"),
        ("x: int", {"type": ["integer", "null"]}, (), "the schema admits null, the handler takes integer"),
        ("x: int | None", {"anyOf": [STRING, NULL]}, (), "the schema admits string, the handler takes integer or null"),
        ("x: bool", INTEGER, (), "the schema admits integer, the handler takes boolean"),
        ("x: int", {"enum": [1, 1.5]}, (), "the schema admits number, the handler takes integer"),
        ("x: list[int]", {"type": "array", "items": STRING}, ("items",), "admits string, the handler takes integer"),
        (
            "x: list[dict[str, int]]",
            {"type": "array", "items": {"type": "object", "properties": {"a": STRING}}},
            ("items", "properties", "a"),
            "the schema admits string, the handler takes integer",
        ),
        (
            "x: dict[str, int]",
            {"type": "object", "additionalProperties": NUMBER},
            ("additionalProperties",),
            "the schema admits number, the handler takes integer",
        ),
        ("x: Literal['a', 'b']", STRING, (), 'the schema admits every string, the handler takes only "a", "b"'),
        ("x: Literal['a']", {"enum": ["a", "b"]}, ("enum",), 'the schema admits "b", the handler takes only "a"'),
        (
            "x: Literal['a'] | Literal['b']",
            STRING,
            (),
            'the schema admits every string, the handler takes only "a", "b"',
        ),
        ("x: Literal[True]", {"type": "boolean"}, ("enum",), "the schema admits false, the handler takes only true"),
        (
            "x: list[int] | list[str]",
            {"type": "array", "items": {"type": "boolean"}},
            (),
            "the schema admits an array that fits none of those which the handler takes",
        ),
        ("x: int", {"$ref": "#/properties/y"}, (), "the schema admits string, the handler takes integer"),
    ),
)
def test_types(signature: str, schema: Any, place: tuple[str, ...], message: str) -> None:
    definition = taking(schema)
    definition["parameters"]["properties"]["y"] = STRING
    (finding,) = both(definition, f"{signature}, *, y: str = ''")
    assert (finding.rule, finding.severity) == ("handler-types", Severity.ERROR)
    assert finding.pointer == ("parameters", "properties", "x", *place)
    assert message in finding.message


@pytest.mark.parametrize(
    ("signature", "definition", "rule", "place", "message", "remedy"),
    (
        ("y: int = 1", taking({}), "handler-names", ("x",), "the handler has no parameter 'x'", "remove the property"),
        (
            "city: str = ''",
            {"parameters": {"properties": {"citty": STRING}}},
            "handler-names",
            ("citty",),
            "the handler has no parameter 'citty'",
            "did you mean 'city'?",
        ),
        ("x, /", taking({}), "handler-names", ("x",), "the handler takes 'x' only by position", "remove the /"),
        (
            "x: int",
            {"name": "f"},
            "handler-required",
            (),
            "the handler needs 'x', which the schema does not",
            "declare",
        ),
        (
            "x: int",
            {"parameters": 3},
            "handler-required",
            (),
            "the handler needs 'x', which the schema does not",
            "declare",
        ),
        (
            "x: int",
            taking(INTEGER, required=False),
            "handler-required",
            ("x",),
            "the handler needs 'x', which the schema lets a model leave out",
            "add it to required",
        ),
        (
            "x: int = 3",
            taking({"type": "integer", "default": 4}, required=False),
            "handler-defaults",
            ("x", "default"),
            "the schema tells a model the default 4, but the handler's is 3",
            "make them the same",
        ),
    ),
)
def test_names_required_and_defaults(  # noqa: PLR0917
    signature: str, definition: dict[str, Any], rule: str, place: tuple[str, ...], message: str, remedy: str
) -> None:
    (finding,) = both(definition, signature)
    assert (finding.rule, finding.severity) == (rule, Severity.ERROR)
    assert finding.pointer == ("parameters", "properties", *place)
    assert finding.message.startswith(message)
    assert finding.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("signature", "default"),
    (
        ("x: int = 3", 3),
        ("x: float = 3.0", 3),
        ("x: int | None = None", 7),
        ("x: list[int] = [1]", [1]),
        ("x: tuple[int, ...] = (1,)", [1]),
        ("x: dict = {'a': 1, 'b': 2}", {"b": 2, "a": 1}),
        ("x: Any = object()", 3),
        ("x: str = str('a')[:1]", "a"),
    ),
)
def test_defaults_that_agree(signature: str, default: Any) -> None:
    assert both(taking({"default": default, "type": _kind(default)}, required=False), signature) == ()


def _kind(value: Any) -> str:
    return {int: "integer", list: "array", dict: "object", str: "string"}[type(value)]


def test_an_old_optional_takes_null() -> None:
    assert both(taking({"type": ["string", "null"]}, required=False), "x: str = None") == ()


def test_a_required_property_with_a_default_is_a_warning_unless_strict_wants_it() -> None:
    (finding,) = both(taking(INTEGER), "x: int = 1")
    assert (finding.rule, finding.severity) == ("handler-required", Severity.WARNING)
    assert both(taking(INTEGER, strict=True), "x: int = 1") == ()


def test_everything_is_told_at_once() -> None:
    definition = {"parameters": {"properties": {"a": STRING, "z": STRING}, "required": ["a"]}}
    assert [finding.rule for finding in both(definition, "a: int, b: str")] == [
        "handler-names",
        "handler-required",
        "handler-types",
    ]


@dataclass
class Order:
    number: int
    lines: list[Order]


def deliver(x: Order) -> None: ...


def test_objects_are_compared_in_depth_where_the_types_can_be_seen() -> None:
    definition = from_callable(deliver)
    order = definition["parameters"]["$defs"]["Order"]
    order["properties"]["number"] = STRING
    order["required"] = ["number"]
    assert [(finding.pointer[3:], finding.message) for finding in agreement(definition, deliver)] == [
        (("properties", "number"), "the schema admits string, the handler takes integer"),
        ((), "the handler needs 'lines' here, which the schema does not require"),
    ]
    assert agreement_static(definition, f"{HEAD}\nclass Order: ...\ndef deliver(x: Order): ...", "deliver") == ()


def circular(schema: Any) -> dict[str, Any]:
    """Give a definition whose references go in circles, or double 60 times."""
    definition = taking(schema)
    definition["parameters"]["$defs"] = {
        "a": {"$ref": "#/$defs/a"},
        "b": {"anyOf": [{"$ref": "#/$defs/b"}, {"$ref": "#/$defs/b"}]},
        "c": {"type": "array", "items": {"$ref": "#/$defs/c"}},
        **{f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(60)},
        "d60": {"type": "array"},
    }
    return definition


@pytest.mark.parametrize("schema", ({"$ref": "#/$defs/a"}, {"anyOf": [{"$ref": "#/$defs/b"}]}, {"$ref": "#/$defs/d0"}))
def test_references_in_circles_end(schema: Any) -> None:
    assert both(circular(schema), "x: list[list[int]]") == ()


def test_references_in_circles_are_followed_as_far_as_the_handler_goes() -> None:
    (finding,) = both(circular({"$ref": "#/$defs/c"}), "x: list[list[int]]")
    assert finding.pointer[3:] == ("items", "items")
    assert finding.message == "the schema admits array, the handler takes integer"
