"""The documents of a store: what is to be added, replaced, moved or removed, and by which operations.

They are compared by path and content, never by date. What is on the account is used again wherever it can be: the same
bytes under the same file name are one File object. Make before break, each document on its own: a new one is uploaded,
attached and searchable before the one that it supersedes is detached; what nothing supersedes is detached when all
batches are over. Detach before delete: the other way round leaves stale counts (openai-dotnet #540).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from typing import Any

from deployer.engine import canonical, diff, stamp
from deployer.engine.canonical import same
from deployer.engine.draft import Draft, Owned
from deployer.engine.uploads import MISSING, Releases, Source, of_membership
from deployer.kinds import Kind, vector_store
from deployer.model import (
    AttachFiles,
    Attrs,
    DesiredFile,
    DetachFile,
    FileAction,
    FileChange,
    LiveFile,
    LiveObject,
    Member,
    Operation,
    Operations,
    Origin,
    Reason,
    UpdateFile,
    Upload,
    Why,
)

_CHUNKING = stamp.name_of(vector_store.CHUNKING)


class Documents:
    """The rules of stores: a change of documents writes memberships, never the store itself."""

    in_object = False

    def owned(self, kind: Kind, live: LiveObject, mark: stamp.Stamp) -> Owned:
        del kind
        return Owned(live, mark, live.files)

    def content(self, file: LiveFile) -> str | None:
        return of_membership(file)

    def compare(
        self, desired: Sequence[DesiredFile], found: Owned | None, *, exclusive: bool, settle: bool
    ) -> tuple[FileChange, ...]:
        return compare(desired, found.files if found else (), exclusive=exclusive, settle=settle)

    def agreed(self, desired: Sequence[DesiredFile], found: Owned) -> tuple[str, ...]:
        del desired, found  # each membership carries its own stamp
        return ()

    def remembered(self, desired: Sequence[DesiredFile], found: Owned) -> dict[str, str]:
        del desired, found
        return {}

    def operations(
        self, draft: Draft, sources: Mapping[str, Source], uploads: Mapping[str, Upload], releases: Releases
    ) -> Operations:
        store = str(draft.change.address)
        return (*draft.write(), *operations(store, draft.change.files, sources, uploads, releases))


def compare(
    desired: Sequence[DesiredFile], live: Sequence[LiveFile], *, exclusive: bool = False, settle: bool = True
) -> tuple[FileChange, ...]:
    """Return the file changes, sorted by path. Files that we did not attach (no path) stay, unless it is `exclusive`.

    `settle`: stamp attributes that are as declared, though not by an apply; else later edits would look like git's.
    """
    owned: dict[str, list[LiveFile]] = defaultdict(list)
    for file in live:
        if file.path is not None:
            owned[file.path].append(file)
    wanted = {file.path: file for file in desired}
    spare = _Spare(file for path, files in owned.items() if path not in wanted for file in files)
    changes = []
    for path, one in wanted.items():
        here = owned.get(path)
        changes += _at_its_path(one, here, settle=settle) if here else [_new(one, spare.take(one))]
    changes += [_remove(file.path or "", (file,), Reason(Why.UNDECLARED)) for file in spare.left.values()]
    if exclusive:
        changes += [_remove(file.id, (file,), Reason(Why.EXCLUSIVE)) for file in live if not file.path]
    return tuple(sorted(changes, key=lambda change: (change.path, change.action)))


def _remove(path: str, files: tuple[LiveFile, ...], why: Reason) -> FileChange:
    return FileChange(FileAction.REMOVE, path, None, files, why)


def _at_its_path(file: DesiredFile, live: Sequence[LiveFile], *, settle: bool) -> list[FileChange]:
    """Compare with what is at the same path; the best copy of the content stays, the rest goes when it is ready."""
    copies = sorted((one for one in live if _is_copy(file, one)), key=lambda one: _rank(file, one))
    if not copies:
        return [_change(FileAction.REPLACE, file, tuple(live), _why_replaced(file, live))]
    keep, rest = copies[0], tuple(one for one in live if one is not copies[0])
    change = _kept(file, keep, settle=settle)
    if change and change.action in (FileAction.ATTACH, FileAction.WAIT):
        return [replace(change, live=(keep, *rest))]
    found = [change] if change else []
    return [*found, _remove(file.path, rest, Reason(Why.OTHER_COPY))] if rest else found


def _change(action: FileAction, file: DesiredFile, live: tuple[LiveFile, ...], why: Reason) -> FileChange:
    """What is written on the way are all attributes: those that somebody edited must not go unseen."""
    origin = _edited(file, live[0])
    if origin in (None, Origin.MANIFEST):
        return FileChange(action, file.path, file, live, why)
    why = why.beside(Reason(Why.ATTRIBUTES_EDITED))
    return FileChange(action, file.path, file, live, why, origin or Origin.BOTH)


def _is_copy(file: DesiredFile, live: LiveFile) -> bool:
    return live.sha256 == file.sha256 and live.status != MISSING


def _rank(file: DesiredFile, live: LiveFile) -> tuple[bool, bool, str, int, str]:
    """The best copy first: usable, cut as declared, ready, old."""
    return (not live.usable, not same_chunking(file, live), *_age(live))


def _age(live: LiveFile) -> tuple[str, int, str]:
    return live.status, live.created_at, live.id


class _Spare:
    """Documents whose paths nothing declares any more: copies that new paths can use, each once; the rest is `left`.

    Those of one content, one name and one chunking stand in line by their age, so that the best one for a path is the
    first of a few lines, however many copies there are.
    """

    def __init__(self, files: Iterable[LiveFile]) -> None:
        self.left = {file.id: file for file in files}

    @cached_property
    def _lines(self) -> Mapping[tuple[str, str | None], Mapping[tuple[bool, str], list[LiveFile]]]:
        lines: dict[tuple[str, str | None], dict[tuple[bool, str], list[LiveFile]]]
        lines = defaultdict(lambda: defaultdict(list))
        there = (file for file in self.left.values() if file.status != MISSING)
        for file in sorted(there, key=_age, reverse=True):
            like = (file.usable, canonical.text(file.chunking))
            for name in (_name(file), None):
                lines[file.sha256 or "", name][like].append(file)
        return lines

    def take(self, file: DesiredFile) -> LiveFile | None:
        """Return the best copy of a file, one of the same name if there is any."""
        for name in (file.name, None):
            firsts = [first for line in self._lines[file.sha256, name].values() if (first := self._first(line))]
            if found := min(firsts, key=partial(_rank, file), default=None):
                return self.left.pop(found.id)
        return None

    def _first(self, line: list[LiveFile]) -> LiveFile | None:
        while line and line[-1].id not in self.left:
            line.pop()
        return line[-1] if line else None


def _why_replaced(file: DesiredFile, live: Sequence[LiveFile]) -> Reason:
    if any(one.sha256 == file.sha256 for one in live):
        return Reason(Why.FILE_GONE)
    return Reason(Why.CONTENT)


def _kept(file: DesiredFile, live: LiveFile, *, settle: bool) -> FileChange | None:
    """What is left to do for a file whose bytes are there already; None when it is as declared."""
    again = _why_again(file, live)
    if again:
        return _change(FileAction.ATTACH, file, (live,), again)
    origin = _edited(file, live)
    if origin is not None:
        return FileChange(FileAction.UPDATE, file.path, file, (live,), Reason(Why.ATTRIBUTES), origin)
    if settle and (change := _settled(file, live)):
        return change
    if live.status == "in_progress":
        return FileChange(FileAction.WAIT, file.path, file, (live,), Reason(Why.INGESTING))
    return None


def _settled(file: DesiredFile, live: LiveFile) -> FileChange | None:
    """Return the change that stamps what git and the account came to agree on; None when it is stamped already."""
    live = as_declared(file, live)
    stamped = ((name, value, live.declared[stamp.name_of(name)]) for name, value in sorted(file.attributes.items()))
    names = [name for name, value, digest in stamped if not (digest and _same_content(digest, value))]
    if not names:
        return None
    return FileChange(FileAction.UPDATE, file.path, file, (live,), Reason(Why.AGREED, tuple(names)))


@lru_cache(maxsize=4096, typed=True)  # `1` is not `true`
def _same_content(digest: str, value: Any) -> bool:
    """Thousands of documents share their attributes."""
    return stamp.same_content(digest, value)


def _why_again(file: DesiredFile, live: LiveFile) -> Reason | None:
    if not live.usable:
        return not_ingested(live)
    return None if same_chunking(file, live) else Reason(Why.CHUNKING)


def same_chunking(file: DesiredFile, live: LiveFile) -> bool:
    """Whether a document is cut as declared, or in the service's own form of that."""
    if vector_store.same_chunking(file.chunking, live.chunking):
        return True
    digest, form = stamp.read_entry(live.declared.get(_CHUNKING, ""))
    return bool(form and form.taken and form.is_of(live.chunking) and stamp.same_content(digest, file.chunking))


