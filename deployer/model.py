"""The nouns: plain frozen values that every other module speaks in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Attrs = Mapping[str, Any]
"""Canonical field values (JSON data); desired and live have the same form. Absent means: not said."""


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The stable identity `kind/name`, in manifests, plans and stamps."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `kind/name`; ValueError when there is no slash between two words."""
        kind, slash, name = text.partition("/")
        if not (kind and slash and name):
            raise ValueError(text)
        return cls(kind, name)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file of the project; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: what is wrong, where, and what to do about it."""

    message: str
    remedy: str
    address: str = ""
    position: Position | None = None
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = [str(self.position)] if self.position else []
        if self.severity is Severity.WARNING:
            where.append("warning")
        if self.address:
            where.append(self.address)
        return ": ".join([*where, f"{self.message}; {self.remedy}" if self.remedy else self.message])


@dataclass(frozen=True, slots=True)
class DesiredFile:
    """A document of a vector store. `path` is relative to the manifest's folder, with `/`; `size` is in bytes.

    `source` is where its bytes are, in the spelling of the disk (`path` is NFC on every machine).
    """

    path: str
    size: int
    sha256: str
    chunking: Attrs | None = None
    source: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """What the account calls the file, and what citations show."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Resource:
    """One desired thing, as the manifest says it; `positions` tells where each field path stands."""

    address: Address
    attrs: Attrs
    files: tuple[DesiredFile, ...] = ()
    positions: Mapping[str, Position] = field(default_factory=dict)

    def position(self, path: str = "") -> Position | None:
        """Where `path` stands in the manifest, or else its nearest known parent."""
        while path and path not in self.positions:
            path = path.rpartition("/")[0]
        return self.positions.get(path)


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A membership of a vector store; `path`, `sha256` and `size` are None on a file that deployer did not attach."""

    id: str
    path: str | None
    sha256: str | None
    status: str
    size: int | None
    created_at: int
    chunking: Attrs | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class LiveObject:
    """One object as the account answered it; `files` are the memberships of an owned vector store."""

    kind: str
    id: str
    raw: Mapping[str, Any]
    files: tuple[LiveFile, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Where to deploy. Without a `base_url` it is an embedded account; the key never shows in a repr."""

    name: str
    api: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    organization: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)


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
class FieldChange:
    """`path` is a field, or `tools/NAME`, `metadata/KEY`; None stands for: not set."""

    path: str
    old: Any
    new: Any
    origin: Origin


class FileAction(StrEnum):
    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class FileChange:
    """`desired` is what git has (None on remove); `live` are the memberships that it supersedes."""

    action: FileAction
    path: str
    desired: DesiredFile | None
    live: tuple[LiveFile, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as data.

    `refs` are places in the body (JSON pointers) that take the live id of a key known only after an earlier step;
    `{key}` in `path` likewise. `gives` is the key under which the id of the answer becomes known.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    refs: tuple[tuple[str, str], ...] = ()
    gives: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """Send the bytes of one file of the project; the answer's id becomes known as `gives`."""

    file: DesiredFile
    gives: str


@dataclass(frozen=True, slots=True)
class Await:
    """Wait until no membership of the batch is in progress; a failed one fails the change, by the file's path.

    `batch` is the key of the batch, `store` of its vector store; `paths` maps the key of each file to its path.
    """

    store: str
    batch: str
    paths: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AwaitStore:
    """Wait until memberships that an earlier run attached are ready; `paths` maps their ids to their paths."""

    store: str
    paths: Mapping[str, str]


Step = Request | Upload | Await | AwaitStore
Stages = tuple[tuple[Step, ...], ...]
"""Steps of one stage run together; a stage starts when the one before it is done."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one address, why, and the very steps that do it."""

    address: Address
    action: Action
    reason: str
    live_id: str | None = None
    fields: tuple[FieldChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    requires: tuple[Address, ...] = ()
    stages: Stages = ()


@dataclass(frozen=True, slots=True)
class Target:
    """The account that a plan is for: its name in the manifest, its surface and its base URL."""

    name: str
    api: str
    base_url: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered changes for one account. `origin` is the git commit (or ""), `known` the ids of what is already live."""

    project: str
    target: Target
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...] = ()
    foreign: int = 0
    origin: str = ""
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def pending(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action is not Action.NO_OP)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)


class Status(StrEnum):
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change; `why` is empty when it is done."""

    address: Address
    action: Action
    status: Status
    why: str = ""
    live_id: str | None = None
