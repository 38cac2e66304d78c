"""deployer rollback: plan to undo an apply, and apply that like any plan."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import click

from deployer.commands.carry_out import Words, agreed, answerable, carried_out, confirm, tell
from deployer.commands.options import (
    ProjectChoice,
    force_option,
    lock_option,
    on_drift_option,
    project_options,
    yes_option,
)
from deployer.errors import EXIT_DONE, DeployerError
from deployer.model import OnDrift, Plan
from deployer.project.applying import GUARDS
from deployer.project.undo import Restoration
from deployer.wording import listed

if TYPE_CHECKING:
    from deployer.project import Project

_FEW = 3


@dataclass(frozen=True, slots=True)
class RollbackIntent:
    """What the user asked for; `again` is the command that goes on, `shows` the one that compares with git."""

    on_drift: OnDrift
    yes: bool
    force: Sequence[str]
    lock_timeout: float
    again: str
    shows: str


@click.command("rollback")
@project_options
@click.argument("snapshot", required=False)
@click.option("--list", "listing", is_flag=True, help="Show the snapshots that there are.")
@on_drift_option("What becomes of fields that somebody edited on the account since. [fail]")
@yes_option
@force_option(*GUARDS)
@lock_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    choice: ProjectChoice,
    snapshot: str | None,
    listing: bool,
    on_drift: str,
    yes: bool,
    force: tuple[str, ...],
    lock_timeout: float,
) -> int:
    """Go back to what was on the account before an apply: the last one, or that of SNAPSHOT.

    What was changed gets its previous fields and documents, what was deleted is created again (with a new id), what the
    run itself created is deleted, what was adopted is foreign again. Documents come from the account or the working
    tree; what neither has is named, the rest is restored, and the exit code is 1. The rollback is an apply too: it has
    a snapshot of its own, and can be rolled back.

    Where no one can answer, it shows the plan and changes nothing, unless --yes is given.

    \b
    Example:
      deployer rollback --list
      deployer rollback
      deployer rollback --yes --on-drift overwrite --account openai
    """
    project = choice.load()
    if listing:
        return _show(project, chosen=choice.account is not None)
    chosen = Restoration.of(project.manifest, project.target, snapshot)
    drift = ["--on-drift", on_drift] if on_drift != OnDrift.FAIL else []
    again, shows = choice.command("rollback", chosen.name, *drift), choice.command("plan")
    wanted = RollbackIntent(OnDrift(on_drift), yes, force, lock_timeout, again, shows)
    return asyncio.run(_rollback(project, chosen, wanted))


async def _rollback(project: Project, chosen: Restoration, wanted: RollbackIntent) -> int:
    from deployer.project.applying import ApplyOptions
    from deployer.project.session import locked
    from deployer.project.undo import missing
    from deployer.render.lines import plain

    asks = confirm if sys.stdin.isatty() else _refused
    shows = not wanted.yes and asks is _refused  # what only shows a plan writes nothing, not even a lease
    async with (
        project.open(on_event=tell) as session,
        nullcontext() if shows else locked(session, wanted.lock_timeout) as hold,
    ):
        oldest = chosen.snapshots[0][1]
        click.echo(plain(f"Back to {oldest['time']}, {_told(oldest)}"))

        async def again() -> Plan:
            return (await chosen.plan(session, wanted.on_drift, wanted.again)).plan

        first = await chosen.plan(session, wanted.on_drift, wanted.again)
        options = ApplyOptions(again, wanted.force, "rollback", hold)
        ask = agreed if wanted.yes else asks
        whole = f"The project is as it was at {oldest['time']}; {wanted.shows} shows how git differs."
        done = "What can be restored is restored." if first.missing else whole
        code = await carried_out(session, first.plan, options, Words(wanted.again, done), ask)
        if code == EXIT_DONE and first.missing:
            raise DeployerError(missing(first.missing, wanted.again))
        return code


def _refused(_plan: Plan) -> None:
    """The plan has been shown; that is all that can be done where no one can answer."""
    answerable("roll back", "--yes")


def _show(project: Project, *, chosen: bool) -> int:
    """Print all snapshots of the project, the newest first; of an account that was chosen, only those."""
    from deployer.render.lines import plain_text

    found, account = project.snapshots(), asdict(project.target)
    shown = [one for one in reversed(found) if not (chosen and one.data and one.data["account"] != account)]
    for one in shown:
        click.echo(plain_text("\n".join([one.name, *(_lines(one.data) if one.data else [f"    {one.why}"])])))
    if not shown:
        others = f" ({len(found)} of other accounts)" if found else ""
        click.echo(f"No snapshot of {'this account' if chosen else 'this project'} yet{others}.")
    return EXIT_DONE


def _lines(data: Mapping[str, Any]) -> list[str]:
    where = " · ".join([*data["account"].values(), f"project {data['project']}"])
    return [f"    {data['time']}  {where}", f"    {_told(data)}", *(f"      {line}" for line in _held(data))]


def _told(data: Mapping[str, Any]) -> str:
    """Say what a run was about to do."""
    commit = f" of {data['origin']}" if data["origin"] else ""
    counts = (f"{len(names)} to {what}" for what, names in _by_action(data).items())
    note = f" ({data['note']})" if data.get("note") else ""
    return f"before {data['command']}{commit}{note}: {', '.join(counts)}"


def _held(data: Mapping[str, Any]) -> list[str]:
    return [f"{what}: {listed(names, _FEW)}" for what, names in _by_action(data).items()]


def _by_action(data: Mapping[str, Any]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for change in data["changes"]:
        result.setdefault(change["action"], []).append(change["address"])
    return result
