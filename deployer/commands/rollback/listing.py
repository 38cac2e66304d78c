"""Which snapshots there are: when, of which account, and what each of them holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from deployer.errors import EXIT_DONE, DeployerError
from deployer.session.safety import snapshot
from deployer.snapshots import Shelf

_NAMED = 3


def show(place: Shelf, account: Mapping[str, str], *, chosen: bool) -> int:
    """Tell of all snapshots of the project, the newest first; of an account that was chosen, only of those."""
    from deployer.render.plain import plain_text

    names = place.names()
    told_of = [lines for name in reversed(names) if (lines := _lines(place, name, account if chosen else None))]
    for lines in told_of:
        click.echo(plain_text("\n".join(lines)))
    if not told_of:
        others = f" ({len(names)} of other accounts)" if names else ""
        click.echo(f"No snapshot of {'this account' if chosen else 'this project'} yet{others}.")
    return EXIT_DONE


def _lines(place: Shelf, name: str, only: Mapping[str, str] | None) -> list[str]:
    """Give what there is to tell of one; one that cannot be read must not hide the others."""
    try:
        data = snapshot(place, name)
    except DeployerError as error:
        return [name, f"    {error}"]
    if only is not None and data["account"] != only:
        return []
    where = " · ".join([*data["account"].values(), f"project {data['project']}"])
    return [name, f"    {data['time']}  {where}", f"    {told(data)}", *(f"      {line}" for line in _held(data))]


def told(data: Mapping[str, Any]) -> str:
    """Say what a run was about to do."""
    commit = f" of {data['origin']}" if data["origin"] else ""
    counts = (f"{len(names)} to {what}" for what, names in _by_action(data).items())
    return f"before {data['command']}{commit}: {', '.join(counts)}"


def _held(data: Mapping[str, Any]) -> list[str]:
    return [f"{what}: {_few(names)}" for what, names in _by_action(data).items()]


def _by_action(data: Mapping[str, Any]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for change in data["changes"]:
        result.setdefault(change["action"], []).append(change["address"])
    return result


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
