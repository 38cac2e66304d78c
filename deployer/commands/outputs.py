"""deployer outputs: address → live id, for the application that uses what is deployed."""

from __future__ import annotations

import asyncio

import click

from deployer.commands.carry_out import tell
from deployer.commands.options import ProjectChoice, format_option, project_options
from deployer.errors import EXIT_DONE, EXIT_FAILED
from deployer.render import formats


@click.command("outputs")
@project_options
@format_option("outputs")
def command(*, choice: ProjectChoice, form: str) -> int:
    """Print the live id of everything that the manifest declares.

    Exit code 1 when something is not live yet; it is named on standard error.

    \b
    Example:
      deployer outputs
      deployer outputs --format env >> .env
    """
    found = asyncio.run(choice.load().aoutputs(on_event=tell))
    if found.ids or form == "json":
        formats.write("outputs", form, found.ids)
    for address in found.missing:
        click.echo(f"{address} is not live on this account; run {choice.command('apply')}", err=True)
    return EXIT_FAILED if found.missing else EXIT_DONE
