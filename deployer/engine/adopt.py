"""Make foreign objects owned: nothing is written but the stamp, and deployer's attributes on documents.

The stamp holds the digests of the values that are live, so what differs from the manifest stays for the next plan, as a
change made in git.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from deployer.engine import diff, stamp, verify
from deployer.engine.draft import Draft, Scope
from deployer.engine.plan import with_operations
from deployer.engine.uploads import token
from deployer.kinds import BESIDE, Kind
from deployer.model import (
    Action,
    Attrs,
    Change,
    DesiredFile,
    FileAction,
    FileChange,
    LiveFile,
    LiveObject,
    Plan,
    Reason,
    Resource,
    Why,
)

MAX_PAIRS = 16
"""Of metadata, by the public API reference; likewise of a document's attributes."""
MAX_ATTRIBUTES = 12
"""What a document may carry of its own: four of its 16 are deployer's."""


@dataclass(frozen=True, slots=True)
class Taking:
    """A live object that is to be a declared resource; a store comes with its files.

    `proven` gives, by the id of a File object, the declared file that it holds.
    """

    resource: Resource
    live: LiveObject
    proven: Mapping[str, DesiredFile]


def adoption(scope: Scope, plan: Plan, takings: Sequence[Taking]) -> Plan:
    """Return the plan that adopts, from the plan of the moment: what is taken refers to each other by address already.

    An object that is owned already is not stamped again, only its documents are taken.
    """
    known = {**plan.known, **{str(one.resource.address): one.live.id for one in takings}}
    ids = {live_id: address for address, live_id in known.items()}
    changes = with_operations([_draft(scope, one, ids) for one in takings], {})
    return replace(plan, changes=changes, problems=(), known=known)


def lacking_room(live: LiveObject, *, files: bool = False) -> int:
    """Return how many metadata pairs an object has too many for the stamp; `files`: of the code interpreter, owned."""
    if BESIDE in live.raw:
        return 0
    pairs = len(stamp.without(live.raw.get("metadata"))) + len(stamp.KEYS) - (not files)
    return max(0, pairs - MAX_PAIRS)


def _draft(scope: Scope, taking: Taking, ids: Mapping[str, str]) -> Draft:
    kind, address = scope.kinds[taking.resource.address.kind], taking.resource.address
    attrs = kind.express(taking.resource.attrs).attrs
    found = live_attrs(kind, taking.live, ids)
    mark = stamp.of(taking.live.raw)
    owned = mark is not None and (mark.project, mark.address) == (scope.project, address)
    files = _files(taking) if kind.is_store else ()
    change = Change(
        address=address,
        action=Action.ADOPT if files or not owned else Action.NO_OP,
        reason=Reason(Why.ADOPTED, (taking.live.id,)),
        live_id=taking.live.id,
        fields=() if owned else diff.compare(found, attrs, kind.defaults, kind.resets, diff.Base()),
        files=files,
        reviewed=verify.digest(kind, taking.live.raw),
    )
    if owned:
        return Draft(change, kind)
    stamped = kind.stamped({}, found["metadata"], _stamp(scope, taking, attrs, found, kind), taking.live.raw)
    return Draft(change, kind, stamped)


def live_attrs(kind: Kind, live: LiveObject, ids: Mapping[str, str]) -> Attrs:
    """Return the attrs of a live object, without a stamp, whoever's."""
    found = kind.canonical(live.raw, ids)
    return {**found, "metadata": stamp.without(found.get("metadata"))}


def _stamp(scope: Scope, taking: Taking, attrs: Attrs, found: Attrs, kind: Kind) -> dict[str, str]:
    live, declared = stamp.fields(found), stamp.fields(attrs)
    values = {stamp.name_of(path): stamp.digest(live[path]) if path in live else "" for path in declared}
    mark = stamp.write(scope.project, taking.resource.address, attrs, scope.origin, kept=values)
    tokens = {
        stamp.name_of(one): token(taking.proven[one].name, taking.proven[one].sha256)
        for one in kind.held(taking.live.raw)
        if one in taking.proven
    }
    return {**mark, **({stamp.FILES: stamp.written(tokens)} if tokens else {})}


def _files(taking: Taking) -> tuple[FileChange, ...]:
    changes = (_taken(taking.proven[file.id], file) for file in taking.live.files if file.id in taking.proven)
    return tuple(sorted(changes, key=lambda change: change.path))


def _taken(file: DesiredFile, live: LiveFile) -> FileChange:
    """Mark a document; of the attributes that git declares it keeps the values that are live."""
    values = {name: live.attributes[name] for name in file.attributes if name in live.attributes}
    return FileChange(FileAction.UPDATE, file.path, replace(file, attributes=values), (live,), Reason(Why.SAME_BYTES))
