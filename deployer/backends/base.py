"""The port: what a place where live objects are can do. `apply/` and everything above it know only this.

An AccountError says what went wrong with a request: `absent` when there is no such object, `lost` when it may have been
carried out all the same, `done` when it was, though the answer makes no sense.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit

from deployer.errors import AccountError, DeployerError
from deployer.model import Attrs, LiveFile, Member

Row = Mapping[str, Any]
"""A live object as its place answers it (JSON), with an `id` that can be a part of a path."""
Sent = Callable[[int], object]
"""Is told of bytes that went out; of a negative number when they have to go again."""


WRITES: ContextVar[list[str] | None] = ContextVar("WRITES", default=None)
"""Who sets a list here gets the id that a place gave each write of this task, and of those that it begins."""
_LONGEST_ID = 200


def wrote(request_id: str | None) -> None:
    """Note the id of a write, for whoever asks what became of it."""
    noted = WRITES.get()
    if noted is not None and request_id:
        noted.append(request_id[:_LONGEST_ID])


def ignore(_what: object) -> None:
    """Take an event, and do nothing."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A place is in trouble and everybody waits: why, since when and until when (by one clock, in seconds).

    `outage` is how long it is waited for at most.
    """

    account: str
    what: str
    since: float
    now: float
    seconds: float
    outage: float


@dataclass(frozen=True, slots=True)
class Silence:
    """Something was asked and has not answered: what (a host, a document), and for how many seconds so far."""

    place: str
    seconds: float

    def __str__(self) -> str:
        return f"waiting for {self.place} since {self.seconds:.0f} s"


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Something does not show in a list that may lag, and is waited for: seconds so far, and at most."""

    what: str
    waited: float
    most: float

    def __str__(self) -> str:
        return f"{self.what}: {self.waited:.0f} s so far, at most {self.most:.0f} s"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A File object: its name as the place tells it, bytes, and when it was made (Unix seconds, None if unknown)."""

    id: str
    name: str
    size: int
    created: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch is: how many are `waiting`, which other states (`suspect`) some are in, when to ask again.

    `total` is how many the batch has, as far as the place tells.
    """

    waiting: int
    suspect: tuple[str, ...]
    poll_after: float | None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """The state of one membership, and what the place says about it."""

    id: str
    status: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Holder:
    """An object that may use stores and hold files, whosever it is; `label` is what a person calls it.

    `uses` are ids of stores, `holds` ids of File objects. A store (`is_store`) holds what its own list says: `count`
    files, as far as it tells.
    """

    id: str
    label: str
    uses: frozenset[str] = frozenset()
    holds: frozenset[str] = frozenset()
    is_store: bool = False
    count: int | None = None


class AttachForm(StrEnum):
    """How documents are attached, the best first."""

    BATCH = "files"
    """A batch of `files`: objects with attributes."""
    SINGLE = "single"
    """One by one, with attributes (OGX takes batches of ids alone, which share their attributes)."""
    IDS = "file_ids"
    """A batch of `file_ids`, without attributes (Foundry classic)."""
    BARE = "bare"
    """One by one, without attributes."""

    @property
    def carries_attributes(self) -> bool:
        return self in (AttachForm.BATCH, AttachForm.SINGLE)

    @property
    def is_batch(self) -> bool:
        return self in (AttachForm.BATCH, AttachForm.IDS)


class FileStore(Protocol):
    """File objects, and the memberships by which stores hold them. `store` is always the id of a live store."""

    async def upload(
        self, name: str, content: BinaryIO, size: int, sent: Sent = ignore, key: str = ""
    ) -> tuple[str, str]:
        """Send the first `size` bytes of an open file; return the id of its File object and the sha256 of what went.

        `key` is as for `Backend.create`. Raises AccountError, `lost` when the file may be there; DeployerError when the
        content changes meanwhile.
        """

    async def stored(self, *, every: bool = False) -> list[StoredFile] | None:
        """Return the File objects that are for assistants, or `every` one; None where the place does not list them."""

    async def described(self, ids: Iterable[str]) -> dict[str, StoredFile]:
        """Return File objects by id; one that is gone is left out. Names are composed (NFC)."""

    def download(self, file_id: str) -> AsyncIterator[bytes]:
        """Yield what a File object holds; AccountError when the place does not let it be read."""

    async def delete(self, file_id: str) -> None:
        """Delete a File object; one that is gone is fine."""

    async def members(self, store: str) -> tuple[LiveFile, ...]:
        """Return all memberships of a store."""

    async def member_ids(self, store: str) -> frozenset[str]:
        """Return the ids of the files that a store holds, whatever else its answer says."""

    async def member(self, store: str, file_id: str) -> LiveFile | None:
        """Return one membership, None when there is none."""

    async def has_member(self, store: str, file_id: str) -> bool:
        """Whether a store holds a file."""

    async def attach(
        self, store: str, members: Mapping[str, Member], key: str = "", form: AttachForm = AttachForm.BATCH
    ) -> str | None:
        """Attach files (members by file id) by one request, and return the id of the batch; None where it makes none.

        `key` tells a place that knows it which requests are one and the same. What has no batch takes one file; a batch
        of ids takes the chunking of the first for all.
        """

    async def progress(self, store: str, batch: str) -> Progress:
        """Look how far a batch is."""

    async def conditions(self, store: str, status: str, batch: str | None = None) -> list[Condition]:
        """Return the memberships of a store, or of one batch, that are in a state."""

    async def update_member(self, store: str, file_id: str, attributes: Attrs) -> LiveFile | None:
        """Return a membership these attributes and no others."""

    async def detach(self, store: str, file_id: str) -> None:
        """Take a file out of a store; one that is out is fine."""

    async def holders(self) -> list[Holder]:
        """Return every object that may use a store or hold a file, on every surface that the place serves."""


