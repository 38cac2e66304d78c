"""From live objects to the files of a manifest: which are written, under which names, and whether it says what is live.

Reads and writes nothing itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.engine import canonical, diff
from deployer.engine.adopt import MAX_PAIRS, lacking_room, live_attrs
from deployer.engine.canonical import same
from deployer.engine.stamp import Stamp, name_of
from deployer.engine.stamp import of as stamp_in
from deployer.errors import DeployerError
from deployer.kinds import Kind
from deployer.kinds.vector_store import same_chunking
from deployer.manifest import sections
from deployer.manifest.compile import VERSION, Manifest
from deployer.manifest.declaration import FILES, Declaration, TextFiles, declared_attributes
from deployer.manifest.yaml12 import PositionTree, YamlError, read, yaml_text
from deployer.model import Address, LiveObject, Problem, ProblemsFound, Resource, Severity
from deployer.wording import more

MANIFEST = "assistants.yaml"
_LONGEST = 63
_SHOWN = 5
_PLACE = re.compile(r"(?P<kind>[a-z0-9_]+)/(?P<name>[a-z0-9_-]+)(?:\.(?P<field>\w+))?")
_OTHERWISE = "it would be read back as something else"

Defect = Callable[[Mapping[str, Any]], str | None]
"""What keeps an answer of the account from being compared: `a tools that is no list`; nothing for a sound one."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`addresses` go by id; `notes` tell what is not written, and why."""

    objects: tuple[LiveObject, ...]
    addresses: Mapping[str, Address]
    notes: tuple[str, ...]


def project_of(live: Iterable[LiveObject]) -> str:
    """Return the project that all stamps name; DeployerError when there is none, or more than one."""
    stamps = (_any_stamp(one) for one in live)
    found = sorted({stamp.project for stamp in stamps if stamp})
    if len(found) == 1:
        return found[0]
    what = f"stamps name {', '.join(found)}" if found else "nothing on the account carries a stamp"
    raise DeployerError(f"no project is known ({what}); add --project NAME")


def choose(
    live: Sequence[LiveObject], project: str, kinds: Mapping[str, Kind], only: Collection[str], defect: Defect
) -> Choice:
    """Return what is owned and foreign, oldest first; `only` names ids or addresses, and brings what they use."""
    notes: list[str] = []
    fit: list[LiveObject] = []
    owned: set[Address] = set()
    for one in sorted(live, key=_age):
        why = _why_not(one, project, owned, defect)
        notes += [f"{one.kind} {one.id} is left out: {why}"] if why else []
        if not why:
            fit.append(one)
    addresses = _addresses(fit, project)
    chosen = _closed(fit, kinds, _named(addresses, only)) if only else addresses.keys()
    left = {one.id: addresses[one.id] for one in fit if one.id in chosen}
    return Choice(tuple(one for one in fit if one.id in chosen), left, _shortened(notes) if not only else ())


def _age(live: LiveObject) -> tuple[bool, int, str]:
    return live.raw.get("status") == "expired", canonical.seconds(live.raw.get("created_at")) or 0, live.id


def _any_stamp(live: LiveObject) -> Stamp | None:
    stamp = stamp_in(live.raw)
    return stamp if stamp and stamp.address.kind == live.kind else None


def stamp_of(live: LiveObject, project: str) -> Stamp | None:
    """Return the stamp of what is owned; None for what is foreign."""
    stamp = _any_stamp(live)
    return stamp if stamp and stamp.project == project else None


def _why_not(live: LiveObject, project: str, owned: set[Address], defect: Defect) -> str:
    """Return why an object is not written, "" when it is; `owned` collects the addresses that were seen."""
    if live.kind not in sections.kinds().values():
        return "a manifest has no section for its kind"
    if what := defect(live.raw):
        return f"it has {what}"
    stamp = _any_stamp(live)
    if why := _of_others(stamp, project, owned):
        return why
    if live.raw.get("status") == "expired":
        return "it has expired"
    if stamp:
        owned.add(stamp.address)
    elif lacking_room(live):
        return f"its metadata leaves no room for the stamp (of {MAX_PAIRS} pairs it takes three)"
    return ""


def _of_others(stamp: Stamp | None, project: str, owned: Collection[Address]) -> str:
    if stamp and stamp.project != project:
        return f"it belongs to the project {stamp.project!r}"
    return f"it is a second {stamp.address}" if stamp and stamp.address in owned else ""


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
    """Keep the address of what is owned; what is foreign is called by its name, or its kind and a number."""
    stamps = ((one.id, stamp_of(one, project)) for one in live)
    found = {live_id: stamp.address for live_id, stamp in stamps if stamp}
    free = _FreeAddresses(set(found.values()))
    for one in live:
        if one.id not in found:
            found[one.id] = free.take(one.kind, slug(one.raw.get("name")))
    return found


def slug(name: object) -> str:
    """Return what a key can hold of a name; "" when that is nothing."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()) if isinstance(name, str) else ""
    return text.strip("-")[:_LONGEST].strip("-")


@dataclass(slots=True)
class _FreeAddresses:
    """Addresses that nothing has yet; of many that want one name, each is numbered once."""

    taken: set[Address]
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def take(self, kind: str, key: str) -> Address:
        stem = key or kind.replace("_", "-")
        count = self._counts.get((kind, stem), 1 if key else 0)
        while not key or Address(kind, key) in self.taken:
            count += 1
            key = f"{stem[: _LONGEST - 8]}-{count}"
        self._counts[kind, stem] = count
        self.taken.add(Address(kind, key))
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


def declared(
    kind: Kind, address: Address, live: LiveObject, ids: Mapping[str, str], stamp: Stamp | None
) -> Declaration:
    """Declare what is not at the API's default, and of an owned object what was declared before."""
    found = live_attrs(kind, live, ids)
    before = stamp.digests if stamp else {}
    attrs = {
        name: value
        for name, value in found.items()
        if value is not None
        and (name_of(name) in before or not same(value, {} if name == "metadata" else kind.defaults.get(name)))
    }
    if kind.naming and kind.naming.of(address, {}) == attrs.get(kind.naming.field):
        attrs.pop(kind.naming.field)  # it would have that name without a word
    return Declaration(address, live, attrs, stamp, taker=sections.of_kind(address.kind).taker)


