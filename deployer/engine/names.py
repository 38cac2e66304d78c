"""Names that are ids: what is declared must be able to have its name, and a name never changes.

Whether case counts in a name is not documented, so two that differ in case alone are taken for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from deployer.engine import stamp
from deployer.engine.draft import Owned, Scope
from deployer.kinds import Kind
from deployer.model import Address, LiveObject, Problem, Resource

_At = Callable[[Address], Owned | None]


def problems(scope: Scope, resources: Sequence[Resource], live: Sequence[LiveObject], at: _At) -> Iterator[Problem]:
    """Name what cannot be made because its name is taken, and what is live under another name."""
    taken = {(one.kind, one.id.casefold()): one for one in live}
    for one in resources:
        naming = scope.kinds[one.address.kind].naming
        if naming is None:
            continue
        name, found = naming.of(one.address, one.attrs), at(one.address)
        where = (f"{one.address}.{naming.field}", one.position(naming.field))
        holder = taken.get((one.address.kind, name.casefold()))
        if found is not None and naming.field in one.attrs and name != found.live.id:
            what = f"it is live as {found.live.id}, and a name never changes"
            yield Problem(what, f"declare {naming.field}: {found.live.id}, or another address", *where)
        elif found is None and holder is not None:
            yield Problem(*_taken(scope, one.address, holder, naming.field), *where)


def _taken(scope: Scope, address: Address, holder: LiveObject, field: str) -> tuple[str, str]:
    """Return what is wrong and what to do where a live object has the name: a create would go on top of it."""
    account, mark = scope.target.name, stamp.of(holder.raw)
    if mark is not None and mark.project == scope.project:
        what = f"account {account} has {holder.id} already, as {mark.address}"
        return what, f"rename it with moved: [{{from: {mark.address}, to: {address}}}], or say another {field}"
    whose = f"which belongs to the project {mark.project!r}" if mark else "which is foreign"
    remedy = f"deployer adopt {address} {holder.id} --account {account} takes it over, or say another {field}"
    return f"account {account} has {holder.id} already, {whose}", remedy


def collision(kind: Kind, one: Resource, names: dict[tuple[str, str], Address]) -> Iterator[Problem]:
    """Say so when another resource has the name of this one; `names` takes those that were seen."""
    if kind.naming is None:
        return
    name = kind.naming.of(one.address, one.attrs)
    first = names.setdefault((one.address.kind, name.casefold()), one.address)
    if first != one.address:
        what, remedy = f"it would be called {name}, as {first}", f"say another {kind.naming.field} for one of them"
        yield Problem(what, remedy, str(one.address), one.position())


def collisions(kinds: Mapping[str, Kind], resources: Sequence[Resource]) -> Iterator[Problem]:
    names = dict[tuple[str, str], Address]()
    for one in resources:
        yield from collision(kinds[one.address.kind], one, names)
