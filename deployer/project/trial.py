"""A deploy that is tested, and taken back where its tests fail; copies that are tested beside what is live.

Until its tests have passed, a run is a trial: its snapshot says so, from before its first write. A run that is killed
leaves that behind, so the same command goes on with the same trial: what it takes back is the state before its first
run. The File objects that a trial would have deleted are kept until it has passed: without them nothing could be taken
back where an account gives no bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.apply.journal import Journal
from deployer.engine import stamp
from deployer.errors import DeployerError
from deployer.model import AccountSettings, Change, DeleteFile, LiveObject, OnDrift, Operation, Plan, Resource, Status
from deployer.project.applying import ApplyOptions, applied, check
from deployer.project.events import Notice, OnEvent, ignore
from deployer.project.results import ApplyResult, PlanOptions
from deployer.project.session import Session, opened, target_of
from deployer.project.undo import Restoration, destruction, store_of, undeclared
from deployer.rollback.snapshot import FILE, KEPT, TRIAL, TrialState

__all__ = ["Copies", "TrialState", "applied_untested", "copied", "given_up", "pending", "settled", "swept", "tried"]

if TYPE_CHECKING:
    from deployer.kinds import Kind
    from deployer.manifest import Manifest
    from deployer.testing.cases import TestCase


@dataclass(frozen=True, slots=True)
class Trial:
    """A deploy that has not passed its tests yet: its snapshots, the oldest first, and the File objects it keeps."""

    snapshots: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.snapshots)


def pending(manifest: Manifest) -> Trial:
    """Return the trial of an account that is not decided yet: the newest snapshots, as far as they are its own."""
    store, account, found = store_of(manifest), asdict(target_of(manifest)), []
    for name in reversed(store.names()):
        try:
            data = store.read(name)
        except DeployerError:  # what cannot be read is no trial that could be gone on with
            break
        if data["account"] != account:
            continue
        if data.get(TRIAL) != TrialState.OPEN:
            break
        found.append((name, data))
    found.reverse()
    kept = [one for _, data in found for one in data.get(KEPT, ())]
    return Trial(tuple(name for name, _ in found), tuple(dict.fromkeys(kept)))


def tried(plan: Plan) -> tuple[Plan, tuple[str, ...]]:
    """Return a plan without the deletes of File objects, and the ids of those."""
    kept = [one.id for change in plan.changes for one in change.operations if isinstance(one, DeleteFile)]
    changes = tuple(_keeping(change) for change in plan.changes if change.address.kind != FILE)
    return replace(plan, changes=changes), tuple(dict.fromkeys(kept))


def _keeping(change: Change) -> Change:
    left: list[Operation] = [one for one in change.operations if not isinstance(one, DeleteFile)]
    return change if len(left) == len(change.operations) else replace(change, operations=tuple(left))


def decided(manifest: Manifest, state: TrialState) -> None:
    """Write into the snapshots of the trial what became of it: it is none any more."""
    store = store_of(manifest)
    for name in pending(manifest).snapshots:
        data = {name: value for name, value in store.read(name).items() if name != KEPT}
        store.write(name, {**data, TRIAL: state.value})


async def settled(session: Session, state: TrialState) -> None:
    """End the trial: delete the File objects that it kept and nothing holds, then say in its snapshots what it is."""
    trial = pending(session.manifest)
    if not trial:
        return
    if trial.kept:
        await release(session, trial.kept)
    decided(session.manifest, state)


async def given_up(session: Session, *, applied: bool) -> None:
    """End a trial that another apply has overtaken: what it changed stays."""
    if applied and pending(session.manifest):
        session.on_event(Notice("an earlier run with --test was never decided; what it changed is kept"))
        await settled(session, TrialState.GIVEN_UP)


async def applied_untested(session: Session, plan: Plan, options: ApplyOptions) -> ApplyResult:
    """Carry out a plan and prove it; what a run that was tested has left behind is removed."""
    await swept(session, plan.live)
    result = await applied(session, plan, options)
    await given_up(session, applied=result.ok)
    return result


async def release(session: Session, file_ids: Sequence[str]) -> None:
    """Delete File objects that nothing holds, by a plan of their own: what fails stays in the journal."""
    from deployer.apply.execute import execute

    session.journal.release(file_ids)
    plan = await session.plan(PlanOptions(on_drift=OnDrift.KEEP))
    files = tuple(change for change in plan.changes if change.address.kind == FILE)
    if files:
        await execute(session.account, replace(plan, changes=files), session.manifest.root, session.on_event)


def way_back(session: Session) -> Restoration | None:
    """Return what takes the trial back: all that it and what came after it changed; None where it changed nothing."""
    trial = pending(session.manifest)
    return Restoration.of(session.manifest, session.target, trial.snapshots[0]) if trial else None


# ---- copies beside what is live

_CANARY = "--canary"
"""Ends the project of copies; it is as long as a project's name may be."""
_LONGEST = 63
_FOLDER = Path(".deployer") / "canary"


