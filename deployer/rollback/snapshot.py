"""One snapshot as JSON data, version 1 (schemas/snapshot.schema.json): what a plan is about to change, as it is before.

When its run is over, the snapshot also says which objects the run created. A run that did not live to say so leaves it
to be inferred, by what rules an object out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from deployer.engine import canonical, plan_json, stamp
from deployer.engine.stamp import Stamp
from deployer.model import Action, Address, Change, DesiredFile, LiveFile, LiveObject, Outcome, Plan, Upload

VERSION = 1
FILE = "file"
"""Changes of this kind are File objects that an interrupted run left over: nothing to restore."""
TRIAL, KEPT = "trial", "kept"
"""Keys of a snapshot whose run is tested: its state, and the ids of File objects that it would have deleted."""
CLOCK_SKEW = 600
"""Seconds by which the clocks of the account and of a machine may differ."""
CREATES = (Action.CREATE, Action.REPLACE)


class TrialState(StrEnum):
    """What became of a deploy that is tested: `given_up` where another one came before its tests had passed."""

    OPEN = "open"
    PASSED = "passed"
    TAKEN_BACK = "taken back"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Run:
    """The run that a snapshot was taken for. `present` are objects that it found, too young for their age to tell."""

    command: str = ""
    time: str = ""
    origin: str = ""
    present: frozenset[str] = frozenset()

    def excludes(self, live_id: str, raw: Mapping[str, Any]) -> str:
        """Say why the run cannot have created an object; "" when it may have."""
        if live_id in self.present:
            return "was there before the run that was to create it"
        started, created = canonical.seconds(self.time), canonical.seconds(raw.get("created_at"))
        if started is not None and created is not None and created < started - CLOCK_SKEW:
            return "is older than the run that was to create it"
        origin = stamp.pairs(raw).get(stamp.ORIGIN, "")
        if self.command == "apply" and origin != self.origin:  # a rollback writes the stamps of other runs
            return f"carries the stamp of another run ({f'commit {origin}' if origin else 'outside git'})"
        return ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a snapshot: the object as it was (`raw`, None when there was none), its stamp and its files.

    `created` is the id of what the run created, "" when that is nothing, None when the run did not live to say so; then
    it was one of `runs`. `foreign`: the object was there and not owned, until the run adopted it.
    """

    address: Address
    action: Action
    id: str | None
    raw: Mapping[str, Any] | None
    files: tuple[LiveFile, ...] = ()
    stamp: Stamp | None = None
    created: str | None = None
    runs: tuple[Run, ...] = ()
    foreign: bool = False

    @property
    def metadata(self) -> Mapping[str, Any]:
        return stamp.pairs(self.raw or {})

    @property
    def previous(self) -> Address:
        """The address that the object had when the snapshot was taken."""
        return self.stamp.address if self.stamp and not self.foreign else self.address

    @property
    def copy(self) -> bool:
        """Whether it was one too many at its address: a second copy, or a store that had expired."""
        return "#" in self.address.name

    def excludes(self, live_id: str, raw: Mapping[str, Any]) -> str:
        """Say why an object cannot be what was created here; "" when it may be."""
        if self.created is not None:
            return "" if live_id == self.created else "is not what the run created"
        reasons = [run.excludes(live_id, raw) for run in self.runs]
        return reasons[0] if reasons and all(reasons) else ""


def take(plan: Plan, command: str, time: str, found: Sequence[LiveObject] = (), note: str = "") -> dict[str, Any]:
    """Return the snapshot of what `plan` is about to change.

    `time` is RFC 3339, in UTC; `found` is what is live now, which may be more than the plan was made from. `note` is
    what a person said of the run.
    """
    live = {one.id: one for one in plan.live}
    changes = [change for change in plan.pending if change.address.kind != FILE]
    creates = any(change.action in CREATES for change in changes)
    return {
        "version": VERSION,
        "project": plan.project,
        "account": plan_json.account(plan),
        "command": command,
        "time": time,
        "origin": plan.origin,
        **({"note": note} if note else {}),
        "there": _young([*plan.live, *found], time) if creates else [],
        "changes": [_change(change, live.get(change.live_id or "")) for change in changes],
    }


def _young(live: Sequence[LiveObject], time: str) -> list[str]:
    """Return the ids of objects that are not old enough for a later look to tell that they were there."""
    started = canonical.seconds(time)
    ages = {one.id: canonical.seconds(one.raw.get("created_at")) for one in live}
    return sorted(one for one, at in ages.items() if started is None or at is None or at >= started - CLOCK_SKEW)


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


def with_created(data: Mapping[str, Any], outcomes: Sequence[Outcome], live: Collection[str]) -> dict[str, Any]:
    """Return a snapshot with the id of what was created at each address, "" for nothing.

    `live` are the ids of what was there before.
    """
    ids = {str(one.address): one.live_id or "" for one in outcomes if one.action in CREATES}
    created = {address: "" if one in live else one for address, one in ids.items()}
    fresh = [action.value for action in CREATES]
    changes = [
        {**one, "made": created[one["address"]]} if one["action"] in fresh and one["address"] in created else one
        for one in data["changes"]
    ]
    return {**data, "changes": changes}


def entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    """Read the changes of a snapshot that was checked."""
    run = Run(data["command"], data["time"], data["origin"], frozenset(data.get("there", ())))
    for one in data["changes"]:
        address, raw = Address.parse(one["address"]), one["object"]
        found = stamp.of(raw or {})
        owned = found is not None and (found.project, found.address.kind) == (data["project"], address.kind)
        files = tuple(LiveFile(**file) for file in one["files"])
        foreign = raw is not None and not owned
        yield Entry(address, Action(one["action"]), one["id"], raw, files, found, one.get("made"), (run,), foreign)


def documents(data: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Return path, sha256 and size of each document that was there, or was about to be sent."""
    for one in data["changes"]:
        for file in (*one["files"], *one["uploads"]):
            if file["path"] and file["sha256"] and file["size"] is not None:
                yield file["path"], file["sha256"], file["size"]
