"""The lines of changed files: each by name while they are few, grouped and counted when they are many.

Beside its bytes a document has settings, chunking and attributes, which are told key by key in one line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from deployer.engine import review
from deployer.engine.canonical import same
from deployer.engine.documents import attributes, same_chunking
from deployer.model import Action, Change, FileAction, FileChange, Origin, Plan
from deployer.render.lines import Line, Segment, dim, plain, short, warn
from deployer.wording import more, size

Note = tuple[Segment, ...]

_STAY = (FileAction.WAIT, FileAction.REMOVE)
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


def of(plan: Plan, change: Change) -> Iterator[Line]:
    """Yield the lines of the files of one change; those of a code interpreter as replacements, where they are some."""
    yield from shown(review.files(plan, change))


def shown(changes: Sequence[FileChange]) -> Iterator[Line]:
    """Yield about 20 lines at most; all of the files are in the JSON plan."""
    if len(changes) <= _SHOWN:
        yield from (_file(change, 1) for change in changes)
        return
    groups = [(action, [one for one in changes if one.action is action]) for action in FileAction]
    groups = [(action, group) for action, group in groups if group]
    for action, group in groups:
        yield from _group(action, group, max(_AT_LEAST, _SHOWN // len(groups)))


def _group(action: FileAction, group: Sequence[FileChange], room: int) -> Iterator[Line]:
    """Yield a title, what changes about many besides their bytes, and some names: what was edited comes first."""
    edited = sum(map(_edited, group))
    note = (warn(f"  {edited:,} edited on the account"),) if edited else ()
    title = f"{len(group):,} {_GROUPS[action]}, {size(sum(map(_bytes, group)))}"
    yield Line(_sign(action), 1, (Segment(title, _tone(action)), *note))
    told = Counter(filter(None, map(difference, group)))
    many = [one for one, count in told.most_common(max(1, room // 2)) if count > 1]
    for one in many:
        who = "all" if told[one] == len(group) else f"{told[one]:,} files"
        yield Line("", 2, (dim(f"{who}: "), *one))
    room = max(_AT_LEAST, room - len(many))
    ordered = sorted(group, key=lambda change: not _edited(change))
    named = ordered if len(ordered) <= room + 1 else ordered[:room]
    yield from (_file(change, 2, many) for change in named)
    if rest := ordered[len(named) :]:
        yield Line("", 2, (dim(f"… {more(len(rest))} ({size(sum(map(_bytes, rest)))})"),))


def _sign(action: FileAction) -> str:
    return _SIGNS.get(action, "~")


def _tone(action: FileAction) -> str:
    return _TONES.get(action, "changed")


def _file(change: FileChange, depth: int, told: Collection[Note] = ()) -> Line:
    """Return the line of one file, with what changes about it besides its bytes, unless that was `told` of many."""
    name = Segment(plain(change.path), _tone(change.action))
    known = change.action is FileAction.ADD and not _edited(change)  # the sign says it all
    notes: tuple[Segment, ...] = () if known else (_reason(change),)
    if (found := difference(change)) and (found not in told or _edited(change)):
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
    """Return what goes and what comes; one of them when both read the same."""
    gone = [file.size for file in change.live[:1] if file.size is not None]
    found = [*gone, *([change.desired.size] if change.desired else [])]
    return list(dict.fromkeys(size(count) for count in found))


def _bytes(change: FileChange) -> int:
    if change.desired:
        return change.desired.size
    return sum(file.size or 0 for file in change.live)


def removed(plan: Plan) -> int:
    """Count the documents that leave a store which stays."""
    return sum(
        one.action is FileAction.REMOVE
        for change in plan.pending
        if change.action is not Action.DELETE
        for one in change.files
    )


def difference(change: FileChange) -> Note:
    """Return `lang en → ko, + topic x, - team edu`; nothing when both stay as they are, or nothing is there yet."""
    if change.desired is None or not change.live or change.action in _STAY:
        return ()
    return _joined([*_chunking(change), *_attributes(change)])


def _chunking(change: FileChange) -> Iterator[Note]:
    """What git leaves to the service is called `default`: it may be another one tomorrow."""
    assert change.desired  # noqa: S101
    wanted, found = change.desired.chunking, change.live[0].chunking
    if found is None or same_chunking(change.desired, change.live[0]):
        return
    for key in wanted or found:
        if wanted is None or wanted[key] != found.get(key):
            yield _changed(key, found.get(key), "default" if wanted is None else wanted[key])


def _attributes(change: FileChange) -> Iterator[Note]:
    """Compare with what the membership is going to have; what was never declared stays in it."""
    assert change.desired  # noqa: S101
    found: Mapping[str, Any] = change.live[0].attributes
    wanted = attributes(change.desired, change.live[0])
    if change.kept:
        wanted |= found
    for key in sorted({*wanted, *found}):
        if key not in wanted:
            yield (Segment(f"- {short(key)} {short(found[key])}", "gone"),)
        elif key not in found:
            yield (Segment(f"+ {short(key)} {short(wanted[key])}", "new"),)
        elif not same(found[key], wanted[key]):
            yield _changed(key, found[key], wanted[key])


def _changed(key: str, old: Any, new: Any) -> Note:
    from deployer.render import textdiff

    return (Segment(f"{short(key)} "), *(textdiff.inline(old, new) or _both(old, new)))


def _both(old: Any, new: Any) -> Note:
    """Return `old → new`; as JSON where a text and a number would read the same."""
    before, after = short(old), short(new)
    if before == after:
        before, after = (json.dumps(one, ensure_ascii=True) for one in (old, new))
    return (Segment(before, "gone"), dim(" → "), Segment(after, "new"))


def _joined(parts: Iterable[Note]) -> Note:
    result: list[Segment] = []
    for part in parts:
        result += [dim(", "), *part] if result else part
    return tuple(result)
