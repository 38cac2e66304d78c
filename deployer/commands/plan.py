"""deployer plan: the preview."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.carry_out import tell
from deployer.commands.options import (
    ProjectChoice,
    fail_on_option,
    fail_on_shutdown,
    format_option,
    plan_options,
    project_options,
)
from deployer.errors import EXIT_CHANGES, EXIT_DONE, EXIT_FAILED, DeployerError
from deployer.model import Plan
from deployer.render import formats

if TYPE_CHECKING:
    from deployer.project import PlanOptions, Project, ProjectPlan


@click.command("plan")
@project_options
@plan_options
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Save it for apply --plan."
)
@format_option("plan")
@fail_on_option("breaking")
@click.option("--exit-code", is_flag=True, help="Exit with 2 when there are changes.")
def command(  # noqa: PLR0913 (one for each option)
    *,
    choice: ProjectChoice,
    options: PlanOptions,
    rehash: bool,
    out: Path | None,
    form: str,
    fail_on: tuple[tuple[str, int], ...],
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
    project = choice.load()
    plan = asyncio.run(_plan(project, options, rehash=rehash))
    if out:
        _save(plan, out, choice)
    formats.write("plan", form, plan)
    if plan.errors:
        return EXIT_FAILED
    _warn(plan)
    if ("breaking", 0) in fail_on and plan.breaking:
        names = ", ".join(f"{address}.{field.name}" for address, field in plan.breaking)
        raise DeployerError(f"breaking for the application: {names}; change it to accept both, then deploy")
    fail_on_shutdown(fail_on, project.shutdowns)
    return EXIT_CHANGES if exit_code and plan.pending else EXIT_DONE


async def _plan(project: Project, options: PlanOptions, *, rehash: bool) -> ProjectPlan:

    async with project.open(rehash=rehash, on_event=tell) as session:
        return await session.plan(options)


def _save(plan: Plan, out: Path, choice: ProjectChoice) -> None:
    from deployer.project import saved

    saved.write(out, plan)
    click.echo(f"saved: {choice.command('apply', '--plan', str(out))} applies exactly this", err=True)


def _warn(plan: Plan) -> None:
    """Say what apply would say: a reviewer must not see green where the pipeline will see red."""
    from deployer.project.applying import check

    try:
        check(plan)
    except DeployerError as error:
        from deployer.render.lines import plain_text

        click.echo(plain_text(f"apply will refuse: {error}"), err=True)
