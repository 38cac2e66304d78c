"""An advisory lease, kept on the account itself: while one run is at work on a project, another one stays out.

It is an empty vector store whose metadata say whose it is and until when; no other object is needed, and every surface
has vector stores. A run lists, leaves if somebody is there, makes its own lease and lists again: it goes on only when
it is alone. So of any two runs one sees the other, in whatever order the account carried out their requests; of those
that came at the same moment, the oldest (by time and id) waits until the others have withdrawn.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import random
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from deployer.backends.base import Lease, Row
from deployer.backends.http.client import Client
from deployer.backends.http.pages import rows
from deployer.deadlines import Wait
from deployer.engine import canonical
from deployer.errors import AccountError, DeployerError

LOCK = "deployer_lock"
"""The metadata key of a lease: an object that is no resource."""
HOLDER = "deployer_holder"
UNTIL = "deployer_until"
_PATH = "/vector_stores"
_HINT = "wait for it (--lock-timeout SECONDS), or if it is gone for good, run "


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things take, in seconds, and by whose clock.

    `good`: a lease that is not renewed. `settle`: those that came at the same moment withdraw; `look`: between two
    looks at that. `pause`: about, between two tries to get in.
    """

    good: float = 120.0
    settle: float = 5.0
    look: float = 0.2
    pause: float = 2.0
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    jitter: Callable[[], float] = random.random


USUAL = Terms()


class LockedError(DeployerError):
    """Somebody else is at work on this project: `holder`."""

    holder = ""


async def leases(client: Client, project: str) -> list[Lease]:
    """Return all leases of a project, the oldest first, whether or not they have expired."""
    found = [_lease(row) for row in await rows(client, _PATH) if _metadata(row).get(LOCK) == project]
    return sorted(found, key=lambda lease: lease.place)


def is_lease(row: Row) -> bool:
    return LOCK in _metadata(row)


def _metadata(row: Row) -> dict[str, object]:
    found = row.get("metadata")
    return found if isinstance(found, dict) else {}


def _lease(row: Row) -> Lease:
    metadata = _metadata(row)
    until = canonical.seconds(metadata.get(UNTIL)) or 0
    return Lease(row["id"], str(metadata.get(HOLDER, "unknown")), until, canonical.seconds(row.get("created_at")) or 0)


async def remove(client: Client, lease_id: str) -> None:
    """Delete a lease; one that is gone is fine."""
    try:
        await client.write("DELETE", f"{_PATH}/{lease_id}", again=True)
    except AccountError as error:
        if not error.absent:
            raise


@dataclass(slots=True)
class Hold:
    """A lease of our own. When it is lost, `lost` says why and `over` is set: whoever works under it stops."""

    client: Client
    project: str
    holder: str
    terms: Terms
    lease_id: str = ""
    lost: str = ""
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def metadata(self) -> dict[str, str]:
        return {LOCK: self.project, HOLDER: self.holder, UNTIL: str(int(self.terms.clock() + self.terms.good))}

    async def renew(self) -> None:
        """Say that we are still at work."""
        path = f"{_PATH}/{self.lease_id}"
        try:
            async with asyncio.timeout(self.terms.good / 3):
                await self.client.write("POST", path, {"metadata": self.metadata()}, again=True)
        except AccountError as error:
            gone = "it is no longer there: deployer unlock removed it, or it had expired and another run began"
            self._lose(gone if error.absent else f"it could not be renewed ({error})")
        except TimeoutError:
            self._lose("it could not be renewed in time")

    def _lose(self, why: str) -> None:
        self.lost = f"the lease on project {self.project} is lost: {why}"
        self.over.set()

    async def keep(self) -> None:
        """Renew the lease for as long as this run holds it."""
        while not self.lost:
            await self.terms.sleep(self.terms.good / 3)
            await self.renew()

    async def sure(self) -> None:
        """Raise unless this run holds the lease at this moment: asked after whatever may have taken long."""
        await self.renew()
        if self.lost:
            raise DeployerError(f"{self.lost}; nothing was changed: run again")


@asynccontextmanager
async def held(client: Client, project: str, patience: float = 0.0, terms: Terms = USUAL) -> AsyncIterator[Hold]:
    """Hold the project's lease; LockedError when somebody else still does after `patience` seconds."""
    hold = Hold(client, project, _who(), terms)
    await _acquire(hold, patience)
    keeper = asyncio.create_task(hold.keep())
    try:
        yield hold
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await _withdraw(hold)


async def _acquire(hold: Hold, patience: float) -> None:
    terms, wait = hold.terms, Wait()
    until = terms.clock() + patience
    while True:
        try:
            return await _enter(hold)
        except LockedError as error:
            pause = terms.pause * (0.5 + terms.jitter())
            if terms.clock() + pause > until:
                raise
            wait.told(f"the run of {error.holder} to end")
        await terms.sleep(pause)


async def _enter(hold: Hold) -> None:
    """Get in, or leave nothing behind."""
    _, there = await _look(hold)
    if there:
        raise _locked(hold, there[0])
    try:
        await _claim(hold)
        hold.lease_id = (await _alone(hold)).id
    except BaseException:
        await _withdraw(hold)
        raise


async def _claim(hold: Hold) -> None:
    body = {"name": f"deployer lock {hold.project}", "metadata": hold.metadata()}
    try:
        await hold.client.write("POST", _PATH, body)
    except AccountError as error:
        if not error.lost:  # else the list tells whether it is there
            raise


async def _alone(hold: Hold) -> Lease:
    """Return our lease when the list shows it and no other."""
    until = hold.terms.clock() + hold.terms.settle
    while True:
        mine, others = await _look(hold)
        if mine and not others:
            return mine
        late = hold.terms.clock() >= until
        if others and (late or (mine and others[0].place < mine.place)):
            raise _locked(hold, others[0])
        if late:
            raise DeployerError("the account does not list the lease that was just made; run again")
        await hold.terms.sleep(hold.terms.look)


async def _look(hold: Hold) -> tuple[Lease | None, list[Lease]]:
    """Return our own lease, and those of others that are still good; what has expired is removed."""
    mine, others = None, []
    for lease in await leases(hold.client, hold.project):
        if lease.holder == hold.holder:
            mine = lease
        elif lease.until < hold.terms.clock():
            await remove(hold.client, lease.id)
        else:
            others.append(lease)
    return mine, others


async def _withdraw(hold: Hold) -> None:
    """Delete our lease. Where that fails, it expires by itself."""
    with contextlib.suppress(AccountError):
        mine = [hold.lease_id] if hold.lease_id else [one.id for one in await _own(hold)]
        for one in mine:
            await remove(hold.client, one)


async def _own(hold: Hold) -> list[Lease]:
    return [lease for lease in await leases(hold.client, hold.project) if lease.holder == hold.holder]


def _locked(hold: Hold, other: Lease) -> LockedError:
    since = max(0, int(hold.terms.clock() - other.created))
    who = f"project {hold.project} is locked by {other.holder}, for {since} s"
    error = LockedError(f"{who}; {_HINT}", run=("unlock",))
    error.holder = other.holder
    return error


def _who() -> str:
    """Return a name that a person knows, and that no other run has."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = "somebody"
    return f"{user}@{socket.gethostname()} pid {os.getpid()} {secrets.token_hex(4)}"
