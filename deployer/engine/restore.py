"""The way back: from a snapshot to a plan, through the same comparison that every plan is made with.

An object that was changed gets back what it had in the fields that were declared then or are declared now, and the
digests of then: the manifest of then has nothing to change afterwards. What was deleted is made again, whole. What was
made is deleted. Everything else on the account only lends its File objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from deployer.engine import decide, finish, ownership, reviewed, stamp, supply
from deployer.engine.decide import STORE, Draft, Owned, Scope
from deployer.engine.marks import as_then, rewritten
from deployer.engine.record import Entry
from deployer.engine.returned import Returned, Stock, returned
from deployer.model import Action, Address, Change, LiveFile, LiveObject, Plan, Problem, Severity

__all__ = ["Stock", "plan"]

_SPARE = Address(STORE, "…")
"""No address of a manifest: what nobody holds is lent from here."""


def plan(scope: Scope, entries: Sequence[Entry], live: Sequence[LiveObject], stock: Stock) -> Plan:
    """Give the plan that undoes what happened since the entries were written."""
    ours = {one.live.id: one for one in ownership.owned(scope, live)}
    way = _Way(replace(scope, stores=ownership.usable_stores(live)), entries, live, ours, stock)
    way.stock = replace(stock, pool=way.pool())
    changes = finish.changes(ownership.arranged(way.drafts()), ownership.holders(scope, live))
    return Plan(
        project=scope.project,
        target=scope.target,
        changes=tuple(way.finished(change) for change in changes if change.address != _SPARE),
        problems=tuple(sorted(way.problems, key=lambda problem: (problem.address, problem.message))),
        foreign=len(live) - len(way.owned),
        origin=scope.origin,
        known=way.known(),
        limits=scope.limits,
        on_drift=scope.on_drift,
        live=tuple(live),
    )


@dataclass(slots=True)
class _Way:
    """One way back. `back` is what is to be again, by its address; `taken` are the live objects that it speaks of."""

    scope: Scope
    entries: Sequence[Entry]
    live: Sequence[LiveObject]
    owned: Mapping[str, Owned]
    stock: Stock
    problems: list[Problem] = field(default_factory=list)
    back: dict[Address, Returned] = field(default_factory=dict)
    taken: dict[str, Address] = field(default_factory=dict)

    def drafts(self) -> list[Draft]:
        entries = [entry for entry in self.entries if not self._stays(entry)]
        restored = [entry for entry in entries if entry.stamp]
        self.taken = {one.live.id: entry.then for entry in restored if (one := self._found(entry))}
        result = [draft for entry in restored for draft in self._again(entry)]
        made = [one for entry in entries if entry.raw is None for one in self._at(entry.address)]
        for one in sorted(made, key=lambda one: one.stamp.address.kind == STORE):  # users go before what they use
            result += self._unmade(one, result)
        named = {draft.owned.live.id for draft in result if draft.owned}
        rest = [self._rest(one) for one in self.owned.values() if one.live.id not in named]
        return [*result, *rest, self._spare()]

    def _stays(self, entry: Entry) -> bool:
        """A store that had expired, and second copies, do not come back."""
        raw = entry.raw or {}
        if "#" not in entry.address.name and entry.action is not Action.REPLACE and raw.get("status") != "expired":
            return False
        self._warn(entry.address, "had expired then, or was a second copy: it does not come back")
        return True

    def _warn(self, address: Address, what: str) -> None:
        self.problems.append(Problem(what, "", str(address), severity=Severity.WARNING))

    def _found(self, entry: Entry) -> Owned | None:
        """The very object, whatever its address is now; else what has its address of then."""
        return self.owned.get(entry.id or "") or next(iter(self._at(entry.then)), None)

    def _at(self, address: Address) -> list[Owned]:
        return [one for one in self.owned.values() if one.stamp.address == address]

    def _again(self, entry: Entry) -> list[Draft]:
        kind, found = self.scope.kinds[entry.then.kind], self._found(entry)
        now = {one.live.id: str(one.stamp.address) for one in self.owned.values()}
        now |= {live_id: str(address) for live_id, address in self.taken.items()}
        then = {**now, **{one.id: str(one.then) for one in self.entries if one.id}}
        back = returned(kind, entry, found, then, self.stock)
        self.back[entry.then] = back
        self.problems += back.problems
        if found:
            files = tuple(replace(one, sha256=None) if one.id in back.kept else one for one in found.files)
            found = replace(found, files=files)
        draft = decide.desired(self.scope, back.resource, found, now)
        result = [as_then(draft, entry)]
        if found and draft.change.action is Action.REPLACE:
            result.append(decide.superseded(self.scope, entry.then, found, "it has expired", [entry.then]))
        return result

    def pool(self) -> frozenset[str]:
        """Give the tokens of all documents that are on the account."""
        files = [file for one in self.owned.values() if one.live.kind == STORE for file in one.files]
        marks = (supply.of_membership(file) for file in (*files, *self._unattached()))
        return frozenset(mark for mark in marks if mark)

    def _unattached(self) -> list[LiveFile]:
        files = [file for entry in self.entries for file in entry.files if file.id in self.stock.there]
        return [*files, *self.stock.spare]

    def _spare(self) -> Draft:
        """What nobody holds can be attached again: it is found like the documents of a store."""
        pool = Owned(LiveObject(STORE, "", {}), stamp.Stamp(self.scope.project, _SPARE, {}), tuple(self._unattached()))
        return Draft(Change(_SPARE, Action.NO_OP, ""), self.scope.kinds[STORE], owned=pool)

    def _rest(self, one: Owned) -> Draft:
        """What was not changed since lends its documents, and is otherwise left alone."""
        change = Change(self._named(one), Action.NO_OP, "not changed since", one.live.id)
        return Draft(change, self.scope.kinds[one.live.kind], owned=one)

    def _named(self, one: Owned) -> Address:
        """Of several at one address, which a race has made, the oldest has it."""
        address = one.stamp.address
        return address if self._at(address)[0] is one else Address(address.kind, f"{address.name}#{one.live.id}")

    def _unmade(self, one: Owned, drafts: Sequence[Draft]) -> list[Draft]:
        """Delete what was not there then, after those who let go of it; nothing that is protected or in use."""
        kind, address = self.scope.kinds[one.live.kind], self._named(one)
        users = [user for user in self.live if one.live.id in self.scope.kinds[user.kind].references(user.raw)]
        names = (one.live.id, str(one.stamp.address))
        leaving = {draft.change.live_id: draft.change.address for draft in drafts if ownership.lets_go(draft, *names)}
        staying = [f"{user.kind} {user.id}" for user in users if user.id not in leaving]
        if one.stamp.protected or staying:
            why = f"in use by {', '.join(staying)}" if staying else "protected"
            self._warn(address, f"was not there then, but stays: it is {why}")
            return []
        after = tuple(sorted(leaving[user.id] for user in users))
        mark = reviewed.digest(kind, one.live.raw)
        change = Change(address, Action.DELETE, "was not there then", one.live.id, requires=after, reviewed=mark)
        return [Draft(change, kind, owned=one)]

    def finished(self, change: Change) -> Change:
        back = self.back.get(change.address)
        return rewritten(change, back.declared, back.kept) if back else change

    def known(self) -> dict[str, str]:
        there = [one for one in self.owned.values() if one.live.raw.get("status") != "expired"]
        first: dict[str, str] = {}
        for one in sorted(there, key=lambda one: one.live.id not in self.taken):
            first.setdefault(str(self.taken.get(one.live.id, one.stamp.address)), one.live.id)
        return first
