"""A plan as lines: each with a sign (`+ ~ - ?` or none), a depth, and segments with a tone instead of a colour."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.engine.data import requests, summary, upload_bytes
from deployer.model import Action, Change, FieldChange, FileAction, FileChange, Origin, Plan
from deployer.render import structure, words
from deployer.render.plain import plain

_SHOWN = 72
_PROSE = 40
_FIRST = ("name", "description", "model", "instructions", "tools")
_SIGNS = {Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "±", Action.DELETE: "-", Action.ADOPT: "»"}
_FILE_SIGNS = {FileAction.ADD: "+", FileAction.REPLACE: "~", FileAction.REMOVE: "-", FileAction.WAIT: "·"}
_ORIGINS = {Origin.ACCOUNT: "edited on the account, not in git", Origin.BOTH: "edited on the account and in git"}
_VERBS = {
    Action.CREATE: "to create",
    Action.UPDATE: "to update",
    Action.REPLACE: "to replace",
    Action.DELETE: "to delete",
    Action.ADOPT: "to adopt",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """`tone` is one of: plain, dim, strong, new, gone, changed, warn."""

    text: str
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Line:
    sign: str
    depth: int
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


def size(count: int) -> str:
    """Write a number of bytes for people: 512 B, 4.0 kB, 2.1 MB."""
    value, units = float(count), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while value >= 1000 and unit != "TB":
        value, unit = value / 1000, next(units)
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def header(plan: Plan) -> str:
    target = plan.target
    commit = f" @ {plan.origin}" if plan.origin else ""
    parts = [target.name, target.api, target.base_url, f"project {plan.project}{commit}"]
    return "Account  " + " · ".join(plain(part) for part in parts)


def changes(plan: Plan) -> Iterator[Line]:
    """Give the lines of every pending change, and of orphans that stay."""
    for change in plan.changes:
        if change.action is not Action.NO_OP:
            yield from of_change(change)
        elif change.orphan:
            yield Line("?", 0, (Segment(str(change.address), "strong"), Segment(f"  {change.reason}", "dim")))


def of_change(change: Change) -> Iterator[Line]:
    detail = _detail(change)
    yield Line(_SIGNS[change.action], 0, (Segment(f"{change.address!s:<40}", "strong"), Segment(f"  {detail}", "dim")))
    width = max((len(field.path) for field in change.fields), default=0)
    for field in sorted(change.fields, key=_reading_order):
        yield from _field(field, min(width, 28), fresh=change.action is Action.CREATE)
    for file in change.files:
        yield _file(file)


def _reading_order(field: FieldChange) -> tuple[int, str]:
    """What a thing is called first, then what it is made of."""
    top = field.path.partition("/")[0]
    return (_FIRST.index(top) if top in _FIRST else len(_FIRST), field.path)


def _detail(change: Change) -> str:
    parts = [change.reason]
    if uploads := upload_bytes(change):
        parts.append(f"{size(uploads)} to upload")
    return ", ".join(parts)


def _field(field: FieldChange, width: int, *, fresh: bool) -> Iterator[Line]:
    label = Segment(f"{plain(field.path):<{width}}  ", "plain")
    note: tuple[Segment, ...] = (Segment(f"  {_ORIGINS[field.origin]}", "warn"),) if field.origin in _ORIGINS else ()
    note += _compatibility(field)
    if field.old is None:
        yield Line("+" if not fresh else "", 1, (label, Segment(_short(field.new), "new"), *note))
    elif field.new is None:
        yield Line("-", 1, (label, Segment(_short(field.old), "gone"), *note))
    elif isinstance(field.old, Mapping) and isinstance(field.new, Mapping):
        places = [_place(place) for place in structure.difference(field.old, field.new)]
        yield Line("~", 1, (label, *note) if places else (label, Segment("only the order of keys", "dim"), *note))
        yield from places
    elif _is_prose(field.old) or _is_prose(field.new):
        yield Line("~", 1, (label, *_prose(str(field.old), str(field.new)), *note))
    else:
        yield Line("~", 1, (label, *_replaced(field.old, field.new), *note))
    for effect in field.effects:
        if effect.breaking:
            place = ".".join(map(str, effect.pointer)) or field.path
            yield Line("!", 2, (Segment(f"{plain(place)}: {plain(effect.what)}", "warn"),))


def _compatibility(field: FieldChange) -> tuple[Segment, ...]:
    """Say what a changed function means for the application that handles its calls."""
    if not field.effects:
        return ()
    breaking = any(effect.breaking for effect in field.effects)
    return (Segment("  breaking for its handler", "warn") if breaking else Segment("  compatible", "dim"),)


def _replaced(old: Any, new: Any) -> tuple[Segment, ...]:
    return Segment(_short(old), "gone"), Segment(" → ", "dim"), Segment(_short(new), "new")


def _is_prose(value: Any) -> bool:
    return isinstance(value, str) and ("\n" in value or len(value) > _PROSE)


def _prose(old: str, new: str) -> tuple[Segment, ...]:
    marks = {
        words.Op.SAME: ("", "", "plain"),
        words.Op.GONE: ("[-", "-]", "gone"),
        words.Op.NEW: ("{+", "+}", "new"),
        words.Op.LEFT_OUT: ("", "", "dim"),
    }
    result = []
    for piece in words.difference(old, new):
        start, end, tone = marks[piece.op]
        result.append(Segment(f"{start}{plain(piece.text)}{end}", tone))
    return tuple(result)


def _place(place: structure.Place) -> Line:
    label = Segment(f"{plain(place.path)}  ")
    if isinstance(place.old, structure.Absent):
        return Line("+", 2, (label, Segment(_short(place.new), "new")))
    if isinstance(place.new, structure.Absent):
        return Line("-", 2, (label, Segment(_short(place.old), "gone")))
    if _is_prose(place.old) and _is_prose(place.new):
        return Line("~", 2, (label, *_prose(place.old, place.new)))
    return Line("~", 2, (label, *_replaced(place.old, place.new)))


def _file(change: FileChange) -> Line:
    sign, tone = _FILE_SIGNS[change.action], {"add": "new", "remove": "gone"}.get(change.action, "changed")
    bytes_ = "  " + " → ".join(_sizes(change))
    reason = "" if change.action is FileAction.ADD else f"  {plain(change.reason)}"
    return Line(sign, 1, (Segment(plain(change.path), tone), Segment(bytes_ + reason, "dim")))


def _sizes(change: FileChange) -> list[str]:
    """What goes and what comes; one of them when both read the same."""
    gone = [file.size for file in change.live[:1] if file.size is not None]
    found = [*gone, *([change.desired.size] if change.desired else [])]
    return list(dict.fromkeys(size(count) for count in found))


def _short(value: Any) -> str:
    """One line for a value: text as it is, a tool by what it is, the rest as JSON; cut at about 70 characters."""
    if isinstance(value, Mapping) and "type" in value:
        text = _tool(value)
    elif isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False)
    text = plain(text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"


def _tool(tool: Mapping[str, Any]) -> str:
    if tool["type"] == "function":
        names = ", ".join((tool.get("parameters") or {}).get("properties") or ())
        return f"function({names})"
    rest = [f"{name} {_listed(value)}" for name, value in tool.items() if name != "type"]
    return ", ".join([str(tool["type"]), *rest])


def _listed(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def totals(plan: Plan) -> str:
    """Give the last line: what there is to do and what it costs."""
    counts = summary(plan)
    parts = [f"{counts[action.value]} {verb}" for action, verb in _VERBS.items() if counts[action.value]]
    orphans = sum(change.orphan and change.action is Action.NO_OP for change in plan.changes)
    unchanged = counts[Action.NO_OP.value] - orphans
    left = f", {orphans} no longer in the manifest" if orphans else ""
    if not parts:
        return f"Nothing to do: {counted(unchanged, 'object')} as declared{left}."
    if unchanged:
        parts.append(f"{unchanged} unchanged")
    if orphans:
        parts.append(left.removeprefix(", "))
    sent = counted(sum(requests(change) for change in plan.changes), "request")
    total = sum(upload_bytes(change) for change in plan.changes)
    return f"{', '.join(parts)} · {sent}" + (f", {size(total)}" if total else "")
