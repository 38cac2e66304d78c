"""Definitions from Python callables, beside those that four SDKs make of the same callables: worse in none.

openai-agents, langchain-core, pydantic-ai-slim and mcp are requirements of this benchmark alone: install them, in an
environment of their own if need be, and run this with its Python and the project's folder on PYTHONPATH. What is not
installed is not measured, and said. What is judged is what an application and an API need of a definition: see `judge`.
"""

from __future__ import annotations

import datetime as dt
import enum
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, TypedDict

import typing_extensions
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field

from benchmarks.figure import Figure, told
from deployer.errors import DeployerError
from deployer.functions.check import check_function
from deployer.functions.python.callables import from_callable
from deployer.model import Severity

LEAST_EXAMPLES, LEAST_HELPERS = 60, 4
Definition = Mapping[str, Any]
Maker = Callable[[Any], Definition]


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


@dataclass
class Order:
    """An order.

    Attributes:
        number: Its number.
    """

    number: int
    lines: list[str] = field(default_factory=list)


class Person(typing_extensions.TypedDict):
    name: str
    age: NotRequired[int]


class Old(TypedDict):
    name: str


class Shelf(BaseModel):
    title: str = Field(description="What stands on it.", min_length=1)
    inner: list[Shelf] = []


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]


@dataclass(frozen=True)
class Example:
    """A callable; arguments that it takes and that it does not; what its definition must have."""

    function: Any
    good: Definition
    bad: Sequence[Definition]
    names: tuple[str, ...] = ("x",)
    required: tuple[str, ...] = ("x",)
    described: tuple[str, ...] = ("x",)
    defaults: Mapping[str, Any] = field(default_factory=dict)


_SHELF = {"title": "a", "inner": [{"title": "b"}]}
TYPES: tuple[tuple[Any, Any, tuple[Any, ...]], ...] = (
    (str, "a", (1, None)),
    (int, 1, ("1", 1.5)),
    (float, 1.5, ("a", None)),
    (bool, True, ("a", 3)),
    (bytes, "a", (1,)),
    (Any, 1, ()),
    (Optional[int], None, ("a",)),  # noqa: UP045 (both spellings count)
    (str | None, "a", (1,)),
    (int | str, 1, ([],)),
    (int | str | None, None, ([],)),
    (list[int] | None, [1], ("a", ["a"])),
    (Literal["a", "b"], "b", ("c", 1)),
    (Literal["a"], "a", ("c",)),
    (Literal[1, 2], 2, (3, "1")),
    (Literal["a", None], None, ("c",)),  # noqa: PYI061
    (Color, "red", ("green",)),
    (Color | None, None, ("green",)),
    (Level, 2, (3,)),
    (Mixed, "x", ("y",)),
    (list, [1], ("a",)),
    (list[str], ["a"], ([1],)),
    (list[list[str]], [["a"]], (["a"],)),
    (list[Color], ["blue"], (["green"],)),
    (Sequence[int], [1], (["a"],)),
    (set[int], [1], (["a"],)),
    (frozenset[str], ["a"], ([1],)),
    (tuple[int, ...], [1, 2], (["a"],)),
    (tuple[int, str], [1, "a"], ([], ["a", "a", "a"])),
    (Point, [1, 2], ()),
    (dict, {"a": 1}, (1,)),
    (dict[str, int], {"a": 1}, ({"a": "b"},)),
    (Mapping[str, float], {"a": 1.5}, ({"a": "b"},)),
    (dict[str, list[int]], {"a": [1]}, ({"a": 1},)),
    (dt.date, "2026-01-01", (1,)),
    (dt.datetime, "2026-01-01T00:00:00Z", (1,)),
    (dt.time, "00:00:00", (1,)),
    (uuid.UUID, "c0ffee00-0000-4000-8000-000000000000", (1,)),
    (Decimal, 1.5, (None,)),
    (Annotated[int, Field(ge=1, lt=9)], 1, (0, 9)),
    (Annotated[str, Field(pattern="^a", max_length=3)], "ab", ("b", "aaaa")),
    (Annotated[float, Field(multiple_of=0.5)], 1.5, (1.2,)),
    (Annotated[list[int], Field(min_length=1)], [1], ([],)),
    (Annotated[str, "Said here."], "a", (1,)),
    (Annotated[str, Field(description="Said here.")], "a", (1,)),
    (Annotated[str | None, Field(description="Said here.")], None, (1,)),
    (Order, {"number": 1}, ({"number": "a"}, {})),
    (list[Order], [{"number": 1, "lines": ["a"]}], ([{}],)),
    (Order | None, None, ({},)),
    (Person, {"name": "a"}, ({}, {"name": 1})),
    (list[Person], [{"name": "a", "age": 1}], ([{}],)),
    (Old, {"name": "a"}, ({},)),
    (Shelf, _SHELF, ({}, {"title": ""})),
    (dict[str, Shelf], {"a": _SHELF}, ({"a": {}},)),
    (Annotated[Cat | Dog, Field(discriminator="kind")], {"kind": "cat"}, ({"kind": "cow"},)),
    (list[Cat | Dog], [{"kind": "dog"}], ([{"kind": "cow"}],)),
)


