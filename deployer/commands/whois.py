"""deployer whois: where a live object comes from."""

from __future__ import annotations

import asyncio

import click

from deployer.commands.carry_out import tell
from deployer.commands.options import ProjectChoice, format_option, project_options
from deployer.errors import EXIT_DONE
from deployer.render import formats


@click.command("whois")
@click.argument("live_id", metavar="ID")
@project_options
@format_option("provenance")
def command(*, live_id: str, choice: ProjectChoice, form: str) -> int:
    """Say where a live object comes from: project, address, place in the manifest, commit, and the last apply.

    ID is that of an assistant, an agent, a vector store, or of a document that one of them holds. The last apply is
    known from the snapshots here, or where the account's `snapshots` says.

    \b
    Example:
      deployer whois asst_abc123
      deployer whois file-abc123 --account openai --format json
    """
    formats.write("provenance", form, asyncio.run(choice.load().awhois(live_id, on_event=tell)).to_dict())
    return EXIT_DONE
