"""The way back: from a snapshot to a plan, through the same comparison that every plan is made with.

An object that was changed gets back what it had in the fields that were declared then or are declared now, and the
digests of then: the manifest of then has nothing to change afterwards. What was deleted is made again, whole. What was
made is deleted. Everything else on the account only lends its File objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deployer.engine import age, decide, finish, order, returned, stamp
from deployer.engine.decide import STORE, Draft, Owned, Scope
from deployer.engine.record import Entry
from deployer.engine.returned import Stock
from deployer.kinds import Body, Kind
from deployer.model import Action, Address, Change, LiveObject, Plan, Problem, Resource, Severity

__all__ = ["Stock", "plan"]

_POOL = Address("file", "unattached")


def plan(scope: Scope, entries: Sequence[Entry], live: Sequence[LiveObject], stock: Stock) -> Plan:
    """Give the plan that undoes what happened since the entries were written."""
    usable = frozenset(one.id for one in live if one.kind == STORE and one.raw.get("status") != "expired")
    way = _Way(replace(scope, stores=usable), entries, live, _owned(scope, live), stock)
    drafts = way.drafts()
    changes = finish.changes([*_arranged(drafts), _unattached(scope, entries, stock)], _holders(scope, live))
    told = sorted(way.problems, key=lambda problem: (problem.address, problem.message))
    return Plan(
        scope.project,
        scope.target,
        tuple(way.finished(change) for change in changes if change.address != _POOL),
        tuple(told),
        len(live) - len(way.owned),
        scope.origin,
        way.known,
        scope.limits,
        scope.on_drift,
        live=tuple(live),
    )


def _owned(scope: Scope, live: Sequence[LiveObject]) -> dict[str, Owned]:
    """Give what carries our project's stamp, by id, the oldest first."""
    found: list[Owned] = []
    for one in live:
        mark = stamp.read(one.raw.get("metadata"))
        if mark and mark.project == scope.project and mark.address.kind == one.kind:
            found.append(decide.owned(scope.kinds[one.kind], one, mark))
    return {one.live.id: one for one in sorted(found, key=_age)}


def _age(owned: Owned) -> tuple[bool, int, str]:
    raw = owned.live.raw
    return raw.get("status") == "expired", age.seconds(raw.get("created_at")) or 0, owned.live.id


def _holders(scope: Scope, live: Sequence[LiveObject]) -> Counter[str]:
    found = Counter(file.id for one in live for file in one.files)
    found.update(held for one in live for held in scope.kinds[one.kind].held(one.raw))
    return found


def _arranged(drafts: Sequence[Draft]) -> list[Draft]:
    by_address = {draft.change.address: draft for draft in drafts}
    return [by_address[change.address] for change in order.arrange([draft.change for draft in drafts])]


def _unattached(scope: Scope, entries: Sequence[Entry], stock: Stock) -> Draft:
    """What nobody holds any more can be attached again: it is found like the documents of a store."""
    files = tuple(file for entry in entries for file in entry.files if file.id in stock.there)
    files += stock.unattached
    pool = Owned(LiveObject(STORE, "", {}), stamp.Stamp(scope.project, _POOL, {}), files)
    return Draft(Change(Address(STORE, "…"), Action.NO_OP, ""), scope.kinds[STORE], owned=pool)


@dataclass(slots=True)
class _Way:
    """One way back. `found` are the live objects that the entries speak of, by their addresses of then."""

    scope: Scope
    entries: Sequence[Entry]
    live: Sequence[LiveObject]
    owned: Mapping[str, Owned]
    stock: Stock
