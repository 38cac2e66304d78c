"""The lines of a changed field: what it was, what it becomes, and who moved it; inside JSON values, place by place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.model import FieldChange, Origin
from deployer.render.lines import Line, Segment, dim, plain, short, warn

_FIRST = ("name", "description", "model", "instructions", "tools")
_MOVED = {Origin.ACCOUNT: "edited on the account, not in git", Origin.BOTH: "edited on the account and in git"}


class Absent:
    """The value that is not there."""


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class ValueChange:
    """`path` reads like code: `questions[].choices.minItems`; the schema's own levels are left out."""

    path: str
    old: Any
    new: Any


def of(changes: tuple[FieldChange, ...], *, fresh: bool) -> Iterator[Line]:
    """Yield the lines of all fields in reading order; of a `fresh` object they need no signs."""
    width = min(max((len(field.name) for field in changes), default=0), 28)
    for field in sorted(changes, key=reading_order):
        label = Segment(f"{plain(field.name):<{width}}  ", "label")
        yield from _kept(label, field) if field.kept else _field(label, field, fresh=fresh)
        yield from _effects(field)


def moved(changes: tuple[FieldChange, ...]) -> Iterator[Line]:
    """Yield the same fields the other way round: from what git declares to what the account holds now."""
    width = min(max((len(field.name) for field in changes), default=0), 28)
    for field in sorted(changes, key=reading_order):
        head = Line("!", 1, (Segment(f"{plain(field.name):<{width}}  ", "label"),))
        note = (warn(f"  {_MOVED[field.origin]}"),) if field.origin in _MOVED else ()
        yield from difference(head, field.new, field.old, note)


def reading_order(field: FieldChange) -> tuple[int, str]:
    """Return what fields are sorted by: what a thing is called first, then what it is made of."""
    top = field.path[0]
    return (_FIRST.index(top) if top in _FIRST else len(_FIRST), field.name)


def _kept(label: Segment, field: FieldChange) -> Iterator[Line]:
    why = "edited on the account" if field.origin in _MOVED else "goes with what was edited on the account"
    yield Line("·", 1, (label, Segment(short(field.old)), warn(f"  kept: {why}"), dim(f" (git: {short(field.new)})")))


def _field(label: Segment, field: FieldChange, *, fresh: bool) -> Iterator[Line]:
    edited = field.origin in _MOVED
    note = ((warn(f"  {_MOVED[field.origin]}"),) if edited else ()) + _compatibility(field)
    if field.old is None and not edited:
        yield Line("" if fresh else "+", 1, (label, Segment(short(field.new), "new"), *note))
    elif field.new is None and not edited:
        yield Line("-", 1, (label, Segment(short(field.old), "gone"), *note))
    else:
        yield from difference(Line("!" if edited else "~", 1, (label,)), field.old, field.new, note)


def difference(head: Line, old: Any, new: Any, note: tuple[Segment, ...] = ()) -> Iterator[Line]:
    """Yield the lines that tell two values apart, by what they are: structures, texts, anything else."""
    from deployer.render import textdiff

    if isinstance(old, Mapping) and isinstance(new, Mapping):
        inside = [line for place in places(old, new) for line in _place(place, head.depth + 1)]
        only = () if inside else (dim("only the order of keys"),)
        yield Line(head.sign, head.depth, (*head.segments, *only, *note))
        yield from inside
    elif textdiff.is_prose(old, new):
        yield from textdiff.difference(head, old, new, note)
    else:
        values = (Segment(short(old), "gone"), dim(" → "), Segment(short(new), "new"))
        yield Line(head.sign, head.depth, (*head.segments, *values, *note))


def _place(place: ValueChange, depth: int) -> Iterator[Line]:
    label = Segment(f"{plain(place.path)}  ", "label")
    if isinstance(place.old, Absent):
        yield Line("+", depth, (label, Segment(short(place.new), "new")))
    elif isinstance(place.new, Absent):
        yield Line("-", depth, (label, Segment(short(place.old), "gone")))
    else:
        yield from difference(Line("~", depth, (label,)), place.old, place.new)


def _compatibility(field: FieldChange) -> tuple[Segment, ...]:
    """Say what a changed function means for the application that handles its calls."""
    if not field.effects:
        return ()
    breaking = any(effect.breaking for effect in field.effects)
    return (warn("  breaking for its handler") if breaking else dim("  compatible"),)


def _effects(field: FieldChange) -> Iterator[Line]:
    for effect in field.effects:
        if effect.breaking:
            place = ".".join(map(str, effect.pointer)) or field.name
            yield Line("!", 2, (warn(f"{place}: {effect.what}"),))


def places(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[ValueChange]:
    """Yield each innermost place where the two differ, in the order of the new value."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from places(old.get(key, ABSENT), new.get(key, ABSENT), (*path, str(key)))
    elif _text(old) != _text(new):
        yield ValueChange(_readable(path), old, new)


def _text(value: Any) -> str:
    return "absent" if isinstance(value, Absent) else json.dumps(value, sort_keys=True)


def _readable(path: tuple[str, ...]) -> str:
    """Write `properties/questions/items/properties/choices` as `questions[].choices`."""
    result, inside = "", False
    for part in path:
        if part == "properties" and not inside:
            inside = True
            continue
        if part == "items" and not inside:
            result += "[]"
        else:
            result += f".{part}" if result else part
        inside = False
    return result.removeprefix("parameters.") or "parameters"
