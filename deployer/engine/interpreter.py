"""Files of the code interpreter: the assistant holds their ids, its stamp says what is in them.

A File object has no metadata, so the stamp maps the short hash of each id to the token of its content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deployer.engine import stamp, supply
from deployer.engine.supply import Source
from deployer.kinds import Body, Kind
from deployer.model import DesiredFile, FileAction, FileChange, LiveFile


def live_files(kind: Kind, raw: Mapping[str, Any], mark: stamp.Stamp) -> tuple[LiveFile, ...]:
    """Give the files that an assistant holds; those that deployer put there have their token as `sha256`."""
    found = ((one, mark.files.get(stamp.name_of(one))) for one in kind.held(raw))
    return tuple(LiveFile(one, None, known, "completed", None, 0) for one, known in found)


def compare(desired: Sequence[DesiredFile], live: Sequence[LiveFile]) -> tuple[FileChange, ...]:
    """Give what is to be added and removed; what somebody else put there stays."""
    tokens = _by_token(desired)
    known = {file.sha256 for file in live}
    add = [
        FileChange(FileAction.ADD, file.path, file, (), "not on the account")
        for mark, file in tokens.items()
        if mark not in known
    ]
    gone = [file for file in live if file.sha256 and file.sha256 not in tokens]
    remove = [FileChange(FileAction.REMOVE, file.id, None, (file,), "no longer in the manifest") for file in gone]
    return tuple(sorted([*add, *remove], key=lambda change: (change.path, change.action)))


def _by_token(desired: Sequence[DesiredFile]) -> dict[str, DesiredFile]:
    """Give each content once: of several with one name and the same bytes, the first stands for all."""
    return {supply.token(file.name, file.sha256): file for file in reversed(desired)}


def holding(
    desired: Sequence[DesiredFile], live: Sequence[LiveFile], sources: Mapping[str, Source]
) -> tuple[Sequence[Source], Mapping[str, str]]:
    """Give the files that the assistant is to hold, in order, and the token of each of ours by its key or id."""
    by_token = {file.sha256: file.id for file in live if file.sha256}
    held: dict[str, Source] = {}
    tokens: dict[str, str] = {}
    for mark, file in reversed(_by_token(desired).items()):
        source = sources.get(file.path) or Source(by_token[mark], live=True)
        held[source.key] = source
        tokens[source.key] = mark
    foreign = [Source(file.id, live=True) for file in live if not file.sha256]
    return [*held.values(), *(one for one in foreign if one.key not in held)], tokens


def marked(body: Body, held: Sequence[Source], tokens: Mapping[str, str]) -> tuple[Body, tuple[tuple[str, str], ...]]:
    """Put the map of contents into the body's stamp; the places whose ids are not known yet come back as marks."""
    new = [source.key for source in held if not source.live and source.key in tokens]
    text = " ".join(
        f"{stamp.name_of(source.key) if source.live else f'{{{source.key}}}'}={tokens[source.key]}"
        for source in held
        if source.key in tokens
    )
    metadata = {**body.fields["metadata"], **({stamp.FILES: text} if text else {})}
    pointer = f"/metadata/{stamp.FILES}"
    return Body({**body.fields, "metadata": metadata}, body.refs), tuple((pointer, key) for key in new)
