"""deployer rollback: plan the way back to before an apply, and go it like any plan."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.commands.options import lock_option, manifest_options, parse_variables
from deployer.commands.rollback import listing as snapshots_told
from deployer.engine import guard, past, record, restore
from deployer.errors import EXIT_DONE, DeployerError
from deployer.manifest import Manifest
from deployer.model import OnDrift, Plan
from deployer.session import consent
from deployer.session.carry_out import Intent, carried_out
from deployer.session.safety import locked, shelf
from deployer.session.safety import snapshot as snapshot_of

if TYPE_CHECKING:
    from deployer.account.lock import Hold
    from deployer.engine.restore import WayBack
    from deployer.engine.returned import Lacking
    from deployer.session.opening import Session, Wishes

_NAMED = 10
Snapshots = list[tuple[str, Mapping[str, Any]]]


@click.command("rollback")
@manifest_options
@click.argument("snapshot", required=False)
@click.option("--list", "listing", is_flag=True, help="Show the snapshots that there are.")
@click.option(
    "--on-drift",
    type=click.Choice([one.value for one in OnDrift]),
    default=OnDrift.FAIL.value,
    help="What becomes of fields that somebody edited on the account since. [fail]",
)
@click.option("--yes", is_flag=True, help="Do not ask (needed where nobody can answer).")
@click.option("--force", multiple=True, type=click.Choice(guard.GUARDS), help="Lift a guard, by its name.")
@lock_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    file: Path,
    account: str | None,
    variables: tuple[str, ...],
    snapshot: str | None,
    listing: bool,
    on_drift: str,
    yes: bool,
    force: tuple[str, ...],
    lock_timeout: float,
) -> int:
    """Go back to what was on the account before an apply: the last one, or that of SNAPSHOT.

    What was changed gets the fields and documents of then, what was deleted is made again (with a new id), what the
    run itself made is deleted, what was adopted is let go of. Documents come from the account or the working tree;
    what neither has is named, the rest goes back, and the exit code is 1. The rollback is an apply too: it has a
    snapshot of its own, and can be rolled back.

    Where nobody can answer, it shows the plan and changes nothing, unless --yes is given.

    \b
    Example:
      deployer rollback --list
      deployer rollback
      deployer rollback --yes --on-drift overwrite --account openai
    """
    from deployer.session.opening import Wishes, compiled

    manifest = compiled(file, account, parse_variables(variables))
    if listing:
        return snapshots_told.show(shelf(manifest), _account(manifest), chosen=account is not None)
    chain = _chosen(manifest, snapshot)
    again = f"rollback {chain[0][0]}" + (f" --account {account}" if account else "")
    ask = None if yes or sys.stdin.isatty() else _refused
    wanted = Intent(Wishes(on_drift=OnDrift(on_drift)), None, yes, force, command=again, ask=ask)
    return asyncio.run(_rollback(manifest, chain, wanted, lock_timeout))


def _refused(_plan: Plan) -> None:
    """The plan has been shown; that is all that can be done where nobody can answer."""
    consent.answerable("roll back", "--yes")


def _snapshots(manifest: Manifest, since: str = "") -> Snapshots:
    """Give the snapshots of the project on this account from `since` on, the oldest first."""
    place, account = shelf(manifest), _account(manifest)
    read = [(name, snapshot_of(place, name)) for name in place.names() if name >= since]
    return [(name, data) for name, data in read if data["account"] == account]


def _account(manifest: Manifest) -> dict[str, str]:
    from deployer.session.opening import target_of

    return asdict(target_of(manifest))


def _chosen(manifest: Manifest, name: str | None) -> Snapshots:
    """Give the snapshot that is meant and all newer ones: what they hold together is the state of then."""
    place, account = shelf(manifest), _account(manifest)
    names = place.names()
    if name is None:
        for one in reversed(names):
            if (data := snapshot_of(place, one))["account"] == account:
                return [(one, data)]
        raise DeployerError("there is no snapshot of this account yet; deployer apply writes one before it begins")
    name = name.removesuffix(".json")
    if name not in names:
        raise DeployerError(f"project {place.project} has no snapshot {name}; deployer rollback --list shows them all")
    found = _snapshots(manifest, since=name)
    if not found or found[0][0] != name:
        there = snapshot_of(place, name)["account"]
        raise DeployerError(f"the snapshot {name} is of another account ({' · '.join(there.values())}); choose that")
    return found


async def _rollback(manifest: Manifest, chain: Snapshots, wanted: Intent, lock_timeout: float) -> int:
    from deployer.render.plain import plain
    from deployer.session.opening import opened

    async with opened(manifest) as session, _lease(session, wanted, lock_timeout) as hold:
        entries = past.merged([data for _, data in chain])
        click.echo(plain(f"Back to {chain[0][1]['time']}, {snapshots_told.told(chain[0][1])}"))

        async def again() -> Plan:
            return (await way_back(session, entries, wanted.wishes, wanted.command)).plan

        first = await way_back(session, entries, wanted.wishes, wanted.command)
        code = await carried_out(session, first.plan, replace(wanted, again=again, hold=hold))
        if code == EXIT_DONE and first.lacking:
            raise DeployerError(_lacking(first.lacking, wanted.command))
        return code


def _lease(session: Session, wanted: Intent, patience: float) -> AbstractAsyncContextManager[Hold | None]:
    """What only shows a plan writes nothing, not even a lease."""
    return nullcontext() if wanted.ask else locked(session, patience)


def _lacking(found: Sequence[Lacking], again: str) -> str:
    """Say what did not come back: it is not done, though nothing more can be done now."""
    lines = [f"  {one.address}: {one.name}: {one.remedy}" for one in found[:_NAMED]]
    more = [f"  and {len(found) - _NAMED:,} more, named above"] if len(found) > _NAMED else []
    return "\n".join(
        [
            "not everything is as it was then: neither the account nor the working tree has the bytes of",
            *lines,
            *more,
            f"then run deployer {again}",
        ]
    )


async def way_back(
    session: Session, entries: Sequence[record.Entry], wishes: Wishes, again: str = "rollback"
) -> WayBack:
    """Give the plan of this moment that leads back to the entries; `again` is the command that goes on with them."""
    from deployer.commands.rollback.stock import stock

    live = await session.read()
    return restore.way_back(session.scope(wishes), entries, live, await stock(session, entries, live), again)
