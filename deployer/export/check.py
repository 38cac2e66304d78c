"""Does the manifest, read again, say what is live? What it does not is left undeclared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from deployer.engine import diff
from deployer.engine.adopt import canonical
from deployer.export.items import FILES, Item
from deployer.export.values import declared_attributes
from deployer.kinds import Kind
from deployer.kinds.vector_store import same_chunking
from deployer.manifest import Manifest
from deployer.model import Address, Problem, ProblemsFound, Resource, Severity

_PLACE = re.compile(r"(?P<kind>assistant|vector_store)/(?P<name>[a-z0-9_-]+)(?:\.(?P<field>\w+))?")
_OTHERWISE = "it would be read back as something else"


@dataclass(frozen=True, slots=True)
class Misread:
    """A field that cannot be declared as it is."""

    address: Address
    field: str
    why: str


def misread(found: Manifest, items: Sequence[Item], kinds: Mapping[str, Kind], ids: Mapping[str, str]) -> list[Misread]:
    """Give every field that the manifest refuses or says otherwise; ProblemsFound for what belongs to no field."""
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


def _different(resource: Resource, item: Item, kind: Kind, ids: Mapping[str, str]) -> Iterator[str]:
    attrs = kind.express(resource.attrs).attrs
    changes = diff.compare(canonical(kind, item.live, ids), attrs, kind.DEFAULTS, {})
    yield from dict.fromkeys(change.path.partition("/")[0] for change in changes)
    if not _same_files(resource, item):
        yield FILES


def _same_files(resource: Resource, item: Item) -> bool:
    """Compare paths and what is declared of each; of one path in several stores, each has its own."""
    found = {file.path: file for file in resource.files}
    wanted = {document.path: document for document in item.documents}
    if found.keys() != wanted.keys():
        return False
    if item.live.kind != "vector_store":
        return True
    return all(
        dict(found[path].attributes) == declared_attributes(one, ours=item.mark is not None)
        and same_chunking(found[path].chunking, one.file.chunking)
        for path, one in wanted.items()
    )


def settled(items: Sequence[Item], wrong: Sequence[Misread]) -> tuple[tuple[Item, ...], list[str]]:
    """Give the items without those fields, and a note on each; what cannot do without is left out whole."""
    left: dict[Address, Item | None] = {item.address: item for item in items}
    notes = []
    for one in {(one.address, one.field): one for one in wrong}.values():
        item = left.get(one.address)
        if item is None:
            continue
        smaller = left[one.address] = item.without(one.field, one.why)
        notes.append(f"{one.address}: {smaller.remarks[-1]}" if smaller else _left_out(item, one))
    return tuple(item for item in left.values() if item), notes


def _left_out(item: Item, one: Misread) -> str:
    where = f"{one.address}.{one.field}" if one.field else str(one.address)
    return f"{one.address} ({item.live.id}) is left out: {where}: {one.why}"