@dataclass(frozen=True, slots=True)
class Copies:
    """Copies of what a plan is about to change, and of what the tests talk to, as a manifest of their own."""

    manifest: Manifest

    @classmethod
    def of(cls, manifest: Manifest, plan: Plan, cases: Sequence[TestCase]) -> Copies:
        """Return what is to be copied: what changes, with what it needs, and whom the tests talk to."""
        from deployer.engine.plan import with_needs
        from deployer.kinds import kinds_of

        kinds = kinds_of(manifest.settings.api, manifest.settings)
        wanted = {change.address for change in plan.pending} | {
            one.address for one in manifest.resources if str(one.address) in {case.address for case in cases}
        }
        resources = with_needs(kinds, manifest.resources, sorted(wanted))
        copies = tuple(_copy(one, kinds[one.address.kind]) for one in resources)
        return cls(replace(_emptied(manifest), resources=copies))


def _copy(resource: Resource, kind: Kind) -> Resource:
    """Return what is declared for a copy: where a name is the id, it has a name of its own."""
    copy = replace(resource, protect=False)
    if kind.naming is None:
        return copy
    name = f"{kind.naming.of(resource.address, resource.attrs)}-canary"
    return replace(copy, attrs={**resource.attrs, kind.naming.field: name})


def _emptied(manifest: Manifest) -> Manifest:
    """Return the manifest of copies, with nothing declared yet; what lives in files has a folder of its own."""
    settings = _beside(manifest.settings)
    return replace(undeclared(manifest), project=_project(manifest), settings=settings)


def _project(manifest: Manifest) -> str:
    return f"{manifest.project.removesuffix(_CANARY)[: _LONGEST - len(_CANARY)]}{_CANARY}"


def _beside(settings: AccountSettings) -> AccountSettings:
    return replace(settings, folder=str(_FOLDER / settings.name), lock=False)


@asynccontextmanager
async def copied(copies: Copies, answers: Any, on_event: OnEvent = ignore) -> AsyncIterator[Session]:
    """Make the copies, and remove them at the end, whatever the end is; DeployerError where one cannot be made."""
    from deployer.apply.execute import execute

    _note(copies.manifest)
    async with opened(copies.manifest, on_event=on_event, answers=answers) as session:
        try:
            plan = await session.plan(PlanOptions(prune=True, on_drift=OnDrift.OVERWRITE))
            check(plan, ("prune-limit",))
            outcomes = await execute(session.account, plan, session.manifest.root, on_event)
            wrong = [f"{one.address}: {one.why}" for one in outcomes if one.status is not Status.DONE]
            if wrong:
                raise DeployerError(f"the copies could not be made: {'; '.join(wrong)}")
            yield session
        finally:
            await _removed(session)
    _forget(copies.manifest)


async def _removed(session: Session) -> None:
    """Delete everything that the project of copies has on the account, and what an earlier run sent for it."""
    from deployer.apply.execute import execute

    bare = replace(session, manifest=undeclared(session.manifest))
    plan = _sparing(await destruction(bare), await _held_elsewhere(session))
    if plan.pending:
        outcomes = await execute(session.account, plan, session.manifest.root, session.on_event)
        wrong = [f"{one.address}: {one.why}" for one in outcomes if one.status is not Status.DONE]
        if wrong:
            raise DeployerError(f"copies stay on the account: {'; '.join(wrong)}; the next apply or test removes them")


async def _held_elsewhere(session: Session) -> frozenset[str]:
    """Return the File objects that anything but copies holds: a copy may have been given one of them."""
    held = set[str]()
    for one in await session.account.listed():
        kind = session.kinds[one.kind]
        if not _is_copy(session.manifest.project, one):
            held |= {*kind.held(one.raw), *(await session.account.files.member_ids(one.id) if kind.is_store else ())}
    return frozenset(held)


def _sparing(plan: Plan, held: frozenset[str]) -> Plan:
    """Return a plan that deletes none of these File objects."""

    def spared(change: Change) -> Change:
        left = [one for one in change.operations if not (isinstance(one, DeleteFile) and one.id in held)]
        return replace(change, operations=tuple(left))

    return replace(plan, changes=tuple(spared(change) for change in plan.changes))


async def swept(session: Session, live: Sequence[LiveObject] = ()) -> bool:
    """Remove copies that a killed run left, and return whether there were some.

    They are known by the note that a run makes before it copies, and on any machine by their stamps.
    """
    manifest = _emptied(session.manifest)
    if not (_noted(manifest) or any(_is_copy(manifest.project, one) for one in live)):
        return False
    session.on_event(Notice("copies of a run that did not come to its end are removed first"))
    async with opened(manifest, on_event=session.on_event) as copies:
        await _removed(copies)
    _forget(manifest)
    return True


def _is_copy(project: str, one: LiveObject) -> bool:
    found = stamp.of(one.raw)
    return found is not None and found.project == project


def _noted(manifest: Manifest) -> bool:
    left = Journal.of(manifest.root, manifest.settings, manifest.project)
    return _mark(manifest).exists() or bool(left.left_over or left.begun)


def _mark(manifest: Manifest) -> Path:
    return manifest.root / _FOLDER / f"{manifest.settings.name}.copied"


def _note(manifest: Manifest) -> None:
    from deployer import cache

    cache.prepare(manifest.root / cache.FOLDER)
    path = _mark(manifest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _forget(manifest: Manifest) -> None:
    mark = _mark(manifest)
    mark.unlink(missing_ok=True)
    for folder in (mark.parent / manifest.settings.name, mark.parent):
        with contextlib.suppress(OSError):  # something else is in it
            folder.rmdir()
