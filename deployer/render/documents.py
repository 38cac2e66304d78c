"""The lines of changed files: each by name while they are few, grouped and counted when they are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from deployer.model import FileAction, FileChange, Origin
from deployer.render import settings
from deployer.render.plain import plain
from deployer.render.segments import Line, Segment, dim, warn
from deployer.wording import more, size

_SHOWN = 20
_AT_LEAST = 2
_HAS_BYTES = (FileAction.ADD, FileAction.REPLACE)
_SIGNS = {FileAction.ADD: "+", FileAction.REMOVE: "-", FileAction.WAIT: "·"}
_TONES = {FileAction.ADD: "new", FileAction.REMOVE: "gone", FileAction.WAIT: "plain"}
_GROUPS = {
    FileAction.ADD: "to add",
    FileAction.REPLACE: "to replace",
    FileAction.UPDATE: "with other attributes",
    FileAction.MOVE: "moved",
    FileAction.ATTACH: "to attach again",
    FileAction.REMOVE: "to remove",
    FileAction.WAIT: "still being ingested",
}


def of(changes: Sequence[FileChange]) -> Iterator[Line]:
    """Give about 20 lines at most; all of the files are in the JSON plan."""
    if len(changes) <= _SHOWN:
        yield from (_file(change, 1) for change in changes)
        return
    groups = [(action, [one for one in changes if one.action is action]) for action in FileAction]
    groups = [(action, group) for action, group in groups if group]
    for action, group in groups:
        yield from _group(action, group, max(_AT_LEAST, _SHOWN // len(groups)))


def _group(action: FileAction, group: Sequence[FileChange], room: int) -> Iterator[Line]:
    """Give a title, what changes about many besides their bytes, and some names: what was edited comes first."""
    edited = sum(map(_edited, group))
    note = (warn(f"  {edited:,} edited on the account"),) if edited else ()
    title = f"{len(group):,} {_GROUPS[action]}, {size(sum(map(_bytes, group)))}"
    yield Line(_sign(action), 1, (Segment(title, _tone(action)), *note))
    told = Counter(filter(None, map(settings.difference, group)))
    many = [one for one, count in told.most_common(max(1, room // 2)) if count > 1]
    for one in many:
        who = "all" if told[one] == len(group) else f"{told[one]:,} files"
        yield Line("", 2, (dim(f"{who}: "), *one))
    room = max(_AT_LEAST, room - len(many))
    ordered = sorted(group, key=lambda change: not _edited(change))
    shown = ordered if len(ordered) <= room + 1 else ordered[:room]
    yield from (_file(change, 2, many) for change in shown)
    if rest := ordered[len(shown) :]:
        yield Line("", 2, (dim(f"… {more(len(rest))} ({size(sum(map(_bytes, rest)))})"),))


def _sign(action: FileAction) -> str:
    return _SIGNS.get(action, "~")


def _tone(action: FileAction) -> str:
    return _TONES.get(action, "changed")


def _file(change: FileChange, depth: int, told: Collection[settings.Told] = ()) -> Line:
    """Give the line of one file, with what changes about it besides its bytes, unless that was `told` of many."""
    name = Segment(plain(change.path), _tone(change.action))
    known = change.action is FileAction.ADD and not _edited(change)  # the sign says it all
    notes: tuple[Segment, ...] = () if known else (_reason(change),)
    if (found := settings.difference(change)) and (found not in told or _edited(change)):
        notes += (dim("  "), *found)
    if change.kept:
        notes += (warn("  kept: attributes edited on the account"),)
    if change.action in _HAS_BYTES and not change.upload:
        notes += (dim("  nothing to upload"),)
    sign = "!" if _edited(change) else _sign(change.action)
    return Line(sign, depth, (name, dim(f"  {' → '.join(_sizes(change))}"), *notes))


def _reason(change: FileChange) -> Segment:
    return (warn if _edited(change) else dim)(f"  {change.reason}")


def _edited(change: FileChange) -> bool:
    return change.origin is not Origin.MANIFEST and not change.kept


def _sizes(change: FileChange) -> list[str]:
    """What goes and what comes; one of them when both read the same."""
    gone = [file.size for file in change.live[:1] if file.size is not None]
    found = [*gone, *([change.desired.size] if change.desired else [])]
    return list(dict.fromkeys(size(count) for count in found))


def _bytes(change: FileChange) -> int:
    if change.desired:
        return change.desired.size
    return sum(file.size or 0 for file in change.live)
