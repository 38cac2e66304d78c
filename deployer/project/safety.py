"""What comes before the first write of a run: the account's lease, and a snapshot of what is about to change.

And after its last one: what was made is noted in the snapshot, so that a rollback takes nothing else for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from deployer.errors import DeployerError
from deployer.model import LiveObject, Outcome, Plan
from deployer.rollback import snapshot
from deployer.rollback.snapshot import FRESH
from deployer.rollback.store import name_of, store_of

if TYPE_CHECKING:
    from deployer.backends.http.lease import Hold
    from deployer.project.session import Session


@asynccontextmanager
async def locked(session: Session, patience: float) -> AsyncIterator[Hold | None]:
    """Hold the account's lease where its settings say so."""
    if not session.client.settings.lock:
        yield None
        return
    from deployer.backends.http.lease import held

    async with held(session.client, session.manifest.project, patience) as hold:
        yield hold


@dataclass(frozen=True, slots=True)
class Written:
    """A snapshot that was written, and the ids of what was live when its plan was made."""

    name: str
    data: Mapping[str, Any]
    live: frozenset[str]


async def secured(session: Session, plan: Plan, command: str, hold: Hold | None) -> Written | None:
    """Make sure that the lease still holds, and write the snapshot; raise when nothing must be written yet."""
    met = await _met(session, plan)
    if hold:
        await hold.sure()
    now = datetime.now(UTC)
    data = snapshot.snapshot(plan, command.partition(" ")[0], now.isoformat(timespec="seconds"), met)
    if not data["changes"]:
        return None
    written = Written(name_of(now, plan.project), data, frozenset(one.id for one in plan.live))
    try:
        store_of(session.manifest).write(written.name, data)
    except DeployerError as error:
        raise DeployerError(f"{error}; nothing was changed: without a snapshot there is no way back") from None
    return written


async def _met(session: Session, plan: Plan) -> Sequence[LiveObject]:
    """Give what is live right now; should the run not live to note what it makes, this it did not make."""
    from deployer.backends.account import read_live

    if not any(change.action in FRESH for change in plan.pending):
        return ()
    return await read_live(session.client, session.kinds, lambda _metadata: False)


def recorded(session: Session, written: Written | None, outcomes: Sequence[Outcome]) -> None:
    """Note in the snapshot what the run has made; it is done, whatever becomes of the note."""
    from deployer.render.lines import plain_text

    if written is None or not any(outcome.action in FRESH for outcome in outcomes):
        return
    try:
        store_of(session.manifest).write(written.name, snapshot.noted(written.data, outcomes, written.live))
    except DeployerError as error:
        what = f"warning: {error}; the snapshot {written.name} does not tell what this run made"
        click.echo(plain_text(f"{what}: a rollback infers it from addresses and ages"), err=True)
