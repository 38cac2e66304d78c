"""deployer destroy: remove everything that the project owns on an account."""

from __future__ import annotations

import asyncio
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from deployer.commands.carry_out import Words, agreed, answerable, carried_out, interruptible, tell
from deployer.commands.options import ProjectChoice, lock_option, project_options, target_option
from deployer.errors import EXIT_DONE, DeployerError, UsageError
from deployer.model import Address, Plan
from deployer.wording import listed

if TYPE_CHECKING:
    from deployer.project import Project

_SHOWN = 5


@click.command("destroy")
@project_options
@target_option("Only this resource; what it needs stays, and so does what something else needs.")
@click.option("--confirm", metavar="NAME", help="The project's name, where nobody can be asked for it.")
@lock_option
def command(*, choice: ProjectChoice, targets: tuple[str, ...], confirm: str | None, lock_timeout: float) -> int:
    """Delete everything that the project owns on the account: assistants, vector stores, files held by nothing else.

    What is foreign stays, and so does a vector store that a foreign assistant uses. Something with protect: true stops
    it before anything is deleted. It asks to type the project's name; where no one can answer, it shows the plan and
    changes nothing, unless --confirm is given.

    \b
    Example:
      deployer destroy
      deployer destroy --target assistant/old
      deployer destroy --account openai --confirm quiz-school
    """
    project = choice.load()
    if confirm not in (None, project.name):
        raise UsageError(f"--confirm {confirm} is not the name of this project, which is {project.name}")
    meant = project.addresses(targets)
    again = choice.command("destroy", *(word for one in meant for word in ("--target", str(one))))
    return asyncio.run(_destroy(project, meant, lock_timeout, again, asks=confirm is None))


async def _destroy(
    project: Project, targets: tuple[Address, ...], lock_timeout: float, again: str, *, asks: bool
) -> int:
    from deployer.project.applying import PRUNE_LIMIT, ApplyOptions
    from deployer.project.session import locked, opened
    from deployer.project.trial import swept
    from deployer.project.undo import destruction, undeclared

    protected = [resource.address for resource in project.manifest.resources if resource.protect]
    shows = asks and not sys.stdin.isatty()  # what only shows a plan writes nothing, not even a lease
    async with (
        opened(undeclared(project.manifest), on_event=tell) as session,
        nullcontext() if shows else locked(session, lock_timeout) as hold,
    ):
        plan = await destruction(session, protected, targets)
        options = ApplyOptions(lambda: destruction(session, (), targets), (PRUNE_LIMIT,), "destroy", hold)
        code = await carried_out(session, plan, options, Words(again, _done(plan)), _ask if asks else agreed)
        if code == EXIT_DONE and not targets:
            await swept(session, plan.live)
        return code


def _done(plan: Plan) -> str:
    """Say what is true when this plan is done."""
    if plan.targets:
        return f"Of project {plan.project}, {listed(list(map(str, plan.targets)), _SHOWN)} is gone from the account."
    staying = sorted(set(plan.known) - {str(change.address) for change in plan.pending})
    if staying:
        return f"Of project {plan.project} only {listed(staying, _SHOWN)} is left, which others use."
    return f"Nothing of project {plan.project} is left on the account."


def _ask(plan: Plan) -> None:
    answerable("destroy", f"--confirm {plan.project}")
    with interruptible():
        typed = click.prompt(
            f"\nType the project's name ({plan.project}) to delete all of it", default="", show_default=False
        )
    if typed != plan.project:
        raise DeployerError("nothing was changed")
