"""Undo what was deployed: back to a snapshot, everything of the project gone, or only files that nothing refers to."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from deployer.engine import stamp
from deployer.engine.plan import duplicates
from deployer.errors import DeployerError
from deployer.kinds import kinds_of
from deployer.model import Action, Address, Change, OnDrift, Plan, Problem, Reason, Severity, Target, Why
from deployer.project.results import PlanOptions
from deployer.rollback.store import SnapshotStore
from deployer.wording import more

if TYPE_CHECKING:
    from deployer.apply.usage import Known, Unreferenced
    from deployer.manifest import Manifest
    from deployer.project.session import Session
    from deployer.rollback.restore import MissingContent, RollbackPlan
    from deployer.rollback.snapshot import Entry

_NAMED = 10


def store_of(manifest: Manifest) -> SnapshotStore:
    """Return the store of the project's snapshots on the chosen account."""
    from deployer.manifest.schema import misfit

    settings = manifest.settings
    root = manifest.root if settings.snapshots else manifest.root / settings.home
    return SnapshotStore.of(root, settings.snapshots, manifest.project, misfit)


def undeclared(manifest: Manifest) -> Manifest:
    """Return the manifest as if it declared nothing: what is to be opened for a destruction."""
    return replace(manifest, resources=(), moved=())


async def destruction(session: Session, protected: Collection[Address] = (), targets: tuple[Address, ...] = ()) -> Plan:
    """Return the plan that deletes all that the project owns; DeployerError when something of it is protected.

    `protected` are the addresses that the manifest protects; others are by their stamps. With `targets` only these go:
    what they need stays, and so does one that something else needs.
    """
    plan = await session.plan(PlanOptions(prune=True, on_drift=OnDrift.OVERWRITE, targets=targets))
    found = [one for live in plan.live if (one := stamp.of(live.raw)) and (not targets or one.address in targets)]
    owned = [one for one in found if one.project == plan.project]
    names = sorted({str(one.address) for one in owned if one.protected or one.address in protected})
    if names:
        raise DeployerError(
            f"protected: {', '.join(names)}; nothing was deleted: "
            "declare them with protect: false and apply that first, if they are meant too"
        )
    return _explained(plan)


def _explained(plan: Plan) -> Plan:
    """Say of each object why it goes or stays: here it is not git that let go of it."""
    staying = [change for change in plan.changes if change.orphan and change.action is Action.NO_OP]
    told = tuple(_stays(plan, change) for change in staying)
    why = Why.TARGETED if plan.targets else Why.DESTROYED
    gone = tuple(_gone(change, why) for change in plan.changes if change not in staying)
    return replace(plan, changes=gone, problems=(*plan.problems, *told))


def _gone(change: Change, why: Why) -> Change:
    reason = Reason(why, (), change.reason.others)
    return replace(change, reason=reason, orphan=False) if change.orphan else change


def _stays(plan: Plan, change: Change) -> Problem:
    kinds, going = kinds_of(plan.target.api), {one.live_id for one in plan.pending}
    using = (one for one in plan.live if change.live_id in kinds[one.kind].references(one.raw) and one.id not in going)
    names = {live_id: address for address, live_id in plan.known.items()}
    users = ", ".join(names.get(one.id, f"{one.kind} {one.id}") for one in using)
    why = f"stays: it is in use by {users}" if users else "stays"
    return Problem(why, "", str(change.address), severity=Severity.WARNING)


@dataclass(frozen=True, slots=True)
class KeptSnapshot:
    """The state before a run; `data` is None where it cannot be read, `why` says so.

    `data` has time, command, origin, account and changes (schemas/snapshot.schema.json).
    """

    name: str
    data: Mapping[str, Any] | None
    why: str = ""


def kept(manifest: Manifest) -> tuple[KeptSnapshot, ...]:
    """Return the snapshots of a project, the oldest first; one that cannot be read must not hide the others."""
    store = store_of(manifest)
    return tuple(_kept(store, name) for name in store.names())


