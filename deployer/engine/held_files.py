"""Files that an object itself holds by their ids; its stamp says what is in them.

They are those of an assistant's code interpreter. A File object has no metadata, so the stamp maps the short hash of
each id to the token of its content.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployer.engine import stamp
from deployer.engine.draft import Draft, Missing, Owned
from deployer.engine.uploads import Releases, Source, token
from deployer.kinds import BESIDE, Body, HeldIds, Kind
from deployer.model import (
    DesiredFile,
    FileAction,
    FileChange,
    LiveFile,
    LiveObject,
    Operations,
    Origin,
    Reason,
    Upload,
    Why,
)


class HeldFiles:
    """The rules of objects that hold ids, or no files at all: a change of files writes the object."""

    in_object = True

    def owned(self, kind: Kind, live: LiveObject, mark: stamp.Stamp) -> Owned:
        """One that is gone has no holder."""
        held = tuple(file for file in live_files(kind, live.raw, mark) if file.id not in live.gone)
        return Owned(live, mark, live.files or held, missing(kind, live, mark))

    def content(self, file: LiveFile) -> str | None:
        return file.sha256

    def compare(
        self, desired: Sequence[DesiredFile], found: Owned | None, *, exclusive: bool, settle: bool
    ) -> tuple[FileChange, ...]:
        del exclusive, settle
        return compare(desired, found.files if found else (), found.lacks if found else Missing())

    def agreed(self, desired: Sequence[DesiredFile], found: Owned) -> tuple[str, ...]:
        """Name the files, if git let go of any that somebody took out: the stamp must forget it."""
        return ("files",) if len(still(found.lacks, desired)) < len(found.lacks.out) else ()

    def remembered(self, desired: Sequence[DesiredFile], found: Owned) -> dict[str, str]:
        return still(found.lacks, desired)

    def operations(
        self, draft: Draft, sources: Mapping[str, Source], uploads: Mapping[str, Upload], releases: Releases
    ) -> Operations:
        """Uploads come first; what the object lets go of goes last."""
        change, live, policy = draft.change, draft.files, draft.kind.files
        if draft.body is None or not isinstance(policy, HeldIds) or not (draft.desired or live):
            return draft.write()
        held, tokens = holding(draft.desired, live, sources)
        body, hashes = marked(draft.body, held, tokens)
        if change.files or policy.field in body.fields:
            raw = draft.owned.live.raw if draft.owned else None
            body = policy.hold(body, [(source.key, source.live) for source in held], raw)
        for one in change.files:
            if one.action is FileAction.REMOVE:
                releases.add(one.live[0].id, str(change.address), f"updated {change.address}")
        return (*uploads.values(), *replace(draft, body=body).write(hashes))


def live_files(kind: Kind, raw: Mapping[str, Any], mark: stamp.Stamp) -> tuple[LiveFile, ...]:
    """Return the files that an assistant holds; those that deployer put there have their token as `sha256`."""
    found = ((one, mark.files.get(stamp.name_of(one))) for one in kind.held(raw))
    return tuple(LiveFile(one, None, known, "completed", None, 0) for one, known in found)


def still(lacks: Missing, desired: Sequence[DesiredFile]) -> dict[str, str]:
    """Return the pairs, of those that somebody took out, whose files git still wants."""
    tokens = _by_token(desired) if lacks.out else ()
    return {short: found for short, found in lacks.out.items() if found in tokens}


def missing(kind: Kind, live: LiveObject, mark: stamp.Stamp) -> Missing:
    """Compare what the stamp says with what the assistant names.

    A deleted File object is still named on the embedded account; what others do is not documented. A service that takes
    it out by itself looks like somebody who did, so that a person is asked before it is put back.
    """
    if not mark.files:
        return Missing()
    named = {stamp.name_of(one): one for one in kind.held(live.raw)}
    out = {short: token for short, token in mark.files.items() if short not in named}
    return Missing(out, frozenset(mark.files[short] for short in mark.files if named.get(short) in live.gone))


def compare(desired: Sequence[DesiredFile], live: Sequence[LiveFile], lacks: Missing) -> tuple[FileChange, ...]:
    """Return what is to be added and removed; what somebody else put there stays."""
    tokens = _by_token(desired)
    known = {file.sha256 for file in live}
    taken_out = frozenset(lacks.out.values())
    add = [_added(mark, file, lacks.gone, taken_out) for mark, file in tokens.items() if mark not in known]
    left = [file for file in live if file.sha256 and file.sha256 not in tokens]
    remove = [FileChange(FileAction.REMOVE, file.id, None, (file,), Reason(Why.UNDECLARED)) for file in left]
    return tuple(sorted([*add, *remove], key=lambda change: (change.path, change.action)))


def _added(mark: str, file: DesiredFile, gone: Collection[str], taken_out: Collection[str]) -> FileChange:
    if mark in taken_out:
        return FileChange(FileAction.ADD, file.path, file, (), Reason(Why.TAKEN_OUT), Origin.ACCOUNT)
    why = Why.FILE_GONE if mark in gone else Why.NOT_LIVE
    return FileChange(FileAction.ADD, file.path, file, (), Reason(why))


def _by_token(desired: Sequence[DesiredFile]) -> dict[str, DesiredFile]:
    """Return each content once: of several with one name and the same bytes, the first stands for all."""
    return {token(file.name, file.sha256): file for file in reversed(desired)}


def holding(
    desired: Sequence[DesiredFile], live: Sequence[LiveFile], sources: Mapping[str, Source]
) -> tuple[Sequence[Source], Mapping[str, str]]:
    """Return the files that the assistant is to hold, in order, and the token of each owned one by its key or id."""
    by_token = {file.sha256: file.id for file in live if file.sha256}
    held: dict[str, Source] = {}
    tokens: dict[str, str] = {}
    for mark, file in reversed(_by_token(desired).items()):
        found = Source(by_token[mark], live=True) if mark in by_token else None
        source = sources.get(file.path) or found
        if source:  # else it was taken out on the account, and stays out
            held[source.key] = source
            tokens[source.key] = mark
    foreign = [Source(file.id, live=True) for file in live if not file.sha256]
    return [*held.values(), *(one for one in foreign if one.key not in held)], tokens


def marked(body: Body, held: Sequence[Source], tokens: Mapping[str, str]) -> tuple[Body, tuple[tuple[str, str], ...]]:
    """Add the map of contents to the body's stamp; the places whose ids are not known yet come back as marks."""
    new = [source.key for source in held if not source.live and source.key in tokens]
    pairs = [
        f"{stamp.name_of(source.key) if source.live else f'{{{source.key}}}'}={tokens[source.key]}"
        for source in held
        if source.key in tokens
    ]
    home = BESIDE if BESIDE in body.fields else "metadata"
    stamped = dict(body.fields[home])
    text = " ".join([*pairs, *stamped.pop(stamp.FILES, "").split()])
    pointer = f"/{home}/{stamp.FILES}"
    fields = {**body.fields, home: {**stamped, **({stamp.FILES: text} if text else {})}}
    return Body(fields, body.refs), tuple((pointer, key) for key in new)
