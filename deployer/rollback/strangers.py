"""What was somebody else's then and is ours now, since it was adopted: on the way back it loses our marks, no more.

That holds for whole objects, for documents of a store and for files of the code interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from deployer.engine import decide, interpreter, reviewed, stamp
from deployer.engine.decide import STORE, Draft, Owned, Scope
from deployer.kinds import Body, Kind
from deployer.model import Action, Attrs, DesiredFile, FileAction, FileChange, LiveFile, LiveObject, Resource
from deployer.rollback.snapshot import Entry

Marked = Mapping[str, tuple[LiveFile, Attrs]]
"""Documents by the id of their File object, as they are, with their attributes of then."""
_WHY = "was not ours then"


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


def documents(entries: Sequence[Entry], live: Sequence[LiveObject]) -> dict[str, Marked]:
    """Give the documents of each store, by its id, that nobody had marked then and that are marked now."""
    stores = {one.id: one for one in live if one.files}
    return {entry.id: _marked(entry, stores[entry.id]) for entry in reversed(entries) if entry.id in stores}


def _marked(entry: Entry, live: LiveObject) -> Marked:
    then = {file.id: file.attributes for file in entry.files if file.path is None}
    return {file.id: (file, then[file.id]) for file in live.files if file.path is not None and file.id in then}


def unmarking(draft: Draft, documents: Mapping[str, Marked]) -> Draft:
    """Add to a draft of a store that its documents of others go without our marks again."""
    change, marked = draft.change, documents.get(draft.change.live_id or "")
    if not marked or draft.owned is None:
        return draft
    files = (*change.files, *(_unmarked(file) for file, _ in marked.values()))
    change = replace(change, files=tuple(sorted(files, key=lambda one: one.path)))
    if change.action is Action.NO_OP:
        mark = reviewed.digest(draft.kind, draft.owned.live.raw)
        change = replace(change, action=Action.UPDATE, reason="documents of others, adopted since", reviewed=mark)
    return replace(draft, change=change)


def _unmarked(file: LiveFile) -> FileChange:
    wanted = DesiredFile(file.path or "", file.size or 0, file.sha256 or "", file.chunking)
    return FileChange(FileAction.UPDATE, wanted.path, wanted, (file,), _WHY)


def let_go(scope: Scope, resource: Resource, entry: Entry, one: Owned, ids: Mapping[str, str]) -> Draft:
    """Give an object its fields of then, and in place of our stamp the one that it carried, if any."""
    draft, kind, raw = decide.desired(scope, resource, one, ids), scope.kinds[one.live.kind], one.live.raw
    body = draft.body or kind.wire({"metadata": raw.get("metadata") or {}}, raw)
    theirs = (entry.raw or {}).get("metadata") or {}
    metadata = {**stamp.without(body.fields["metadata"]), **{key: theirs[key] for key in stamp.KEYS if key in theirs}}
    change = replace(draft.change, action=Action.UPDATE, reason=_WHY, reviewed=reviewed.digest(kind, raw))
    return replace(draft, change=change, body=Body({**body.fields, "metadata": metadata}, body.refs))


def turnover(kind: Kind, entry: Entry, live: LiveObject) -> str:
    """Say what of the documents is not as it was then, and stays as it is: what others hold is theirs."""
    then = {file.id for file in entry.files} or set(kind.held(entry.raw or {}))
    now = {file.id for file in live.files} or set(kind.held(live.raw))
    parts = [(len(now - then), "attached"), (len(then - now), "detached")]
    told = " and ".join(f"{count:,} {what} since" for count, what in parts if count)
    return f"its files stay as they are: {told}" if told else ""
