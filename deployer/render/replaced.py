"""Files of a code interpreter that come in the place of others, so that they read as replacements, by name.

An account names them by ids alone. The stamp holds what was in them in the manifest's order, so a file that changed
stands where the old one stood. Where that does not tell (two went, one came), no name is said to have left git.
"""

from __future__ import annotations

from dataclasses import replace

from deployer.engine import stamp, supply
from deployer.model import Change, FileAction, FileChange, Plan
from deployer.render.matching import opcodes

_KIND = "assistant"
_UNSURE = "what it holds is no longer in the manifest"


def of(plan: Plan, change: Change) -> tuple[FileChange, ...]:
    """Give the file changes as they are to be read; those of a store tell their names themselves."""
    if change.address.kind != _KIND:
        return change.files
    came = {_token(one): one for one in change.files if one.action is FileAction.ADD}
    gone = {one.live[0].sha256: one for one in change.files if one.action is FileAction.REMOVE and one.live}
    pairs = [(gone[old], came[new]) for old, new in _pairs(plan, change) if old in gone and new in came]
    read = {id(new): _replaced(old, new) for old, new in pairs}
    over = {id(old) for old, _ in pairs}
    unsure = len(pairs) < len(came)
    found = (_left(one, unsure=unsure) for one in change.files if id(one) not in {*read, *over})
    return tuple(sorted((*found, *read.values()), key=lambda one: (one.path, one.action)))


def _token(change: FileChange) -> str:
    file = change.desired
    return supply.token(file.name, file.sha256) if file else ""


def _replaced(old: FileChange, new: FileChange) -> FileChange:
    return replace(new, action=FileAction.REPLACE, live=old.live, reason=f"replaces {old.live[0].id}")


def _left(change: FileChange, *, unsure: bool) -> FileChange:
    return replace(change, reason=_UNSURE) if unsure and change.action is FileAction.REMOVE else change


def _pairs(plan: Plan, change: Change) -> list[tuple[str, str]]:
    """Give old and new contents that have the same place: as many of each between the same neighbours."""
    mark = next((stamp.read(one.raw.get("metadata")) for one in plan.live if one.id == change.live_id), None)
    files = next((one.files for one in plan.desired if one.address == change.address), ())
    before = list(mark.files.values()) if mark else []
    after = list(dict.fromkeys(supply.token(file.name, file.sha256) for file in files))
    return [
        pair
        for tag, i1, i2, j1, j2 in opcodes(before, after)
        if tag == "replace" and i2 - i1 == j2 - j1
        for pair in zip(before[i1:i2], after[j1:j2], strict=True)
    ]