def as_declared(file: DesiredFile, live: LiveFile) -> LiveFile:
    """Return a membership with the declared values wherever the service has its own form of them, and of no other.

    What the service did not take the last time counts as never applied, and so as no edit.
    """
    if not live.declared:
        return live
    values, entries = dict(live.attributes), {**live.declared}
    entries.pop(_CHUNKING, None)
    for name, value in file.attributes.items():
        short = stamp.name_of(name)
        digest, form = stamp.read_entry(entries.get(short, ""))
        place = diff.place_of(name, values, file.attributes)
        if form is None or not form.is_of(values.get(place)):
            continue
        if not form.taken:
            del entries[short]
        elif stamp.same_content(digest, value):
            values.pop(place, None)
            values[name] = value
    return replace(live, attributes=values, declared=entries)


def not_ingested(file: LiveFile) -> Reason:
    """Return the reason that is a document's status, with what the service says about it."""
    return Reason(Why.NOT_INGESTED, (file.status + (f": {file.error}" if file.error else ""),))


def _edited(file: DesiredFile, live: LiveFile) -> Origin | None:
    """Return who moved the attributes; None when nothing declared differs and nothing applied is left over."""
    live = as_declared(file, live)
    wanted, found = attributes(file, live), live.attributes
    if same(wanted, dict(found)) and live.declared.keys() == {stamp.name_of(name) for name in file.attributes}:
        return None
    on_account = any(_moved(digest, name, found) for name, digest in _named(live, file).items())
    in_git = any(_moved(live.declared.get(stamp.name_of(name), ""), name, wanted) for name in wanted)
    in_git = in_git or bool(live.declared.keys() - {stamp.name_of(name) for name in file.attributes})
    if on_account:
        return Origin.BOTH if in_git else Origin.ACCOUNT
    return Origin.MANIFEST


