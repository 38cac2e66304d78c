"""Show a plan, ask, carry it out in sight of the user, and say what happened; questions of other commands, too."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import click

from deployer.commands import interrupts
from deployer.errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, DeployerError, Interrupted, UsageError
from deployer.model import Action, Begun, Plan
from deployer.project import (
    ApplyResult,
    ApplyStatus,
    Notice,
    ProjectEvent,
    ProjectPlan,
    Silence,
    StopSignal,
    Unlisted,
    Waiting,
)
from deployer.render import formats
from deployer.render.output import Streams, lasting
from deployer.wording import counted

if TYPE_CHECKING:
    import asyncio

    from deployer.project.applying import ApplyOptions
    from deployer.project.session import Session

_NAMED = 3
_AT_ONCE = "interrupted in the middle of requests, which may have been carried out or not: run {} again, it looks first"


@dataclass(slots=True)
class Report:
    """What became of a run, for a program that reads standard output; until something is written, it is a refusal."""

    result: ApplyResult = field(default_factory=lambda: ApplyResult.refusal(""))


@contextlib.contextmanager
def reported(form: str) -> Iterator[Report]:
    """Write at the end what became of a run, in the format; what people read meanwhile goes to stderr.

    In text there is no report: people have seen it all.
    """
    report, out = Report(), sys.stdout
    if form == "text":
        yield report
        return
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield report
    except DeployerError as error:
        report.result = replace(report.result, why=report.result.why or str(error))
        error.reported = True
        raise
    finally:
        formats.write("outcomes", form, report.result, Streams(out, sys.stderr))


@dataclass(frozen=True, slots=True)
class Words:
    """What a command says of itself: `again` does the rest when something is left; `done` is how a run ends well."""

    again: str
    done: str = "The next plan is empty."
    report: Report = field(default_factory=Report)


def tell(event: ProjectEvent) -> None:
    """Print on standard error what a person should know while something takes its time."""
    from deployer.render.lines import plain

    if isinstance(event, Waiting | Silence | Unlisted | Notice):
        click.echo(plain(str(event)), err=True)


async def carried_out(
    session: Session, plan: Plan, options: ApplyOptions, words: Words, ask: Callable[[Plan], None]
) -> int:
    """Show a plan, ask, do it, and plan again to prove it; return the exit code.

    Once it is at work, output that cannot be written (its reader is gone, the disk is full) does not stop it.
    """
    from deployer.project.applying import check, proven

    report, reviewed = words.report, ProjectPlan.of(plan)
    report.result = ApplyResult.refusal("", reviewed)
    show(plan)
    check(plan, options.force)
    if not plan.pending:
        report.result = ApplyResult(ApplyStatus.UNCHANGED, reviewed)
        return EXIT_DONE
    ask(plan)
    report.result = ApplyResult(ApplyStatus.INTERRUPTED, reviewed, why=_AT_ONCE.format(words.again))  # unless it ends
    with lasting():
        result = report.result = await _executed(session, plan, options, words)
        if result.status is not ApplyStatus.DONE:
            return _ended(result, words)
        _print_counts(result)
        result = report.result = await proven(session, result, replace(options, on_event=tell))
        return _closed(result, words)


def show(plan: Plan) -> None:
    """What was not shown is not done. Errors come last, from the guard, on stderr: a log has them once."""
    from deployer.render import text

    try:
        text.plan(plan, Streams.standard(), errors=False)
    except OSError as error:
        if plan.pending or plan.errors:
            why = "nobody reads it" if isinstance(error, BrokenPipeError) else error.strerror or error
            raise DeployerError(f"nothing was changed: the plan could not be shown ({why})") from None
        raise


def confirm(plan: Plan) -> None:
    """Ask whether to apply; what is deleted is named in the question."""
    deletes = _deletes(plan)
    if not confirmed(f"Apply, and delete {', '.join(deletes)}?" if deletes else "Apply?"):
        raise DeployerError("nothing was changed")


def agreed(_plan: Plan) -> None:
    """Ask nothing: --yes was given."""


def answerable(what: str, *flags: str) -> None:
    """Raise unless somebody can answer; `flags` say what to add."""
    if not sys.stdin.isatty():
        raise UsageError(f"nobody can confirm here; add {' or '.join(flags)} to {what} without asking")


def confirmed(question: str) -> bool:
    with interruptible():
        return click.confirm(f"\n{question}", default=False)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question: asyncio's own handler would wait for the loop, which waits for the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _deletes(plan: Plan) -> list[str]:
    """Name what goes; many left-over File objects are a number."""
    gone = [change.address for change in plan.pending if change.action is Action.DELETE]
    left = sum(one.kind == "file" for one in gone)
    if left <= _NAMED:
        return [str(one) for one in gone]
    return [*(str(one) for one in gone if one.kind != "file"), f"{left:,} left-over File objects"]


async def _executed(session: Session, plan: Plan, options: ApplyOptions, words: Words) -> ApplyResult:
    import asyncio

    from deployer.project.applying import executed
    from deployer.render.progress import progress

    click.echo()
    with progress(sys.stdout, plan) as report:

        def told(event: ProjectEvent) -> None:
            if isinstance(event, Waiting | Silence | Unlisted | Notice):
                tell(event)
            else:
                report(event.address, event.operation, event.outcome, event.bytes, event.ready)

        work = asyncio.create_task(executed(session, plan, replace(options, on_event=told)))
        said = _AT_ONCE.format(words.again)
        with stopping(options.stop, work, said):
            try:
                return await work
            except asyncio.CancelledError:
                raise Interrupted(said) from None


@contextlib.contextmanager
def stopping(stop: StopSignal, work: asyncio.Task[Any], said: str) -> Iterator[None]:
    """Let Ctrl-C (or a pipeline's SIGTERM) end the run after the requests in flight; a second one ends it at once."""
    import asyncio

    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        if stop.is_set():
            work.cancel()
            return
        click.echo("\nstopping after the requests in flight; again to stop at once", err=True)
        stop.set()

    with interrupts.handled(lambda: loop.call_soon_threadsafe(interrupted), said):
        yield


def _print_counts(result: ApplyResult) -> None:
    from deployer.render import preview

    click.echo(f"\n{preview.outcome_totals(result.outcomes)}.", nl=False)


def _ended(result: ApplyResult, words: Words) -> int:
    """Say how a run ended in which not every change was done."""
    from deployer.render import preview
    from deployer.render.lines import plain

    if result.status is ApplyStatus.REFUSED:
        raise DeployerError(result.why)
    _print_counts(result)
    left = preview.left(result.outcomes)
    begun = [f"Begun: {_begun(one)}." for one in result.begun]
    if result.status is ApplyStatus.INTERRUPTED:
        click.echo("\n".join(["", left, *begun, f"Interrupted: run {words.again} again to do what is left."]))
        return EXIT_INTERRUPTED
    if result.why:
        click.echo("\n".join(["", *filter(None, [left]), *begun, plain(f"Stopped: {result.why}.")]))
    else:
        click.echo("".join([f" Run {words.again} again to do what is left.", *(f"\n{line}" for line in begun)]))
    return EXIT_FAILED


def _begun(one: Begun) -> str:
    files = f", {one.files:,} of {counted(one.all_files, 'file')} sent" if one.all_files else ""
    return f"{one.address}, {one.operations:,} of {counted(one.all_operations, 'operation')}{files}"


def _closed(result: ApplyResult, words: Words) -> int:
    """Say what the proof says."""
    from deployer.render import text
    from deployer.render.lines import plain

    if result.left is None:
        click.echo()
        raise DeployerError(result.why)
    if result.ok:
        click.echo(f" {words.done}")
        return EXIT_DONE
    click.echo(f" But {plain(result.why) or 'the next plan is not empty'}:\n")
    text.plan(result.left, Streams.standard())
    return EXIT_FAILED
