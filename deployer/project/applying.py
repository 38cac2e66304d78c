"""From a plan that was reviewed to its proof: a snapshot, the operations, and the next plan, which must be empty."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deployer.engine import guard
from deployer.errors import AccountError, DeployerError
from deployer.model import Action, Address, Begun, Change, LiveObject, Outcome, Plan, Status, Upload
from deployer.project.events import Listener, Notice, OnEvent, StopSignal, ignore
from deployer.project.results import ApplyResult, ApplyStatus, ProjectPlan
from deployer.project.undo import store_of
from deployer.rollback import snapshot
from deployer.rollback.snapshot import CREATES
from deployer.rollback.store import name_of
from deployer.wording import listed

if TYPE_CHECKING:
    from deployer.apply.execution import Event
    from deployer.apply.lag import Lag
    from deployer.backends.base import Held, Unlisted
    from deployer.project.session import Session

PRUNE_LIMIT = guard.PRUNE_LIMIT
GUARDS = guard.GUARDS
"""The names of guards that can be lifted."""
_FORM = 7.0
"""Seconds for which a plan that no lagging list explains may become empty: a service goes on with what it was sent."""
_AWAY = (Action.CREATE, Action.DELETE)
_NAMED = 3


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How a plan is carried out.

    `again` makes the plan that proves that nothing is left, None where none is to be made. `force` lifts guards, by
    their names. `command` and `note` are what the snapshot says of the run. `hold` is the account's lease, where it has
    one. `kept`: the run is a trial, whose snapshot says so, with these ids of File objects (deployer.project.trial).
    """

    again: Callable[[], Awaitable[Plan]] | None = None
    force: Collection[str] = ()
    command: str = "apply"
    hold: Held | None = None
    note: str = ""
    kept: tuple[str, ...] | None = None
    on_event: OnEvent = ignore
    stop: StopSignal = field(default_factory=StopSignal)


def check(plan: Plan, force: Collection[str] = ()) -> None:
    """Raise when a plan must not be applied; the message names what would lift the refusal."""
    guard.check(plan, force)


def refused(error: DeployerError, plan: Plan | None = None) -> ApplyResult:
    """Return the result of a run that has written nothing."""
    return ApplyResult.refusal(str(error), ProjectPlan.of(plan) if plan else None)


async def applied(session: Session, plan: Plan, options: ApplyOptions) -> ApplyResult:
    """Carry out a plan and prove it; whatever the account does, the result says what became of each change.

    What `on_event` raises is raised when the run has come to its end.
    """
    listener = Listener(options.on_event, options.stop)
    options = replace(options, on_event=listener)
    result = await proven(session, await executed(session, plan, options), options)
    listener.check()
    return result


async def _trimmed(session: Session, plan: Plan, options: ApplyOptions) -> None:
    """Delete old versions of what a proven run has updated, as the account says; what fails is told, no more."""
    keep = session.account.settings.keep_versions
    for change in plan.pending:
        kind = change.address.kind
        if not keep or change.action is not Action.UPDATE or session.kinds[kind].versions is None:
            continue
        try:
            gone = await session.account.of(kind).trim(kind, change.live_id or "", keep, plan.project)
        except AccountError as error:
            options.on_event(Notice(f"warning: {error}; old versions of {change.address} go with its next update"))
            continue
        if gone:
            what = f"{'version' if len(gone) == 1 else 'versions'} {listed(gone, _NAMED)}"
            options.on_event(Notice(f"{change.address}: {what} deleted (keep_versions: {keep})"))


async def executed(session: Session, plan: Plan, options: ApplyOptions) -> ApplyResult:
    """Carry out a plan, without the proof. Being cancelled, it ends in the middle of its requests."""
    from deployer.apply.execute import execute

    reviewed = ProjectPlan.of(plan)
    try:
        check(plan, options.force)
        if not plan.pending:
            return ApplyResult(ApplyStatus.UNCHANGED, reviewed)
        written = await secured(session, plan, options)
    except DeployerError as error:
        return refused(error, plan)
    over = options.hold.over if options.hold else asyncio.Event()
    count = _Count(options.on_event)
    with options.stop.passed_on(over):
        outcomes = await execute(session.account, plan, session.manifest.root, count, stop=over)
    recorded(session, written, outcomes, options.on_event)
    status, why = _ended(outcomes, options)
    name = written.name if written else None
    return ApplyResult(status, reviewed, outcomes, why=why, snapshot=name, begun=count.begun(plan, outcomes))


@dataclass(slots=True)
class _Count:
    """Passes events on, and counts of each change the operations that ended, and the files that were sent."""

    on_event: OnEvent
    operations: Counter[Address] = field(default_factory=Counter)
    files: Counter[Address] = field(default_factory=Counter)

    def __call__(self, event: Event | Unlisted) -> None:
        from deployer.apply.execution import Event

        if isinstance(event, Event):
            self.operations[event.address] += event.operation is not None
            self.files[event.address] += isinstance(event.operation, Upload)
        self.on_event(event)

    def begun(self, plan: Plan, outcomes: Sequence[Outcome]) -> tuple[Begun, ...]:
        rest = {one.address for one in outcomes if one.status is not Status.DONE}
        found = (self._begun(change) for change in plan.pending if change.address in rest)
        return tuple(one for one in found if one.operations)

    def _begun(self, change: Change) -> Begun:
        uploads = sum(isinstance(one, Upload) for one in change.operations)
        address = change.address
        return Begun(address, self.operations[address], len(change.operations), self.files[address], uploads)


