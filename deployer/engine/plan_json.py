"""A plan as JSON data, version 1: what `plan --format json` prints and what the fingerprint covers."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from deployer import catalogue
from deployer.engine import canonical, drift, review, verify
from deployer.engine.cost import requests, upload_bytes
from deployer.kinds import kinds_of
from deployer.model import (
    Action,
    Address,
    Begun,
    Change,
    DesiredFile,
    Effect,
    FieldChange,
    FileAction,
    FileChange,
    LiveFile,
    OnDrift,
    Origin,
    Outcome,
    Plan,
    Position,
    Problem,
    Reason,
    Resource,
    Review,
    Severity,
    Target,
    Upload,
    Use,
    Why,
)

VERSION = 1
_SHOWN_ONLY = ("fingerprint", "failed")


def plan_data(plan: Plan) -> dict[str, Any]:
    """Return the published form (schemas/plan.schema.json) without the fingerprint."""
    told = review.of(plan)
    if told.saved:
        saved = {name: value for name, value in told.saved.items() if name not in _SHOWN_ONLY}
        return {**saved, **_failed(told)}
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
            **({"targets": list(map(str, plan.targets))} if plan.targets else {}),
        },
        "summary": summary(plan),
        "forecast": {"requests": told.requests, "bytes": told.bytes, "seconds": math.ceil(told.seconds)},
        "refusal": told.refusal or None,
        "conflicts": [_conflict(address, one) for address, one in plan.conflicts],
        "changes": _changes(plan, told),
        "uses": {name: _use(one) for name, one in sorted(told.uses.items())},
        "problems": [problem_data(problem) for problem in in_order(plan.problems)],
        **_failed(told),
    }


def _failed(told: Review) -> dict[str, Any]:
    return {"failed": list(told.failed)} if told.failed else {}


def _use(one: Use) -> dict[str, Any]:
    return {"names": list(one.names), "documents": one.documents, "bytes": one.bytes}


def manifest(desired: Sequence[Resource]) -> str:
    """Return the digest of all that is desired, in whatever order it is declared."""
    told = [
        [str(one.address), one.attrs, [_whole(file) for file in one.files], one.protect, one.exclusive]
        for one in sorted(desired, key=lambda one: one.address)
    ]
    return canonical.ordered_sha256(told)


def _whole(file: DesiredFile) -> list[Any]:
    return [file.path, file.sha256, dict(file.chunking or {}), dict(file.attributes)]


def _changes(plan: Plan, told: Review) -> list[dict[str, Any]]:
    """What is only looked at is part of the plan too: when it moves, a reviewed plan is out of date."""
    live = {one.id: one for one in plan.live}
    kinds = kinds_of(plan.target.api)
    result = []
    for change in plan.changes:
        data, seen = _change(change, told.replaced.get(change.address, {})), live.get(change.live_id or "")
        if change.address in told.attached:
            data["attached"] = list(told.attached[change.address])
        if change.address in told.renamed:
            data["renamed_from"] = str(told.renamed[change.address])
        if seen and seen.kind in kinds and not change.reviewed:
            data["reviewed"] = verify.unwritten(kinds[seen.kind], seen.raw)
        result.append(data)
    return result


def account(plan: Plan) -> dict[str, str]:
    return {"name": plan.target.name, "api": plan.target.api, "base_url": plan.target.base_url}


def summary(plan: Plan) -> dict[str, int]:
    counts = Counter(change.action for change in plan.changes)
    return {action.value: counts[action] for action in Action}


def _change(change: Change, replaced: Mapping[str, str]) -> dict[str, Any]:
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
            action.value: [_file(one, replaced) for one in change.files if one.action is action]
            for action in FileAction
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


def _file(change: FileChange, replaced: Mapping[str, str]) -> dict[str, Any]:
    """`live` says which memberships go or stay: a plan that was reviewed must not detach others."""
    return {
        "path": change.path,
        "reason": str(change.reason),
        "origin": change.origin.value,
        "upload": change.upload,
        **(_desired(change.desired) if change.desired else {}),
        **({"live": sorted(file.id for file in change.live), "was": _was(change.live[0])} if change.live else {}),
        **({"replaces": replaced[change.path]} if change.desired and change.path in replaced else {}),
        **({"kept": True} if change.kept else {}),
    }


def _was(file: LiveFile) -> dict[str, Any]:
    settings = {"attributes": file.attributes, "declared": file.declared, "chunking": file.chunking}
    return {"id": file.id, "size": file.size, **{name: dict(value) for name, value in settings.items() if value}}


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
        **({"targets": list(map(str, plan.targets))} if plan.targets else {}),
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


def applied(plan: Plan | None, outcomes: Sequence[Outcome], begun: Sequence[Begun], **rest: Any) -> dict[str, Any]:
    """Return what became of a plan (schemas/apply.schema.json); `rest` are status, why, snapshot and left."""
    return {
        "version": VERSION,
        "project": plan.project if plan else None,
        "account": account(plan) if plan else None,
        **rest,
        "outcomes": [_outcome(one) for one in outcomes],
        "begun": [{**asdict(one), "address": str(one.address)} for one in begun],
    }


def _outcome(one: Outcome) -> dict[str, Any]:
    return {
        "address": str(one.address),
        "action": one.action.value,
        "status": one.status.value,
        "why": one.why,
        "id": one.live_id,
        "notes": list(one.notes),
        "requests": list(one.requests),
    }


def published(plan: Plan) -> dict[str, Any]:
    """Return the published form with its fingerprint."""
    data = plan_data(plan)
    return {**data, "fingerprint": fingerprint_of(data)}


def fingerprint(plan: Plan) -> str:
    """Return the sha256 (hex) over the canonical JSON of the plan, however the inputs were ordered."""
    return fingerprint_of(plan_data(plan))


def fingerprint_of(data: Mapping[str, Any]) -> str:
    """Return the fingerprint of a plan's published form.

    What is told of models changes with the day, gates are set by who looks, and a merge makes another commit of the
    same files: none of that was reviewed.
    """
    content = {name: value for name, value in data.items() if name not in _SHOWN_ONLY}
    scope = {name: value for name, value in data["scope"].items() if name != "origin"}
    lasting = [one for one in data["problems"] if one["rule"] not in catalogue.RULES]
    return canonical.sha256({**content, "scope": scope, "problems": lasting})


def read(data: Mapping[str, Any]) -> Plan:
    """Return the plan of its published form, to be shown: it cannot be applied, since all that it sends are uploads."""
    scope, account, forecast = data["scope"], data["account"], data["forecast"]
    changes = data["changes"]
    return Plan(
        project=data["project"],
        target=Target(account["name"], account["api"], account["base_url"]),
        changes=tuple(map(_read_change, changes)),
        problems=tuple(map(_read_problem, data["problems"])),
        origin=scope["origin"],
        on_drift=OnDrift(scope["on_drift"]),
        prune=scope["prune"],
        check_files=scope["check_files"],
        targets=tuple(map(Address.parse, scope.get("targets", ()))),
        review=Review(
            requests=forecast["requests"],
            bytes=forecast["bytes"],
            seconds=forecast["seconds"],
            refusal=data["refusal"] or "",
            attached={Address.parse(one["address"]): tuple(one["attached"]) for one in changes if "attached" in one},
            renamed={
                Address.parse(one["address"]): Address.parse(one["renamed_from"])
                for one in changes
                if "renamed_from" in one
            },
            replaced={Address.parse(one["address"]): dict(_replaces(one)) for one in changes if "files" in one},
            uses={name: Use(tuple(one["names"]), one["documents"], one["bytes"]) for name, one in data["uses"].items()},
            failed=tuple(data.get("failed", ())),
            saved=data,
        ),
    )


def _replaces(change: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    files = (one for group in change["files"].values() for one in group)
    return ((one["path"], one["replaces"]) for one in files if "replaces" in one)


def _read_change(data: Mapping[str, Any]) -> Change:
    files = tuple(_read_file(action, one) for action in FileAction for one in data.get("files", {}).get(action, ()))
    return Change(
        Address.parse(data["address"]),
        Action(data["action"]),
        _reason(data["reason"]),
        data.get("id"),
        tuple(map(_read_field, data["fields"])),
        tuple(sorted(files, key=lambda one: (one.path, one.action))),
        operations=tuple(Upload(one.desired, one.path) for one in files if one.upload and one.desired),
        orphan=data.get("orphan", False),
        reviewed=data.get("reviewed", ""),
    )


def _reason(sentence: str) -> Reason:
    return Reason(Why.UNSURE, (sentence,))


def _read_field(data: Mapping[str, Any]) -> FieldChange:
    effects = tuple(
        Effect(_parts(one["pointer"]), one["what"], one["breaking"], one["kind"]) for one in data.get("effects", ())
    )
    path = tuple(data["path"].split("/", 1))
    return FieldChange(path, data["old"], data["new"], Origin(data["origin"]), effects, data["kept"])


def _parts(written: str) -> tuple[str, ...]:
    """Read a JSON pointer (RFC 6901); a number in it stays a text."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in written.split("/")[1:])


def _read_file(action: FileAction, data: Mapping[str, Any]) -> FileChange:
    desired = None
    if "sha256" in data:
        attributes = data.get("attributes", {})
        desired = DesiredFile(data["path"], data["size"], data["sha256"], data.get("chunking"), attributes=attributes)
    live = (_read_live(data["was"], data["path"]),) if "was" in data else ()
    reason, origin = _reason(data["reason"]), Origin(data["origin"])
    return FileChange(action, data["path"], desired, live, reason, origin, data["upload"], data.get("kept", False))


def _read_live(was: Mapping[str, Any], path: str) -> LiveFile:
    settings = {name: was[name] for name in ("attributes", "declared", "chunking") if name in was}
    return LiveFile(was["id"], path, None, "completed", was["size"], 0, **settings)


def _read_problem(data: Mapping[str, Any]) -> Problem:
    at = Position(data["file"], data["line"], data["column"]) if data["file"] else None
    severity, rule, says = Severity(data["severity"]), data["rule"] or "", data["says"] or ""
    return Problem(data["message"], data["remedy"], data["address"], at, severity, rule, says)
