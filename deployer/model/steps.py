"""What is sent to an account, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.model.nouns import DesiredFile


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
