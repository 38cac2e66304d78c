"""Which objects of an account are written, and under which addresses."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from deployer.backends import validate
from deployer.engine import age, stamp
from deployer.engine.adopt import MAX_PAIRS, lacking_room
from deployer.errors import DeployerError
from deployer.kinds import Kind
from deployer.model import Address, LiveObject
from deployer.wording import more

_LONGEST = 63
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """`addresses` go by id; `notes` tell what is not written, and why."""

    objects: tuple[LiveObject, ...]
    addresses: Mapping[str, Address]
    notes: tuple[str, ...]


def project_of(live: Iterable[LiveObject]) -> str:
    """Give the project that all stamps name; DeployerError when there is none, or more than one."""
    marks = (_stamp(one) for one in live)
    found = sorted({mark.project for mark in marks if mark})
    if len(found) == 1:
        return found[0]
    what = f"stamps name {', '.join(found)}" if found else "nothing on the account carries a stamp"
    raise DeployerError(f"no project is known ({what}); add --project NAME")


def choose(live: Sequence[LiveObject], project: str, kinds: Mapping[str, Kind], only: Collection[str]) -> Choice:
    """Give what is ours and what is foreign, oldest first; `only` names ids or addresses, and brings what they use."""
    notes: list[str] = []
    fit: list[LiveObject] = []
    ours: set[Address] = set()
    for one in sorted(live, key=_age):
        why = _why_not(one, project, ours)
        notes += [f"{one.kind} {one.id} is left out: {why}"] if why else []
        if not why:
            fit.append(one)
    addresses = _addresses(fit, project)
    chosen = _closed(fit, kinds, _named(addresses, only)) if only else {one.id for one in fit}
    left = {one.id: address for one, address in ((one, addresses[one.id]) for one in fit) if one.id in chosen}
    return Choice(tuple(one for one in fit if one.id in chosen), left, _shortened(notes) if not only else ())


def _age(live: LiveObject) -> tuple[bool, int, str]:
    return live.raw.get("status") == "expired", age.seconds(live.raw.get("created_at")) or 0, live.id


def _stamp(live: LiveObject) -> stamp.Stamp | None:
    metadata = live.raw.get("metadata")
    mark = stamp.read(metadata) if isinstance(metadata, dict) else None
    return mark if mark and mark.address.kind == live.kind else None


def stamp_of(live: LiveObject, project: str) -> stamp.Stamp | None:
    """Give the stamp of what is ours."""
    mark = _stamp(live)
    return mark if mark and mark.project == project else None


def _why_not(live: LiveObject, project: str, ours: set[Address]) -> str:
    """Say why an object is not written; `ours` collects the addresses that were seen."""
    if odd := validate.odd_metadata(live.raw) or validate.odd_object(live.raw):
        return f"it has {odd}"
    mark = _stamp(live)
    if mark and mark.project != project:
        return f"it belongs to the project {mark.project!r}"
    if mark and mark.address in ours:
        return f"it is a second {mark.address}"
    if live.raw.get("status") == "expired":
        return "it has expired"
    if mark:
        ours.add(mark.address)
    if mark is None and lacking_room(live):
        return f"its metadata leaves no room for the stamp (of {MAX_PAIRS} pairs it takes three)"
    return ""


def _shortened(notes: Sequence[str]) -> tuple[str, ...]:
    """Name a few of what is left out for the same reason, and count the rest."""
    groups: dict[str, list[str]] = {}
    for note in notes:
        groups.setdefault(note.partition(": ")[2], []).append(note)
    result: list[str] = []
    for why, group in groups.items():
        result += group[:_SHOWN]
        if len(group) > _SHOWN:
            result.append(f"{more(len(group) - _SHOWN)} are left out: {why}")
    return tuple(result)


def _addresses(live: Sequence[LiveObject], project: str) -> dict[str, Address]:
    """Keep the address of what is ours; what is foreign is called by its name, or its kind and a number."""
    marks = ((one.id, stamp_of(one, project)) for one in live)
    found = {live_id: mark.address for live_id, mark in marks if mark}
    taken = set(found.values())
    for one in live:
        if one.id not in found:
            found[one.id] = _free(one.kind, slug(one.raw.get("name")), taken)
            taken.add(found[one.id])
    return found


def slug(name: object) -> str:
    """Give what a key can hold of a name; "" when that is nothing."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()) if isinstance(name, str) else ""
    return text.strip("-")[:_LONGEST].strip("-")


def _free(kind: str, key: str, taken: Collection[Address]) -> Address:
    stem, count = (key, 1) if key else (kind.replace("_", "-"), 0)
    while not key or Address(kind, key) in taken:
        count += 1
        key = f"{stem[: _LONGEST - 8]}-{count}"
    return Address(kind, key)


def _named(addresses: Mapping[str, Address], only: Collection[str]) -> set[str]:
    ids = {str(address): live_id for live_id, address in addresses.items()}
    unknown = [one for one in only if one not in ids and one not in addresses]
    if unknown:
        raise DeployerError(f"there is no {', '.join(unknown)} to be written; known: {', '.join(ids) or 'nothing'}")
    return {ids.get(one, one) for one in only}


def _closed(live: Sequence[LiveObject], kinds: Mapping[str, Kind], ids: set[str]) -> set[str]:
    """Add what the named objects use."""
    used = (store for one in live if one.id in ids for store in kinds[one.kind].references(one.raw))
    return {*ids, *used}
