"""deployer apply: plan, confirm, do it, plan again to prove that nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.commands import fleets
from deployer.commands.carry_out import Report, Words, agreed, answerable, confirm, reported, tell
from deployer.commands.options import (
    ProjectChoice,
    force_option,
    format_option,
    lock_option,
    plan_options,
    plan_words,
    project_options,
    rehash_option,
    yes_option,
)
from deployer.commands.test import test_options
from deployer.commands.tested_apply import TestedWays
from deployer.errors import UsageError
from deployer.project.applying import GUARDS
from deployer.render import formats

if TYPE_CHECKING:
    from deployer.project import PlanOptions, Project
    from deployer.project.testing import TestOptions


@dataclass(frozen=True, slots=True)
class ApplyIntent:
    """What the user asked for; `saved` is a plan that is to be applied exactly, `again` the command that goes on."""

    options: PlanOptions
    saved: Mapping[str, Any] | None
    yes: bool
    force: Sequence[str]
    lock_timeout: float
    rehash: bool
    again: str
    expect: str | None
    note: str
    ways: TestedWays


@click.command("apply")
@project_options
@plan_options
@rehash_option
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Apply a plan that plan --out saved, exactly, or not at all.",
)
@click.option(
    "--expect", metavar="FINGERPRINT", help="Apply only a plan with this fingerprint: the one that was reviewed."
)
@click.option("--note", default="", metavar="TEXT", help="What the snapshot is to say of the run.")
@yes_option
@fleets.fleet_options(resume=True)
@format_option("outcomes", "fleet")
@force_option(*GUARDS)
@lock_option
@click.option("--test", "tested", is_flag=True, help="Run the tests of the manifest on what was applied.")
@click.option("--rollback-on-fail", is_flag=True, help="With --test: go back to the state before when one fails.")
@click.option("--canary", is_flag=True, help="First make copies beside what is live, test those, and remove them.")
@test_options
def command(  # noqa: PLR0913 (one for each option)
    *,
    choice: ProjectChoice,
    options: PlanOptions,
    targets: tuple[str, ...],
    rehash: bool,
    plan_file: Path | None,
    expect: str | None,
    note: str,
    yes: bool,
    fleet: fleets.FleetChoice,
    form: str,
    force: tuple[str, ...],
    lock_timeout: float,
    tested: bool,
    rollback_on_fail: bool,
    canary: bool,
    tests: Callable[[], TestOptions],
) -> int:
    """Make the account match the manifest, then plan again to prove it.

    What fails is reported and does not stop the rest; what depends on it is skipped. The next run does what is left.
    Exit code 0 only when everything is done and the next plan is empty. In another format than text, stdout has what
    became of each change, with the ids of its requests, and stderr what people read meanwhile.

    With --test, the tests of the manifest decide (docs/tests.md): exit code 1 when one does not pass, and with
    --rollback-on-fail everything that was applied is taken back. --canary tests copies before anything live changes.
    Killed at any moment, the same command again goes on with it.

    \b
    Example:
      deployer apply
      deployer apply --yes --prune --account openai
      deployer apply --yes --plan plan.json
      deployer apply --yes --fleet --max-failures 3   # each account of the fleet; --resume does what is left
      deployer apply --yes --expect "$REVIEWED" --format markdown > done.md
      deployer apply --yes --test --rollback-on-fail --account openai
    """
    from deployer.project import PlanOptions, saved

    if rollback_on_fail and not tested:
        raise UsageError("--rollback-on-fail needs --test: what fails is a test")
    if fleet:
        if plan_file or expect or note or force or rehash or lock_timeout:
            raise UsageError("with --fleet leave out --plan, --expect, --note, --force, --rehash and --lock-timeout")
        if tested or canary:
            raise UsageError("with --fleet leave out --test and --canary: waves are its canaries")
        aimed = fleets.aimed(options, targets)
        again = choice.command("apply", *fleet.words(), *plan_words(aimed), *(["--yes"] if yes else []))
        return fleets.apply(fleet, choice, aimed, form, yes=yes, again=again)
    if form not in formats.names("outcomes"):
        raise UsageError(f"--format {form} goes with --fleet")
    if plan_file and (targets or options != PlanOptions()):
        raise UsageError(
            "a saved plan holds its options; leave out --prune, --on-drift, --check-files, --target, --strict-surface"
        )
    data = saved.read(plan_file) if plan_file else None
    if data and choice.account is None:
        choice = replace(choice, account=data["account"]["name"])
    project = choice.load()
    if not yes:
        answerable("apply", "--yes")
    options = saved.options(data) if data else replace(options, targets=project.addresses(targets))
    flags = [*(["--test"] if tested else []), *(["--rollback-on-fail"] if rollback_on_fail else [])]
    again = choice.command("apply", *plan_words(options), *flags, *(["--canary"] if canary else []))
    ways = TestedWays(tests, after=tested, back=rollback_on_fail, before=canary)
    wanted = ApplyIntent(options, data, yes, force, lock_timeout, rehash, again, expect, note, ways)
    with reported(form) as report:
        return asyncio.run(_apply(project, wanted, report))


async def _apply(project: Project, wanted: ApplyIntent, report: Report) -> int:
    from deployer.project import saved
    from deployer.project.applying import ApplyOptions
    from deployer.project.session import locked

    ways = wanted.ways
    answers = ways.answers(project)
    async with (
        project.open(rehash=wanted.rehash, on_event=tell, answers=answers) as session,
        locked(session, wanted.lock_timeout) as hold,
    ):
        ways.check(session)
        plan = await session.plan(wanted.options)
        if wanted.saved:
            saved.check(plan, wanted.saved)
        if wanted.expect is not None:
            saved.expected(plan, wanted.expect)
        options = ApplyOptions(session.again(wanted.options), wanted.force, note=wanted.note, hold=hold)
        words = Words(wanted.again, report=report)
        if wanted.options.targets:
            words = replace(words, done="The next plan of these targets is empty.")
        return await ways.carried_out(session, plan, options, words, agreed if wanted.yes else confirm)
