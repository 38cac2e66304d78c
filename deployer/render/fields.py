"""The lines of a changed field: what it was, what it becomes, and who moved it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deployer.model import FieldChange, Origin
from deployer.render import prose, structure
from deployer.render.plain import plain
from deployer.render.segments import Line, Segment, dim, warn
from deployer.render.values import short

_FIRST = ("name", "description", "model", "instructions", "tools")
_MOVED = {Origin.ACCOUNT: "edited on the account, not in git", Origin.BOTH: "edited on the account and in git"}


def of(changes: tuple[FieldChange, ...], *, fresh: bool) -> Iterator[Line]:
    """Give the lines of all fields in reading order; of a `fresh` object they need no signs."""
    width = min(max((len(field.path) for field in changes), default=0), 28)
    for field in sorted(changes, key=_reading_order):
        label = Segment(f"{plain(field.path):<{width}}  ")
        yield from _kept(label, field) if field.kept else _field(label, field, fresh=fresh)
        yield from _effects(field)


def moved(changes: tuple[FieldChange, ...]) -> Iterator[Line]:
    """Give the same fields the other way round: from what git declares to what the account holds now."""
    width = min(max((len(field.path) for field in changes), default=0), 28)
    for field in sorted(changes, key=_reading_order):
        head = Line("!", 1, (Segment(f"{plain(field.path):<{width}}  "),))
        note = (warn("  changed in git too"),) if field.origin is Origin.BOTH else ()
        yield from difference(head, field.new, field.old, note)


def _reading_order(field: FieldChange) -> tuple[int, str]:
    """What a thing is called first, then what it is made of."""
    top = field.path.partition("/")[0]
    return (_FIRST.index(top) if top in _FIRST else len(_FIRST), field.path)


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
    """Give the lines that tell two values apart, by what they are: structures, texts, anything else."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        places = [line for place in structure.difference(old, new) for line in _place(place, head.depth + 1)]
        only = () if places else (dim("only the order of keys"),)
        yield Line(head.sign, head.depth, (*head.segments, *only, *note))
        yield from places
    elif prose.is_prose(old, new):
        yield from prose.difference(head, old, new, note)
    else:
        values = (Segment(short(old), "gone"), dim(" → "), Segment(short(new), "new"))
        yield Line(head.sign, head.depth, (*head.segments, *values, *note))


def _place(place: structure.Place, depth: int) -> Iterator[Line]:
    label = Segment(f"{plain(place.path)}  ")
    if isinstance(place.old, structure.Absent):
        yield Line("+", depth, (label, Segment(short(place.new), "new")))
    elif isinstance(place.new, structure.Absent):
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
            place = ".".join(map(str, effect.pointer)) or field.path
            yield Line("!", 2, (warn(f"{place}: {effect.what}"),))
