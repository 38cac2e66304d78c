"""A plan as JSON data, version 1: what `plan --format json` prints and what the fingerprint covers."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from deployer import catalogue
from deployer.engine import canonical, drift, verify
from deployer.engine.cost import requests, seconds, total_bytes, total_requests, upload_bytes
from deployer.kinds import kinds_of
from deployer.model import (
    Action,
    Address,
    Change,
    DesiredFile,
    FieldChange,
    FileAction,
    FileChange,
    Origin,
    Plan,
    Position,
    Problem,
    Resource,
)

VERSION = 1


def plan_data(plan: Plan) -> dict[str, Any]:
    """Return the published form (schemas/plan.schema.json) without the fingerprint."""
    return {
        "version": VERSION,
        "project": plan.project,
        "account": account(plan),
        "manifest": manifest(plan.desired),
        "scope": {
            "prune": plan.prune,
            "on_drift": plan.on_drift.value,
            "check_files": plan.check_files,
            "origin": plan.origin,
        },
        "summary": summary(plan),
        "forecast": {"requests": total_requests(plan), "bytes": total_bytes(plan), "seconds": math.ceil(seconds(plan))},
        "conflicts": [_conflict(address, one) for address, one in plan.conflicts],
        "changes": _changes(plan),
        "problems": [problem_data(problem) for problem in in_order(plan.problems)],
    }


def manifest(desired: Sequence[Resource]) -> str:
    """Return the digest of all that is desired, in whatever order it is declared."""
    told = [
        [str(one.address), one.attrs, [_whole(file) for file in one.files], one.protect, one.exclusive]
        for one in sorted(desired, key=lambda one: one.address)
    ]
    return canonical.ordered_sha256(told)


def _whole(file: DesiredFile) -> list[Any]:
    return [file.path, file.sha256, dict(file.chunking or {}), dict(file.attributes)]


def _changes(plan: Plan) -> list[dict[str, Any]]:
    """What is only looked at is part of the plan too: when it moves, a reviewed plan is out of date."""
    live = {one.id: one for one in plan.live}
    kinds = kinds_of(plan.target.api)
    result = []
    for change in plan.changes:
        data, seen = _change(change), live.get(change.live_id or "")
        if seen and seen.kind in kinds and not change.reviewed:
            data["reviewed"] = verify.unwritten(kinds[seen.kind], seen.raw)
        result.append(data)
    return result


def account(plan: Plan) -> dict[str, str]:
    return {"name": plan.target.name, "api": plan.target.api, "base_url": plan.target.base_url}


def summary(plan: Plan) -> dict[str, int]:
    counts = Counter(change.action for change in plan.changes)
    return {action.value: counts[action] for action in Action}


def _change(change: Change) -> dict[str, Any]:
    result: dict[str, Any] = {
        "address": str(change.address),
        "action": change.action.value,
        "reason": str(change.reason),
        "origin": _origin(change).value,
        "fields": [_field(field) for field in change.fields],
    }
    if change.orphan:
        result["orphan"] = True
    if change.live_id:
        result["id"] = change.live_id
    if change.reviewed:
        result["reviewed"] = change.reviewed
    if change.files:
        result["files"] = {
            action.value: [_file(one) for one in change.files if one.action is action] for action in FileAction
        }
        result["upload_bytes"] = upload_bytes(change)
    result["requests"] = requests(change)
    return result


def _conflict(address: Address, one: FieldChange | FileChange) -> dict[str, str]:
    where = {"field": one.name} if isinstance(one, FieldChange) else {"file": one.path}
    return {"address": str(address), **where}


def _origin(change: Change) -> Origin:
    origins = {field.origin for field in change.fields} | {file.origin for file in change.files}
    if len(origins) == 1:
        return origins.pop()
    return Origin.BOTH if origins else Origin.MANIFEST


def _field(field: FieldChange) -> dict[str, Any]:
    result = {
        "path": field.name,
        "old": field.old,
        "new": field.new,
        "origin": field.origin.value,
        "kept": field.kept,
    }
    if field.effects:
        result["compatibility"] = "breaking" if any(one.breaking for one in field.effects) else "compatible"
        result["effects"] = [
            {"pointer": pointer(one.pointer), "what": one.what, "kind": one.kind, "breaking": one.breaking}
            for one in field.effects
        ]
    return result


def pointer(path: Sequence[str | int]) -> str:
    """Write a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _file(change: FileChange) -> dict[str, Any]:
    """`live` says which memberships go or stay: a plan that was reviewed must not detach others."""
    return {
        "path": change.path,
        "reason": str(change.reason),
        "origin": change.origin.value,
        "upload": change.upload,
        **(_desired(change.desired) if change.desired else {}),
        **({"live": sorted(file.id for file in change.live)} if change.live else {}),
    }


def _desired(file: DesiredFile) -> dict[str, Any]:
    result: dict[str, Any] = {"size": file.size, "sha256": file.sha256}
    if file.attributes:
        result["attributes"] = dict(file.attributes)
    if file.chunking is not None:
        result["chunking"] = dict(file.chunking)
    return result


def drift_data(plan: Plan) -> dict[str, Any]:
    """Return what moved on the account since the last apply, by address (schemas/drift.schema.json)."""
    return {
        "version": VERSION,
        "project": plan.project,
        "account": account(plan),
        "moved": [_moved(one) for one in drift.moved(plan)],
    }


def _moved(one: drift.Moved) -> dict[str, Any]:
    return {
        "address": str(one.address),
        "id": one.live_id,
        "what": one.what,
        "fields": [
            {"path": field.name, "declared": field.new, "live": field.old, "origin": field.origin.value}
            for field in one.fields
        ],
        "documents": [{"path": document.path, "what": document.what} for document in one.documents],
    }


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Sort problems as they are read: by file, line and column; those that have no place come last."""
    return sorted(problems, key=_place)


def _place(problem: Problem) -> tuple[bool, str, int, int, str]:
    at = problem.position or Position("", 0, 0)
    return problem.position is None, at.file, at.line, at.column, problem.address


def problem_data(problem: Problem) -> dict[str, Any]:
    position = problem.position
    return {
        "severity": problem.severity.value,
        "message": problem.message,
        "remedy": problem.remedy,
        "address": problem.address,
        "file": position.file if position else None,
        "line": position.line if position else None,
        "column": position.column if position else None,
        "rule": problem.rule or None,
        "says": problem.says or None,
    }


def fingerprint(plan: Plan) -> str:
    """Return the sha256 (hex) over the canonical JSON of the plan, however the inputs were ordered.

    What is told of models changes with the day, and is no part of what was reviewed.
    """
    lasting = tuple(one for one in plan.problems if one.rule not in catalogue.RULES)
    return canonical.sha256(plan_data(replace(plan, problems=lasting)))
