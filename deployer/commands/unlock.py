"""deployer unlock: remove the lease that a run left on the account."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click

from deployer.commands.carry_out import answerable, confirmed, tell
from deployer.commands.options import ProjectChoice, project_options, yes_option
from deployer.errors import EXIT_DONE, DeployerError

if TYPE_CHECKING:
    from deployer.project import Project
    from deployer.project.results import Lease


@click.command("unlock")
@project_options
@yes_option
def command(*, choice: ProjectChoice, yes: bool) -> int:
    """Remove the lease with which a run keeps others out, where an account has lock: true.

    A lease that is not renewed expires by itself after two minutes. A run whose lease is removed stops after the
    requests in flight.

    \b
    Example:
      deployer unlock
      deployer unlock --yes --account openai
    """
    return asyncio.run(_unlock(choice.load(), yes=yes))


async def _unlock(project: Project, *, yes: bool) -> int:
    from deployer.render.lines import plain

    async with project.open(on_event=tell) as session:
        found = await session.leases()
        for lease in found:
            click.echo(plain(f"{lease.id}  {_told(lease)}"))
        if not found:
            click.echo(f"Project {project.name} is not locked.")
            return EXIT_DONE
        if not yes:
            _confirm()
        await session.unlock(found)
    click.echo("Unlocked.")
    return EXIT_DONE


def _told(lease: Lease) -> str:
    from deployer.wording import duration

    now = time.time()
    state = "still renewed" if lease.until > now else "expired"
    return f"held by {lease.holder}, for {duration(max(0, now - lease.created))}, {state}"


def _confirm() -> None:
    answerable("unlock", "--yes")
    if not confirmed("Unlock? A run that is still at work stops."):
        raise DeployerError("nothing was changed")
