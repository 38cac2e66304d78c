"""What excludes values, compared: bounds, steps and the like, and listed values (enum, const, booleans, null)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from deployer.functions.compatibility.difference import Difference, difference
from deployer.functions.compatibility.shapes import Shape, Undecidable
from deployer.functions.values import identity, is_integer, type_of, written

_LOWER = ("minLength", "minItems", "minProperties")
_UPPER = ("maxLength", "maxItems", "maxProperties")
_BOUNDS = (*_LOWER, *_UPPER, "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_APPLIED = ("properties", "required", "additionalProperties", "patternProperties", "items", "prefixItems")
# adding one of these excludes something and does nothing else; all others (`if`, `dependentSchemas`, `minContains: 0`,
# unknown keywords) may also open something
_EXCLUDING = frozenset(
    {
        *("pattern", "format", "contentEncoding", "contentMediaType", "contentSchema", "uniqueItems", "not"),
        *("contains", "propertyNames", "dependentRequired"),
    }
)


def limits(old: Shape, new: Shape, *, comparable: bool) -> Iterator[Difference]:
    """Differences in the keywords of one type; `comparable` is false where equal text may mean different things."""
    yield from _bounds(old, new)
    for key in sorted({*old.keywords, *new.keywords} - {*_BOUNDS, *_APPLIED}):
        yield from _keyword(key, old, new, comparable=comparable)


def _bounds(old: Shape, new: Shape) -> Iterator[Difference]:
    for key in (*_LOWER, *_UPPER):
        before, after = (_number(side.keywords.get(key), key) for side in (old, new))
        yield from _moved(key, old, new, loosened=after < before, tightened=after > before)
    if new.type == "number":
        yield from _interval("minimum", 1, old, new)
        yield from _interval("maximum", -1, old, new)
        yield from _step(old, new)


def _number(value: Any, key: str) -> float:
    """The bound as a number that grows with what it excludes."""
    sign = -1 if key in _UPPER else 1
    if value is None:
        return -math.inf if sign < 0 else 0
    return sign * real(value, key)


def real(value: Any, key: str) -> float:
    """A bound as a number; Undecidable if it is none."""
    if type_of(value) != "number" or not -math.inf < value < math.inf:
        raise Undecidable(f"has a {key} that is no number")
    return float(value) if isinstance(value, float) else int(value)


def _moved(key: str, old: Shape, new: Shape, *, loosened: bool, tightened: bool) -> Iterator[Difference]:
    if loosened or tightened:
        kind = "bound-loosened" if loosened else "bound-tightened"
        what = f"{key} was {_shown(old, key)}, is {_shown(new, key)} now"
        yield difference(kind, (*new.pointer, key) if key in new.keywords else new.pointer, what)


def _shown(shape: Shape, key: str) -> str:
    return written(shape.keywords[key]) if key in shape.keywords else "not set"


def _interval(key: str, sign: int, old: Shape, new: Shape) -> Iterator[Difference]:
    """Inclusive and exclusive bounds together; `sign` is -1 for upper ones."""
    exclusive = f"exclusive{key.capitalize()}"
    before, after = (_edge(side, key, exclusive, sign) for side in (old, new))
    changed = key if old.keywords.get(key) != new.keywords.get(key) else exclusive
    yield from _moved(changed, old, new, loosened=after < before, tightened=after > before)


def _edge(shape: Shape, key: str, exclusive: str, sign: int) -> tuple[float, bool]:
    """The tightest of both bounds; an integer beyond an exclusive bound is at least one step away."""
    edges = [(-math.inf, False)]
    if key in shape.keywords:
        edges.append((sign * real(shape.keywords[key], key), False))
    if exclusive in shape.keywords:
        edge = sign * real(shape.keywords[exclusive], exclusive)
        edges.append((math.floor(edge) + 1, False) if shape.integer else (edge, True))
    found = max(edges)
    return (math.ceil(found[0]), False) if shape.integer and math.isfinite(found[0]) else found


def _step(old: Shape, new: Shape) -> Iterator[Difference]:
    before, after = step(old), step(new)
    if before == after:
        return
    loosened = before is not None and (after is None or after % before != 0)
    if old.integer and not new.integer and loosened:
        yield difference("type-added", new.pointer, "takes numbers with a fraction now, not only integers")
    elif new.integer and not old.integer and not loosened:
        yield difference("type-removed", new.pointer, "takes only integers now")
    else:
        yield from _moved("multipleOf", old, new, loosened=loosened, tightened=not loosened)


def step(shape: Shape) -> Fraction | None:
    """What every number is a multiple of: of 1 and of multipleOf, or None."""
    if "multipleOf" not in shape.keywords:
        return Fraction(1) if shape.integer else None
    given = Fraction(str(real(shape.keywords["multipleOf"], "multipleOf")))
    if given <= 0:
        raise Undecidable("has a multipleOf that is not above 0")
    return Fraction(given.numerator) if shape.integer else given


def _keyword(key: str, old: Shape, new: Shape, *, comparable: bool) -> Iterator[Difference]:
    before, after = (_said(side.keywords, key) for side in (old, new))
    if before == after and (comparable or "$ref" not in (before or "")):
        return
    pointer = (*new.pointer, key) if key in new.keywords else new.pointer
    if key not in _EXCLUDING:
        yield difference("undecidable", pointer, f"{key} differs, and it cannot be shown that nothing new is possible")
    elif before is None:
        yield difference("constraint-added", pointer, f"{key} is {after} now")
    elif after is None:
        yield difference("constraint-dropped", pointer, f"{key} was {before}, and is gone")
    else:
        what = f"{key} was {before}, is {after} now: it cannot be shown that nothing new is possible"
        yield difference("undecidable", pointer, what)


def _said(keywords: Mapping[str, Any], key: str) -> str | None:
    """The value as text; `uniqueItems: false` says nothing."""
    said_nothing = key not in keywords or (key == "uniqueItems" and keywords[key] is False)
    return None if said_nothing else identity(keywords[key])


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