def _named(live: LiveFile, file: DesiredFile) -> dict[str, str]:
    """The digests of applied attributes by their names, as far as git or the account still know the name."""
    names = {stamp.name_of(name): name for name in (*live.attributes, *file.attributes)}
    return {names[short]: digest for short, digest in live.declared.items() if short in names}


def _moved(digest: str, name: str, values: Mapping[str, Any]) -> bool:
    return not digest or name not in values or not stamp.same_content(digest, values[name])


def attributes(file: DesiredFile, live: LiveFile | None) -> dict[str, Any]:
    """Return the attributes that a membership is to have: what was never declared stays, what git let go of goes."""
    found = live.attributes if live else {}
    declared = live.declared if live else {}
    places = {
        diff.place_of(name, found, file.attributes) for name in file.attributes if stamp.name_of(name) in declared
    }
    kept = {name: value for name, value in found.items() if stamp.name_of(name) not in declared and name not in places}
    return {**kept, **file.attributes}


def _new(file: DesiredFile, one: LiveFile | None) -> FileChange:
    """Return the change for a path that the store does not have; `one` is a copy of the same content to use."""
    if one is None:
        return FileChange(FileAction.ADD, file.path, file, (), Reason(Why.NOT_LIVE))
    if _name(one) != file.name:  # the name is what citations show, and no API changes it
        return _change(FileAction.REPLACE, file, (one,), Reason(Why.RENAMED, (one.path or "",)))
    again = _why_again(file, one)
    action = FileAction.ATTACH if again else FileAction.MOVE
    return _change(action, file, (one,), again or Reason(Why.MOVED, (one.path or "",)))


def _name(live: LiveFile) -> str:
    return (live.path or "").rpartition("/")[2]


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
    """Return the memberships that go: all of them, or all but the one that is kept."""
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
    stamped = {
        vector_store.PATH_KEY: file.path,
        vector_store.SHA_KEY: file.sha256,
        vector_store.SIZE_KEY: file.size,
    }
    values, marks = attributes(file, live), stamp.applied(file.attributes)
    if change.kept and live:
        values, marks = {**values, **live.attributes}, {**marks, **live.declared}
    if live and change.action in _ATTRIBUTES_ONLY and _CHUNKING in live.declared:
        marks = {**marks, _CHUNKING: live.declared[_CHUNKING]}
    declared = stamp.written(marks if file.declared is None else file.declared)
    return {**values, **stamped, **({vector_store.DECLARED_KEY: declared} if declared else {})}


def _update(store: str, change: FileChange) -> UpdateFile:
    live = change.live[0]
    return UpdateFile(store, live.id, _attributes(change, live))


def _detach(store: str, gone: Sequence[LiveFile], after: tuple[str, ...], releases: Releases) -> Iterator[DetachFile]:
    for live in gone:
        key = f"{store}-{live.id}"
        releases.add(live.id, store, key, attached=bool(live.sha256))
        yield DetachFile(store, live.id, key, after)
