"""deployer outputs: address → live id, for the application that uses what is deployed."""

from __future__ import annotations

import asyncio

import click

from deployer.commands.carry_out import tell
from deployer.commands.completion import addresses
from deployer.commands.options import ProjectChoice, format_option, project_options
from deployer.errors import EXIT_DONE, EXIT_FAILED
from deployer.render import formats


@click.command("outputs")
@click.argument("address", required=False, shell_complete=addresses)
@project_options
@format_option("outputs")
def command(*, address: str | None, choice: ProjectChoice, form: str) -> int:
    """Print the live id of everything that the manifest declares; with ADDRESS, that id and nothing else.

    Exit code 1 when something is not live yet; it is named on standard error.

    \b
    Example:
      deployer outputs
      deployer outputs --format env >> .env
      ASSISTANT=$(deployer outputs assistant/math-tutor)
    """
    from deployer.project.adoption import declared

    project = choice.load()
    wanted = declared(project.manifest, address).address if address else None
    found = asyncio.run(project.aoutputs(on_event=tell))
    if wanted:
        found = found.only(wanted)
    if wanted and form == "text":
        click.echo("".join(f"{one}\n" for one in found.ids.values()), nl=False)
    elif found.ids or form == "json":
        formats.write("outputs", form, found.ids)
    for one in found.missing:
        click.echo(f"{one} is not live on this account; run {choice.command('apply')}", err=True)
    return EXIT_FAILED if found.missing else EXIT_DONE
