"""From the file changes of a store to operations: make before break, in batches, each document on its own.

A new document is uploaded, attached and searchable before the one that it supersedes is detached; what nothing
supersedes is detached when all batches are over. Detach before delete: the other way round leaves stale counts
(openai-dotnet #540).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from deployer.engine import stamp
from deployer.engine.files import attributes
from deployer.engine.supply import Releases, Source
from deployer.kinds import vector_store
from deployer.model import (
    AttachFiles,
    Attrs,
    DetachFile,
    FileAction,
    FileChange,
    LiveFile,
    Member,
    Operation,
    Operations,
    UpdateFile,
    Upload,
)

_FRESH = (FileAction.ADD, FileAction.REPLACE, FileAction.ATTACH)
_ATTRIBUTES_ONLY = (FileAction.UPDATE, FileAction.MOVE)


def operations(
    store: str,
    changes: Sequence[FileChange],
    sources: Mapping[str, Source],
    uploads: Mapping[str, Upload],
    releases: Releases,
) -> Operations:
    """Return the operations for the documents of the store whose key is `store`; producers come first."""
    fresh = [change for change in changes if change.action in _FRESH]
    result: list[Operation] = []
    over: list[str] = []
    for start in range(0, len(fresh), vector_store.BATCH):
        group = fresh[start : start + vector_store.BATCH]
        result += [uploads[change.path] for change in group if change.path in uploads]
        result.append(_attach(store, len(over), group, sources))
        over.append(f"{store}#batch-{len(over)}")
    waiting = [change for change in changes if change.action is FileAction.WAIT]
    if waiting:
        members = tuple(_member(store, change, sources) for change in waiting)
        result.append(AttachFiles(store, members, f"{store}#waited", attached=True))
    result += [_update(store, change) for change in changes if change.action in _ATTRIBUTES_ONLY]
    for change in changes:
        after = tuple(over) if change.action is FileAction.REMOVE else (_ready(store, change),)
        result += _detach(store, _superseded(change), after, releases)
    return tuple(result)


def _superseded(change: FileChange) -> tuple[LiveFile, ...]:
    """Give the memberships that go: all of them, or all but the one that is kept."""
    if change.action in (FileAction.REPLACE, FileAction.REMOVE):
        return change.live
    return change.live[1:] if change.action in (FileAction.ATTACH, FileAction.WAIT) else ()


def _attach(store: str, index: int, group: Sequence[FileChange], sources: Mapping[str, Source]) -> AttachFiles:
    members = tuple(_member(store, change, sources) for change in group)
    return AttachFiles(store, members, f"{store}#batch-{index}")


def _ready(store: str, change: FileChange) -> str:
    return f"{store}#{change.path}"


def _member(store: str, change: FileChange, sources: Mapping[str, Source]) -> Member:
    assert change.desired  # noqa: S101
    stays = change.action in (FileAction.ATTACH, FileAction.WAIT)
    source = Source(change.live[0].id, live=True) if stays else sources[change.path]
    chunking, before = change.desired.chunking, change.live[0] if change.live else None
    return Member(source.key, change.path, _attributes(change, before), chunking, _ready(store, change), source.live)


def _attributes(change: FileChange, live: LiveFile | None) -> Attrs:
    """Everything that the membership is to carry: the API replaces the whole map."""
    if change.attributes is not None:
        return change.attributes
    file = change.desired
    assert file  # noqa: S101
    ours = {
        vector_store.PATH_KEY: file.path,
        vector_store.SHA_KEY: file.sha256,
        vector_store.SIZE_KEY: file.size,
    }
    values, marks = attributes(file, live), stamp.applied(file.attributes)
    if change.kept and live:
        values, marks = {**values, **live.attributes}, {**marks, **live.declared}
    declared = stamp.written(marks if file.declared is None else file.declared)
    return {**values, **ours, **({vector_store.DECLARED_KEY: declared} if declared else {})}


def _update(store: str, change: FileChange) -> UpdateFile:
    live = change.live[0]
    return UpdateFile(store, live.id, _attributes(change, live))


def _detach(store: str, gone: Sequence[LiveFile], after: tuple[str, ...], releases: Releases) -> Iterator[DetachFile]:
    for live in gone:
        key = f"{store}-{live.id}"
        releases.add(live.id, store, key, ours=bool(live.sha256))
        yield DetachFile(store, live.id, key, after)
