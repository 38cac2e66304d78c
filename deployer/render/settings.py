"""What changes about a document besides its bytes: its chunking and its attributes, key by key, in one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deployer.engine.canonical import same
from deployer.engine.files import attributes
from deployer.kinds import vector_store
from deployer.model import FileAction, FileChange
from deployer.render import prose
from deployer.render.segments import Segment, dim
from deployer.render.values import short

Told = tuple[Segment, ...]
_STAY = (FileAction.WAIT, FileAction.REMOVE)


def difference(change: FileChange) -> Told:
    """Give `lang en → ko, + topic x, - team edu`; nothing when both stay as they are, or when nothing is there yet."""
    if change.desired is None or not change.live or change.action in _STAY:
        return ()
    return _joined([*_chunking(change), *_attributes(change)])


def _chunking(change: FileChange) -> Iterator[Told]:
    """What git leaves to the service is called `default`: it may be another one tomorrow."""
    assert change.desired  # noqa: S101
    wanted, found = change.desired.chunking, change.live[0].chunking
    if found is None or vector_store.same_chunking(wanted, found):
        return
    for key in wanted or found:
        if wanted is None or wanted[key] != found.get(key):
            yield _changed(key, found.get(key), "default" if wanted is None else wanted[key])


def _attributes(change: FileChange) -> Iterator[Told]:
    """Compare with what the membership is going to have; what nobody declared stays in it."""
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


def _changed(key: str, old: Any, new: Any) -> Told:
    return (Segment(f"{short(key)} "), *(prose.inline(old, new) or _both(old, new)))


def _both(old: Any, new: Any) -> Told:
    """Give `old → new`; as JSON where a text and a number would read the same."""
    before, after = short(old), short(new)
    if before == after:
        before, after = (json.dumps(one, ensure_ascii=True) for one in (old, new))
    return (Segment(before, "gone"), dim(" → "), Segment(after, "new"))


def _joined(parts: Iterable[Told]) -> Told:
    result: list[Segment] = []
    for part in parts:
        result += [dim(", "), *part] if result else part
    return tuple(result)
