"""Files of the code interpreter: the assistant holds their ids, its stamp says what is in them.

A File object has no metadata, so the stamp maps the short hash of each id to the token of its content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.engine import stamp, supply
from deployer.engine.files import GONE
from deployer.engine.supply import Source
from deployer.kinds import Body, Kind
from deployer.model import DesiredFile, FileAction, FileChange, LiveFile, LiveObject, Origin


def live_files(kind: Kind, raw: Mapping[str, Any], mark: stamp.Stamp) -> tuple[LiveFile, ...]:
    """Give the files that an assistant holds; those that deployer put there have their token as `sha256`."""
    found = ((one, mark.files.get(stamp.name_of(one))) for one in kind.held(raw))
    return tuple(LiveFile(one, None, known, "completed", None, 0) for one, known in found)


@dataclass(frozen=True, slots=True)
class Missing:
    """What the stamp knows of and the assistant lacks: `out` are its pairs for files that somebody took out.

    `gone` are the tokens of files that it names and that do not exist.
    """

    out: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    def still(self, desired: Sequence[DesiredFile]) -> dict[str, str]:
        """Return the pairs, of those that somebody took out, whose files git still wants.

        While the stamp has them, what stays out is known as an edit.
        """
        tokens = _by_token(desired) if self.out else ()
        return {short: token for short, token in self.out.items() if token in tokens}

    def agreed(self, desired: Sequence[DesiredFile]) -> tuple[str, ...]:
        """Name the files, if git let go of any that somebody took out: the stamp must forget it."""
        return ("files",) if len(self.still(desired)) < len(self.out) else ()


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
    """Give what is to be added and removed; what somebody else put there stays."""
    tokens = _by_token(desired)
    known = {file.sha256 for file in live}
    add = [_added(mark, file, lacks) for mark, file in tokens.items() if mark not in known]
    left = [file for file in live if file.sha256 and file.sha256 not in tokens]
    remove = [FileChange(FileAction.REMOVE, file.id, None, (file,), "no longer in the manifest") for file in left]
    return tuple(sorted([*add, *remove], key=lambda change: (change.path, change.action)))


def _added(mark: str, file: DesiredFile, lacks: Missing) -> FileChange:
    if mark in lacks.out.values():
        return FileChange(FileAction.ADD, file.path, file, (), "removed on the account", Origin.ACCOUNT)
    return FileChange(FileAction.ADD, file.path, file, (), GONE if mark in lacks.gone else "not on the account")


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
    metadata = dict(body.fields["metadata"])
    text = " ".join([*pairs, *metadata.pop(stamp.FILES, "").split()])
    pointer = f"/metadata/{stamp.FILES}"
    fields = {**body.fields, "metadata": {**metadata, **({stamp.FILES: text} if text else {})}}
    return Body(fields, body.refs), tuple((pointer, key) for key in new)