def with_globs(items: Sequence[Declaration], exists: Callable[[str], bool]) -> tuple[Declaration, ...]:
    """Declare a folder whole where it will hold all documents of one item and no others; not one that `exists`."""
    folders: dict[str, set[str]] = {}
    for item in items:
        for document in item.documents:
            folders.setdefault("/".join(document.path.split("/")[:2]), set()).add(document.path)
    own = {item.address: {document.path for document in item.documents} for item in items}
    return tuple(
        replace(item, glob=bool(own[item.address]) and folders.get(item.folder) == own[item.address])
        if not exists(item.folder)
        else item
        for item in items
    )


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above the resources; `accounts` as a manifest holds them, secrets by reference."""

    project: str
    accounts: Mapping[str, Any]


def files(header: Header, items: Sequence[Declaration]) -> dict[str, str]:
    """Return every text file by its path: the manifest, prompts, functions."""
    texts = TextFiles([document.path for item in items for document in item.documents])
    data: dict[str, Any] = {"version": VERSION, "project": header.project}
    if header.accounts:
        data["accounts"] = dict(header.accounts)
    written: dict[str, dict[str, Any]] = {}
    for item in items:
        entry = sections.of_kind(item.address.kind).declare(item, texts)
        written.setdefault(item.address.kind, {})[item.address.name] = entry
    data |= {section: escaped(written[kind]) for section, kind in sections.kinds().items() if kind in written}
    return {MANIFEST: _commented(yaml_text(data), items), **texts.files}


def escaped(value: Any) -> Any:
    """Write a literal `${` so that no variable is looked for; keys are not interpolated."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def _commented(text: str, items: Sequence[Declaration]) -> str:
    """Put remarks above the entries that they are about; the text says the same as before."""
    data, positions = read(text)
    above = {_line(positions, item): item.remarks for item in items}
    lines: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        lines += [f"  # {_on_one_line(remark)}" for remark in above.get(number, ())]
        lines.append(line)
    result = "\n".join(lines)
    try:
        return result if read(result)[0] == data else text
    except YamlError:
        return text


def _on_one_line(remark: str) -> str:
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in remark)


def _line(positions: PositionTree, item: Declaration) -> int:
    section = next(section for section, kind in sections.kinds().items() if kind == item.address.kind)
    return positions.inside[section].keys[item.address.name][0]


@dataclass(frozen=True, slots=True)
class Misread:
    """A field that cannot be declared as it is."""

    address: Address
    field: str
    why: str


def misread(
    found: Manifest, items: Sequence[Declaration], kinds: Mapping[str, Kind], ids: Mapping[str, str]
) -> list[Misread]:
    """Return every field that the manifest refuses or says otherwise; ProblemsFound for what belongs to no field."""
    errors = [problem for problem in found.problems if problem.severity is Severity.ERROR]
    if errors:
        return [_refused(problem) for problem in errors]
    by_address = {item.address: item for item in items}
    return [
        Misread(resource.address, field, _OTHERWISE)
        for resource in found.resources
        for field in _different(resource, by_address[resource.address], kinds[resource.address.kind], ids)
    ]


def _refused(problem: Problem) -> Misread:
    place = _PLACE.match(problem.address)
    if place is None:
        raise ProblemsFound([problem])
    field = (place["field"] or "").replace("chunking", FILES)
    if ".files" in problem.address:
        field = FILES
    return Misread(Address(place["kind"], place["name"]), field, problem.message)


def _different(resource: Resource, item: Declaration, kind: Kind, ids: Mapping[str, str]) -> Iterator[str]:
    attrs = kind.express(resource.attrs).attrs
    changes = diff.compare(live_attrs(kind, item.live, ids), attrs, kind.defaults, kind.resets, diff.Base())
    yield from dict.fromkeys(change.path[0] for change in changes)
    if not _same_files(resource, item):
        yield FILES


def _same_files(resource: Resource, item: Declaration) -> bool:
    """Compare paths and what is declared of each; of one path in several stores, each has its own."""
    found = {file.path: file for file in resource.files}
    wanted = {document.path: document for document in item.documents}
    if found.keys() != wanted.keys():
        return False
    return all(
        dict(found[path].attributes) == declared_attributes(one, owned=item.stamp is not None)
        and same_chunking(found[path].chunking, one.file.chunking)
        for path, one in wanted.items()
    )


def settled(items: Sequence[Declaration], wrong: Sequence[Misread]) -> tuple[tuple[Declaration, ...], list[str]]:
    """Return the items without those fields, and a note on each; what cannot do without is left out whole."""
    left: dict[Address, Declaration | None] = {item.address: item for item in items}
    notes = []
    for one in {(one.address, one.field): one for one in wrong}.values():
        item = left.get(one.address)
        if item is None:
            continue
        smaller = left[one.address] = item.without(one.field, one.why)
        notes.append(f"{one.address}: {smaller.remarks[-1]}" if smaller else _left_out(item, one))
    return tuple(item for item in left.values() if item), notes


def _left_out(item: Declaration, one: Misread) -> str:
    where = f"{one.address}.{one.field}" if one.field else str(one.address)
    return f"{one.address} ({item.live.id}) is left out: {where}: {one.why}"
