"""What a chain of snapshots says together: what there was before the first, what was created since, where both are now.

An object is followed by its id, since addresses move: one that was created at an address may have another one now, and
what has that address now may have been there all the time, under another one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.engine import decide, held_files, stamp
from deployer.engine.draft import Owned, Scope
from deployer.kinds import Kind
from deployer.model import Action, Address, Attrs, LiveFile, LiveObject
from deployer.rollback import snapshot
from deployer.rollback.snapshot import Entry

Documents = Sequence[tuple[LiveFile, Attrs]]
"""Documents of a store as they are, with the attributes of the snapshot."""


def merged(chain: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Return what to go back to, from the snapshot that is meant and all newer ones, the oldest first.

    Of each object that was there it is the oldest entry. Of each that was created since (no object) it has the address
    of today, and the id where its run recorded it or a later snapshot has it.
    """
    history = _History()
    for data in chain:
        history.add(list(_entries(data)))
    created = [*history.created.values(), *history.planned.values()]
    addresses = {one.address for one in created}
    copies = {one.id: one for one in history.copies if one.id not in history.ids and one.previous not in addresses}
    return [*history.there.values(), *history.foreign, *copies.values(), *created]


def _entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    """Return the entries of a snapshot; what made room for another object was no second copy, it had the address."""
    found = list(snapshot.entries(data))
    coming = {one.address for one in found if one.raw and one.address != one.previous}
    for one in found:
        yield replace(one, address=one.previous) if one.copy and one.previous in coming else one


@dataclass(slots=True)
class _History:
    """`there`: what was there, by its previous address; `created`: what was created since, by its id.

    `planned`: what a run was to create and no snapshot has the id of, by address. `foreign`: what was adopted since.
    `at`: the ids of `created` by address, with their place in it.
    """

    there: dict[Address, Entry] = field(default_factory=dict)
    created: dict[str, Entry] = field(default_factory=dict)
    planned: dict[Address, Entry] = field(default_factory=dict)
    foreign: list[Entry] = field(default_factory=list)
    copies: list[Entry] = field(default_factory=list)
    ids: set[str | None] = field(default_factory=set)
    at: dict[Address, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, entries: Sequence[Entry]) -> None:
        """Take in the next snapshot: first what was live before that run, then what the run was to create."""
        self.copies += [one for one in entries if one.copy]
        live = [one for one in entries if one.raw is not None and not one.copy]
        created = {one.id: found for one in live if one.id and (found := self._created(one.id, one))}
        for one in live:
            if one.id and (found := created.get(one.id)):
                self._follow(found, one.id, one.address)
            elif one.id not in self.ids:
                self._keep(one)
        for one in (one for one in entries if one.raw is None):
            self._create(one)

    def _created(self, live_id: str, entry: Entry) -> Entry | None:
        """Return what was created since, if the entry is about that: by its id, or by the address that it got."""
        found = self.planned.get(entry.previous)
        if live_id in self.created or found is None or entry.foreign:
            return self.created.get(live_id)
        return None if found.excludes(live_id, entry.raw or {}) else found

    def _follow(self, found: Entry, live_id: str, address: Address) -> None:
        if self.planned.get(found.address) is found:
            del self.planned[found.address]
        self._note(replace(found, address=address, id=live_id), live_id)

    def _note(self, entry: Entry, live_id: str) -> None:
        before = self.created.get(live_id)
        place = self.at[before.address].pop(live_id) if before else len(self.created)
        self.created[live_id] = entry
        self.at[entry.address][live_id] = place

    def _keep(self, entry: Entry) -> None:
        self.ids.add(entry.id)
        if entry.foreign:
            self.foreign.append(entry)
        else:
            self.there.setdefault(entry.previous, entry)

    def _create(self, entry: Entry) -> None:
        """What replaces an object that expired stays; unless its address was empty, or another object had it."""
        before = self._at(entry.address)
        action = Action.CREATE if entry.address in self.there else before.action if before else entry.action
        if entry.created:
            self.planned.pop(entry.address, None)
            self._note(replace(entry, action=action, id=entry.created), entry.created)
        elif entry.created is None or before is None:
            unsure = before is not None and before.created is None and before.id is None
            runs = (*before.runs, *entry.runs) if before and unsure else entry.runs
            self.planned[entry.address] = replace(entry, action=action, runs=runs)

    def _at(self, address: Address) -> Entry | None:
        """Return what was created, or was to be, at an address; of several the one that came last."""
        places = self.at.get(address)
        last = self.created[max(places, key=places.__getitem__)] if places else None
        return self.planned.get(address) or last


def readopted(scope: Scope, entries: Sequence[Entry], live: Sequence[LiveObject]) -> list[Owned]:
    """Return what was owned and carries no stamp now, as a rollback leaves what was adopted: it is owned once more."""
    previous = {entry.id: entry for entry in entries if entry.raw is not None and not entry.foreign}
    unstamped = [one for one in live if stamp.OWNER not in stamp.pairs(one.raw) and one.id in previous]
    pairs = [(one, found) for one in unstamped if (found := previous[one.id].stamp)]
    return [_owned(scope.kinds[one.kind], one, replace(found, digests={})) for one, found in pairs]


