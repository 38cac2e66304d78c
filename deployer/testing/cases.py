"""A test as a value: what is said to which address, what a model would say, and what is expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.model import Position, Problem


@dataclass(frozen=True, slots=True)
class Assertion:
    """What is expected: `kind` is Promptfoo's name without its `not-`; those of an assert-set stand `inside` it.

    `threshold` is what a score must reach, None where nothing is said; `weight` is its share in the score of its test.
    """

    kind: str
    value: Any = None
    negated: bool = False
    threshold: float | None = None
    weight: float = 1.0
    metric: str = ""
    position: Position | None = None
    inside: tuple[Assertion, ...] = ()

    @property
    def name(self) -> str:
        return f"not-{self.kind}" if self.negated else self.kind


NO_OUTPUT: Any = object()
"""Stands where an expected call brings no output."""


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """A call of a function that a turn must make. `mode`: its arguments are `args` exactly, a subset, or fit a schema.

    `output` answers it.
    """

    name: str
    args: Any = None
    mode: str = "partial"
    output: Any = NO_OUTPUT
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class TestTurn:
    """One message of the user with the files beside it, the calls that must follow (None: any), and assertions."""

    __test__ = False
    user: str
    files: tuple[str, ...] = ()
    calls: tuple[ExpectedCall, ...] | None = None
    asserts: tuple[Assertion, ...] = ()
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class ExampleOutput:
    """What answers a call of a function whose arguments have these among them."""

    name: str
    args: Mapping[str, Any]
    output: Any


@dataclass(frozen=True, slots=True)
class TestCase:
    """One conversation with one address.

    `rehearse` are the answers of a model in order, each a sequence of parts of a script; None where none are given.
    `outputs` answer functions by name, each time or in order. `flaws` are why it cannot be run: then it is an error.
    `notes` are what is not done as it stands there, and changes nothing about what is tested. `place` is the file in
    which it stands, relative to the manifest's folder, and the path in that.
    """

    __test__ = False
    name: str
    address: str
    turns: tuple[TestTurn, ...]
    asserts: tuple[Assertion, ...] = ()
    threshold: float | None = None
    rehearse: tuple[tuple[Mapping[str, Any], ...], ...] | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[ExampleOutput, ...] = ()
    tags: frozenset[str] = frozenset()
    position: Position | None = None
    flaws: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()
    place: tuple[str, tuple[str | int, ...]] = ("", ())

    @property
    def expectations(self) -> tuple[Assertion, ...]:
        """All assertions, with those of assert-sets."""
        return tuple(everything((*(one for turn in self.turns for one in turn.asserts), *self.asserts)))


def everything(asserts: Sequence[Assertion]) -> list[Assertion]:
    return [found for one in asserts for found in (everything(one.inside) if one.inside else [one])]
