"""The state of one execution."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from deployer.apply.flow import STOPPED, Promises, Stopped
from deployer.apply.journal import Journal
from deployer.apply.lag import Lag, SharedLook
from deployer.apply.reuse import Reuse
from deployer.apply.store_map import StoreNames
from deployer.apply.usage import OtherUsers
from deployer.backends.account import Account
from deployer.backends.base import AttachForm, Row, Unlisted
from deployer.model import Address, LiveObject, Operation, Outcome, Plan
from deployer.wording import counted

COPIES = 16
"""Documents behind URLs that are on this disk at a time: each is fetched whole before it is sent."""


@dataclass(frozen=True, slots=True)
class Event:
    """What just happened, for a progress display: an operation or a whole change done, bytes sent, documents ready."""

    address: Address
    operation: Operation | None = None
    outcome: Outcome | None = None
    bytes: int = 0
    ready: int = 0

    def __str__(self) -> str:
        if self.outcome:
            end = f": {self.outcome.why}" if self.outcome.why else ""
            return f"{self.address}: {self.outcome.action} {self.outcome.status}{end}"
        if self.operation:
            return f"{self.address}: {type(self.operation).__name__} done"
        return (
            f"{self.address}: {counted(self.ready, 'document')} ready"
            if self.ready
            else f"{self.address}: {self.bytes:,} bytes"
        )


@dataclass(frozen=True, slots=True)
class Waits:
    """How long to wait, in seconds: for ingestion that makes no progress; between polls."""

    ingestion: float = 900.0
    poll: float = 1.0


USUAL = Waits()


@dataclass(slots=True)
class Execution:
    """`before` are the live objects of the plan by id, as they were read.

    `appeared` holds the ids, by address, of what came into being since the plan was made.

    `sent` are the File objects that this run made, `used` all that its documents come from. `verified`: the first
    attach came back with its attributes; until then `first` lets one batch out at a time. `undone`: it did not, and
    whatever this run has sent is taken back. `proven` are the kinds whose stamps the account has shown in its lists;
    until then `firsts` lets one create of a kind out at a time. `forms` are those in which it did attach.
    `looks` are shared by those who look for a lost create, by kind. `cuts_otherwise`: documents whose chunking is not
    declared are cut in another way than the API's; None as long as none was seen.
    """

    account: Account
    plan: Plan
    root: Path
    notify: Callable[[Event | Unlisted], None]
    stop: asyncio.Event
    gate: asyncio.Semaphore
    waits: Waits
    promises: Promises
    reuse: Reuse
    journal: Journal
    usage: OtherUsers
    naming: StoreNames
    before: Mapping[str, Row] = field(default_factory=dict)
    appeared: dict[str, str] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    attached: set[str] = field(default_factory=set)
    forms: set[AttachForm] = field(default_factory=set)
    first: asyncio.Lock = field(default_factory=asyncio.Lock)
    proven: set[str] = field(default_factory=set)
    firsts: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    verified: bool = False
    undone: bool = False
    cuts_otherwise: bool | None = None
    notes: dict[Address, list[str]] = field(default_factory=lambda: defaultdict(list))
    looks: dict[str, SharedLook[dict[Address, LiveObject]]] = field(default_factory=dict)
    nonce: str = field(default_factory=partial(secrets.token_hex, 8))
    copies: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, COPIES))
    _batches: count[int] = field(default_factory=count)

    def batch(self) -> str:
        """Return a name for one more batch of this run, which no other has."""
        return f"{self.nonce} {next(self._batches)}"

    @property
    def lag(self) -> Lag:
        """How long a list of the account may lag, and who is told."""
        return Lag(self.account.settings.list_lag, self.notify, self.pause)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn to send; Stopped when the run was asked to stop meanwhile."""
        async with self.gate:
            if self.stop.is_set():
                raise Stopped(STOPPED)
            yield

    async def pause(self, seconds: float) -> bool:
        """Wait, unless the run is asked to stop; tell whether it goes on."""
        try:
            await asyncio.wait_for(self.stop.wait(), seconds)
        except TimeoutError:
            return True
        return False
