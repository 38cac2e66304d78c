"""What the page shows of a plan, as JSON data: assistants as cards, stores with documents, what is foreign. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from deployer.engine import drift, review, stamp
from deployer.model import Action, Address, Change, LiveObject, Plan, Problem, Resource
from deployer.render import preview

ASSISTANT, STORE = "assistant", "vector_store"
_FOREIGN = "foreign"
_NOT_THERE = "not on the account"
Applied = Mapping[str, Mapping[str, str]]
"""The newest run on this machine that changed an address: `time`, `command`, `snapshot`."""


@dataclass(frozen=True, slots=True)
class ViewContext:
    """What is known beside the plan: shutdowns of models, runs of this machine, and the day on which it is."""

    shutdowns: Mapping[Address, tuple[str, date]] = field(default_factory=dict)
    applied: Applied = field(default_factory=dict)
    today: date = date.min


def declared(resources: Sequence[Resource], known: ViewContext) -> dict[str, Any]:
    """Return what can be shown before the account has been read."""
    return {
        "assistants": [_card(one, None, None, known, ()) for one in resources if one.address.kind == ASSISTANT],
        "stores": [_store(one, None, None) for one in resources if one.address.kind == STORE],
        "foreign": [],
        "plan": None,
    }


def shown(plan: Plan, known: ViewContext) -> dict[str, Any]:
    """Return everything but the documents of stores."""
    live = {one.id: one for one in plan.live}
    resources = {one.address: one for one in plan.desired}
    moved = {one.address: list(_moved(one)) for one in drift.moved(plan)}
    cards, stores = [], []
    for change in plan.changes:
        found, resource = live.get(change.live_id or ""), resources.get(change.address)
        if change.address.kind == ASSISTANT:
            cards.append(_card(resource, change, found, known, moved.get(change.address, ())))
        elif change.address.kind == STORE:
            stores.append(_store(resource, change, found) | {"drift": moved.get(change.address, [])})
    return {"assistants": cards, "stores": stores, "foreign": list(_foreign(plan)), "plan": _plan(plan)}


def _moved(one: drift.Moved) -> Iterator[dict[str, str]]:
    if one.what:
        yield {"field": "", "origin": "account", "what": one.what}
    for changed in one.fields:
        yield {"field": changed.name, "origin": changed.origin.value, "what": ""}
    for document in one.documents:
        yield {"field": document.path, "origin": "account", "what": document.what}


def _plan(plan: Plan) -> dict[str, Any]:
    pending = [
        {"address": str(one.address), "action": one.action.value, "detail": preview.detail(one)} for one in plan.pending
    ]
    told = review.of(plan)
    return {"totals": preview.totals(plan), "pending": pending, "refusal": told.refusal}


def _card(
    resource: Resource | None, change: Change | None, live: LiveObject | None, known: ViewContext, moved: Sequence[Any]
) -> dict[str, Any]:
    address = resource.address if resource else change.address if change else Address(ASSISTANT, "?")
    attrs: Mapping[str, Any] = resource.attrs if resource else live.raw if live else {}
    tools = [one for one in attrs.get("tools") or () if isinstance(one, Mapping)]
    model, ends = known.shutdowns.get(address, (attrs.get("model"), None))
    return {
        "address": str(address),
        "name": attrs.get("name") or address.name,
        "model": model,
        "shutdown": {"day": ends.isoformat(), "over": ends <= known.today} if ends else None,
        "tools": list(dict.fromkeys(str(one.get("type")) for one in tools if one.get("type") != "function")),
        "knowledge": [str(name) for one in tools for name in one.get("vector_stores") or ()],
        "functions": [function_name(one) for one in tools if one.get("type") == "function"],
        "commit": str(stamp.pairs(live.raw).get(stamp.ORIGIN, "")) if live else "",
        "applied": known.applied.get(str(address)),
        "drift": list(moved),
        "place": str(position) if resource and (position := resource.position()) else "",
        **_state(resource, change, live),
    }


def _state(resource: Resource | None, change: Change | None, live: LiveObject | None) -> dict[str, Any]:
    """Return whether it is live, and what the plan is to do about it."""
    name = "reading" if change is None else "orphan" if resource is None else "live" if live else "absent"
    action = change.action.value if change else Action.NO_OP.value
    return {"state": name, "action": action, "why": str(change.reason) if change else "", "id": live.id if live else ""}


def function_name(tool: Mapping[str, Any]) -> str:
    """Return the name of a function tool, flat as it is declared, or nested as the Assistants API shows it."""
    return str(tool.get("name") or (tool.get("function") or {}).get("name") or "")


def functions(resource: Resource) -> list[dict[str, Any]]:
    """Return the functions of an assistant as they are declared: name, description, parameters, strict."""
    tools = [one for one in resource.attrs.get("tools") or () if one.get("type") == "function"]
    return [{**one, "handler": resource.handlers.get(function_name(one), "")} for one in tools]


def _store(resource: Resource | None, change: Change | None, live: LiveObject | None) -> dict[str, Any]:
    address = resource.address if resource else change.address if change else Address(STORE, "?")
    rows = documents(resource, live)
    return {
        "address": str(address),
        "name": (resource.attrs if resource else live.raw if live else {}).get("name") or address.name,
        "documents": len(rows),
        "bytes": sum(one["size"] or 0 for one in rows),
        "states": dict(Counter(one["status"] for one in rows)),
        **_state(resource, change, live),
    }


def documents(resource: Resource | None, live: LiveObject | None) -> list[dict[str, Any]]:
    """Return the documents that are declared or live, by path: `status` as the account says it, and why it failed."""
    rows: dict[str, dict[str, Any]] = {}
    for wanted in resource.files if resource else ():
        rows[wanted.path] = _row(wanted.path, wanted.size, _NOT_THERE)
    for one in live.files if live else ():
        path = one.path or one.id
        size = rows.get(path, {}).get("size") if one.size is None else one.size
        row = _row(path, size, one.status, one.id, one.error or "")
        rows[path] = row | {"foreign": one.path is None, "attributes": dict(one.attributes)}
    return [rows[path] for path in sorted(rows)]


def _row(path: str, size: int | None, status: str, file_id: str = "", error: str = "") -> dict[str, Any]:
    return {"path": path, "size": size, "status": status, "id": file_id, "error": error, "foreign": False}


def _foreign(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield what does not belong to this project: it is never changed here."""
    for one in plan.live:
        found = stamp.of(one.raw)
        if found is None or found.project != plan.project:
            name, model = one.raw.get("name"), one.raw.get("model")
            owner = found.project if found else ""
            yield {"kind": one.kind, "id": one.id, "name": name or "", "model": model or "", "project": owner}


def problem(one: Problem) -> dict[str, str]:
    return {"severity": one.severity.value, "text": str(one)}
