"""What is sent to an account, as data. Steps know each other by keys: a step runs when the keys it needs are known.

A key stands for an id (`vector_store/docs`, an uploaded file) or just for something done (a document is searchable).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.model.nouns import Attrs, DesiredFile

_PLACEHOLDER = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as data.

    `refs` are places in the body (JSON pointers) that take the id of a key; `{key}` in `path` likewise. `gives` is the
    key under which the id of the answer becomes known, `after` holds keys that must be known although nothing of them
    is sent. `marks` are places of a text that holds `{key}`, to be replaced by the short hash of its id.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    refs: tuple[tuple[str, str], ...] = ()
    gives: str | None = None
    after: tuple[str, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        keys = (key for _, key in (*self.refs, *self.marks))
        return frozenset((*_PLACEHOLDER.findall(self.path), *keys, *self.after))


@dataclass(frozen=True, slots=True)
class Upload:
    """See to it that the bytes of one file are on the account; the id of its File object becomes known as `gives`."""

    file: DesiredFile
    gives: str

    @property
    def needs(self) -> frozenset[str]:
        return frozenset()


@dataclass(frozen=True, slots=True)
class Member:
    """A file that is to be in a store: `file` is the key of its id, or (with `live`) the id itself.

    `gives` becomes known when it is searchable.
    """

    file: str
    path: str
    attributes: Attrs
    chunking: Attrs | None
    gives: str
    live: bool = False


@dataclass(frozen=True, slots=True)
class Attach:
    """Attach a batch to the store of key `store`, wait until each is searchable, and try once more what failed.

    `attached`: an earlier run did attach them; only the waiting is left. A member whose file could not be sent is left
    out; it does not keep the others from being attached. `gives` becomes known when the step is over, whatever became
    of its members.
    """

    store: str
    members: tuple[Member, ...]
    gives: str
    attached: bool = False

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self.store})

    @property
    def files(self) -> frozenset[str]:
        """The keys of files that must be known, or known to have failed, before the step runs."""
        return frozenset(member.file for member in self.members if not member.live)


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Delete a File object, unless a store or an assistant that is not ours still holds it."""

    file_id: str
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.after)


Step = Request | Upload | Attach | DeleteFile
Steps = tuple[Step, ...]
"""Producers stand before consumers; nothing else orders them."""
