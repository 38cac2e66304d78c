"""What a chain of snapshots tells together: what was there before the first of them, and what was made since.

An object is followed by its id, since addresses move: one that was made at an address may have another one now, and
what has that address now may have been there all the time, under another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.engine import record
from deployer.engine.record import Entry
from deployer.model import Action, Address


def merged(chain: Sequence[Mapping[str, Any]]) -> list[Entry]:
    """Give what to come back to, from the snapshot that is meant and all newer ones.

    Of each object that was there it is the oldest entry. Of what was made since (no object) it is the address of today,
    with the id where a later snapshot tells it.
    """
    past = _Past()
    for data in chain:
        past.add(list(_entries(data)))
    copies = {one.id: one for one in past.copies if one.id not in past.ids and one.then not in past.made}
    return [*past.there.values(), *copies.values(), *past.made.values()]


def _entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    """Give the entries of a snapshot; what made room for another object was no second copy, it had the address."""
    found = list(record.entries(data))
    coming = {one.address for one in found if one.raw and one.address != one.then}
    for one in found:
        yield replace(one, address=one.then) if one.copy and one.then in coming else one


@dataclass(slots=True)
class _Past:
    """`there`: what was there, by its address of then; `made`: what was made since, by its address of the moment."""

    there: dict[Address, Entry] = field(default_factory=dict)
    made: dict[Address, Entry] = field(default_factory=dict)
    copies: list[Entry] = field(default_factory=list)
    ids: set[str | None] = field(default_factory=set)

    def add(self, entries: Sequence[Entry]) -> None:
        """Take in the next snapshot: first what was live before that run, then what the run was to make."""
        self.copies += [one for one in entries if one.copy]
        known = {one.id: one for one in self.made.values() if one.id}
        live = [one for one in entries if one.raw is not None and not one.copy]
        made = {one.id: found for one in live if (found := self._made(one, known))}
        for found in made.values():
            self.made.pop(found.address, None)
        for one in live:
            if found := made.get(one.id):
                self.made[one.address] = replace(found, address=one.address, id=one.id)
            elif one.id not in self.ids:
                self.there.setdefault(one.then, one)
                self.ids.add(one.id)
        for one in (one for one in entries if one.raw is None):
            self._make(one)

    def _made(self, entry: Entry, known: Mapping[str, Entry]) -> Entry | None:
        """Give what was made since, if that is what the entry is about: by its id, or by the address that it got."""
        found = self.made.get(entry.then)
        return known.get(entry.id or "") or (found if found and found.id is None else None)

    def _make(self, entry: Entry) -> None:
        """What replaces an object that expired stays; unless its address was empty then, or another object had it."""
        before = self.made.get(entry.address)
        action = Action.CREATE if entry.address in self.there else before.action if before else entry.action
        self.made[entry.address] = replace(entry, action=action, time=before.time if before else entry.time)
