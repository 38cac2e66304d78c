"""Values that are listed (enum, const, booleans, null), against others and against types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from deployer.functions.compatibility.alternatives import Shape
from deployer.functions.compatibility.compare_limits import real, step
from deployer.functions.compatibility.difference import Difference, difference
from deployer.functions.values import identity, is_integer, type_of, written


def finite(olds: Sequence[Shape], news: Sequence[Shape]) -> Iterator[Difference]:
    """Differences in the listed values of one type."""
    unlisted = [old for old in olds if old.values is None]
    for new in news:
        known = {identity(value) for old in olds for value in old.values or () if _same(old, new) or fits(value, old)}
        for value in new.values or ():
            if identity(value) not in known and not any(fits(value, old) for old in unlisted):
                yield difference("enum-member-added", _where(new), f"{written(value)} is a new value")
    if all(new.values is not None for new in news):
        yield from _fewer(olds, news)


def _same(old: Shape, new: Shape) -> bool:
    """Whether both exclude the same of their listed values, without asking what."""
    text = written(new.keywords)
    return text == written(old.keywords) and '"$ref"' not in text


def _fewer(olds: Sequence[Shape], news: Sequence[Shape]) -> Iterator[Difference]:
    left = {identity(value) for new in news for value in new.values or ()}
    if any(old.values is None for old in olds):
        shown = ", ".join(written(value) for new in news for value in new.values or ())
        yield difference("enum-added", _where(news[0]), f"is only one of {shown} now")
        return
    for value in dict.fromkeys(identity(value) for old in olds for value in old.values or ()):
        if value not in left:
            yield difference("enum-member-removed", _where(news[0]), f"{value} is no longer possible")


def from_values(olds: Sequence[Shape], new: Shape) -> Difference:
    """The old side lists its values, the new one does not."""
    shown = ", ".join(written(value) for old in olds for value in old.values or ())
    return difference("enum-dropped", new.pointer, f"may be any {new.type} now, was one of {shown}")


def _where(shape: Shape) -> tuple[str | int, ...]:
    several = len(shape.values or ()) > 1 and shape.type not in ("boolean", "null")
    return (*shape.pointer, "enum") if several else shape.pointer


def fits(value: Any, shape: Shape) -> bool:
    """Whether the shape surely admits a value, if it is listed where values are; patterns are never run: not sure."""
    if type_of(value) != shape.type or (shape.integer and not is_integer(value)):
        return False
    if shape.type == "string":
        return _within(len(value), shape, "minLength", "maxLength")
    if shape.type == "number":
        return _number_fits(value, shape)
    return not shape.keywords and (shape.type != "object" or shape.values is not None)


def _number_fits(value: float, shape: Shape) -> bool:
    every = step(shape)
    if every is not None and Fraction(str(value)) % every != 0:
        return False
    said = shape.keywords
    above = "exclusiveMinimum" not in said or real(said["exclusiveMinimum"], "exclusiveMinimum") < value
    below = "exclusiveMaximum" not in said or value < real(said["exclusiveMaximum"], "exclusiveMaximum")
    edges = ("exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    return above and below and _within(value, shape, "minimum", "maximum", *edges)


def _within(value: float, shape: Shape, least: str, most: str, *checked: str) -> bool:
    said = shape.keywords
    if said.keys() - {least, most, *checked}:
        return False
    return real(said.get(least, value), least) <= value <= real(said.get(most, value), most)
