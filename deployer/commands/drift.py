"""deployer drift: only what moved on the account."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from deployer.commands import fleets
from deployer.commands.carry_out import tell
from deployer.commands.options import ProjectChoice, format_option, project_options, target_option
from deployer.errors import EXIT_CHANGES, EXIT_DONE, EXIT_FAILED, UsageError
from deployer.model import ProblemsFound
from deployer.render import formats
from deployer.render.lines import plain

if TYPE_CHECKING:
    from deployer.project import Drift, Project


@click.command("drift")
@project_options
@target_option("Only this resource, with what it needs.")
@fleets.fleet_options()
@format_option("drift", "fleet")
@click.option("--write", is_flag=True, help="Bring it into the files: prompts, functions, the manifest.")
@click.option("--exit-code", is_flag=True, help="Exit with 2 when something moved.")
def command(  # noqa: PLR0913 (one for each option)
    *,
    choice: ProjectChoice,
    targets: tuple[str, ...],
    fleet: fleets.FleetChoice,
    form: str,
    write: bool,
    exit_code: bool,
) -> int:
    """Show what somebody edited on the account since the last apply, and documents that fell out of a store.

    What only git changed is not shown; deployer plan shows both. With --write the account's values are written into the
    files that declare them, with all comments kept; what comes from a variable, and documents, are left and named. Look
    at it with git diff; the next apply changes nothing but stamps.

    \b
    Example:
      deployer drift
      deployer drift --write && git diff
      deployer drift --fleet --where region=eu
      deployer drift --account openai --exit-code   # 0 nothing moved, 2 something did, 1 failure
    """
    from deployer.project import PlanOptions

    if fleet:
        if write:
            raise UsageError("with --fleet leave out --write: one manifest is that of all accounts")
        return fleets.read(fleet, choice, "drift", fleets.aimed(PlanOptions(), targets), form, exit_code=exit_code)
    if form not in formats.names("drift"):
        raise UsageError(f"--format {form} goes with --fleet")
    project = choice.load()
    found = asyncio.run(project.adrift(targets=targets, on_event=tell))
    formats.write("drift", form, found.plan)
    if found.plan.errors:
        raise ProblemsFound(found.plan.errors)
    if found.absent:
        names = ", ".join(map(str, found.absent))
        click.echo(f"note: not on the account, never applied or deleted there: {names}", err=True)
    if write:
        return _written(project, found)
    return EXIT_CHANGES if exit_code and found.moved else EXIT_DONE


def _written(project: Project, found: Drift) -> int:
    """Write what can be, and say what is left; return the exit code."""
    from deployer.project.bringing import written

    result = written(project, found)
    for name in result.texts:
        click.echo(plain(f"wrote {name}"))
    for address, name, why in result.left:
        click.echo(plain(f"left: {address}: {name}: {why}"), err=True)
    return EXIT_FAILED if result.left else EXIT_DONE
