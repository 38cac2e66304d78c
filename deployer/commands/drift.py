"""deployer drift: only what moved on the account."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from deployer.commands.options import manifest_options, parse_variables
from deployer.errors import EXIT_CHANGES, EXIT_DONE
from deployer.manifest import Manifest
from deployer.model import Action, Plan
from deployer.render import formats


@click.command("drift")
@manifest_options
@click.option("--format", "form", type=click.Choice(formats.names("drift")), default="text", help="[text]")
@click.option("--exit-code", is_flag=True, help="Exit with 2 when something moved.")
def command(*, file: Path, account: str | None, variables: tuple[str, ...], form: str, exit_code: bool) -> int:
    """Show what somebody edited on the account since the last apply, and documents that fell out of a store.

    What only git changed is not shown; deployer plan shows both.

    \b
    Example:
      deployer drift
      deployer drift --account openai --exit-code   # 0 nothing moved, 2 something did, 1 failure
    """
    from deployer.engine import drift
    from deployer.project.session import compiled

    plan = asyncio.run(_plan(compiled(file, account, parse_variables(variables))))
    formats.write("drift", form, plan)
    absent = [str(change.address) for change in plan.changes if change.action is Action.CREATE]
    if absent:
        click.echo(f"note: not on the account, never applied or deleted there: {', '.join(absent)}", err=True)
    return EXIT_CHANGES if exit_code and drift.moved(plan) else EXIT_DONE


async def _plan(manifest: Manifest) -> Plan:
    from deployer.project.session import Wishes, opened

    async with opened(manifest) as session:
        return await session.plan(Wishes(check_files=True))
