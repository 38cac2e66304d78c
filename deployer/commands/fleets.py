"""What commands do with --fleet: the same as on one account, on each row of the manifest's fleet, with one report."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from deployer.commands.carry_out import answerable, confirmed, stopping, tell
from deployer.commands.options import VARIABLE, ProjectChoice
from deployer.errors import (
    EXIT_CHANGES,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    DeployerError,
    Interrupted,
    UsageError,
)
from deployer.render import formats
from deployer.render.lines import plain
from deployer.wording import counted, cut

if TYPE_CHECKING:
    from deployer.fleet import Fleet, FleetReport, UnitResult
    from deployer.project import PlanOptions

Function = TypeVar("Function", bound=Callable[..., Any])
_AT_ONCE = "interrupted in the middle of requests, which may have been carried out or not: run {} again, it looks first"
_EVERY = 100
_WIDE = 300


@dataclass(frozen=True, slots=True)
class FleetChoice:
    """Whether a command is about the fleet, which accounts of it, and within which limits."""

    asked: bool
    where: Mapping[str, Sequence[str]]
    max_parallel: int | None
    max_failures: int | None
    resume: bool = False

    def __bool__(self) -> bool:
        return self.asked

    def load(self, choice: ProjectChoice) -> Fleet:
        """Return the fleet; UsageError beside --account, which names one account."""
        from deployer.fleet import Fleet

        if choice.account not in {None, os.environ.get(VARIABLE)}:
            raise UsageError("--fleet is about the accounts of the fleet's rows; leave out --account")
        found = Fleet.load(choice.file, where=self.where, variables=choice.values())
        return found.limited(max_parallel=self.max_parallel, max_failures=self.max_failures)

    def words(self) -> list[str]:
        """Return the options again, as they are written."""
        where = [word for name, values in self.where.items() for one in values for word in ("--where", f"{name}={one}")]
        limits = {"--max-parallel": self.max_parallel, "--max-failures": self.max_failures}
        return ["--fleet", *where, *(word for name, one in limits.items() if one for word in (name, str(one)))]


def fleet_options(*, resume: bool = False) -> Callable[[Function], Function]:
    """Add --fleet and what goes with it; the command gets them as `fleet`."""

    def decorated(function: Function) -> Function:
        @functools.wraps(function)
        def command(
            *, fleet: bool, where: tuple[str, ...], max_parallel: int | None, max_failures: int | None, **others: Any
        ) -> Any:
            again = bool(others.pop("resume", False))
            chosen = FleetChoice(fleet, _labels(where), max_parallel, max_failures, again)
            if not fleet and (where or max_parallel or max_failures or again):
                raise UsageError("--where, --max-parallel, --max-failures and --resume go with --fleet")
            return function(fleet=chosen, **others)

        many = click.IntRange(min=1)
        options = [
            click.option("--fleet", is_flag=True, help="On each account of the manifest's fleet, wave by wave."),
            click.option(
                "--where", multiple=True, metavar="LABEL=VALUE", help="With --fleet: only rows with it. (repeatable)"
            ),
            click.option("--max-parallel", type=many, metavar="N", help="With --fleet: accounts at once."),
            click.option("--max-failures", type=many, metavar="N", help="With --fleet: stop after so many failed. [1]"),
        ]
        if resume:
            options.append(
                click.option("--resume", is_flag=True, help="With --fleet: leave alone what the last run did.")
            )
        decorated_function = cast("Function", command)
        for option in reversed(options):
            decorated_function = option(decorated_function)
        return decorated_function

    return decorated


def aimed(options: PlanOptions, targets: Sequence[str]) -> PlanOptions:
    """Return the options with targets, which each account looks up for itself."""
    from deployer.model import Address

    try:
        return replace(options, targets=tuple(map(Address.parse, targets)))
    except ValueError as error:
        raise UsageError(f"--target {error}: write it as KIND/NAME") from None


def _labels(pairs: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise UsageError(f"--where {pair}: write it as --where LABEL=VALUE")
        found.setdefault(name, []).append(value)
    return found


def read(  # noqa: PLR0913 (what its commands have)
    fleet: FleetChoice, choice: ProjectChoice, verb: str, options: PlanOptions, form: str, *, exit_code: bool
) -> int:
    """Validate, plan or look for drift on every account; print the report and return the exit code."""
    import asyncio

    found = fleet.load(choice)
    report = asyncio.run(_run(found, choice, verb, options, ""))
    formats.write("fleet", _form(form), report.data)
    if report.interrupted:
        return EXIT_INTERRUPTED
    if not report.ok:
        return EXIT_FAILED
    return EXIT_CHANGES if exit_code and report.count("changes", "drifted") else EXIT_DONE


def apply(  # noqa: PLR0913 (one for each option)
    fleet: FleetChoice, choice: ProjectChoice, options: PlanOptions, form: str, *, yes: bool, again: str
) -> int:
    """Apply to every account, after a look at the whole where somebody is asked; print the report at the end."""
    import asyncio

    if not yes:
        answerable("apply", "--yes")
    found = fleet.load(choice)
    if not yes:
        planned = asyncio.run(_run(found, choice, "plan", options, ""))
        formats.write("fleet", "text", planned.data)
        if not planned.ok:
            raise DeployerError("nothing was changed: not every account could be planned")
        if not planned.count("changes"):
            return EXIT_DONE
        if not confirmed(f"Apply to {counted(planned.count('changes'), 'account')}?"):
            raise DeployerError("nothing was changed")
    report = asyncio.run(_run(found, choice, "apply", options, again, resume=fleet.resume))
    formats.write("fleet", _form(form), report.data)
    if report.ok:
        return EXIT_DONE
    click.echo(f"Run {again} --resume to do what is left.", err=True)
    return EXIT_INTERRUPTED if report.interrupted else EXIT_FAILED


def _form(form: str) -> str:
    if form not in formats.names("fleet"):
        raise UsageError(f"--format {form} is for one account; with --fleet: {', '.join(formats.names('fleet'))}")
    return form


async def _run(  # noqa: PLR0913 (one for each option)
    found: Fleet, choice: ProjectChoice, verb: str, options: PlanOptions, again: str, *, resume: bool = False
) -> FleetReport:
    """Do it; Ctrl-C ends it after the requests in flight, a second one at once."""
    import asyncio

    from deployer.project import StopSignal

    stop, said = StopSignal(), _AT_ONCE.format(again or "the same command")
    work = asyncio.create_task(
        found.arun(
            verb,
            options,
            resume=resume,
            environ=choice.environ(),
            on_event=tell,
            on_result=_Told(len(found.rows)),
            stop=stop,
        )
    )
    with stopping(stop, work, said):
        try:
            return await work
        except asyncio.CancelledError:
            raise Interrupted(said) from None


@dataclass(slots=True)
class _Told:
    """Prints on standard error what failed at once, and now and again how far it is."""

    all: int
    done: int = 0
    failed: int = 0

    def __call__(self, result: UnitResult) -> None:
        self.done += 1
        self.failed += not result.ok
        with contextlib.suppress(OSError):
            if not result.ok:
                click.echo(plain(f"✗ {result.name} ({result.where}): {cut(result.why, _WIDE)}"), err=True)
            if self.all > _EVERY and (self.done % _EVERY == 0 or self.done == self.all):
                bad = f", {self.failed:,} failed" if self.failed else ""
                click.echo(f"{self.done:,} of {counted(self.all, 'account')}{bad}", err=True)
