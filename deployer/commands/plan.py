"""deployer plan: the preview."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands import fleets
from deployer.commands.carry_out import tell
from deployer.commands.completion import accounts
from deployer.commands.options import (
    Gates,
    ProjectChoice,
    fail_on_option,
    format_option,
    plan_options,
    project_options,
    rehash_option,
)
from deployer.errors import EXIT_CHANGES, EXIT_DONE, EXIT_FAILED, UsageError
from deployer.model import Plan
from deployer.render import formats
from deployer.render.lines import plain_text

if TYPE_CHECKING:
    from deployer.project import PlanOptions, Project, ProjectPlan


@click.command("plan")
@project_options
@plan_options
@rehash_option
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Save it for apply --plan."
)
@click.option(
    "--against",
    metavar="ACCOUNT",
    shell_complete=accounts,
    help="Compare with another live account, not with the manifest: what a promotion from there would change.",
)
@fleets.fleet_options()
@format_option("plan")
@fail_on_option("breaking", "conflict", "delete")
@click.option("--exit-code", is_flag=True, help="Exit with 2 when there are changes.")
def command(  # noqa: PLR0913 (one for each option)
    *,
    choice: ProjectChoice,
    options: PlanOptions,
    targets: tuple[str, ...],
    rehash: bool,
    out: Path | None,
    against: str | None,
    fleet: fleets.FleetChoice,
    form: str,
    gates: Gates,
    exit_code: bool,
) -> int:
    """Show what apply would change: the same requests, none of them sent.

    \b
    Example:
      deployer plan
      deployer plan --account openai --format markdown > comment.md
      deployer plan --exit-code        # 0 nothing to do, 2 changes, 1 failure
      deployer plan --fail-on breaking,conflict
      deployer plan --account openai --against staging   # what a promotion would change
      deployer plan --fleet --where tier=canary   # on each account of the manifest's fleet
      deployer plan --out plan.json    # then: deployer show plan.json, deployer apply --plan plan.json
    """
    from deployer.project import PlanOptions

    if fleet:
        if out or against or gates.words or gates.days is not None:
            raise UsageError("with --fleet leave out --out, --against and --fail-on")
        return fleets.read(fleet, choice, "plan", fleets.aimed(options, targets), form, exit_code=exit_code)
    project = choice.load()
    if against is not None:
        if out or targets or options != PlanOptions():
            raise UsageError("--against compares two accounts; leave out --out, --target and what a plan is made with")
        from deployer.project import promotion

        found = asyncio.run(promotion.against(project, replace(choice, account=against).load(), on_event=tell))
        return shown(found.gated(gates.words), form, exit_code=exit_code)
    options = replace(options, targets=project.addresses(targets))
    plan = asyncio.run(_plan(project, options, rehash=rehash)).gated(gates.words, gates.models(project.shutdowns))
    if out:
        _save(plan, out, choice)
    return shown(plan, form, exit_code=exit_code)


def shown(plan: ProjectPlan, form: str, *, exit_code: bool) -> int:
    """Print a plan; return the exit code. Where standard output is no terminal, its verdict is told on stderr, too."""
    formats.write("plan", form, plan)
    if form != "text" or not sys.stdout.isatty():
        for line in plan.failed if form == "text" else plan.verdict:
            click.echo(plain_text(line), err=True)
    if plan.errors or plan.failed:
        return EXIT_FAILED
    return EXIT_CHANGES if exit_code and plan.pending else EXIT_DONE


async def _plan(project: Project, options: PlanOptions, *, rehash: bool) -> ProjectPlan:
    async with project.open(rehash=rehash, on_event=tell) as session:
        return await session.plan(options)


def _save(plan: Plan, out: Path, choice: ProjectChoice) -> None:
    from deployer.project import saved

    saved.write(out, plan)
    click.echo(f"saved: {choice.command('apply', '--plan', str(out))} applies exactly this", err=True)
