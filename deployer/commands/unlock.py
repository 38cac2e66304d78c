"""deployer unlock: remove the lease that a run left on the account."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.options import manifest_options, parse_variables
from deployer.errors import EXIT_DONE, DeployerError
from deployer.manifest import Manifest
from deployer.project import consent

if TYPE_CHECKING:
    from deployer.backends.http.lease import Lease


@click.command("unlock")
@manifest_options
@click.option("--yes", is_flag=True, help="Do not ask (needed where nobody can answer).")
def command(*, file: Path, account: str | None, variables: tuple[str, ...], yes: bool) -> int:
    """Remove the lease with which a run keeps others out, where an account has lock: true.

    A lease that nobody renews expires by itself after two minutes. A run whose lease is removed stops after the
    requests in flight.

    \b
    Example:
      deployer unlock
      deployer unlock --yes --account openai
    """
    from deployer.project.session import compiled

    return asyncio.run(_unlock(compiled(file, account, parse_variables(variables)), yes=yes))


async def _unlock(manifest: Manifest, *, yes: bool) -> int:
    from deployer.backends.http.lease import leases, remove
    from deployer.project.session import opened
    from deployer.render.lines import plain

    async with opened(manifest) as session:
        found = await leases(session.client, manifest.project)
        for lease in found:
            click.echo(plain(f"{lease.id}  {_told(lease)}"))
        if not found:
            click.echo(f"Project {manifest.project} is not locked.")
            return EXIT_DONE
        if not yes:
            _confirm()
        for lease in found:
            await remove(session.client, lease.id)
    click.echo("Unlocked.")
    return EXIT_DONE


def _told(lease: Lease) -> str:
    from deployer.wording import duration

    now = time.time()
    state = "still renewed" if lease.until > now else "expired"
    return f"held by {lease.holder}, for {duration(max(0, now - lease.created))}, {state}"


def _confirm() -> None:
    consent.answerable("unlock", "--yes")
    if not consent.confirmed("Unlock? A run that is still at work stops."):
        raise DeployerError("nothing was changed")
