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
from deployer.engine import guard
from deployer.errors import EXIT_DONE, DeployerError
from deployer.manifest import Manifest
from deployer.model import OnDrift, Plan
from deployer.project import consent
from deployer.project.applying import Intent, carried_out
from deployer.project.safety import locked
from deployer.rollback import history, restore
from deployer.rollback.store import SnapshotStore, read_snapshot, store_of
from deployer.wording import listed, more

if TYPE_CHECKING:
    from deployer.backends.http.lease import Hold
    from deployer.project.session import Session, Wishes
    from deployer.rollback.restore import WayBack
    from deployer.rollback.returned import Lacking
    from deployer.rollback.snapshot import Entry

_NAMED = 10
_FEW = 3
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
    from deployer.project.session import Wishes, compiled

    manifest = compiled(file, account, parse_variables(variables))
    if listing:
        return _show(store_of(manifest), _account(manifest), chosen=account is not None)
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
    place, account = store_of(manifest), _account(manifest)
    read = [(name, read_snapshot(place, name)) for name in place.names() if name >= since]
    return [(name, data) for name, data in read if data["account"] == account]


def _account(manifest: Manifest) -> dict[str, str]:
    from deployer.project.session import target_of

    return asdict(target_of(manifest))


def _chosen(manifest: Manifest, name: str | None) -> Snapshots:
    """Give the snapshot that is meant and all newer ones: what they hold together is the state of then."""
    place, account = store_of(manifest), _account(manifest)
    names = place.names()
    if name is None:
        for one in reversed(names):
            if (data := read_snapshot(place, one))["account"] == account:
                return [(one, data)]
        raise DeployerError("there is no snapshot of this account yet; deployer apply writes one before it begins")
    name = name.removesuffix(".json")
    if name not in names:
        raise DeployerError(f"project {place.project} has no snapshot {name}; deployer rollback --list shows them all")
    found = _snapshots(manifest, since=name)
    if not found or found[0][0] != name:
        there = read_snapshot(place, name)["account"]
        raise DeployerError(f"the snapshot {name} is of another account ({' · '.join(there.values())}); choose that")
    return found


async def _rollback(manifest: Manifest, chain: Snapshots, wanted: Intent, lock_timeout: float) -> int:
    from deployer.project.session import opened
    from deployer.render.lines import plain

    async with opened(manifest) as session, _lease(session, wanted, lock_timeout) as hold:
        entries = history.merged([data for _, data in chain])
        click.echo(plain(f"Back to {chain[0][1]['time']}, {_told(chain[0][1])}"))

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
    rest = [f"  {more(len(found) - _NAMED)}, named above"] if len(found) > _NAMED else []
    return "\n".join(
        [
            "not everything is as it was then: neither the account nor the working tree has the bytes of",
            *lines,
            *rest,
            f"then run deployer {again}",
        ]
    )


async def way_back(session: Session, entries: Sequence[Entry], wishes: Wishes, again: str = "rollback") -> WayBack:
    """Give the plan of this moment that leads back to the entries; `again` is the command that goes on with them."""
    from deployer.rollback.sources import Place, stock

    live = await session.read()
    place = Place(session.client, session.manifest, session.kinds)
    return restore.way_back(session.scope(wishes), entries, live, await stock(place, entries, live), again)


def _show(place: SnapshotStore, account: Mapping[str, str], *, chosen: bool) -> int:
    """Tell of all snapshots of the project, the newest first; of an account that was chosen, only of those."""
    from deployer.render.lines import plain_text

    names = place.names()
    told_of = [lines for name in reversed(names) if (lines := _lines(place, name, account if chosen else None))]
    for lines in told_of:
        click.echo(plain_text("\n".join(lines)))
    if not told_of:
        others = f" ({len(names)} of other accounts)" if names else ""
        click.echo(f"No snapshot of {'this account' if chosen else 'this project'} yet{others}.")
    return EXIT_DONE


def _lines(place: SnapshotStore, name: str, only: Mapping[str, str] | None) -> list[str]:
    """Give what there is to tell of one; one that cannot be read must not hide the others."""
    try:
        data = read_snapshot(place, name)
    except DeployerError as error:
        return [name, f"    {error}"]
    if only is not None and data["account"] != only:
        return []
    where = " · ".join([*data["account"].values(), f"project {data['project']}"])
    return [name, f"    {data['time']}  {where}", f"    {_told(data)}", *(f"      {line}" for line in _held(data))]


def _told(data: Mapping[str, Any]) -> str:
    """Say what a run was about to do."""
    commit = f" of {data['origin']}" if data["origin"] else ""
    counts = (f"{len(names)} to {what}" for what, names in _by_action(data).items())
    return f"before {data['command']}{commit}: {', '.join(counts)}"


def _held(data: Mapping[str, Any]) -> list[str]:
    return [f"{what}: {listed(names, _FEW)}" for what, names in _by_action(data).items()]


def _by_action(data: Mapping[str, Any]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for change in data["changes"]:
        result.setdefault(change["action"], []).append(change["address"])
    return result
