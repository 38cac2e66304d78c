"""From a plan to its proof: show it, ask, do it, and plan again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from deployer.engine import guard
from deployer.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, DeployerError
from deployer.model import Action, Outcome, Plan, Status
from deployer.session import consent
from deployer.session.safety import secured

if TYPE_CHECKING:
    from deployer.account import Event
    from deployer.account.lock import Hold
    from deployer.render.progress import Report
    from deployer.session.opening import Session, Wishes

_NAMED = 3
_LAG = 0.5  # seconds: a list may not show yet what was just written


@dataclass(frozen=True, slots=True)
class Intent:
    """What the user asked for; `data` is a saved plan, to be applied exactly.

    `command` is what does the rest when something is left. `ask` replaces the usual question, `again` the plan that
    proves that nothing is left. `hold` is the account's lease, where it has one.
    """

    wishes: Wishes
    data: Mapping[str, Any] | None
    yes: bool
    force: Sequence[str]
    command: str = "apply"
    ask: Callable[[Plan], None] | None = None
    again: Callable[[], Awaitable[Plan]] | None = None
    hold: Hold | None = None


async def carried_out(session: Session, plan: Plan, wanted: Intent) -> int:
    """Show a plan, ask, do it, and plan again to prove it; gives the exit code."""
    from deployer.render import text

    try:
        text.plan(text.console(sys.stdout), plan)
    except BrokenPipeError:  # what nobody saw is not done
        return EXIT_FAILED if plan.pending else EXIT_DONE
    guard.check(plan, wanted.force)
    if not plan.pending:
        return EXIT_DONE
    if wanted.ask:
        wanted.ask(plan)
    else:
        _confirm(plan, yes=wanted.yes)
    await secured(session, plan, wanted.command, wanted.hold)
    outcomes = await _execute(session, plan, wanted.hold.over if wanted.hold else asyncio.Event())
    try:
        return await _prove(session, outcomes, wanted)
    except BrokenPipeError:  # nobody reads it; the exit code still tells, and is proven all the same
        done = all(outcome.status is Status.DONE for outcome in outcomes)
        return EXIT_DONE if done and not (await _left(session, wanted)).pending else EXIT_FAILED


def _deletes(plan: Plan) -> list[str]:
    """Name what goes; many left-over File objects are a number."""
    gone = [change.address for change in plan.pending if change.action is Action.DELETE]
    left = sum(one.kind == "file" for one in gone)
    if left <= _NAMED:
        return [str(one) for one in gone]
    return [*(str(one) for one in gone if one.kind != "file"), f"{left:,} left-over File objects"]


def _confirm(plan: Plan, *, yes: bool) -> None:
    if yes:
        return
    deletes = _deletes(plan)
    question = f"Apply, and delete {', '.join(deletes)}?" if deletes else "Apply?"
    if not consent.confirmed(question):
        raise DeployerError("nothing was changed")


async def _execute(session: Session, plan: Plan, stop: asyncio.Event) -> tuple[Outcome, ...]:
    from deployer.account import execute
    from deployer.render.progress import progress

    click.echo()
    with progress(sys.stdout, plan) as report, _stopping(stop):
        return await execute(
            session.client,
            plan,
            session.manifest.root,
            _Told(report),
            stop=stop,
        )


@dataclass(slots=True)
class _Told:
    """Passes events on, until nobody reads the output any more: that must not stop a run half-way."""

    report: Report
    heard: bool = True

    def __call__(self, event: Event) -> None:
        if not self.heard:
            return
        try:
            self.report(event.address, event.step, event.outcome, event.bytes, event.ready)
        except BrokenPipeError:
            self.heard = False


@contextlib.contextmanager
def _stopping(stop: asyncio.Event) -> Iterator[None]:
    """Let Ctrl-C (or a pipeline's SIGTERM) end the run after the requests in flight; a second one ends it at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def interrupted() -> None:
        if stop.is_set() and task:
            task.cancel()
            return
        click.echo("\nstopping after the requests in flight; again to stop at once", err=True)
        stop.set()

    signals = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in signals:
            loop.add_signal_handler(number, interrupted)
    except (NotImplementedError, RuntimeError, ValueError):  # no such thing on this system, or not the main thread
        yield
        return
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def _prove(session: Session, outcomes: Sequence[Outcome], wanted: Intent) -> int:
    from deployer.account import STOPPED
    from deployer.render import text
    from deployer.render.plain import plain

    click.echo(f"\n{text.outcomes(outcomes)}.", nl=False)
    if wanted.hold and wanted.hold.lost:
        click.echo("\n".join(["", *filter(None, [text.left(outcomes)]), plain(f"Stopped: {wanted.hold.lost}.")]))
        return EXIT_FAILED
    if any(outcome.why == STOPPED for outcome in outcomes):
        click.echo(f"\n{text.left(outcomes)}\nInterrupted: run {wanted.command} again to do what is left.")
        return EXIT_INTERRUPTED
    if any(outcome.status is not Status.DONE for outcome in outcomes):
        click.echo(f" Run {wanted.command} again to do what is left.")
        return EXIT_FAILED
    left = await _left(session, wanted)
    if left.pending:
        await asyncio.sleep(_LAG)
        left = await _left(session, wanted)
    if not left.pending:
        click.echo(" The next plan is empty.")
        return EXIT_DONE
    click.echo(" But the next plan is not empty:\n")
    text.plan(text.console(sys.stdout), left)
    return EXIT_FAILED


async def _left(session: Session, wanted: Intent) -> Plan:
    return await (wanted.again() if wanted.again else session.plan(replace(wanted.wishes, origin=None)))
