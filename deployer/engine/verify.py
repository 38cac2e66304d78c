"""What a reviewer saw, read again right before a write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.engine import canonical, stamp
from deployer.kinds import Kind
from deployer.model import LiveFile

_LENGTH = 12


def digest(kind: Kind, raw: Mapping[str, Any]) -> str:
    """Return `field=digest …` over the fields that an update could overwrite."""
    return stamp.written({name: canonical.sha256(raw.get(name))[:_LENGTH] for name in sorted(kind.overwritable())})


def unwritten(kind: Kind, raw: Mapping[str, Any]) -> str:
    """Return one digest over all fields, for an object that is only looked at: most are, and each costs."""
    return stamp.written({"all": canonical.exact_sha256([raw.get(name) for name in kind.overwritable()])[:_LENGTH]})


def moved(kind: Kind, reviewed: str, raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the fields that are no longer what was reviewed."""
    before, now = stamp.parsed(reviewed), stamp.parsed(digest(kind, raw))
    return tuple(name for name in now if before.get(name) != now[name])


def moved_document(before: LiveFile, now: LiveFile) -> tuple[str, ...]:
    """Name what was written into a membership since it was reviewed; how far its ingestion is does not count."""
    if before.mapped and now.path is None:  # it carries nothing that could be written
        return ()
    names = {*before.attributes, *now.attributes}
    edited = {name for name in names if before.attributes.get(name) != now.attributes.get(name)}
    same = (before.path, before.sha256, before.declared) == (now.path, now.sha256, now.declared)
    return tuple(sorted(edited)) if edited or same else ("attributes",)
