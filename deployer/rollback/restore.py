"""The way back: from a snapshot to a plan, through the same comparison that every plan is made with.

An object that was changed gets back what it had in the fields that were declared then or are declared now, and the
digests of then: the manifest of then has nothing to change afterwards. What was deleted is made again, whole. What was
made is deleted. Everything else on the account only lends its File objects.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from deployer.engine import decide, finish, ownership, reviewed, stamp, supply
from deployer.engine.decide import STORE, Draft, Owned, Ownership, Scope
from deployer.model import Action, Address, Change, LiveFile, LiveObject, Plan, Problem, Resource, Severity
from deployer.rollback import strangers
from deployer.rollback.returned import Lacking, Returned, Stock, attributes, returned
from deployer.rollback.snapshot import Entry
from deployer.wording import listed

__all__ = ["Stock", "WayBack", "way_back"]

_SPARE = Address(STORE, "…")
"""No address of a manifest: what nobody holds is lent from here."""
_OWNED = (stamp.OWNER, stamp.APPLIED, stamp.ORIGIN)
NOTHING: Mapping[str, str] = MappingProxyType({})
_INFERRED = "was not there then; its run did not live to note what it made: inferred from its address and age"


@dataclass(frozen=True, slots=True)
class WayBack:
    """The plan that leads back, and the documents that it cannot bring back."""

    plan: Plan
    lacking: tuple[Lacking, ...]


def way_back(
    scope: Scope, entries: Sequence[Entry], live: Sequence[LiveObject], stock: Stock, again: str = "rollback"
) -> WayBack:
    """Plan to undo what happened since the entries were written; `again` is the command that goes on with them."""
    ours = {one.live.id: one for one in (*ownership.owned(scope, live), *strangers.again(scope, entries, live))}
    ours, marked = strangers.parted(scope.kinds, entries, ours), strangers.documents(entries, live)
    way = _Way(replace(scope, stores=ownership.usable_stores(live)), entries, live, ours, stock, marked)
    way.stock = replace(stock, pool=way.pool())
    changes = finish.changes(ownership.arranged(way.drafts()), ownership.holders(scope, live))
    lacking = tuple(one for back in way.back.values() for one in back.lacking)
    problems = (*way.problems, *(_told(one, again) for one in lacking))
    plan = Plan(
        project=scope.project,
        target=scope.target,
        changes=tuple(change for change in changes if change.address != _SPARE),
        problems=tuple(sorted(problems, key=lambda problem: (problem.severity, problem.address, problem.message))),
        foreign=len(live) - len(way.owned),
        origin=scope.origin,
        known=way.known(),
        limits=scope.limits,
        on_drift=scope.on_drift,
        live=tuple(live),
    )
    return WayBack(plan, lacking)


def _told(lacking: Lacking, again: str) -> Problem:
    """Say it before anything is done; the rest goes back all the same."""
    what = f"{lacking.name} cannot be as it was then: neither the account nor the working tree has its bytes"
    remedy = f"{lacking.remedy}, then run deployer {again}"
    return Problem(what, remedy, str(lacking.address), severity=Severity.WARNING)


@dataclass(slots=True)
class _Way:
    """One way back. `back` is what is to be again, by its address; `taken` are the live objects that it speaks of.

    `coming` are the addresses that some of those do not have yet; `made` is what was made since, with its entry.
    `marked` are documents that were adopted since.
    """

    scope: Scope
    entries: Sequence[Entry]
    live: Sequence[LiveObject]
    owned: Mapping[str, Owned]
    stock: Stock
    marked: Mapping[str, strangers.Documents]
    problems: list[Problem] = field(default_factory=list)
    back: dict[Address, Returned] = field(default_factory=dict)
    taken: dict[str, Address] = field(default_factory=dict)
    coming: set[Address] = field(default_factory=set)
    made: dict[str, Entry] = field(default_factory=dict)

    def drafts(self) -> list[Draft]:
        entries = [entry for entry in self.entries if not self._stays(entry)]
        restored = [entry for entry in entries if entry.stamp and not entry.foreign]
        foreign = [entry for entry in entries if entry.foreign]
        self.taken = self._claims(restored, {entry.id for entry in foreign if entry.id})
        self.coming = {address for one, address in self.taken.items() if not self._has(one, address)}
        self.made = self._since([entry for entry in entries if entry.raw is None])
        self.scope = replace(self.scope, moved=self._moves())
        result = [draft for entry in restored for draft in self._again(entry)]
        result += [draft for entry in foreign for draft in self._let_go(entry)]
        for one in sorted(map(self.owned.__getitem__, self.made), key=lambda one: one.stamp.address.kind == STORE):
            result += self._unmade(one, result)
        named = {draft.owned.live.id for draft in result if draft.owned}
        rest = [self._rest(one) for one in self.owned.values() if one.live.id not in named]
        return [*result, *rest, self._spare()]

    def _claims(self, restored: Sequence[Entry], foreign: Collection[str]) -> dict[str, Address]:
        """Give each entry the very object, whatever its address is now; else what has its address of then."""
        claims = {entry.id: entry.then for entry in restored if entry.id and entry.id in self.owned}
        for entry in restored:
            free = (one for one in self._at(entry.then) if one.live.id not in claims and one.live.id not in foreign)
            if entry.id not in claims and (one := next(free, None)):
                claims[one.live.id] = entry.then
        names = {entry.then for entry in restored}
        for one in (self.owned[live_id] for live_id in foreign if live_id in self.owned):
            claims[one.live.id] = _numbered(one) if one.stamp.address in names else one.stamp.address
        return claims

    def _has(self, live_id: str, address: Address) -> bool:
        mark = stamp.read(self.owned[live_id].live.raw.get("metadata"))
        return mark is not None and mark.address == address

    def _moves(self) -> tuple[tuple[Address, Address], ...]:
        """Give the addresses in the stamps of today that are others on the way: a reference by them is no edit."""
        names = ((one.stamp.address, self._now(one)) for one in self.owned.values())
        return tuple((old, new) for old, new in names if old != new)

    def _since(self, entries: Sequence[Entry]) -> dict[str, Entry]:
        """Give what was made since, by its id; what only has the address of something that was made stays."""
        pairs = [(entry, one.live) for entry in entries for one in self._beside(entry)]
        found = {entry.id: entry for entry in entries if entry.id and entry.id in self.owned}
        for entry, one in pairs:
            if not self._excluded(entry, one):
                found.setdefault(one.id, entry)
        beside = {one.id: (entry, one) for entry, one in pairs if one.id not in found and one.id not in self.taken}
        for entry, one in beside.values():
            self._warn(entry.address, f"stays: {one.id} {self._excluded(entry, one)}")
        for entry in entries:
            if entry.made is None and not (entry.id or self._at(entry.address)):
                self._untraced(entry)
        return {one: entry for one, entry in found.items() if one not in self.taken}

    def _beside(self, entry: Entry) -> list[Owned]:
        """Give what has the address that the entry is about today."""
        one = self.owned.get(entry.id or "")
        return self._at(one.stamp.address if one else entry.address)

    def _excluded(self, entry: Entry, one: LiveObject) -> str:
        """A later snapshot may know what was made though its run did not note it; then it is that and its copies."""
        gone = entry.id is not None and entry.id not in self.owned
        return "is not what the run made" if gone else entry.excludes(one.id, one.raw)

    def _stays(self, entry: Entry) -> bool:
        """A store that had expired, and second copies, do not come back."""
        raw = entry.raw or {}
        if not entry.copy and entry.action is not Action.REPLACE and raw.get("status") != "expired":
            return False
        self._warn(entry.address, "had expired then, or was a second copy: it does not come back")
        return True

    def _warn(self, address: Address, what: str) -> None:
        self.problems.append(Problem(what, "", str(address), severity=Severity.WARNING))

    def _untraced(self, entry: Entry) -> None:
        """What the manifest has moved may be what was made, or may have been there: without a snapshot nobody knows."""
        address, moved = entry.address, dict(self.scope.moved)
        while address in moved:
            address = moved.pop(address)
        if address != entry.address and self._at(address):
            text = f"stays: it may be what was made as {entry.address} and moved since, but no snapshot here tells"
            self._warn(address, text)

    def _found(self, entry: Entry) -> Owned | None:
        return next((self.owned[one] for one, address in self.taken.items() if address == entry.then), None)

    def _at(self, address: Address) -> list[Owned]:
        return [one for one in self.owned.values() if one.stamp.address == address]

    def _again(self, entry: Entry) -> list[Draft]:
        kind, found = self.scope.kinds[entry.then.kind], self._found(entry)
        now = {one.live.id: str(self._now(one)) for one in self.owned.values()}
        then = {**now, **{one.id: str(one.then) for one in self.entries if one.id and one.raw and not one.foreign}}
        back = returned(kind, entry, found, then, self.stock)
        self.back[entry.then] = back
        if found is None:
            self._without(entry)
        else:
            files = tuple(replace(one, sha256=None) if one.id in back.kept else one for one in found.files)
            found = replace(found, files=files)
        draft = decide.desired(self.scope, back.resource, found, now, self._ownership(entry, found, back.kept))
        result = [draft]
        if found and draft.change.action is Action.REPLACE:
            result.append(decide.superseded(self.scope, entry.then, found, "it has expired", [entry.then]))
        return result

    def _let_go(self, entry: Entry) -> list[Draft]:
        """Give back what was adopted since: it stays, with its fields of then."""
        one = self.owned.get(entry.id or "")
        if one is None or one.live.raw.get("status") == "expired":
            if one or all(live.id != entry.id for live in self.live):
                self._warn(entry.address, f"{entry.id} was not ours then, and is gone since: it does not come back")
            return []
        kind, name = self.scope.kinds[one.live.kind], self._now(one)
        now = {other.live.id: str(self._now(other)) for other in self.owned.values()}
        resource = Resource(name, attributes(kind, entry, now, one.stamp.digests), (), protect=one.stamp.protected)
        if told := strangers.turnover(kind, entry, one.live):
            self._warn(name, told)
        return [decide.desired(self.scope, resource, one, now, self._ownership(entry, one))]

    def _ownership(self, entry: Entry, found: Owned | None, kept: Mapping[str, str] = NOTHING) -> Ownership:
        metadata = (entry.raw or {}).get("metadata") or {}
        tokens = {stamp.name_of(one): token for one, token in kept.items()}
        documents = self.marked.get(found.live.id, ()) if found else ()
        recorded = {key: metadata[key] for key in stamp.KEYS if key in metadata}
        if not entry.foreign:
            recorded = {key: recorded.get(key, "") for key in _OWNED}
        return Ownership(recorded, entry.foreign, tokens, documents)

    def _without(self, entry: Entry) -> None:
        """What others attached to a store that was deleted is none of ours; its File objects are still there."""
        foreign = [file.id for file in entry.files if file.path is None]
        if foreign:
            self._warn(entry.then, f"comes back without what others attached ({listed(foreign, 3)})")

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
        if self._displaced(one):
            text = f"{one.live.id} has this address now, but another object had it then, and two cannot"
            remedy = "delete it, or move it to another address first"
            self.problems.append(Problem(text, remedy, str(one.stamp.address)))
        change = Change(self._named(one), Action.NO_OP, "not changed since", one.live.id)
        return Draft(change, self.scope.kinds[one.live.kind], owned=one)

    def _named(self, one: Owned) -> Address:
        """Of several at one address, which a race has made, the oldest has it."""
        address = self._now(one)
        return address if self._displaced(one) or self._at(one.stamp.address)[0] is one else _numbered(one)

    def _now(self, one: Owned) -> Address:
        """Give the address that it goes by on this way."""
        return _numbered(one) if self._displaced(one) else self.taken.get(one.live.id, one.stamp.address)

    def _displaced(self, one: Owned) -> bool:
        """Tell whether it has the address that another object comes back to."""
        return one.stamp.address in self.coming and one.live.id not in self.taken

    def _unmade(self, one: Owned, drafts: Sequence[Draft]) -> list[Draft]:
        """Delete what was not there then, after those who let go of it; nothing that is protected or in use."""
        kind, address = self.scope.kinds[one.live.kind], self._named(one)
        users = [user for user in self.live if one.live.id in self.scope.kinds[user.kind].references(user.raw)]
        names = (one.live.id, str(self._now(one)))
        leaving = {draft.change.live_id: draft.change.address for draft in drafts if ownership.lets_go(draft, *names)}
        staying = [f"{user.kind} {user.id}" for user in users if user.id not in leaving]
        if one.stamp.protected or staying:
            why = f"in use by {', '.join(staying)}" if staying else "protected"
            self._warn(address, f"was not there then, but stays: it is {why}")
            return []
        after = tuple(sorted(leaving[user.id] for user in users))
        mark = reviewed.digest(kind, one.live.raw)
        why = _INFERRED if self.made[one.live.id].made is None else "was not there then"
        change = Change(address, Action.DELETE, why, one.live.id, requires=after, reviewed=mark)
        return [Draft(change, kind, owned=one)]

    def known(self) -> dict[str, str]:
        there = [one for one in self.owned.values() if one.live.raw.get("status") != "expired"]
        first: dict[str, str] = {}
        for one in sorted(there, key=lambda one: one.live.id not in self.taken):
            first.setdefault(str(self._now(one)), one.live.id)
        return first


def _numbered(one: Owned) -> Address:
    address = one.stamp.address
    return Address(address.kind, f"{address.name}#{one.live.id}")
