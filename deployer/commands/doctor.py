"""deployer doctor: what an account can do, and what is therefore not done on it."""

from __future__ import annotations

import asyncio

import click

from deployer.commands.carry_out import tell
from deployer.commands.options import ProjectChoice, format_option, project_options
from deployer.errors import EXIT_DONE, EXIT_FAILED
from deployer.render import formats


@click.command("doctor")
@project_options
@click.option("--probe", is_flag=True, help="Find out by writing: make a store and a document, look, and delete them.")
@format_option("diagnosis")
def command(*, choice: ProjectChoice, probe: bool, form: str) -> int:
    """Say what an account can do, by what that was found out, and what deployer will therefore not do there.

    Nothing is written without --probe: how documents are attached is then known only from earlier runs, which the
    cache beside the manifest remembers for a month. Exit code 1 when the account lacks what the manifest needs.

    \b
    Example:
      deployer doctor --account openai
      deployer doctor --account openai --probe --format json
    """
    found = asyncio.run(choice.load().adoctor(probe=probe, on_event=tell))
    formats.write("diagnosis", form, found.to_dict())
    return EXIT_DONE if found.ok else EXIT_FAILED