def taking(annotation: Any) -> Any:
    def function(x: Any) -> str:
        """Do something.

        Args:
            x: What it is done with.
        """
        return str(x)

    function.__annotations__ = {"x": annotation, "return": str}
    return function


def google(city: str, days: int = 3, unit: Literal["c", "f"] = "c") -> str:
    """Return the weather of a city.

    Args:
        city: Its name, in English.
        days: How many.
        unit: The unit.

    Returns:
        A text.
    """
    return f"{city}{days}{unit}"


def numpy(city: str, days: int = 3) -> str:
    """Return the weather of a city.

    Parameters
    ----------
    city : str
        Its name, in English.
    days : int
        How many.
    """
    return f"{city}{days}"


def sphinx(city: str, days: int = 3) -> str:
    """Return the weather of a city.

    :param city: Its name, in English.
    :param days: How many.
    """
    return f"{city}{days}"


def plain(city: str, days: Optional[int] = None) -> str:  # noqa: UP045
    """Return the weather of a city."""
    return f"{city}{days}"


def keyword_only(city: str, *, days: int = 3) -> str:
    """Return the weather of a city."""
    return f"{city}{days}"


def untyped(city, days=3):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Return the weather of a city."""
    return f"{city}{days}"


def nothing() -> str:
    """Return the time."""
    return ""


def starred(*numbers: int) -> int:
    """Return the sum."""
    return sum(numbers)


def keyed(name: str, **tags: int) -> str:
    """Tag something."""
    return f"{name}{tags}"


def listed(colors: list[Color], at: dt.date, limit: Annotated[int, Field(ge=1)] = 10) -> str:
    """Return what has these colors.

    Args:
        colors: Which.
        at: The day.
    """
    return f"{colors}{at}{limit}"


def several(order: Order, person: Person | None = None) -> str:
    """Send an order."""
    return f"{order}{person}"


def contexts() -> Iterator[Example]:
    """Functions that an SDK gives its context: each SDK knows its own."""
    try:
        context = import_module("agents").RunContextWrapper
    except ImportError:
        return

    def look(ctx: Any, city: str) -> str:
        """Look."""
        return f"{ctx}{city}"

    look.__annotations__ = {"ctx": context[str], "city": str}
    yield Example(look, {"city": "a"}, ({},), ("city",), ("city",), ())


def examples() -> list[Example]:
    city = {"city": "a"}
    day, named = {"at": "2026-01-01"}, ("colors", "at", "limit")
    two, three = ("city", "days"), ("city", "days", "unit")
    written = [
        Example(google, city, ({"city": 1}, {}), three, ("city",), three, {"days": 3, "unit": "c"}),
        Example(numpy, city, ({"city": 1},), two, ("city",), two, {"days": 3}),
        Example(sphinx, city, ({"city": 1},), two, ("city",), two, {"days": 3}),
        Example(plain, city, ({"city": 1},), two, ("city",), (), {"days": None}),
        Example(keyword_only, city, ({"city": 1},), two, ("city",), (), {"days": 3}),
        Example(untyped, city, (), two, ("city",), (), {"days": 3}),
        Example(nothing, {}, (), (), (), ()),
        Example(starred, {"numbers": [1, 2]}, ({"numbers": ["a"]},), ("numbers",), (), ()),
        Example(keyed, {"name": "a"}, ({"name": 1},), ("name",), ("name",), ()),
        Example(
            listed, day | {"colors": ["red"]}, (day | {"colors": ["no"]},), named, named[:2], named[:2], {"limit": 10}
        ),
        Example(several, {"order": {"number": 1}}, ({"order": {}},), ("order", "person"), ("order",), ()),
    ]
    typed = [
        Example(taking(annotation), {"x": good}, tuple({"x": one} for one in bad)) for annotation, good, bad in TYPES
    ]
    return [*typed, *written, *contexts()]


def makers() -> dict[str, Maker]:
    """Return the helpers of the SDKs that are installed."""
    found: dict[str, Maker] = {}
    for name, load in (("agents", _agents), ("langchain", _langchain), ("pydantic-ai", _pydantic_ai), ("mcp", _mcp)):
        try:
            found[name] = load()
        except ImportError as error:
            print(f"{name}: not measured; {error}")
    return found


def _agents() -> Maker:
    function_schema = import_module("agents.function_schema").function_schema

    def make(function: Any) -> Definition:
        found = function_schema(function, strict_json_schema=False)
        return {"name": found.name, "description": found.description, "parameters": found.params_json_schema}

    return make


def _langchain() -> Maker:
    convert = import_module("langchain_core.utils.function_calling").convert_to_openai_function

    return lambda function: dict(convert(function))


def _pydantic_ai() -> Maker:
    tool_of = import_module("pydantic_ai").Tool

    def make(function: Any) -> Definition:
        tool = tool_of(function)
        schema = tool.function_schema.json_schema
        return {"name": tool.name, "description": tool.description or "", "parameters": schema}

    return make


def _mcp() -> Maker:
    tool_of = import_module("mcp.server.mcpserver.tools").Tool

    def make(function: Any) -> Definition:
        tool = tool_of.from_function(function)
        return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}

    return make


def judge(make: Maker, example: Example) -> dict[str, int]:
    """Return what a definition is worth; nothing where there is none.

    It is made; no API refuses it; it has the parameters, and requires those, that a call needs; descriptions and
    defaults of the source are in it; it admits arguments that the callable takes, and refuses others.
    """
    try:
        definition = make(example.function)
    except (DeployerError, Exception):  # noqa: BLE001 (every SDK has errors of its own)
        return dict.fromkeys(CRITERIA, 0)
    schema = definition["parameters"]
    found = check_function({**definition, "strict": False}, "responses")
    properties, valid = schema.get("properties", {}), Draft202012Validator(schema)
    described = [name for name in example.described if _described(properties.get(name, {}), schema)]
    defaults = [
        name for name, value in example.defaults.items() if properties.get(name, {}).get("default", ...) == value
    ]
    summary = (definition.get("description") or "").strip()
    return {
        "made": 1,
        "valid": int(all(finding.severity is not Severity.ERROR for finding in found)),
        "names": int(set(properties) == set(example.names)),
        "required": int(set(schema.get("required", ())) == set(example.required)),
        "summary": int(bool(summary) and not any(word in summary for word in ("Args:", ":param", "----"))),
        "described": len(described),
        "defaults": len(defaults),
        "admits": int(valid.is_valid(example.good)),
        "refuses": sum(not valid.is_valid(bad) for bad in example.bad),
    }


CRITERIA = ("made", "valid", "names", "required", "summary", "described", "defaults", "admits", "refuses")


def _described(schema: Any, root: Any) -> bool:
    ref = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    return bool(schema.get("description") or root.get("$defs", {}).get(ref, {}).get("description"))


def main() -> int:
    helpers, every = makers(), examples()
    if not helpers:
        return told([Figure("callables", len(every), LEAST_EXAMPLES, at_least=True)])
    worse, better = list[str](), 0
    for number, example in enumerate(every):
        own = judge(from_callable, example)
        for name, make in helpers.items():
            theirs = judge(make, example)
            lost = [criterion for criterion in CRITERIA if own[criterion] < theirs[criterion]]
            better += any(own[criterion] > theirs[criterion] for criterion in CRITERIA)
            what = TYPES[number][0] if number < len(TYPES) else example.function.__name__
            worse += [f"{what} beside {name}: {', '.join(lost)}"] if lost else []
    for line in worse:
        print(f"  worse: {line}")
    print(f"{len(every)} callables beside {len(helpers)} helpers: {better} comparisons won, {len(worse)} lost")
    return told(
        [
            Figure("callables", len(every), LEAST_EXAMPLES, at_least=True),
            Figure("helpers", len(helpers), LEAST_HELPERS, at_least=True),
            Figure("comparisons lost", len(worse), 0),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
