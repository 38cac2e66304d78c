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
from deployer.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, AccountError, DeployerError, Interrupted
from deployer.model import Action, Outcome, Plan, Status
from deployer.project import consent
from deployer.project.safety import recorded, secured
from deployer.render.output import lasting

if TYPE_CHECKING:
    from deployer.apply import Event
    from deployer.backends.http.lease import Hold
    from deployer.project.session import Session, Wishes

_NAMED = 3
_NOT_FOUND = 404
_LAGS = (0.5, 1.0, 2.0, 4.0)
"""Seconds between looks: a list may not show yet what was just written, or still show what has gone."""
_AT_ONCE = "interrupted in the middle of requests, which may have been carried out or not: run {} again, it looks first"


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
    """Show a plan, ask, do it, and plan again to prove it; gives the exit code.

    Once it is at work, output that cannot be written (its reader is gone, the disk is full) does not stop it.
    """
    _show(plan)
    guard.check(plan, wanted.force)
    if not plan.pending:
        return EXIT_DONE
    if wanted.ask:
        wanted.ask(plan)
    else:
        _confirm(plan, yes=wanted.yes)
    written = await secured(session, plan, wanted.command, wanted.hold)
    with lasting():
        outcomes = await _execute(session, plan, wanted)
        recorded(session, written, outcomes)
        return await _prove(session, outcomes, wanted)


def _show(plan: Plan) -> None:
    """What nobody saw is not done. Errors come last, from the guard, on stderr: a log has them once."""
    from deployer.render import text
    from deployer.render.output import Streams

    try:
        text.plan(plan, Streams.standard(), errors=False)
    except OSError as error:
        if plan.pending or plan.errors:
            why = "nobody reads it" if isinstance(error, BrokenPipeError) else error.strerror or error
            raise DeployerError(f"nothing was changed: the plan could not be shown ({why})") from None
        raise


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


async def _execute(session: Session, plan: Plan, wanted: Intent) -> tuple[Outcome, ...]:
    from deployer.apply import execute
    from deployer.render.progress import progress

    stop = wanted.hold.over if wanted.hold else asyncio.Event()
    click.echo()
    with progress(sys.stdout, plan) as report:

        def told(event: Event) -> None:
            report(event.address, event.operation, event.outcome, event.bytes, event.ready)

        work = asyncio.create_task(execute(session.client, plan, session.manifest.root, told, stop=stop))
        with _stopping(stop, work):
            try:
                return await work
            except asyncio.CancelledError:
                raise Interrupted(_AT_ONCE.format(wanted.command)) from None


@contextlib.contextmanager
def _stopping(stop: asyncio.Event, work: asyncio.Task[Any]) -> Iterator[None]:
    """Let Ctrl-C (or a pipeline's SIGTERM) end the run after the requests in flight; a second one ends it at once."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if stop.is_set():
            work.cancel()
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
    from deployer.apply import STOPPED
    from deployer.render import text
    from deployer.render.lines import plain
    from deployer.render.output import Streams

    click.echo(f"\n{text.summary(outcomes)}.", nl=False)
    if wanted.hold and wanted.hold.lost:
        click.echo("\n".join(["", *filter(None, [text.left(outcomes)]), plain(f"Stopped: {wanted.hold.lost}.")]))
        return EXIT_FAILED
    if any(outcome.why == STOPPED for outcome in outcomes):
        click.echo(f"\n{text.left(outcomes)}\nInterrupted: run {wanted.command} again to do what is left.")
        return EXIT_INTERRUPTED
    if any(outcome.status is not Status.DONE for outcome in outcomes):
        click.echo(f" Run {wanted.command} again to do what is left.")
        return EXIT_FAILED
    left = await _settled(session, wanted)
    if not left.pending:
        click.echo(" The next plan is empty.")
        return EXIT_DONE
    click.echo(" But the next plan is not empty:\n")
    text.plan(left, Streams.standard())
    return EXIT_FAILED


async def _settled(session: Session, wanted: Intent) -> Plan:
    """Give the next plan, once it is empty or has had its time to become so."""
    for pause in _LAGS:
        try:
            left = await _left(session, wanted)
        except AccountError as error:
            if error.status != _NOT_FOUND:
                raise
        else:
            if not left.pending:
                return left
        await asyncio.sleep(pause)
    return await _left(session, wanted)


async def _left(session: Session, wanted: Intent) -> Plan:
    return await (wanted.again() if wanted.again else session.plan(replace(wanted.wishes, origin=None)))
