"""A snapshot as JSON data, version 1 (schemas/snapshot.schema.json): what a plan is about to change, as it is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.engine import data as plan_data
from deployer.engine import stamp
from deployer.model import Action, Address, Change, DesiredFile, LiveFile, LiveObject, Plan, Upload

VERSION = 1
FILE = "file"
"""Changes of this kind are File objects that an interrupted run left over: nothing to come back to."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of a snapshot of that `time`: the object as it was (None when there was none), what it held."""

    address: Address
    action: Action
    id: str | None
    raw: Mapping[str, Any] | None
    files: tuple[LiveFile, ...] = ()
    time: str = ""

    @property
    def stamp(self) -> stamp.Stamp | None:
        return stamp.read((self.raw or {}).get("metadata"))

    @property
    def then(self) -> Address:
        """The address that it had then."""
        return self.stamp.address if self.stamp else self.address

    @property
    def copy(self) -> bool:
        """Tell whether it was one too many at its address: a second copy, or a store that had expired."""
        return "#" in self.address.name


def snapshot(plan: Plan, command: str, time: str) -> dict[str, Any]:
    """Give the snapshot of what `plan` is about to change."""
    live = {one.id: one for one in plan.live}
    changes = [change for change in plan.pending if change.address.kind != FILE]
    return {
        "version": VERSION,
        "project": plan.project,
        "account": plan_data.account(plan),
        "command": command,
        "time": time,
        "origin": plan.origin,
        "changes": [_change(change, live.get(change.live_id or "")) for change in changes],
    }


def _change(change: Change, live: LiveObject | None) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "action": change.action.value,
        "id": change.live_id,
        "object": dict(live.raw) if live else None,
        "files": [_file(file) for file in live.files] if live else [],
        "uploads": [_upload(step.file) for step in change.steps if isinstance(step, Upload)],
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


def entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    """Read the changes of a snapshot that fits its schema."""
    for one in data["changes"]:
        files = tuple(LiveFile(**file) for file in one["files"])
        yield Entry(Address.parse(one["address"]), Action(one["action"]), one["id"], one["object"], files, data["time"])


def documents(data: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Give path, sha256 and size of each document that was there, or was about to be sent."""
    for one in data["changes"]:
        for file in (*one["files"], *one["uploads"]):
            if file["path"] and file["sha256"] and file["size"] is not None:
                yield file["path"], file["sha256"], file["size"]
