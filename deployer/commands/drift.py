"""deployer drift: only what moved on the account."""

from __future__ import annotations

import asyncio

import click

from deployer.commands.carry_out import tell
from deployer.commands.options import ProjectChoice, format_option, project_options, target_option
from deployer.errors import EXIT_CHANGES, EXIT_DONE
from deployer.model import ProblemsFound
from deployer.render import formats


@click.command("drift")
@project_options
@target_option("Only this resource, with what it needs.")
@format_option("drift")
@click.option("--exit-code", is_flag=True, help="Exit with 2 when something moved.")
def command(*, choice: ProjectChoice, targets: tuple[str, ...], form: str, exit_code: bool) -> int:
    """Show what somebody edited on the account since the last apply, and documents that fell out of a store.

    What only git changed is not shown; deployer plan shows both.

    \b
    Example:
      deployer drift
      deployer drift --account openai --exit-code   # 0 nothing moved, 2 something did, 1 failure
    """
    found = asyncio.run(choice.load().adrift(targets=targets, on_event=tell))
    formats.write("drift", form, found.plan)
    if found.plan.errors:
        raise ProblemsFound(found.plan.errors)
    if found.absent:
        names = ", ".join(map(str, found.absent))
        click.echo(f"note: not on the account, never applied or deleted there: {names}", err=True)
    return EXIT_CHANGES if exit_code and found.moved else EXIT_DONE
