"""Data-only cases of the engine, one YAML file each in tests/cases/plan.

api: assistants | agents
applied: {address: attrs}     what an earlier apply sent (its stamp is on the live object)
live: {address: raw fields}   what the account has now, on top of what was applied; `missing` names fields that it lacks
desired: {address: attrs}
expect: {address: [action, reason, {field path: origin}]}
problems: [text that must stand in the plan's problems, in order]
sent: {address: body without the stamp}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.engine import plan, stamp
from deployer.kinds import SURFACES
from deployer.model import Address, LiveObject, Plan, Request, Resource, Target

CASES = sorted((Path(__file__).parent / "cases" / "plan").glob("*.yaml"))


def load(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return case


def build(case: dict[str, Any]) -> Plan:
    kinds = SURFACES[case.get("api", "assistants")]
    scope = plan.Scope("test", Target("test", case.get("api", "assistants"), ""), kinds, prune=case.get("prune", False))
    live = []
    for number, (text, raw) in enumerate((case.get("live") or {}).items()):
        address = Address.parse(text)
        mark: dict[str, str] = {}
        base: dict[str, Any] = {}
        if text in (case.get("applied") or {}):
            attrs = kinds[address.kind].express(case["applied"][text]).attrs
            mark = stamp.write("test", address, attrs, "")
            base = dict(kinds[address.kind].wire(attrs, None).fields)
        metadata = {**(base.get("metadata") or {}), **((raw or {}).get("metadata") or {}), **mark}
        whole = {"id": f"id-{number}", "created_at": number, **base, **(raw or {}), "metadata": metadata}
        for name in whole.pop("missing", []):
            top, _, key = name.partition("/")
            del (whole[top] if key else whole)[key or top]
        live.append(LiveObject(address.kind, whole["id"], whole))
    desired = [Resource(Address.parse(text), attrs) for text, attrs in (case.get("desired") or {}).items()]
    return plan.build(scope, desired, live)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_plan_is_as_expected(path: Path) -> None:
    case = load(path)
    built = build(case)
    found = {
        str(change.address): [
            change.action.value,
            change.reason,
            {field.path: field.origin.value for field in change.fields},
        ]
        for change in built.changes
    }
    assert list(found.items()) == [(address, [*parts, {}][:3]) for address, parts in case["expect"].items()]
    said = [str(problem) for problem in built.problems]
    assert len(said) == len(case.get("problems", []))
    assert all(text in one for text, one in zip(case.get("problems", []), said, strict=True)), said
    sent = {}
    for change in built.changes:
        for step in (change.stages or ((),))[0]:
            if isinstance(step, Request) and step.body is not None:
                body = dict(step.body)
                body["metadata"] = stamp.without(body.get("metadata"))
                sent[str(change.address)] = body
    for address, body in case.get("sent", {}).items():
        assert sent[address] == body


def test_there_are_cases() -> None:
    assert len(CASES) >= 12
