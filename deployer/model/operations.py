"""What is done to an account, as data and in the field's words. No path, method or header stands here.

Operations know each other by keys: one runs when the keys that it needs are known. A key stands for an id
(`vector_store/docs`, an uploaded file) or just for something done (a document is searchable). `gives` is the key that
becomes known by an operation, `after` are keys that must be known although nothing of them is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.model.nouns import Address, Attrs, DesiredFile

Pointers = tuple[tuple[str, str], ...]
"""Places in a body (JSON pointers), each with a key."""


@dataclass(frozen=True, slots=True)
class Create:
    """Make an object of the address's kind.

    `refs` are places of the body that take the id of a key. `hashes` are places of a text that holds `{key}`, to be
    replaced by the short hash of its id.
    """

    address: Address
    body: Mapping[str, Any] = field(repr=False)
    refs: Pointers = ()
    hashes: Pointers = ()
    gives: str = ""
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        return _needs(self)


@dataclass(frozen=True, slots=True)
class Update:
    """Change the object `id`: the fields of the body and no others. `refs` and `hashes` are those of `Create`."""

    address: Address
    id: str
    body: Mapping[str, Any] = field(repr=False)
    refs: Pointers = ()
    hashes: Pointers = ()
    gives: str = ""
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        return _needs(self)


def _needs(write: Create | Update) -> frozenset[str]:
    keys = (key for _, key in (*write.refs, *write.hashes))
    return frozenset((*keys, *write.after))


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the object `id`; one that is gone is fine."""

    address: Address
    id: str
    gives: str = ""
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.after)


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
class AttachFiles:
    """Attach a batch to the store of key `store`, wait until each is searchable, and try once more what failed.

    `attached`: an earlier run did attach them; only the waiting is left. A member whose file could not be sent is left
    out; it does not keep the others from being attached. `gives` becomes known when the operation is over, whatever
    became of its members.
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
        """The keys of files that must be known, or known to have failed, before the operation runs."""
        return frozenset(member.file for member in self.members if not member.live)


@dataclass(frozen=True, slots=True)
class UpdateFile:
    """Set on the membership of the File object `file` in the store of key `store` these attributes and no others."""

    store: str
    file: str
    attributes: Attrs

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self.store})


@dataclass(frozen=True, slots=True)
class DetachFile:
    """Take the File object `file` out of the store of key `store`; one that is out is fine."""

    store: str
    file: str
    gives: str
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        return frozenset((self.store, *self.after))


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Delete the File object `id`, unless a foreign store or assistant still holds it."""

    id: str
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> frozenset[str]:
        return frozenset(self.after)


Write = Create | Update
Operation = Create | Update | Delete | Upload | AttachFiles | UpdateFile | DetachFile | DeleteFile
Operations = tuple[Operation, ...]
"""Producers stand before consumers; nothing else orders them."""
