"""What was somebody else's then and is ours now, since it was adopted: on the way back it loses our marks, no more.

That holds for whole objects, for documents of a store and for files of the code interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from deployer.engine import decide, interpreter, stamp
from deployer.engine.decide import STORE, Owned, Scope
from deployer.kinds import Kind
from deployer.model import Attrs, LiveFile, LiveObject
from deployer.rollback.snapshot import Entry

Documents = Sequence[tuple[LiveFile, Attrs]]
"""Documents as they are, with their attributes of then."""


def again(scope: Scope, entries: Sequence[Entry], live: Sequence[LiveObject]) -> list[Owned]:
    """Give what was ours then and nobody's now, as a rollback leaves what was adopted: it is taken over once more."""
    then = {entry.id: entry for entry in entries if entry.raw is not None and not entry.foreign}
    free = [one for one in live if stamp.OWNER not in (one.raw.get("metadata") or {}) and one.id in then]
    marks = [(one, mark) for one in free if (mark := then[one.id].stamp)]
    return [decide.owned(scope.kinds[one.kind], one, replace(mark, digests={})) for one, mark in marks]


def parted(kinds: Mapping[str, Kind], entries: Sequence[Entry], owned: Mapping[str, Owned]) -> dict[str, Owned]:
    """Give what is ours without what was not: that is neither detached nor lent."""
    then = {entry.id: entry for entry in reversed(entries) if entry.raw is not None}
    pairs = ((one, then.get(live_id)) for live_id, one in owned.items())
    return {one.live.id: _part(kinds[one.live.kind], entry, one) if entry else one for one, entry in pairs}


def _part(kind: Kind, entry: Entry, one: Owned) -> Owned:
    others = _others(kind, entry, one)
    if one.live.kind == STORE:
        return replace(one, files=tuple(file for file in one.files if file.id not in others))
    files = (replace(file, sha256=None) if file.id in others else file for file in one.files)
    return replace(one, files=tuple(files))


def _others(kind: Kind, entry: Entry, one: Owned) -> set[str]:
    if entry.foreign:
        return {file.id for file in one.files}
    if one.live.kind == STORE:
        return {file.id for file in entry.files if file.path is None}
    mark = entry.stamp
    held = interpreter.live_files(kind, entry.raw or {}, mark) if mark else ()
    return {file.id for file in held if file.sha256 is None}


def documents(entries: Sequence[Entry], live: Sequence[LiveObject]) -> dict[str, Documents]:
    """Give the documents of each store, by its id, that nobody had marked then and that are marked now."""
    stores = {one.id: one for one in live if one.files}
    return {entry.id: _marked(entry, stores[entry.id]) for entry in reversed(entries) if entry.id in stores}


def _marked(entry: Entry, live: LiveObject) -> Documents:
    then = {file.id: file.attributes for file in entry.files if file.path is None}
    return [(file, then[file.id]) for file in live.files if file.path is not None and file.id in then]


def turnover(kind: Kind, entry: Entry, live: LiveObject) -> str:
    """Say what of the documents is not as it was then, and stays as it is: what others hold is theirs."""
    then = {file.id for file in entry.files} or set(kind.held(entry.raw or {}))
    now = {file.id for file in live.files} or set(kind.held(live.raw))
    parts = [(len(now - then), "attached"), (len(then - now), "detached")]
    told = " and ".join(f"{count:,} {what} since" for count, what in parts if count)
    return f"its files stay as they are: {told}" if told else ""
