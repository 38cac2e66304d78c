"""deployer outputs: address → live id, for the application that uses what is deployed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from deployer.commands.options import manifest_options, parse_variables
from deployer.errors import EXIT_DONE, EXIT_FAILED
from deployer.manifest import Manifest
from deployer.model import Address, OnDrift
from deployer.render import formats


@click.command("outputs")
@manifest_options
@click.option("--format", "form", type=click.Choice(formats.names("outputs")), default="text", help="[text]")
def command(file: Path, account: str | None, variables: tuple[str, ...], form: str) -> int:
    """Print the live id of everything that the manifest declares.

    Exit code 1 when something is not live yet; it is named on standard error.

    \b
    Example:
      deployer outputs
      deployer outputs --format env >> .env
    """
    from deployer.project.session import compiled

    ids, missing = asyncio.run(_ids(compiled(file, account, parse_variables(variables))))
    if ids or form == "json":
        formats.write("outputs", form, ids)
    for address in missing:
        click.echo(f"{address} is not live on this account; run deployer apply", err=True)
    return EXIT_FAILED if missing else EXIT_DONE


async def _ids(manifest: Manifest) -> tuple[dict[Address, str], list[Address]]:
    from deployer.engine import guard
    from deployer.project.session import Wishes, opened

    async with opened(manifest) as session:
        plan = await session.plan(Wishes(on_drift=OnDrift.OVERWRITE))
    guard.check(plan)
    declared = sorted(resource.address for resource in manifest.resources)
    ids = {address: plan.known[str(address)] for address in declared if str(address) in plan.known}
    return ids, [address for address in declared if address not in ids]
