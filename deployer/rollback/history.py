"""What a chain of snapshots tells together: what was there before the first of them, and what was made since.

An object is followed by its id, since addresses move: one that was made at an address may have another one now, and
what has that address now may have been there all the time, under another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.model import Action, Address
from deployer.rollback import snapshot
from deployer.rollback.snapshot import Entry


def merged(chain: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Give what to come back to, from the snapshot that is meant and all newer ones.

    Of each object that was there it is the oldest entry. Of what was made since (no object) it is the address of today,
    with the id where its run noted it or a later snapshot tells it.
    """
    past = _Past()
    for data in chain:
        past.add(list(_entries(data)))
    made = [*past.made.values(), *past.planned.values()]
    addresses = {one.address for one in made}
    copies = {one.id: one for one in past.copies if one.id not in past.ids and one.then not in addresses}
    return [*past.there.values(), *past.foreign, *copies.values(), *made]


def _entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    """Give the entries of a snapshot; what made room for another object was no second copy, it had the address."""
    found = list(snapshot.entries(data))
    coming = {one.address for one in found if one.raw and one.address != one.then}
    for one in found:
        yield replace(one, address=one.then) if one.copy and one.then in coming else one


@dataclass(slots=True)
class _Past:
    """`there`: what was there, by its address of then; `made`: what was made since, by its id.

    `planned`: what a run was to make and nobody knows the id of, by its address. `foreign`: what was adopted since.
    """

    there: dict[Address, Entry] = field(default_factory=dict)
    made: dict[str, Entry] = field(default_factory=dict)
    planned: dict[Address, Entry] = field(default_factory=dict)
    foreign: list[Entry] = field(default_factory=list)
    copies: list[Entry] = field(default_factory=list)
    ids: set[str | None] = field(default_factory=set)

    def add(self, entries: Sequence[Entry]) -> None:
        """Take in the next snapshot: first what was live before that run, then what the run was to make."""
        self.copies += [one for one in entries if one.copy]
        live = [one for one in entries if one.raw is not None and not one.copy]
        made = {one.id: found for one in live if one.id and (found := self._made(one.id, one))}
        for one in live:
            if one.id and (found := made.get(one.id)):
                if self.planned.get(found.address) is found:
                    del self.planned[found.address]
                self.made[one.id] = replace(found, address=one.address, id=one.id)
            elif one.id not in self.ids:
                self.ids.add(one.id)
                if one.foreign:
                    self.foreign.append(one)
                else:
                    self.there.setdefault(one.then, one)
        for one in (one for one in entries if one.raw is None):
            self._make(one)

    def _made(self, live_id: str, entry: Entry) -> Entry | None:
        """Give what was made since, if that is what the entry is about: by its id, or by the address that it got."""
        found = self.planned.get(entry.then)
        if live_id in self.made or found is None or entry.foreign:
            return self.made.get(live_id)
        return None if found.excludes(live_id, entry.raw or {}) else found

    def _make(self, entry: Entry) -> None:
        """What replaces an object that expired stays; unless its address was empty then, or another object had it."""
        before = self._at(entry.address)
        action = Action.CREATE if entry.address in self.there else before.action if before else entry.action
        if entry.made:
            self.planned.pop(entry.address, None)
            self.made[entry.made] = replace(entry, action=action, id=entry.made)
        elif entry.made is None or before is None:
            unsure = before is not None and before.made is None and before.id is None
            runs = (*before.runs, *entry.runs) if before and unsure else entry.runs
            self.planned[entry.address] = replace(entry, action=action, runs=runs)

    def _at(self, address: Address) -> Entry | None:
        made = (one for one in reversed(self.made.values()) if one.address == address)
        return self.planned.get(address) or next(made, None)
