"""deployer apply: plan, confirm, do it, plan again to prove that nothing is left."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.options import lock_option, manifest_options, parse_variables, plan_options
from deployer.engine import guard
from deployer.errors import UsageError
from deployer.manifest import Manifest
from deployer.project import consent, saved
from deployer.project.applying import Intent, carried_out
from deployer.project.safety import locked

if TYPE_CHECKING:
    from deployer.project.session import Wishes


@click.command("apply")
@manifest_options
@plan_options
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Apply a plan that plan --out saved, exactly, or not at all.",
)
@click.option("--yes", is_flag=True, help="Do not ask (needed where nobody can answer).")
@click.option("--force", multiple=True, type=click.Choice(guard.GUARDS), help="Lift a guard, by its name.")
@lock_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    file: Path,
    account: str | None,
    variables: tuple[str, ...],
    wishes: Wishes,
    rehash: bool,
    plan_file: Path | None,
    yes: bool,
    force: tuple[str, ...],
    lock_timeout: float,
) -> int:
    """Make the account match the manifest, then plan again to prove it.

    What fails is reported and does not stop the rest; what depends on it is skipped. The next run does what is left.
    Exit code 0 only when everything is done and the next plan is empty.

    \b
    Example:
      deployer apply
      deployer apply --yes --prune --account openai
      deployer apply --yes --plan plan.json
    """
    from deployer.project.session import Wishes, compiled

    manifest = compiled(file, account, parse_variables(variables))
    if not yes:
        consent.answerable("apply", "--yes")
    if plan_file and wishes != Wishes():
        raise UsageError("a saved plan holds its wishes; leave out --prune, --on-drift and --check-files")
    data = saved.read(plan_file) if plan_file else None
    wanted = Intent(saved.wishes(data) if data else wishes, data, yes, force)
    return asyncio.run(_apply(manifest, wanted, lock_timeout, rehash=rehash))


async def _apply(manifest: Manifest, wanted: Intent, lock_timeout: float, *, rehash: bool) -> int:
    from deployer.project.session import opened

    async with opened(manifest, rehash=rehash) as session, locked(session, lock_timeout) as hold:
        plan = await session.plan(wanted.wishes)
        if wanted.data:
            saved.check(plan, wanted.data)
        return await carried_out(session, plan, replace(wanted, hold=hold))
