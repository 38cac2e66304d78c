"""Execute a plan: changes beside each other where nothing binds them, each change stage by stage, as the plan says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.account.client import Client
from deployer.account.steps import Run, do
from deployer.errors import AccountError, DeployerError
from deployer.model import Action, Address, Await, Change, Outcome, Plan, Status, Step

CONCURRENCY = 16


@dataclass(frozen=True, slots=True)
class Event:
    """What just happened, for a progress display: a step done, or (with `outcome`) a whole change."""

    address: Address
    step: Step | None = None
    outcome: Outcome | None = None


async def execute(client: Client, plan: Plan, root: Path, notify: Callable[[Event], None]) -> tuple[Outcome, ...]:
    """Do every pending change; give one outcome for each, in the plan's order, whatever the account did.

    A change waits for those that it requires and is skipped when one of them was not done. Deletes wait for the rest.
    """
    run = Run(client, root, asyncio.Semaphore(CONCURRENCY), dict(plan.known), notify_step=_step_events(notify))
    done: dict[Address, Outcome] = {}
    keep = [change for change in plan.pending if change.action is not Action.DELETE]
    gone = [change for change in plan.pending if change.action is Action.DELETE]
    for group in (keep, gone):
        done |= await _together(run, group, done, notify)
    return tuple(done[change.address] for change in plan.pending)


def _step_events(notify: Callable[[Event], None]) -> Callable[[Address, Step], None]:
    return lambda address, step: notify(Event(address, step))


async def _together(
    run: Run, changes: list[Change], before: Mapping[Address, Outcome], notify: Callable[[Event], None]
) -> dict[Address, Outcome]:
    tasks: dict[Address, asyncio.Task[Outcome]] = {}
    async with asyncio.TaskGroup() as group:
        for change in changes:  # the plan's order: what is required has its task already
            needs = [tasks[address] for address in change.requires if address in tasks]
            past = [before[address] for address in change.requires if address in before]
            tasks[change.address] = group.create_task(_reported(_one(run, change, needs, past), notify))
    return {address: task.result() for address, task in tasks.items()}


async def _reported(work: Coroutine[Any, Any, Outcome], notify: Callable[[Event], None]) -> Outcome:
    outcome = await work
    notify(Event(outcome.address, outcome=outcome))
    return outcome


async def _one(run: Run, change: Change, needs: list[asyncio.Task[Outcome]], past: list[Outcome]) -> Outcome:
    outcomes = [*past, *[await task for task in needs]]
    missing = [str(one.address) for one in outcomes if one.status is not Status.DONE]
    if missing:
        return Outcome(change.address, change.action, Status.SKIPPED, f"it needs {', '.join(missing)}")
    try:
        for stage in change.stages:
            await _stage(run, change.address, stage)
    except DeployerError as error:
        await _take_back(run, change)
        return Outcome(change.address, change.action, Status.FAILED, str(error), run.known.get(str(change.address)))
    return Outcome(change.address, change.action, Status.DONE, "", run.known.get(str(change.address)))


async def _stage(run: Run, address: Address, stage: tuple[Step, ...]) -> None:
    """Let every step of the stage end, even when one fails: what was sent must not be forgotten half-way."""
    results = await asyncio.gather(*(do(run, address, step) for step in stage), return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, DeployerError):
            raise failure
    if failures:
        texts = list(dict.fromkeys(str(failure) for failure in failures))
        raise DeployerError("; ".join(texts[:3]) + (f"; and {len(texts) - 3} more" if len(texts) > 3 else ""))


async def _take_back(run: Run, change: Change) -> None:
    """Delete what was uploaded and never attached: files carry no stamp, so no later run would find them again."""
    waits = [step for stage in change.stages for step in stage if isinstance(step, Await)]
    keys = [key for wait in waits if wait.batch not in run.known for key in wait.paths if key in run.known]
    await asyncio.gather(*(_forget(run, key) for key in keys))


async def _forget(run: Run, key: str) -> None:
    with contextlib.suppress(AccountError):  # the change has failed already, and says why
        async with run.gate:
            await run.client.write("DELETE", f"/files/{run.known.pop(key)}")
