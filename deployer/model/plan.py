"""What is to be done, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from deployer.model.nouns import (
    UNLIMITED,
    Address,
    Attrs,
    DesiredFile,
    Limits,
    LiveFile,
    LiveObject,
    Problem,
    Resource,
    Severity,
)
from deployer.model.operations import Operations


class OnDrift(StrEnum):
    """What becomes of a field that somebody edited on the account and git declares otherwise."""

    OVERWRITE = "overwrite"
    KEEP = "keep"
    FAIL = "fail"


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    ADOPT = "adopt"
    NO_OP = "no-op"


class Origin(StrEnum):
    """Who moved a field since it was last applied."""

    MANIFEST = "manifest"
    ACCOUNT = "account"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change of a function means for the application that handles its calls; `pointer` is in the definition."""

    pointer: tuple[str | int, ...]
    what: str
    breaking: bool
    kind: str


class Why(StrEnum):
    """Why something is to be done about an object or a file, or nothing: what decisions read."""

    NOT_LIVE = "not-live"
    AS_DECLARED = "as-declared"
    KEPT = "kept"
    FIELDS = "fields"
    FILES = "files"
    RELEASED = "released"
    AGREED = "agreed"
    READDRESSED = "readdressed"
    EXPIRED = "expired"
    SECOND_COPY = "second-copy"
    UNDECLARED = "undeclared"
    UNPRUNED = "unpruned"
    PROTECTED = "protected"
    IN_USE = "in-use"
    DESTROYED = "destroyed"
    TARGETED = "targeted"
    LEFT_OVER = "left-over"
    ADOPTED = "adopted"
    FOREIGN_AGAIN = "foreign-again"
    DOCUMENTS_FOREIGN_AGAIN = "documents-foreign-again"
    RESTAMPED = "restamped"
    CREATED_SINCE = "created-since"
    INFERRED = "inferred"
    UNTOUCHED = "untouched"
    CONTENT = "content"
    FILE_GONE = "file-gone"
    RENAMED = "renamed"
    MOVED = "moved"
    NOT_INGESTED = "not-ingested"
    CHUNKING = "chunking"
    ATTRIBUTES = "attributes"
    ATTRIBUTES_EDITED = "attributes-edited"
    INGESTING = "ingesting"
    OTHER_COPY = "other-copy"
    EXCLUSIVE = "exclusive"
    TAKEN_OUT = "taken-out"
    SAME_BYTES = "same-bytes"
    REPLACED = "replaced"
    UNSURE = "unsure"
    NOT_THERE = "not-there"
    VERSION = "version"
    BY_HAND = "by-hand"
    PINNED = "pinned"
    VERSIONS_GO = "versions-go"
    WHOLE_AGENT = "whole-agent"


