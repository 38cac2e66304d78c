"""What is desired, what is live, and where a thing stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from deployer.errors import DeployerError

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
    """One finding: what is wrong, where, and what to do about it.

    `rule` is the id of a function-schema rule; `says` is what the API itself would answer, where that is known.
    """

    message: str
    remedy: str
    address: str = ""
    position: Position | None = None
    severity: Severity = Severity.ERROR
    rule: str = ""
    says: str = ""

    def __str__(self) -> str:
        where = [str(self.position)] if self.position else []
        if self.severity is Severity.WARNING:
            where.append("warning")
        if self.address:
            where.append(self.address)
        text = f"{self.message}; {self.remedy}" if self.remedy else self.message
        return ": ".join([*where, f"{text} (the API would say: {self.says})" if self.says else text])


class ProblemsFound(DeployerError):  # noqa: N818 (it reports findings; it is not one error)
    """The manifest, or another file that somebody wrote, has problems; as text each is a line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)

    def __reduce__(self) -> tuple[type[ProblemsFound], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


@dataclass(frozen=True, slots=True)
class DesiredFile:
    """A document of a vector store, or a file of the code held_files.

    `path` is relative to the manifest's folder, with `/`; `size` is in bytes; `attributes` are the filters of file
    search. `source` is where its bytes are: a path in the spelling of the disk (`path` is NFC everywhere), or a URL.
    `declared`: digests to be written in place of those of `attributes`, as a snapshot recorded them.
    """

    path: str
    size: int
    sha256: str
    chunking: Attrs | None = None
    source: str = field(default="", compare=False)
    attributes: Mapping[str, str | float | bool] = field(default_factory=dict)
    declared: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        """What the account calls the file, and what citations show."""
        return self.path.rpartition("/")[2]

    def hashed(self, sha256: str) -> DesiredFile:
        """The same with the digest of its bytes; by hand, since ten thousand are."""
        return DesiredFile(self.path, self.size, sha256, self.chunking, self.source, self.attributes, self.declared)


@dataclass(frozen=True, slots=True)
class Resource:
    """One desired thing, as the manifest says it; `positions` tells where each field path stands.

    `protect`: never deleted. `exclusive`: files of a store that deployer did not attach are detached. `handlers` are
    the callables behind functions (`MODULE:CALLABLE`) by the function's name; no account gets them.
    """

    address: Address
    attrs: Attrs = field(repr=False)
    files: tuple[DesiredFile, ...] = field(default=(), repr=False)
    positions: Mapping[str, Position] = field(default_factory=dict, repr=False)
    protect: bool = False
    exclusive: bool = False
    handlers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def position(self, path: str = "") -> Position | None:
        """Where `path` stands in the manifest, or else its nearest known parent."""
        while path and path not in self.positions:
            path = path.rpartition("/")[0]
        return self.positions.get(path)


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A membership of a vector store; `path`, `sha256` and `size` are None on a file that deployer did not attach.

    `attributes` are all but deployer's own; `declared` maps the short hash of an attribute's name to the digest of the
    value that was applied, and behind it that of the form in which the service has it. `mapped`: it is known by the map
    of its store, since it can carry no attributes.
    """

    id: str
    path: str | None
    sha256: str | None
    status: str
    size: int | None
    created_at: int
    chunking: Attrs | None = None
    error: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, str] = field(default_factory=dict)
    mapped: bool = False

    @property
    def usable(self) -> bool:
        """Whether it is searchable, or will be."""
        return self.status in ("completed", "in_progress")


@dataclass(frozen=True, slots=True)
class LiveObject:
    """One object as the account answered it; `files` are the memberships of an owned vector store.

    `gone` are ids of File objects that it names and that are known to be gone.
    """

    kind: str
    id: str
    raw: Mapping[str, Any] = field(repr=False)
    files: tuple[LiveFile, ...] = field(default=(), repr=False)
    gone: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an account takes per minute; None is no limit. The defaults are OpenAI's published ones.

    `uploads`: files; `attaches`: requests that attach to one store; `files`: files attached to all stores together.
    """

    uploads: int | None = 1_000
    attaches: int | None = 300
    files: int | None = 2_000


UNLIMITED = Limits(None, None, None)


LIST_LAG = 60.0
"""Seconds for which a list may not show what was written, where an account does not say otherwise."""


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Where to deploy. Without a `base_url` it is an embedded account; the key never shows in a repr.

    `lock`: hold the account's lease while applying. `snapshots`: the folder or URL of what apply was about to change.
    `folder`: the folder or URL of objects that live in files; None for one beside the manifest. `models`: what is known
    better of its models than by the table: by name, `shutdown` (a day), `takes` (settings), `instructions` (a place).
    `accept_loss`: fields that its surface may lose without a word. `knowledge_as`: `function` where the
    application searches the stores of agents.
    `list_lag`: for how many seconds after a write a list may not show it.
    `keep_versions`: how many versions of an agent are kept, None for all. `renew` asks for the key anew: one may end.
    `home`: the folder below the manifest's in which what is known of the account is kept, and an embedded one itself;
    "" for the manifest's own, which only one account may have for itself.
    """

    name: str
    api: str
    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    organization: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    lock: bool = False
    snapshots: str | None = None
    folder: str | None = None
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    accept_loss: frozenset[str] = frozenset()
    knowledge_as: str | None = None
    list_lag: float = LIST_LAG
    keep_versions: int | None = None
    renew: Callable[[], str] | None = field(default=None, repr=False, compare=False)
    home: str = ""
