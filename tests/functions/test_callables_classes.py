"""Classes by their own schemas, what an SDK gives by itself, and starred parameters."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Annotated, Any, Generic, NotRequired, TypedDict, TypeVar

import pytest
from pydantic import BaseModel, Field

from deployer.errors import DeployerError
from deployer.functions.check import check_function
from deployer.functions.python.callables import agreement, from_callable, notes
from deployer.functions.python.static import agreement_static
from deployer.model import Severity


class Weather(BaseModel):
    """Get the weather."""

    city: str = Field(description="City, in English", min_length=1)
    days: int = Field(3, ge=1, le=10, description="How many days")
    unit_of: str = Field("c", alias="unit-of")


@dataclasses.dataclass
class Trip:
    """Plan a trip.

    Attributes:
        start: Where it begins.
        stops: Where it goes on.
    """

    start: str
    stops: list[str] = dataclasses.field(default_factory=list)
    days: int = 1


class Filter(TypedDict):
    """Filter the rows.

    Attributes:
        column: Which one.
    """

    column: str
    value: NotRequired[int]


class Node(BaseModel):
    """A node."""

    children: list[Node] = []


def test_a_model_keeps_what_it_says() -> None:
    definition = from_callable(Weather)
    assert definition == {
        "name": "Weather",
        "description": "Get the weather.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "City, in English", "minLength": 1},
                "days": {"type": "integer", "description": "How many days", "minimum": 1, "maximum": 10, "default": 3},
                "unit-of": {"type": "string", "default": "c"},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    }
    assert notes(Weather) == ("the parameter unit-of has no description",)
    assert Weather.model_validate({"city": "서울", "unit-of": "f"}).unit_of == "f"
    assert agreement(definition, Weather) == ()
    strict = from_callable(Weather, strict=True)
    assert strict["parameters"]["properties"]["days"]["description"] == "How many days. Default: 3."
    assert agreement(strict, Weather) == ()


def test_docstring_attributes_reach_the_fields() -> None:
    definition = from_callable(Trip)
    assert definition["description"] == "Plan a trip."
    assert definition["parameters"]["properties"] == {
        "start": {"type": "string", "description": "Where it begins."},
        "stops": {"type": "array", "description": "Where it goes on.", "items": {"type": "string"}},
        "days": {"type": "integer", "default": 1},
    }
    assert definition["parameters"]["required"] == ["start"]

    def plan(trip: Trip) -> None:
        """Plan."""

    inner = from_callable(plan)["parameters"]["properties"]["trip"]
    assert inner["description"] == "Plan a trip."
    assert inner["properties"]["start"]["description"] == "Where it begins."
    assert agreement(from_callable(plan), plan) == ()


def test_a_key_that_may_lack_is_nullable_in_a_strict_schema() -> None:
    plain = from_callable(Filter)
    assert plain["parameters"]["required"] == ["column"]
    assert plain["parameters"]["properties"]["value"] == {"type": "integer"}
    strict = from_callable(Filter, strict=True)
    assert strict["parameters"]["properties"]["value"] == {"type": ["integer", "null"]}
    assert strict["parameters"]["required"] == ["column", "value"]
    assert agreement(strict, Filter) == ()
    assert agreement(plain, Filter) == ()

    def find(filters: list[Filter]) -> None:
        """Find."""

    inner = from_callable(find, strict=True)["parameters"]["properties"]["filters"]["items"]
    assert inner["properties"]["value"] == {"type": ["integer", "null"]}
    assert agreement(from_callable(find, strict=True), find) == ()


def test_a_recursive_model_and_a_generic_one() -> None:
    node = from_callable(Node)
    assert node["parameters"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert set(node["parameters"]["$defs"]) == {"Node"}
    item = TypeVar("item")

    class Page(BaseModel, Generic[item]):
        """A page."""

        items: list[item]

    assert from_callable(Page[int])["parameters"]["properties"]["items"]["items"] == {"type": "integer"}
    for definition in (node, from_callable(Node, strict=True)):
        found = check_function(definition, "responses")
        assert [finding.rule for finding in found if finding.severity is Severity.ERROR] == []


def test_a_decimal_is_a_number() -> None:
    def pay(amount: Annotated[Decimal, Field(gt=0)]) -> None:
        """Pay."""

    assert from_callable(pay)["parameters"]["properties"]["amount"] == {"type": "number", "exclusiveMinimum": 0}
    assert check_function(from_callable(pay, strict=True), "responses")[0].rule == "parameter-description"


T = TypeVar("T")


class RunContextWrapper(Generic[T]):
    """As that of an agent SDK, which is not installed here."""


class InjectedToolArg:
    """A marker in Annotated."""


RunContextWrapper.__module__ = "agents.run_context"
InjectedToolArg.__module__ = "langchain_core.tools.base"


def look(ctx: RunContextWrapper[str], user: Annotated[str, InjectedToolArg], city: str) -> None:
    """Look.

    Args:
        city: Where.
    """


def ask(ctx: RunContextWrapper[int] | None, token: Annotated[str, InjectedToolArg()], city: str) -> None:
    """Ask.

    Args:
        city: Where.
    """


@pytest.mark.parametrize("function", (look, ask))
def test_what_an_sdk_gives_is_left_out_and_said(function: Any) -> None:
    definition = from_callable(function)
    assert list(definition["parameters"]["properties"]) == ["city"]
    assert [note.partition(" is left out: ")[0] for note in notes(function)] == [
        "ctx",
        list(function.__annotations__)[1],
    ]
    assert notes(function)[0].endswith("RunContextWrapper comes from the SDK")
    assert agreement(definition, function) == ()


def test_the_source_alone_tells_a_context_too() -> None:
    source = "from agents import RunContextWrapper\ndef look(ctx: RunContextWrapper[str], city: str): ...\n"
    definition = {"parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
    assert agreement_static(definition, source, "look") == ()


class Desk:
    def ask(self, question: str) -> None:
        """Ask."""


def test_self_is_left_out_and_said() -> None:
    assert list(from_callable(Desk.ask)["parameters"]["properties"]) == ["question"]
    assert notes(Desk.ask)[0] == "self is left out: a call needs the method of an instance"
    assert from_callable(Desk().ask) == from_callable(Desk.ask)
    assert [one.message for one in agreement(from_callable(Desk.ask), Desk.ask)] == [
        "the handler needs 'self', which the schema does not declare"
    ]


def test_starred_parameters() -> None:
    def add(*numbers: int) -> None:
        """Add."""

    def tag(name: str, **tags: int) -> None:
        """Tag."""

    added = from_callable(add)
    assert added["parameters"]["properties"] == {"numbers": {"type": "array", "items": {"type": "integer"}}}
    assert "required" not in added["parameters"]
    assert "the items of numbers are for *numbers: pass them by position" in notes(add)
    assert agreement(added, add) == ()
    assert agreement_static(added, "def add(*numbers: int): ...", "add") == ()
    tagged = from_callable(tag)
    assert list(tagged["parameters"]["properties"]) == ["name"]
    assert tagged["parameters"]["additionalProperties"] == {"type": "integer"}
    assert agreement(tagged, tag) == ()
    with pytest.raises(DeployerError, match=r"strict has no objects with free keys; write the parameters of \*\* out"):
        from_callable(tag, strict=True)


def test_a_default_in_the_description_is_not_told_twice() -> None:
    def convert(unit: str = "c", size: int = 3) -> None:
        """Convert.

        Args:
            unit: The unit. Defaults to 'c'.
            size: How large.
        """

    properties = from_callable(convert, strict=True)["parameters"]["properties"]
    assert properties["unit"]["description"] == "The unit. Defaults to 'c'."
    assert properties["size"]["description"] == "How large. Default: 3."
