"""deployer destroy: remove everything that the project owns on an account."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.options import lock_option, manifest_options, parse_variables
from deployer.engine import guard, stamp
from deployer.errors import DeployerError, UsageError
from deployer.manifest import Manifest
from deployer.model import Action, Address, Change, OnDrift, Plan, Problem, Severity
from deployer.project.applying import Intent, carried_out
from deployer.project.safety import locked

if TYPE_CHECKING:
    from deployer.project.session import Session


@click.command("destroy")
@manifest_options
@click.option("--confirm", metavar="NAME", help="The project's name, where nobody can be asked for it.")
@lock_option
def command(
    *, file: Path, account: str | None, variables: tuple[str, ...], confirm: str | None, lock_timeout: float
) -> int:
    """Delete everything that the project owns on the account: assistants, vector stores, and files nobody else holds.

    What is foreign stays, and so does a vector store that a foreign assistant uses. Something with protect: true stops
    it before anything is deleted. It asks to type the project's name; where nobody can answer, it shows the plan and
    changes nothing, unless --confirm is given.

    \b
    Example:
      deployer destroy
      deployer destroy --account openai --confirm quiz-school
    """
    from deployer.project.session import compiled

    manifest = compiled(file, account, parse_variables(variables))
    if confirm not in (None, manifest.project):
        raise UsageError(f"--confirm {confirm} is not the name of this project, which is {manifest.project}")
    return asyncio.run(_destroy(manifest, lock_timeout, asks=confirm is None))


async def _destroy(manifest: Manifest, lock_timeout: float, *, asks: bool) -> int:
    from deployer.project.session import Wishes, opened

    protected = [resource.address for resource in manifest.resources if resource.protect]
    shows = asks and not sys.stdin.isatty()  # what only shows a plan writes nothing, not even a lease
    async with (
        opened(replace(manifest, resources=(), moved=())) as session,
        nullcontext() if shows else locked(session, lock_timeout) as hold,
    ):

        async def plan() -> Plan:
            return _all_gone(await session.plan(Wishes(prune=True, on_drift=OnDrift.OVERWRITE)))

        first = await plan()
        _refuse(session, first, protected)
        wanted = Intent(
            Wishes(),
            None,
            yes=True,
            force=(guard.PRUNE_LIMIT,),
            command="destroy",
            ask=_ask if asks else None,
            again=plan,
            hold=hold,
        )
        return await carried_out(session, first, wanted)


def _all_gone(plan: Plan) -> Plan:
    """Say of each object why it goes or stays: here it is not git that let go of it."""
    staying = [change for change in plan.changes if change.orphan and change.action is Action.NO_OP]
    told = tuple(_stays(plan, change) for change in staying)
    gone = tuple(_gone(change) for change in plan.changes if change not in staying)
    return replace(plan, changes=gone, problems=(*plan.problems, *told))


def _gone(change: Change) -> Change:
    return replace(change, reason="everything of this project goes", orphan=False) if change.orphan else change


def _stays(plan: Plan, change: Change) -> Problem:
    from deployer.kinds import SURFACES

    kinds, going = SURFACES[plan.target.api], {one.live_id for one in plan.pending}
    using = (one for one in plan.live if change.live_id in kinds[one.kind].references(one.raw) and one.id not in going)
    users = ", ".join(f"{one.kind} {one.id}" for one in using)
    why = f"stays: it is in use by {users}" if users else "stays"
    return Problem(why, "", str(change.address), severity=Severity.WARNING)


def _refuse(session: Session, plan: Plan, declared: Sequence[Address]) -> None:
    """All or nothing: one protected object keeps everything."""
    marks = [mark for one in plan.live if (mark := stamp.read(one.raw.get("metadata")))]
    owned = [mark for mark in marks if mark.project == session.manifest.project]
    names = sorted({str(one.address) for one in owned if one.protected or one.address in declared})
    if names:
        raise DeployerError(
            f"protected: {', '.join(names)}; nothing was deleted: "
            "declare them with protect: false and apply that first, if they are meant too"
        )


def _ask(plan: Plan) -> None:
    from deployer.project.consent import answerable, interruptible

    answerable("destroy", f"--confirm {plan.project}")
    with interruptible():
        typed = click.prompt(
            f"\nType the project's name ({plan.project}) to delete all of it", default="", show_default=False
        )
    if typed != plan.project:
        raise DeployerError("nothing was changed")
