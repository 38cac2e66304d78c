"""What is to be done, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
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


@dataclass(frozen=True, slots=True)
class FieldChange:
    """`path` is a field, or `tools/NAME`, `metadata/KEY`; None stands for: not set.

    `kept`: the account's value stays, because it was asked for (`--on-drift keep`).
    """

    path: str
    old: Any
    new: Any
    origin: Origin
    effects: tuple[Effect, ...] = ()
    kept: bool = False


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
    reason: str
    origin: Origin = Origin.MANIFEST
    upload: bool = False
    kept: bool = False
    attributes: Attrs | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one address, why, and the very operations that do it; an orphan is ours and no longer declared.

    `reviewed` is the digest of the live object that the plan saw ("" when there was none).
    """

    address: Address
    action: Action
    reason: str
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
class Plan:
    """Ordered changes for one account.

    `origin` is the git commit (or ""), `known` the ids of what is already live; `desired` and `live` are what
    the plan was made from.
    """

    project: str
    target: Target
    changes: tuple[Change, ...]
    problems: tuple[Problem, ...] = ()
    foreign: int = 0
    origin: str = ""
    known: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = UNLIMITED
    on_drift: OnDrift = OnDrift.FAIL
    prune: bool = False
    check_files: bool = False
    desired: tuple[Resource, ...] = field(default=(), compare=False, repr=False)
    live: tuple[LiveObject, ...] = field(default=(), compare=False, repr=False)

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
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change; `why` is empty when it is done; `notes` tell what the service did otherwise."""

    address: Address
    action: Action
    status: Status
    why: str = ""
    live_id: str | None = None
    notes: tuple[str, ...] = ()
