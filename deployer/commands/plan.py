"""deployer plan: the preview."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.options import manifest_options, parse_variables, plan_options
from deployer.engine import guard
from deployer.errors import EXIT_CHANGES, EXIT_DONE, EXIT_FAILED, DeployerError
from deployer.manifest import Manifest
from deployer.model import Plan
from deployer.project import saved
from deployer.render import formats

if TYPE_CHECKING:
    from deployer.project.session import Wishes


@click.command("plan")
@manifest_options
@plan_options
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Save it for apply --plan."
)
@click.option("--format", "form", type=click.Choice(formats.names("plan")), default="text", help="[text]")
@click.option("--fail-on", type=click.Choice(["breaking"]), help="Exit with 1 when a function changes so.")
@click.option("--exit-code", is_flag=True, help="Exit with 2 when there are changes.")
def command(  # noqa: PLR0913 (one for each option)
    *,
    file: Path,
    account: str | None,
    variables: tuple[str, ...],
    wishes: Wishes,
    rehash: bool,
    out: Path | None,
    form: str,
    fail_on: str | None,
    exit_code: bool,
) -> int:
    """Show what apply would change: the same requests, none of them sent.

    \b
    Example:
      deployer plan
      deployer plan --account openai --format markdown > comment.md
      deployer plan --exit-code        # 0 nothing to do, 2 changes, 1 failure
      deployer plan --fail-on breaking
      deployer plan --out plan.json    # then: deployer apply --plan plan.json
    """
    from deployer.project.session import compiled

    plan = asyncio.run(_plan(compiled(file, account, parse_variables(variables)), wishes, rehash=rehash))
    if out:
        saved.write(out, plan)
        click.echo(f"saved: deployer apply --plan {out} applies exactly this", err=True)
    formats.write("plan", form, plan)
    if plan.errors:
        return EXIT_FAILED
    _warn(plan)
    if fail_on and plan.breaking:
        names = ", ".join(f"{address}.{field.path}" for address, field in plan.breaking)
        raise DeployerError(f"breaking for the application: {names}; change it to accept both, then deploy")
    return EXIT_CHANGES if exit_code and plan.pending else EXIT_DONE


def _warn(plan: Plan) -> None:
    """Say what apply would say: a reviewer must not see green where the pipeline will see red."""
    try:
        guard.check(plan)
    except DeployerError as error:
        from deployer.render.lines import plain_text

        click.echo(plain_text(f"apply will refuse: {error}"), err=True)


async def _plan(manifest: Manifest, wishes: Wishes, *, rehash: bool) -> Plan:
    from deployer.project.session import opened

    async with opened(manifest, rehash=rehash) as session:
        return await session.plan(wishes)