_SENTENCES: Mapping[Why, str] = MappingProxyType(
    {
        Why.NOT_LIVE: "not on the account",
        Why.AS_DECLARED: "as declared",
        Why.KEPT: "kept as edited on the account",
        Why.FIELDS: "{0}",
        Why.FILES: "{0}",
        Why.RELEASED: "no longer declared: {0}",
        Why.AGREED: "git and the account agree now: {0}",
        Why.READDRESSED: "moved from {0}",
        Why.EXPIRED: "it has expired",
        Why.SECOND_COPY: "a second copy",
        Why.UNDECLARED: "no longer in the manifest",
        Why.UNPRUNED: "no longer in the manifest; --prune deletes it",
        Why.PROTECTED: "no longer in the manifest, but protected: declare it with protect: false once, then remove it",
        Why.IN_USE: "no longer in the manifest, but in use by {0}",
        Why.DESTROYED: "everything of this project goes",
        Why.TARGETED: "it is a target of the destruction",
        Why.LEFT_OVER: "left over by an interrupted run",
        Why.ADOPTED: "take over {0}",
        Why.FOREIGN_AGAIN: "was foreign at the time of the snapshot",
        Why.DOCUMENTS_FOREIGN_AGAIN: "foreign documents, adopted since",
        Why.RESTAMPED: "what is declared of it",
        Why.CREATED_SINCE: "was created since",
        Why.INFERRED: (
            "was created since: its run did not live to record it, so it is inferred from its address and age"
        ),
        Why.UNTOUCHED: "not changed since",
        Why.CONTENT: "its content changed",
        Why.FILE_GONE: "its File object is gone",
        Why.RENAMED: "renamed from {0}",
        Why.MOVED: "moved from {0}",
        Why.NOT_INGESTED: "its ingestion {0}",
        Why.CHUNKING: "its chunking changed",
        Why.ATTRIBUTES: "its attributes changed",
        Why.ATTRIBUTES_EDITED: "and its attributes were edited",
        Why.INGESTING: "attached, still being ingested",
        Why.OTHER_COPY: "a second copy, or an older one",
        Why.EXCLUSIVE: "foreign, and the store is exclusive",
        Why.TAKEN_OUT: "removed on the account",
        Why.SAME_BYTES: "the same bytes: it is marked, not uploaded",
        Why.REPLACED: "replaces {0}",
        Why.UNSURE: "{0}",
        Why.NOT_THERE: "not on account {0}",
        Why.VERSION: "version {0}",
        Why.BY_HAND: "version {0} was made by hand",
        Why.PINNED: "its endpoint stays with version {0}",
        Why.WHOLE_AGENT: "with all its versions, its identity and the roles that were given to it",
        Why.VERSIONS_GO: "deployer's versions up to {0} go (keep_versions)",
    }
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, and of what (`names`); `others` are further reasons. `str()` is the sentence, which is made only here."""

    code: Why
    names: tuple[str, ...] = ()
    others: tuple[Reason, ...] = ()

    def __str__(self) -> str:
        sentence = _SENTENCES[self.code].format(", ".join(self.names))
        return ", ".join([sentence, *map(str, self.others)])

    def among(self, code: Why) -> bool:
        """Whether this is the reason, or one of the others."""
        return self.code is code or any(one.among(code) for one in self.others)

    def beside(self, *others: Reason) -> Reason:
        """Return the reason with further ones."""
        return Reason(self.code, self.names, (*self.others, *others))


FieldPath = tuple[str, ...]
"""A field by its name, or one of its parts: `("tools", NAME)`, `("metadata", KEY)`."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`old` and `new` are the values of the field at `path`; None stands for: not set.

    `kept`: the account's value stays, because it was asked for (`--on-drift keep`). `untaken`: it was sent before, and
    the service did not take it. Values may be large and stand in no repr: asyncio makes one of what a coroutine
    returns.
    """

    path: FieldPath
    old: Any = field(repr=False)
    new: Any = field(repr=False)
    origin: Origin
    effects: tuple[Effect, ...] = ()
    kept: bool = False
    untaken: bool = False

    @property
    def name(self) -> str:
        """The path as it is printed."""
        return "/".join(self.path)


class FileAction(StrEnum):
    """`update`: attributes alone. `move`: another path, same name. `attach`: again, without an upload."""

    ADD = "add"
    REPLACE = "replace"
    UPDATE = "update"
    MOVE = "move"
    ATTACH = "attach"
    REMOVE = "remove"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class FileChange:
    """`desired` is what git has (None on remove); `live` are the memberships that it supersedes or keeps.

    `upload`: its bytes must be sent; else a File object of the account is attached. `kept`: attributes that somebody
    edited on the account stay, because it was asked for (`--on-drift keep`). `attributes`: exactly what a document that
    is to be foreign again carries.
    """

    action: FileAction
    path: str
    desired: DesiredFile | None
    live: tuple[LiveFile, ...]
    reason: Reason
    origin: Origin = Origin.MANIFEST
    upload: bool = False
    kept: bool = False
    attributes: Attrs | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one address, why, and the very operations that do it; an orphan is owned and no longer declared.

    `reviewed` is the digest of the live object that the plan saw ("" when there was none).
    """

    address: Address
    action: Action
    reason: Reason
    live_id: str | None = None
    fields: tuple[FieldChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    requires: tuple[Address, ...] = ()
    operations: Operations = ()
    orphan: bool = False
    reviewed: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """The account that a plan is for: its name in the manifest, its surface and its base URL."""

    name: str
    api: str
    base_url: str


@dataclass(frozen=True, slots=True)
class Use:
    """What a resource refers to, by addresses, and how many documents of how many bytes it declares itself."""

    names: tuple[str, ...]
    documents: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer is told of a plan beside its changes.

    `requests`, `bytes` and `seconds` are what it costs at least. `refusal` says why apply will refuse it, in lines, ""
    when it will not. `attached` are ids of documents that others attached to stores which stay; `renamed` is what is
    created and looks like an orphan of another address; `replaced` tells by the path of a file that an object is to
    hold which id it holds so far. `uses` is what refers to what. `failed` has a sentence for each gate of a pipeline
    (`--fail-on`) that the plan does not pass. `saved` is the published form that the plan was read from.
    """

    requests: int
    bytes: int
    seconds: float
    refusal: str = ""
    attached: Mapping[Address, tuple[str, ...]] = field(default_factory=dict)
    renamed: Mapping[Address, Address] = field(default_factory=dict)
    replaced: Mapping[Address, Mapping[str, str]] = field(default_factory=dict)
    uses: Mapping[str, Use] = field(default_factory=dict)
    failed: tuple[str, ...] = ()
    saved: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered changes for one account.

    `origin` is the git commit (or ""), `known` the ids of what is already live; `desired` and `live` are what
    the plan was made from. `targets` are what it is about, none where that is everything. A plan that was
    read from a file has its `review` instead, and no operations. What grows with the project stands in no repr: asyncio
    makes one of what a coroutine returns.
    """

    project: str
    target: Target
    changes: tuple[Change, ...] = field(repr=False)
    problems: tuple[Problem, ...] = field(default=(), repr=False)
    foreign: int = 0
    origin: str = ""
    known: Mapping[str, str] = field(default_factory=dict, repr=False)
    limits: Limits = UNLIMITED
    on_drift: OnDrift = OnDrift.FAIL
    prune: bool = False
    check_files: bool = False
    targets: tuple[Address, ...] = ()
    desired: tuple[Resource, ...] = field(default=(), compare=False, repr=False)
    live: tuple[LiveObject, ...] = field(default=(), compare=False, repr=False)
    review: Review | None = field(default=None, compare=False, repr=False)

    @property
    def pending(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action is not Action.NO_OP)

    @property
    def breaking(self) -> tuple[tuple[Address, FieldChange], ...]:
        """Changes of functions that the application behind them would notice."""
        found = [(change.address, field) for change in self.changes for field in change.fields]
        return tuple((address, field) for address, field in found if any(effect.breaking for effect in field.effects))

    @property
    def conflicts(self) -> tuple[tuple[Address, FieldChange | FileChange], ...]:
        """What apply would change although somebody edited it on the account since the last apply."""
        changed: list[tuple[Address, FieldChange | FileChange]] = []
        for change in self.changes:
            changed += [(change.address, field) for field in change.fields]
            changed += [(change.address, file) for file in change.files]
        edited = [(address, one) for address, one in changed if one.origin is not Origin.MANIFEST]
        return tuple((address, one) for address, one in edited if not one.kept)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


class Status(StrEnum):
    """What became of a change; `unknown`: it may be done, and the account does not show it."""

    DONE = "done"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change; `why` is empty when it is done; `notes` tell what the service did otherwise.

    `requests` are the ids by which the service knows the writes that it was sent, in their order.
    """

    address: Address
    action: Action
    status: Status
    why: str = ""
    live_id: str | None = None
    notes: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """A change that is not done, but part of it is: so many of its operations, and of the files that it is to send."""

    address: Address
    operations: int
    all_operations: int
    files: int
    all_files: int
