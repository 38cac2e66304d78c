"""What a run made: by the ids that it noted at its end; where it did not come to that, by what speaks against it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.engine import age, stamp
from deployer.model import Action, LiveObject, Outcome

CLOCKS = 600
"""Seconds by which the clocks of the account and of a machine may differ."""
FRESH = (Action.CREATE, Action.REPLACE)


@dataclass(frozen=True, slots=True)
class Run:
    """The run that a snapshot is of. `there` are objects that it met, too young for their age to tell."""

    command: str = ""
    time: str = ""
    origin: str = ""
    there: frozenset[str] = frozenset()

    def excludes(self, live_id: str, raw: Mapping[str, Any]) -> str:
        """Say why this cannot be what the run made; "" when it may be. A rollback writes the stamps of other runs."""
        if live_id in self.there:
            return "was there before the run that was to make it"
        run, made = age.seconds(self.time), age.seconds(raw.get("created_at"))
        if run is not None and made is not None and made < run - CLOCKS:
            return "is older than the run that was to make it"
        origin = (raw.get("metadata") or {}).get(stamp.ORIGIN, "")
        if self.command == "apply" and origin != self.origin:
            return f"carries the stamp of another run ({f'commit {origin}' if origin else 'outside git'})"
        return ""


def young(live: Sequence[LiveObject], time: str) -> list[str]:
    """Give the ids of what is there now and is not old enough for a later look to tell."""
    run = age.seconds(time)
    ages = {one.id: age.seconds(one.raw.get("created_at")) for one in live}
    return sorted(one for one, made in ages.items() if run is None or made is None or made >= run - CLOCKS)


def noted(data: Mapping[str, Any], outcomes: Sequence[Outcome], live: Collection[str]) -> dict[str, Any]:
    """Give a snapshot with the id of what was made at each address, "" for nothing; `live` was there before."""
    ids = {str(one.address): one.live_id or "" for one in outcomes if one.action in FRESH}
    made = {address: "" if one in live else one for address, one in ids.items()}
    changes = [{**one, **_made(one, made)} for one in data["changes"]]
    return {**data, "changes": changes}


def _made(change: Mapping[str, Any], made: Mapping[str, str]) -> dict[str, str]:
    fresh = change["action"] in FRESH and change["address"] in made
    return {"made": made[change["address"]]} if fresh else {}
