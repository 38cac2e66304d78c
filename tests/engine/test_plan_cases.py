"""Plans as data: each case of tests/cases/plan says what is desired and live, and what must come of it.

desired    address → attrs
applied    address → attrs as an earlier apply left them: the live object has them, stamped
live       address → what the live object has instead (id, metadata, …); without `applied` it carries no stamp
           `missing`: fields that the service does not report
files      address → documents that the manifest names, each `{path, sha256, size, attributes, chunking}`
members    address → documents of the live store, by id, each with `path`, `sha256` and what else differs
options    of the scope: prune, on_drift, moved; protect and exclusive name addresses
expect     address → [action, reason, {path: who moved it}]
documents  address → {path: [action, reason]}
operations  address → every operation, in a short form
problems   what must be said
sent       address → the body of the first request, without the stamp
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.apply.flow import awaits, gives
from deployer.engine import plan, stamp
from deployer.engine.draft import Scope
from deployer.kinds import kinds_of, vector_store
from deployer.model import (
    Address,
    AttachFiles,
    Change,
    Create,
    Delete,
    DeleteFile,
    DesiredFile,
    DetachFile,
    LiveFile,
    LiveObject,
    OnDrift,
    Operation,
    Plan,
    Resource,
    Target,
    Update,
    UpdateFile,
    Upload,
)

CASES = sorted((Path(__file__).parents[1] / "cases" / "plan").glob("*.yaml"))


def load(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return case


def scope_of(case: Mapping[str, Any]) -> Scope:
    api, options = case.get("api", "assistants"), case.get("options") or {}
    return Scope(
        "test",
        Target("test", api, ""),
        kinds_of(api),
        prune=case.get("prune", False),
        on_drift=OnDrift(options.get("on_drift", "fail")),
        moved=tuple((Address.parse(old), Address.parse(new)) for old, new in options.get("moved", ())),
    )


def live_of(case: Mapping[str, Any], scope: Scope) -> list[LiveObject]:
    live = []
    members, shields = case.get("members") or {}, (case.get("options") or {}).get("protected", ())
    for number, (text, raw) in enumerate((case.get("live") or {}).items()):
        address = Address.parse(text)
        kind = scope.kinds[address.kind]
        mark: dict[str, str] = {}
        base: dict[str, Any] = {}
        if text in (case.get("applied") or {}):
            attrs = kind.express(case["applied"][text]).attrs
            mark = stamp.write("test", address, attrs, "", protect=text in shields)
            base = dict(kind.wire(attrs, None).fields)
        metadata = {**(base.get("metadata") or {}), **((raw or {}).get("metadata") or {}), **mark}
        whole = {"id": f"id-{number}", "created_at": number, **base, **(raw or {}), "metadata": metadata}
        for name in whole.pop("missing", []):
            top, _, key = name.partition("/")
            del (whole[top] if key else whole)[key or top]
        files = tuple(member(file_id, told or {}) for file_id, told in (members.get(text) or {}).items())
        live.append(LiveObject(address.kind, whole["id"], whole, files))
    return live


def member(file_id: str, told: Mapping[str, Any]) -> LiveFile:
    attributes = dict(told.get("attributes") or {})
    applied = told.get("applied", attributes)
    if "path" in told:
        attributes |= {
            vector_store.PATH_KEY: told["path"],
            vector_store.SHA_KEY: told["sha256"],
            vector_store.SIZE_KEY: 1,
            vector_store.DECLARED_KEY: stamp.written(stamp.applied(applied)),
        }
    chunking = {"type": "static", "static": told["chunking"]} if "chunking" in told else None
    rest = {name: told[name] for name in ("status", "created_at", "last_error") if name in told}
    return vector_store.live_file({"id": file_id, "attributes": attributes, "chunking_strategy": chunking, **rest})


def desired_of(case: Mapping[str, Any]) -> list[Resource]:
    files, options = case.get("files") or {}, case.get("options") or {}
    return [
        Resource(
            Address.parse(text),
            attrs or {},
            tuple(DesiredFile(**{"size": 1, **one}) for one in files.get(text, ())),
            protect=text in options.get("protect", ()),
            exclusive=text in options.get("exclusive", ()),
        )
        for text, attrs in (case.get("desired") or {}).items()
    ]


def build(case: Mapping[str, Any]) -> Plan:
    scope = scope_of(case)
    return plan.build(scope, desired_of(case), live_of(case, scope))


def short(operation: Operation) -> str:
    """An operation in one line; after `<-` stand the keys that it needs although it sends nothing of them."""
    after = ", ".join(getattr(operation, "after", ()))
    return f"{_what(operation)} <- {after}" if after else _what(operation)


def _what(operation: Operation) -> str:  # noqa: PLR0911 (one for each operation)
    match operation:
        case Create():
            return "create"
        case Update():
            return f"update {operation.id}"
        case Delete():
            return f"delete {operation.id}"
        case Upload():
            return f"upload {operation.file.path}"
        case AttachFiles():
            names = [f"{one.path}={one.file}" if one.live else one.path for one in operation.members]
            return f"{'wait' if operation.attached else 'attach'} {', '.join(names)}"
        case UpdateFile():
            return f"update file {operation.file}"
        case DetachFile():
            return f"detach {operation.file}"
        case DeleteFile():
            return f"delete file {operation.id}"


def first_body(change: Change) -> dict[str, Any]:
    bodies = [dict(one.body) for one in change.operations if isinstance(one, Create | Update)]
    return {**bodies[0], "metadata": stamp.without(bodies[0].get("metadata"))}


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_plan_is_as_expected(path: Path) -> None:
    case = load(path)
    built = build(case)
    changes = {str(change.address): change for change in built.changes}
    found = {
        address: [change.action.value, str(change.reason), {field.name: field.origin.value for field in change.fields}]
        for address, change in changes.items()
    }
    assert list(found.items()) == [(address, [*parts, {}][:3]) for address, parts in case["expect"].items()]
    said = [str(problem) for problem in built.problems]
    assert len(said) == len(case.get("problems", []))
    assert all(text in one for text, one in zip(case.get("problems", []), said, strict=True)), said
    for address, expected in (case.get("documents") or {}).items():
        files = {one.path: [one.action.value, str(one.reason)] for one in changes[address].files}
        assert files == expected
    for address, expected in (case.get("operations") or {}).items():
        assert [short(one) for one in changes[address].operations] == expected
    for address, body in case.get("sent", {}).items():
        assert first_body(changes[address]) == body


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_operations_of_a_plan_can_all_be_done(path: Path) -> None:
    """Every key that an operation needs is known, or given by one before it, in this change or an earlier one."""
    built = build(load(path))
    known = set(built.known)
    for change in built.changes:
        for one in change.operations:
            assert awaits(one) <= known, f"{short(one)} of {change.address}"
            known |= set(gives(one))


def test_there_are_cases() -> None:
    assert len(CASES) >= 30
