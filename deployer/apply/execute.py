"""Execute a plan: changes beside each other where nothing binds them, operations as their keys become known."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from deployer.apply import kept, precondition, recover
from deployer.apply.execution import USUAL, Event, Execution, Waits
from deployer.apply.flow import STOPPED, Flow, Promises, Stopped, awaits, gives
from deployer.apply.journal import Journal
from deployer.apply.operations import do
from deployer.apply.reuse import Reuse
from deployer.apply.store_map import StoreNames
from deployer.apply.usage import OtherUsers
from deployer.backends.account import Account
from deployer.backends.base import WRITES, Unlisted
from deployer.errors import AccountError, DeployerError
from deployer.model import Action, Address, Change, DeleteFile, Outcome, Plan, Status
from deployer.wording import listed

CONCURRENCY = 32
_FRESH = (Action.CREATE, Action.REPLACE)


async def execute(  # noqa: PLR0913
    account: Account,
    plan: Plan,
    root: Path,
    notify: Callable[[Event | Unlisted], None],
    *,
    stop: asyncio.Event | None = None,
    waits: Waits = USUAL,
) -> tuple[Outcome, ...]:
    """Do every pending change; return one outcome for each, in the plan's order, whatever the account did.

    A change waits for those that it requires and is skipped when one of them was not done. Deletes wait for the rest.
    Once `stop` is set, nothing more is started.
    """
    return await _run(_prepared(account, plan, root, notify, stop or asyncio.Event(), waits))


def _prepared(  # noqa: PLR0913, PLR0917
    account: Account,
    plan: Plan,
    root: Path,
    notify: Callable[[Event | Unlisted], None],
    stop: asyncio.Event,
    waits: Waits,
) -> Execution:
    journal, promises = Journal.of(root, account.settings, plan.project), Promises.of(plan.known)
    held = {file.id for one in plan.live for file in one.files}
    held |= {file for one in plan.live for file in account.kinds[one.kind].held(one.raw)}
    known = {change.live_id for change in plan.changes if change.live_id} | {one.id for one in plan.live if one.files}
    usage = OtherUsers(account, lambda one: one in known or one in promises.values)
    gate, shas = asyncio.Semaphore(CONCURRENCY), dict[str, str | None](journal.sent)
    reuse = Reuse(account, held, usage.holder, shas, dict(journal.names), frozenset(journal.lost))
    before, names = {one.id: one.raw for one in plan.live}, StoreNames.of(account, plan.live)
    return Execution(account, plan, root, notify, stop, gate, waits, promises, reuse, journal, usage, names, before)


async def _run(run: Execution) -> tuple[Outcome, ...]:
    pending = run.plan.pending
    run.proven = kept.proven(run.plan.live)
    if any(change.action in _FRESH for change in pending):
        run.appeared = await recover.appeared(run)
    operations = (one for change in pending for one in change.operations)
    run.journal.release(one.id for one in operations if isinstance(one, DeleteFile))
    done: dict[Address, Outcome] = {}
    keep = [change for change in pending if change.action is not Action.DELETE]
    gone = [change for change in pending if change.action is Action.DELETE]
    for group in (keep, gone):
        done |= await _together(run, group, done)
    await _take_back(run)
    if all(outcome.status is Status.DONE for outcome in done.values()):
        run.journal.clear()
    return tuple(done[change.address] for change in pending)


async def _together(run: Execution, changes: list[Change], before: Mapping[Address, Outcome]) -> dict[Address, Outcome]:
    tasks: dict[Address, asyncio.Task[Outcome]] = {}
    async with asyncio.TaskGroup() as group:
        for change in changes:  # the plan's order: what is required has its task already
            needs = [tasks[address] for address in change.requires if address in tasks]
            past = [before[address] for address in change.requires if address in before]
            tasks[change.address] = group.create_task(_reported(run, change, needs, past))
    return {address: task.result() for address, task in tasks.items()}


async def _reported(run: Execution, change: Change, needs: list[asyncio.Task[Outcome]], past: list[Outcome]) -> Outcome:
    sent: list[str] = []
    WRITES.set(sent)  # in the context of this change's task, and of those that it begins
    outcome = replace(await _one(run, change, needs, past), requests=tuple(sent))
    for key in (key for one in change.operations for key in gives(one)):
        run.promises.give_up(key, f"it needs {change.address}")
    run.notify(Event(outcome.address, outcome=outcome))
    return outcome


async def _one(run: Execution, change: Change, needs: list[asyncio.Task[Outcome]], past: list[Outcome]) -> Outcome:
    outcomes = [*past, *[await task for task in needs]]
    missing = [str(one.address) for one in outcomes if one.status is not Status.DONE]
    if missing:
        return _outcome(run, change, Status.SKIPPED, f"it needs {', '.join(missing)}")
    try:
        await precondition.before_change(run, change)
    except Stopped:
        return _outcome(run, change, Status.SKIPPED, STOPPED)
    except DeployerError as error:
        return _outcome(run, change, Status.FAILED, str(error))
    flow = Flow(run.promises, partial(do, run, change), run.stop)
    await flow.run(change.operations)
    if flow.failures:
        status = Status.UNKNOWN if flow.unknown else Status.FAILED
        return _outcome(run, change, status, _summed_up(flow.failures))
    if flow.left_out:
        return _outcome(run, change, Status.SKIPPED, _why_left_out(run, change))
    return _outcome(run, change, Status.DONE, "")


def _outcome(run: Execution, change: Change, status: Status, why: str) -> Outcome:
    known = run.promises.known.get(str(change.address))
    return Outcome(change.address, change.action, status, why, known, tuple(run.notes[change.address]))


def _summed_up(failures: Sequence[str]) -> str:
    return listed(list(dict.fromkeys(failures)), 3, "; ")


def _why_left_out(run: Execution, change: Change) -> str:
    if run.stop.is_set():
        return STOPPED
    lacking = (run.promises.lacking(awaits(one)) for one in change.operations)
    return next((why for why in lacking if why), STOPPED)


async def _take_back(run: Execution) -> None:
    """Delete what was sent and never attached; what an interrupted run leaves, the next one uses or `gc` finds."""
    if run.undone or not run.stop.is_set():
        await asyncio.gather(*(_forget(run, one) for one in run.sent - run.attached))


async def _forget(run: Execution, file_id: str) -> None:
    with contextlib.suppress(AccountError, Stopped):  # the change has failed already, and says why
        if await run.usage.holder(file_id):
            return
        async with run.gate if run.undone else run.turn():
            await run.account.files.delete(file_id)
        run.journal.delete(file_id)
