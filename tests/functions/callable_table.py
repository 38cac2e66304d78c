"""Annotations and what each becomes; the classes that they need."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, Required, TypedDict, Union

import typing_extensions
from pydantic import BaseModel, Field

_EMPTY = object()


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    ONE = 1
    X = "x"


class Point(NamedTuple):
    x: int
    y: int
    label: str = "here"


@dataclass
class Order:
    """An order.

    It has lines.
    """

    number: int
    lines: list[str] = field(default_factory=list)
    color: Color = Color.RED


class Person(TypedDict):
    name: Required[str]
    age: NotRequired[int]


class Loose(TypedDict, total=False):
    a: Required[int]
    b: Person


class Tree(TypedDict):
    children: list[Tree]


class Modern(typing_extensions.TypedDict):
    n: int


class Shelf(BaseModel):
    """A shelf."""

    title: str = Field(description="What stands on it.", min_length=1)
    inner: list[Shelf] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]


def taking(annotation: Any, default: Any = _EMPTY) -> Callable[..., Any]:
    def function(x: Any) -> None:
        """Do something."""

    function.__annotations__ = {"x": annotation}
    if default is not _EMPTY:
        function.__defaults__ = (default,)
    return function


STRING, INTEGER = {"type": "string"}, {"type": "integer"}
ENUM = {"type": "string", "enum": ["red", "blue"]}
MODERN = {"type": "object", "properties": {"n": INTEGER}, "required": ["n"]}
PERSON = {"type": "object", "properties": {"name": STRING, "age": INTEGER}, "required": ["name"]}
TYPES: tuple[tuple[Any, Any], ...] = (
    (str, STRING),
    (int, INTEGER),
    (float, {"type": "number"}),
    (bool, {"type": "boolean"}),
    (None, {"type": "null"}),
    (Any, {}),
    (object, {}),
    (bytes, {"type": "string", "format": "binary"}),
    (Optional[int], {"type": ["integer", "null"]}),  # noqa: UP045 (both spellings count)
    (str | None, {"type": ["string", "null"]}),
    (int | str, {"anyOf": [INTEGER, STRING]}),
    (Union[int, str, None], {"anyOf": [INTEGER, STRING, {"type": "null"}]}),  # noqa: UP007
    (list[int] | None, {"anyOf": [{"type": "array", "items": INTEGER}, {"type": "null"}]}),
    (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
    (Literal["a"], {"type": "string", "const": "a"}),
    (Literal["a", None], {"type": ["string", "null"], "enum": ["a", None]}),  # noqa: PYI061
    (Literal[1, "a", True], {"type": ["integer", "string", "boolean"], "enum": [1, "a", True]}),
    (Color, ENUM),
    (Color | None, {"anyOf": [ENUM, {"type": "null"}]}),
    (Level, {"type": "integer", "enum": [1, 2]}),
    (Mixed, {"type": ["integer", "string"], "enum": [1, "x"]}),
    (list, {"type": "array", "items": {}}),
    (list[list[str]], {"type": "array", "items": {"type": "array", "items": STRING}}),
    (Sequence[int], {"type": "array", "items": INTEGER}),
    (Iterable[int], {"type": "array", "items": INTEGER}),
    (set[int], {"type": "array", "uniqueItems": True, "items": INTEGER}),
    (tuple[int, ...], {"type": "array", "items": INTEGER}),
    (tuple[()], {"type": "array", "items": {}, "minItems": 0, "maxItems": 0}),
    (
        tuple[int, str],
        {
            "type": "array",
            "prefixItems": [INTEGER, STRING],
            "items": {"anyOf": [INTEGER, STRING]},
            "minItems": 2,
            "maxItems": 2,
        },
    ),
    (
        Point,
        {
            "type": "array",
            "description": "In this order: x, y, label",
            "prefixItems": [INTEGER, INTEGER, {"type": "string", "default": "here"}],
            "items": {"anyOf": [INTEGER, STRING]},
            "minItems": 2,
            "maxItems": 3,
        },
    ),
    (dict, {"type": "object", "additionalProperties": True}),
    (dict[str, int], {"type": "object", "additionalProperties": INTEGER}),
    (Mapping[Color, int], {"type": "object", "additionalProperties": INTEGER, "propertyNames": ENUM}),
    (dt.date, {"type": "string", "format": "date"}),
    (dt.datetime, {"type": "string", "format": "date-time"}),
    (uuid.UUID, {"type": "string", "format": "uuid"}),
    (Path, {"type": "string", "format": "path"}),
    (Annotated[int, Field(ge=1, lt=9)], {"type": "integer", "minimum": 1, "exclusiveMaximum": 9}),
    (Annotated[str, Field(pattern="^a", max_length=3)], {"type": "string", "pattern": "^a", "maxLength": 3}),
    (Annotated[str, "A city."], {"type": "string", "description": "A city."}),
    (Annotated[str, "Worse.", Field(description="Better.")], {"type": "string", "description": "Better."}),
    (Annotated[str, typing_extensions.Doc("A city.")], {"type": "string", "description": "A city."}),
    (Annotated[str, Field(alias="y", title="T")], STRING),
    (Annotated[str | None, "A city."], {"type": ["string", "null"], "description": "A city."}),
    (
        Order,
        {
            "type": "object",
            "description": "An order.\n\nIt has lines.",
            "properties": {
                "number": INTEGER,
                "lines": {"type": "array", "items": STRING},
                "color": {**ENUM, "default": "red"},
            },
            "required": ["number"],
        },
    ),
    (dict[str, Person] | None, {"anyOf": [{"type": "object", "additionalProperties": PERSON}, {"type": "null"}]}),
    (Annotated[list[Person], "All."], {"type": "array", "description": "All.", "items": PERSON}),
    (Person, PERSON),
    (
        list[Loose],
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "a": INTEGER,
                    "b": PERSON,
                },
                "required": ["a"],
            },
        },
    ),
    (Annotated[Modern | None, "M"], {"anyOf": [MODERN, {"type": "null"}], "description": "M"}),
    (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"type": "string", "const": "cat"}, "lives": {**INTEGER, "default": 9}},
                    "required": ["kind"],
                },
                {"type": "object", "properties": {"kind": {"type": "string", "const": "dog"}}, "required": ["kind"]},
            ]
        },
    ),
)

ALL: tuple[Any, ...] = (
    *(annotation for annotation, _ in TYPES),
    Tree,
    Shelf,
    list[Tree],
    decimal.Decimal,
    dict[str, Shelf],
)
FREE: tuple[Any, ...] = (
    dict[str, Person] | None,
    Any,
    object,
    dict,
    list,
    tuple[()],
    dict[str, int],
    Mapping[Color, int],
    dict[str, Shelf],
)
