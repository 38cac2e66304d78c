"""A plan as JSON data, version 1: what `plan --format json` prints and what the fingerprint covers."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from deployer.model import Action, Change, FieldChange, FileAction, FileChange, Plan, Problem, Upload

VERSION = 1


def plan_data(plan: Plan) -> dict[str, Any]:
    """Give the published form (schemas/plan.schema.json) without the fingerprint."""
    return {
        "version": VERSION,
        "project": plan.project,
        "account": {"name": plan.target.name, "api": plan.target.api, "base_url": plan.target.base_url},
        "summary": summary(plan),
        "changes": [_change(change) for change in plan.changes],
        "problems": [problem_data(problem) for problem in plan.problems],
    }


def summary(plan: Plan) -> dict[str, int]:
    counts = Counter(change.action for change in plan.changes)
    return {action.value: counts[action] for action in Action}


def requests(change: Change) -> int:
    """Count the requests that a change sends at least; each wait polls once or more on top."""
    return sum(len(stage) for stage in change.stages)


def upload_bytes(change: Change) -> int:
    return sum(step.file.size for stage in change.stages for step in stage if isinstance(step, Upload))


def _change(change: Change) -> dict[str, Any]:
    origins = sorted({field.origin.value for field in change.fields})
    result: dict[str, Any] = {
        "address": str(change.address),
        "action": change.action.value,
        "reason": change.reason,
        "origin": origins[0] if len(origins) == 1 else ("both" if origins else "manifest"),
        "fields": [_field(field) for field in change.fields],
    }
    if change.orphan:
        result["orphan"] = True
    if change.live_id:
        result["id"] = change.live_id
    if change.files:
        result["files"] = {
            action.value: [_file(one) for one in change.files if one.action is action] for action in FileAction
        }
        result["upload_bytes"] = upload_bytes(change)
    result["requests"] = requests(change)
    return result


def _field(field: FieldChange) -> dict[str, Any]:
    result = {"path": field.path, "old": field.old, "new": field.new, "origin": field.origin.value}
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
    result: dict[str, Any] = {"path": change.path, "reason": change.reason}
    if change.desired:
        result |= {"size": change.desired.size, "sha256": change.desired.sha256}
    return result


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