def _kept(store: SnapshotStore, name: str) -> KeptSnapshot:
    try:
        return KeptSnapshot(name, store.read(name))
    except DeployerError as error:
        return KeptSnapshot(name, None, str(error))


@dataclass(frozen=True, slots=True)
class Restoration:
    """What undoes a run: its snapshot with all newer ones, the oldest first, of one account."""

    snapshots: tuple[tuple[str, Mapping[str, Any]], ...]

    @classmethod
    def of(cls, manifest: Manifest, target: Target, name: str | None) -> Restoration:
        """Choose the snapshot of this name, without one the newest of the account; DeployerError when there is none."""
        return cls(tuple(store_of(manifest).chain(asdict(target), name)))

    @property
    def name(self) -> str:
        """The snapshot that is gone back to."""
        return self.snapshots[0][0]

    async def plan(self, session: Session, on_drift: OnDrift, again: str) -> RollbackPlan:
        """Return the plan of this moment that restores them; `again` is the command that goes on with it."""
        from deployer.rollback import history

        entries = history.merged([data for _, data in self.snapshots])
        return await plan_rollback(session, entries, PlanOptions(on_drift=on_drift), again)


async def plan_rollback(
    session: Session, entries: Sequence[Entry], options: PlanOptions, again: str = "deployer rollback"
) -> RollbackPlan:
    """Return the plan of this moment that restores the entries of snapshots."""
    from deployer.rollback import restore
    from deployer.rollback.sources import ContentSearch, find_contents

    live, manifest = await session.read(), session.manifest
    declared = [file for resource in manifest.resources for file in resource.files]
    search = ContentSearch(session.account, manifest.root, declared, store_of(manifest))
    contents = await find_contents(search, entries, live)
    found = restore.plan_rollback(session.scope(options), entries, live, contents, again)
    going = {change.live_id or "" for change in found.plan.pending if change.action is Action.DELETE}
    told = [*duplicates(session.scope(options), live, going), *await session.begun.problems(live)]
    return replace(found, plan=replace(found.plan, problems=(*found.plan.problems, *told)))


def missing(found: Sequence[MissingContent], again: str) -> str:
    """Say what was not restored: it is not done, though nothing more can be done now."""
    lines = [f"  {one.address}: {one.name}: {one.remedy}" for one in found[:_NAMED]]
    rest = [f"  {more(len(found) - _NAMED)}, named above"] if len(found) > _NAMED else []
    return "\n".join(
        [
            "not everything was restored: neither the account nor the working tree has the bytes of",
            *lines,
            *rest,
            f"then run {again}",
        ]
    )


async def unreferenced(session: Session, older_than: float) -> list[Unreferenced]:
    """Return uploaded files of this project that no object refers to, older than so many seconds."""
    from deployer.apply import usage
    from deployer.apply.journal import Journal

    left = Journal.of(session.manifest.root, session.account.settings, session.manifest.project).left_over
    uploads = usage.Uploads.of(list(_known(session.manifest)), left)
    return await usage.unreferenced(session.account.files, uploads, time.time() - older_than)


def _known(manifest: Manifest) -> Iterator[Known]:
    from deployer.apply.usage import Known
    from deployer.rollback import snapshot

    for resource in manifest.resources:
        for file in resource.files:
            yield Known(file.path, file.name, file.size, file.sha256)
    store = store_of(manifest)
    for name in store.names():
        for path, sha256, size in snapshot.documents(store.read(name)):
            yield Known(f"{path} of snapshot {name}", path.rpartition("/")[2], size, sha256)


async def delete_files(session: Session, found: Sequence[Unreferenced]) -> None:
    """Delete these File objects; one that is gone is fine."""
    from deployer.apply import usage
    from deployer.apply.journal import Journal

    journal = Journal.of(session.manifest.root, session.account.settings, session.manifest.project)
    await usage.delete_files(session.account.files, [one.id for one in found], journal.delete)
