"""What is to be done, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from deployer.model.nouns import Address, DesiredFile, LiveFile, Problem, Severity
from deployer.model.steps import Stages


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
    """`path` is a field, or `tools/NAME`, `metadata/KEY`; None stands for: not set."""

    path: str
    old: Any
    new: Any
    origin: Origin
    effects: tuple[Effect, ...] = ()


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
class Change:
    """What happens to one address, why, and the very steps that do it; an orphan is ours and no longer declared."""

    address: Address
    action: Action
    reason: str
    live_id: str | None = None
    fields: tuple[FieldChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    requires: tuple[Address, ...] = ()
    stages: Stages = ()
    orphan: bool = False


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
    def breaking(self) -> tuple[tuple[Address, FieldChange], ...]:
        """Changes of functions that the application behind them would notice."""
        found = [(change.address, field) for change in self.changes for field in change.fields]
        return tuple((address, field) for address, field in found if any(effect.breaking for effect in field.effects))

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
