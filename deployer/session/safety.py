"""What comes before the first write of a run: the account's lease, and a snapshot of what is about to change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deployer.engine import record
from deployer.errors import DeployerError
from deployer.manifest import Manifest
from deployer.model import Plan
from deployer.snapshots import Shelf, name_of

if TYPE_CHECKING:
    from deployer.account.lock import Hold
    from deployer.session.opening import Session


@asynccontextmanager
async def locked(session: Session, patience: float) -> AsyncIterator[Hold | None]:
    """Hold the account's lease where its settings say so."""
    if not session.client.settings.lock:
        yield None
        return
    from deployer.account.lock import held

    async with held(session.client, session.manifest.project, patience) as hold:
        yield hold


async def secured(session: Session, plan: Plan, command: str, hold: Hold | None) -> None:
    """Make sure that the lease still holds, and write the snapshot; raise when nothing must be written yet."""
    if hold:
        await hold.sure()
    now = datetime.now(UTC)
    data = record.snapshot(plan, command.partition(" ")[0], now.isoformat(timespec="seconds"))
    if not data["changes"]:
        return
    try:
        shelf(session.manifest).write(name_of(now, plan.project), data)
    except DeployerError as error:
        raise DeployerError(f"{error}; nothing was changed: without a snapshot there is no way back") from None


def shelf(manifest: Manifest) -> Shelf:
    """Give the place of the project's snapshots."""
    return Shelf.of(manifest.root, manifest.settings.snapshots, manifest.project)


def snapshot(place: Shelf, name: str) -> Mapping[str, Any]:
    """Read a snapshot; DeployerError when it is none."""
    from deployer.manifest import schema

    data = place.read(name)
    if why := schema.misfit("snapshot.schema.json", data):
        raise DeployerError(f"the snapshot {name} is none of this deployer ({why[:200]}); remove or mend it")
    found: Mapping[str, Any] = data
    return found
