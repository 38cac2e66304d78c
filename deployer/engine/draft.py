"""A change in the making: what is live and owned, what it is to become, and how its kind deals with files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from deployer.engine import stamp
from deployer.engine.uploads import Releases, Source
from deployer.kinds import Body, Kind
from deployer.model import (
    UNLIMITED,
    Action,
    Address,
    Attrs,
    Change,
    Create,
    DesiredFile,
    FileAction,
    FileChange,
    Limits,
    LiveFile,
    LiveObject,
    OnDrift,
    Operations,
    Reason,
    Target,
    Update,
    Upload,
    Why,
    Write,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a plan is made for: who owns, on which account and surface, from which commit, and what is allowed.

    `attributes`: whether documents can carry attributes there, as far as it is known. `stores` are the ids of all live
    stores that have not expired. `stamped` gives the addresses in the stamps of live objects by their ids; it is empty
    where none of them goes by another address now. With `targets` the plan is about these addresses alone, and what
    they need. `accepted` are fields that may be lost.
    """

    project: str
    target: Target
    kinds: Mapping[str, Kind]
    origin: str = ""
    prune: bool = False
    on_drift: OnDrift = OnDrift.FAIL
    moved: tuple[tuple[Address, Address], ...] = ()
    limits: Limits = UNLIMITED
    check_files: bool = False
    attributes: bool = True
    stores: frozenset[str] = frozenset()
    stamped: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[Address, ...] = ()
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Missing:
    """What the stamp knows of and the object lacks: `out` are its pairs for files that somebody took out.

    `gone` are the tokens of files that it names and that do not exist.
    """

    out: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Owned:
    """A live object with our stamp, the files that it holds, and those of its stamp that it `lacks`."""

    live: LiveObject
    stamp: stamp.Stamp
    files: tuple[LiveFile, ...] = ()
    lacks: Missing = field(default_factory=Missing)


@dataclass(frozen=True, slots=True)
class Ownership:
    """What a snapshot says about who owned an object: it is written in place of what the manifest would say.

    `stamp`: the pairs of the stamp as recorded, none where there was none; what was `foreign` is so again. `tokens`: of
    files that the object keeps although nothing here knows their content, by the short hash of the id. `documents`:
    those that were foreign and are owned now, with their attributes as recorded.
    """

    stamp: Mapping[str, str]
    foreign: bool = False
    tokens: Mapping[str, str] = field(default_factory=dict)
    documents: Sequence[tuple[LiveFile, Attrs]] = ()

    def differs(self, raw: Mapping[str, Any]) -> bool:
        """Whether a live object carries another stamp; which commit wrote it does not count."""
        return self.foreign or _recorded(stamp.pairs(raw)) != _recorded(self.stamp)

    def releases(self) -> tuple[FileChange, ...]:
        """Return the changes that make documents foreign again."""
        return tuple(_release(file, attributes) for file, attributes in self.documents)


def _recorded(pairs: Mapping[str, Any]) -> tuple[bool, dict[str, str]]:
    return stamp.OWNER in pairs, stamp.parsed(pairs.get(stamp.APPLIED))


def _release(file: LiveFile, attributes: Attrs) -> FileChange:
    wanted = DesiredFile(file.path or "", file.size or 0, file.sha256 or "", file.chunking)
    return FileChange(FileAction.UPDATE, wanted.path, wanted, (file,), Reason(Why.FOREIGN_AGAIN), attributes=attributes)


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that has no operations yet, and what they are made of. Without a `body` no object is written."""

    change: Change
    kind: Kind
    body: Body | None = None
    desired: tuple[DesiredFile, ...] = ()
    owned: Owned | None = None

    @property
    def files(self) -> tuple[LiveFile, ...]:
        """The files that the live object holds."""
        return self.owned.files if self.owned else ()

    def write(self, hashes: tuple[tuple[str, str], ...] = ()) -> tuple[Write, ...]:
        """Return the operation that writes the object, if it is written."""
        address, body, live_id = self.change.address, self.body, self.change.live_id
        if body is None:
            return ()
        if self.change.action in (Action.CREATE, Action.REPLACE):
            return (Create(address, body.fields, body.refs, hashes, str(address)),)
        return (Update(address, live_id or "", body.fields, body.refs, hashes, f"updated {address}"),)


class FileRules(Protocol):
    """How objects of a kind deal with files: what is compared, and by which operations they come and go."""

    @property
    def in_object(self) -> bool:
        """Whether the object itself is written when its files change."""

    def owned(self, kind: Kind, live: LiveObject, mark: stamp.Stamp) -> Owned:
        """Return an owned object with the files that it holds."""

    def content(self, file: LiveFile) -> str | None:
        """Return the token of what a file holds that may be used again; None where that is not known."""

    def compare(
        self, desired: Sequence[DesiredFile], found: Owned | None, *, exclusive: bool, settle: bool
    ) -> tuple[FileChange, ...]:
        """Return what is to be done about files, sorted by path."""

    def agreed(self, desired: Sequence[DesiredFile], found: Owned) -> tuple[str, ...]:
        """Name what of the stamp must be forgotten."""

    def remembered(self, desired: Sequence[DesiredFile], found: Owned) -> dict[str, str]:
        """Return the pairs of the stamp by which files that stay out are known as an edit the next time."""

    def operations(
        self, draft: Draft, sources: Mapping[str, Source], uploads: Mapping[str, Upload], releases: Releases
    ) -> Operations:
        """Return the operations of a draft that is not deleted; producers come first."""