class NoFiles:
    """The files of an account none of whose places has any: it lists nothing, and nothing is held."""

    async def stored(self, *, every: bool = False) -> list[StoredFile] | None:
        del every
        return None

    async def described(self, ids: Iterable[str]) -> dict[str, StoredFile]:
        del ids
        return {}

    async def holders(self) -> list[Holder]:
        return []

    def __getattr__(self, name: str) -> Any:
        """Everything else is asked only for kinds that have files."""
        raise DeployerError(f"this account holds no files ({name}): its surface has no kind that does")


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as its place shows it; `until` is by the clock of its holder, `created` by that of the place."""

    id: str
    holder: str
    until: float
    created: int

    @property
    def place(self) -> tuple[int, str]:
        """The oldest goes first."""
        return self.created, self.id


class Held(Protocol):
    """A lease of our own. When it is lost, `lost` says why and `over` is set: whoever works under it stops."""

    lost: str
    over: Any
    """An asyncio.Event."""

    async def sure(self) -> None:
        """Raise DeployerError unless this run holds the lease at this moment."""


class Leases(Protocol):
    """What keeps a second run out while one is at work on a project."""

    async def listed(self, project: str) -> list[Lease]:
        """Return all leases of a project, the oldest first, whether or not they have expired."""

    async def remove(self, lease_id: str) -> None:
        """Delete a lease; one that is gone is fine."""

    def held(self, project: str, patience: float) -> AbstractAsyncContextManager[Held]:
        """Hold the lease; DeployerError when somebody else still does after `patience` seconds."""


class ModelList(Protocol):
    """The models that a place offers."""

    async def offered(self) -> Mapping[str, str | None] | None:
        """Return their names, each with the day of its shutdown (YYYY-MM-DD) where the place says one; None without."""


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """An event of a stream, as the API names it, and the JSON object that it brings."""

    name: str
    data: Mapping[str, Any]


class Dialogue(Protocol):
    """What conversations with what is deployed are made of: operations by name, like `run.create`.

    `ids` say on what, as in `thread="thread_1"`. Nothing is sent twice: what fails raises AccountError, `lost` when it
    may have been done.
    """

    async def ask(self, operation: str, body: Mapping[str, Any] | None = None, **ids: str) -> Row:
        """Do something, and return its answer."""

    async def tell(self, operation: str, body: Mapping[str, Any], **ids: str) -> None:
        """Do something whose answer says nothing."""

    def stream(
        self, operation: str, body: Mapping[str, Any] | None = None, **ids: str
    ) -> AbstractAsyncContextManager[AsyncIterator[StreamedEvent]]:
        """Do something, and hear its events as they come; it has been begun when the block is entered."""


class Backend(Protocol):
    """A place where live objects are. `kind` is a kind's name; the place knows where such objects are there.

    Every row has an id that can be a part of a path. What fails raises AccountError, one sentence.
    """

    @property
    def files(self) -> FileStore | None:
        """Its files; None where it has none."""

    @property
    def leases(self) -> Leases | None:
        """Its leases; None where it has none."""

    @property
    def models(self) -> ModelList | None:
        """Its list of models; None where it has none."""

    @property
    def dialogue(self) -> Dialogue | None:
        """Its conversations; None where it has none."""

    @property
    def unserved(self) -> Collection[str]:
        """The kinds whose objects it did not serve by id when it was asked: they were read out of the list."""

    async def list(self, kind: str, seen: Callable[[Row], object] = ignore) -> list[Row]:
        """Return all objects of a kind, oldest first; each is handed to `seen` as soon as it has come."""

    async def get(self, kind: str, live_id: str) -> Row:
        """Return one object; AccountError, `absent`, when there is none."""

    async def create(self, kind: str, body: Mapping[str, Any], key: str = "") -> Row:
        """Make an object, once, and return it as answered; AccountError, `may_be_done`, when it may have been made.

        `key` is the same for each time that one and the same object is asked for, and another one for any other: a
        place that knows such keys makes it once.
        """

    async def update(self, kind: str, live_id: str, body: Mapping[str, Any]) -> Row:
        """Set the fields of the body and no others; return the object as answered."""

    async def delete(self, kind: str, live_id: str) -> None:
        """Delete an object; one that is gone is fine."""

    async def trim(self, kind: str, live_id: str, keep: int, project: str) -> Sequence[str]:
        """Delete old versions that a project made of an object, but for the newest; return those that went."""

    def reference(self, kind: str, row: Row) -> str:
        """Return what an application names a live object by: its id, or where its file is."""

    def odd(self, kind: str, what: str) -> AccountError:
        """Return the error for objects of a kind that make no sense: `what` says which, and how."""


async def digest(files: FileStore, file_id: str) -> str | None:
    """Return the sha256 of what a File object holds, read piece by piece; None when the place does not show it."""
    sha = hashlib.sha256()
    try:
        async for piece in files.download(file_id):
            sha.update(piece)
    except AccountError:
        return None
    return sha.hexdigest()


def without_password(url: str) -> str:
    """A URL may carry who is asking (`https://user:secret@host`): no file that is written may hold it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