def _ended(outcomes: Sequence[Outcome], options: ApplyOptions) -> tuple[ApplyStatus, str]:
    if options.hold and options.hold.lost:
        return ApplyStatus.INCOMPLETE, options.hold.lost
    if options.stop.is_set() and any(one.status is Status.SKIPPED for one in outcomes):
        return ApplyStatus.INTERRUPTED, ""
    done = all(one.status is Status.DONE for one in outcomes)
    return (ApplyStatus.DONE if done else ApplyStatus.INCOMPLETE), ""


async def proven(session: Session, result: ApplyResult, options: ApplyOptions) -> ApplyResult:
    """Plan again after a run in which every change was done: that plan must be empty, and without errors."""
    if result.status is not ApplyStatus.DONE or options.again is None or result.plan is None:
        return result
    try:
        left = ProjectPlan.of(await _settled(options.again, result.plan, session.lag))
    except DeployerError as error:
        return replace(result, status=ApplyStatus.INCOMPLETE, why=str(error))
    if not left.pending and not left.errors:
        await _trimmed(session, result.plan, options)
        return replace(result, left=left)
    return replace(result, left=left, status=ApplyStatus.INCOMPLETE, why=_unseen(result.plan, left, session.lag))


async def _settled(again: Callable[[], Awaitable[Plan]], done: Plan, lag: Lag) -> Plan:
    """Return the next plan, once it is empty or has had its time to become so: as long as a list may lag.

    A store that is not seen yet has no documents that could be asked for.
    """
    clock = asyncio.get_running_loop().time
    began = clock()

    async def look() -> Plan | AccountError | None:
        try:
            left = await again()
        except AccountError as error:
            return None if error.absent else error
        late = clock() - began > _FORM and not _lagging(done, left)
        return None if left.pending and not late else left

    what = "not everything that was written shows in the lists of the account; waiting until it does"
    found: Plan | AccountError | None = await lag.until_shown(what, look, began)
    if isinstance(found, AccountError):
        raise found
    return await again() if found is None else found


def _lagging(done: Plan, left: Plan) -> list[Change]:
    """Return what is left because a list shows the state before its write, as far as one can tell."""
    before = {change.address: change for change in done.pending}
    return [one for one in left.pending if one.address in before and _is_as_before(before[one.address], one)]


def _is_as_before(before: Change, now: Change) -> bool:
    return now.action in _AWAY or bool(now.files) or now.reviewed == before.reviewed


def _unseen(done: Plan, left: Plan, lag: Lag) -> str:
    """Say that it is unknown whether something is done, where lists go on showing what was before."""
    names = [str(one.address) for one in _lagging(done, left)]
    if not names or not lag.most:
        return ""
    return f"whether {listed(names, _NAMED)} is done is unknown: {lag.most:.0f} s later the account does not show it"


@dataclass(frozen=True, slots=True)
class Written:
    """A snapshot that was written, and the ids of what was live when its plan was made."""

    name: str
    data: Mapping[str, Any]
    live: frozenset[str]


async def secured(session: Session, plan: Plan, options: ApplyOptions) -> Written | None:
    """Make sure that the lease still holds, and write the snapshot; raise when nothing must be written yet."""
    present = await _present(session, plan)
    if options.hold:
        await options.hold.sure()
    now = datetime.now(UTC)
    data = snapshot.take(plan, options.command, now.isoformat(timespec="seconds"), present, options.note)
    if not data["changes"]:
        return None
    if options.kept is not None:
        data |= {snapshot.TRIAL: snapshot.TrialState.OPEN.value, snapshot.KEPT: list(options.kept)}
    written = Written(name_of(now, plan.project), data, frozenset(one.id for one in plan.live))
    try:
        store_of(session.manifest).write(written.name, data)
    except DeployerError as error:
        raise DeployerError(f"{error}; nothing was changed: without a snapshot it could not be rolled back") from None
    return written


async def _present(session: Session, plan: Plan) -> Sequence[LiveObject]:
    """Return what is live right now; should the run not live to note what it makes, this it did not make."""
    if not any(change.action in CREATES for change in plan.pending):
        return ()
    return await session.account.listed()


def recorded(session: Session, written: Written | None, outcomes: Sequence[Outcome], on_event: OnEvent) -> None:
    """Record in the snapshot what the run has created; the run is over, whatever becomes of that."""
    if written is None or not any(outcome.action in CREATES for outcome in outcomes):
        return
    try:
        store_of(session.manifest).write(written.name, snapshot.with_created(written.data, outcomes, written.live))
    except DeployerError as error:
        what = f"warning: {error}; the snapshot {written.name} does not say what this run created"
        on_event(Notice(f"{what}: a rollback infers it from addresses and ages"))
