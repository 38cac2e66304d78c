"""A snapshot as JSON data, version 1 (schemas/snapshot.schema.json): what a plan is about to change, as it is now."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.engine import age, stamp
from deployer.engine import data as plan_data
from deployer.model import Action, Address, Change, DesiredFile, LiveFile, LiveObject, Outcome, Plan, Upload

VERSION = 1
FILE = "file"
"""Changes of this kind are File objects that an interrupted run left over: nothing to come back to."""
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


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a snapshot: the object as it was (None when there was none), what it held.

    `made` is the id of what was made there, "" when nothing was, None when the run did not live to note it. `runs` are
    those that may have made it. `foreign`: it was there and was not ours, until that run adopted it.
    """

    address: Address
    action: Action
    id: str | None
    raw: Mapping[str, Any] | None
    files: tuple[LiveFile, ...] = ()
    made: str | None = None
    runs: tuple[Run, ...] = ()
    foreign: bool = False

    @property
    def stamp(self) -> stamp.Stamp | None:
        return stamp.read((self.raw or {}).get("metadata"))

    @property
    def then(self) -> Address:
        """The address that it had then."""
        return self.stamp.address if self.stamp and not self.foreign else self.address

    @property
    def copy(self) -> bool:
        """Tell whether it was one too many at its address: a second copy, or a store that had expired."""
        return "#" in self.address.name

    def excludes(self, live_id: str, raw: Mapping[str, Any]) -> str:
        """Say why this cannot be what was made there; "" when it may be."""
        if self.made is not None:
            return "" if live_id == self.made else "is not what the run made"
        reasons = [run.excludes(live_id, raw) for run in self.runs]
        return reasons[0] if reasons and all(reasons) else ""


def snapshot(plan: Plan, command: str, time: str, met: Sequence[LiveObject] = ()) -> dict[str, Any]:
    """Give the snapshot of what `plan` is about to change; `met` is what has come since the plan was made."""
    live = {one.id: one for one in plan.live}
    changes = [change for change in plan.pending if change.address.kind != FILE]
    makes = any(change.action in FRESH for change in changes)
    return {
        "version": VERSION,
        "project": plan.project,
        "account": plan_data.account(plan),
        "command": command,
        "time": time,
        "origin": plan.origin,
        "there": young([*plan.live, *met], time) if makes else [],
        "changes": [_change(change, live.get(change.live_id or "")) for change in changes],
    }


def young(live: Sequence[LiveObject], time: str) -> list[str]:
    """Give the ids of what is there now and is not old enough for a later look to tell."""
    run = age.seconds(time)
    ages = {one.id: age.seconds(one.raw.get("created_at")) for one in live}
    return sorted(one for one, made in ages.items() if run is None or made is None or made >= run - CLOCKS)


def _change(change: Change, live: LiveObject | None) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "action": change.action.value,
        "id": change.live_id,
        "object": dict(live.raw) if live else None,
        "files": [_file(file) for file in live.files] if live else [],
        "uploads": [_upload(one.file) for one in change.operations if isinstance(one, Upload)],
    }


def _file(file: LiveFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "path": file.path,
        "sha256": file.sha256,
        "size": file.size,
        "status": file.status,
        "created_at": file.created_at,
        "chunking": dict(file.chunking) if file.chunking else None,
        "attributes": dict(file.attributes),
        "declared": dict(file.declared),
    }


def _upload(file: DesiredFile) -> dict[str, Any]:
    """What is about to be sent: should the run not live to attach it, this tells whose it is."""
    return {"path": file.path, "sha256": file.sha256, "size": file.size}


def noted(data: Mapping[str, Any], outcomes: Sequence[Outcome], live: Collection[str]) -> dict[str, Any]:
    """Give a snapshot with the id of what was made at each address, "" for nothing; `live` was there before."""
    ids = {str(one.address): one.live_id or "" for one in outcomes if one.action in FRESH}
    made = {address: "" if one in live else one for address, one in ids.items()}
    changes = [{**one, **_made(one, made)} for one in data["changes"]]
    return {**data, "changes": changes}


def _made(change: Mapping[str, Any], made: Mapping[str, str]) -> dict[str, str]:
    fresh = change["action"] in FRESH and change["address"] in made
    return {"made": made[change["address"]]} if fresh else {}


def entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    """Read the changes of a snapshot that fits its schema."""
    run = Run(data["command"], data["time"], data["origin"], frozenset(data.get("there", ())))
    for one in data["changes"]:
        files = tuple(LiveFile(**file) for file in one["files"])
        address, action = Address.parse(one["address"]), Action(one["action"])
        mark = stamp.read((one["object"] or {}).get("metadata"))
        foreign = one["object"] is not None and (mark is None or mark.project != data["project"])
        yield Entry(address, action, one["id"], one["object"], files, one.get("made"), (run,), foreign)


def documents(data: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Give path, sha256 and size of each document that was there, or was about to be sent."""
    for one in data["changes"]:
        for file in (*one["files"], *one["uploads"]):
            if file["path"] and file["sha256"] and file["size"] is not None:
                yield file["path"], file["sha256"], file["size"]