def _owned(kind: Kind, live: LiveObject, found: stamp.Stamp) -> Owned:
    return decide.rules_of(kind).owned(kind, live, found)


def without_foreign(kinds: Mapping[str, Kind], entries: Sequence[Entry], owned: Sequence[Owned]) -> list[Owned]:
    """Return what is owned without the files that were foreign: these are neither detached nor lent."""
    recorded = {entry.id: entry for entry in reversed(entries) if entry.raw is not None}
    pairs = ((one, recorded.get(one.live.id)) for one in owned)
    return [_own_part(kinds[one.live.kind], entry, one) if entry else one for one, entry in pairs]


def _own_part(kind: Kind, entry: Entry, one: Owned) -> Owned:
    foreign = _foreign_files(kind, entry, one)
    if kind.is_store:
        return replace(one, files=tuple(file for file in one.files if file.id not in foreign))
    return replace(one, files=tuple(replace(file, sha256=None) if file.id in foreign else file for file in one.files))


def _foreign_files(kind: Kind, entry: Entry, one: Owned) -> set[str]:
    if entry.foreign:
        return {file.id for file in one.files}
    if kind.is_store:
        return {file.id for file in entry.files if file.path is None}
    held = held_files.live_files(kind, entry.raw or {}, entry.stamp) if entry.stamp else ()
    return {file.id for file in held if file.sha256 is None}


def adopted_documents(entries: Sequence[Entry], live: Sequence[LiveObject]) -> dict[str, Documents]:
    """Return the documents of each store, by its id, that were foreign and carry a stamp now."""
    stores = {one.id: one for one in live if one.files}
    return {entry.id: _adopted(entry, stores[entry.id]) for entry in reversed(entries) if entry.id in stores}


def _adopted(entry: Entry, live: LiveObject) -> Documents:
    foreign = {file.id: file.attributes for file in entry.files if file.path is None}
    return [(file, foreign[file.id]) for file in live.files if file.path is not None and file.id in foreign]


@dataclass(frozen=True, slots=True)
class LiveIndex:
    """What is live, each found at once: by id, by the address of its stamp (the oldest first), by what it uses."""

    live: Mapping[str, LiveObject]
    owned: Mapping[str, Owned]
    at: Mapping[Address, Sequence[Owned]]
    users: Mapping[str, Sequence[LiveObject]]

    @classmethod
    def of(cls, kinds: Mapping[str, Kind], live: Sequence[LiveObject], owned: Iterable[Owned]) -> LiveIndex:
        by_id = {one.live.id: one for one in owned}
        at: dict[Address, list[Owned]] = defaultdict(list)
        for one in by_id.values():
            at[one.stamp.address].append(one)
        users: dict[str, list[LiveObject]] = defaultdict(list)
        for user in live:
            for used in dict.fromkeys(kinds[user.kind].references(user.raw)):
                users[used].append(user)
        return cls({one.id: one for one in live}, by_id, at, users)

    def beside(self, entry: Entry) -> Sequence[Owned]:
        """Return what has the address that the entry is about today."""
        one = self.owned.get(entry.id or "")
        return self.at.get(one.stamp.address if one else entry.address, ())


def claims_of(account: LiveIndex, restored: Sequence[Entry], foreign: Sequence[Entry]) -> dict[str, Address]:
    """Match each entry to a live object, by id or else by its previous address; return the address that each gets."""
    released = dict.fromkeys(entry.id for entry in foreign if entry.id)
    claims = {entry.id: entry.previous for entry in restored if entry.id and entry.id in account.owned}
    for entry in restored:
        if entry.id not in claims:
            there = (one.live.id for one in account.at.get(entry.previous, ()))
            if free := next((one for one in there if one not in claims and one not in released), None):
                claims[free] = entry.previous
    addresses = {entry.previous for entry in restored}
    for one in (account.owned[live_id] for live_id in released if live_id in account.owned):
        claims[one.live.id] = numbered(one) if one.stamp.address in addresses else one.stamp.address
    return claims


def numbered(one: Owned) -> Address:
    address = one.stamp.address
    return Address(address.kind, f"{address.name}#{one.live.id}")


@dataclass(frozen=True, slots=True)
class PlanAddresses:
    """The addresses that owned objects go by in this plan. `claims`: of what is restored or made foreign, by id.

    `awaited` are the addresses that some of these do not have yet: what has one of them now must give way.
    """

    claims: Mapping[str, Address]
    awaited: frozenset[Address]

    @classmethod
    def of(cls, account: LiveIndex, claims: Mapping[str, Address]) -> PlanAddresses:
        pairs = ((account.owned[live_id], address) for live_id, address in claims.items())
        return cls(claims, frozenset(address for one, address in pairs if not _carries(one.live, address)))

    def displaced(self, one: Owned) -> bool:
        """Whether an object has the address that another one gets back."""
        return one.stamp.address in self.awaited and one.live.id not in self.claims

    def of_object(self, one: Owned) -> Address:
        return numbered(one) if self.displaced(one) else self.claims.get(one.live.id, one.stamp.address)


def _carries(live: LiveObject, address: Address) -> bool:
    found = stamp.of(live.raw)
    return found is not None and found.address == address
