"""Decide what happens to one address: the action, its reason, and the very requests that will be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.engine import diff, files, stamp
from deployer.engine.effects import with_effects
from deployer.kinds import Body, Kind, vector_store
from deployer.model import (
    Action,
    Address,
    Attrs,
    Change,
    FieldChange,
    FileChange,
    LiveObject,
    Request,
    Resource,
    Stages,
    Target,
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a plan is made for: who owns, on which account and surface, from which commit, and whether orphans go."""

    project: str
    target: Target
    kinds: Mapping[str, Kind]
    origin: str = ""
    prune: bool = False


@dataclass(frozen=True, slots=True)
class Owned:
    """A live object with our stamp."""

    live: LiveObject
    stamp: stamp.Stamp


def desired(scope: Scope, resource: Resource, owned: Owned | None, ids: Mapping[str, str]) -> Change:
    """Create what is not live, update what differs; `ids` gives the addresses of live ids."""
    kind = scope.kinds[resource.address.kind]
    attrs = kind.express(resource.attrs).attrs
    if owned is None:
        return _create(scope, kind, resource, attrs)
    return _update(scope, kind, resource, attrs, owned, ids)


def _create(scope: Scope, kind: Kind, resource: Resource, attrs: Attrs) -> Change:
    mark = stamp.write(scope.project, resource.address, attrs, scope.origin)
    body = kind.wire({**attrs, "metadata": {**(attrs.get("metadata") or {}), **mark}}, None)
    request = Request("POST", kind.PATH, body.fields, body.refs, str(resource.address))
    changes = files.compare(resource.files, ())
    return Change(
        address=resource.address,
        action=Action.CREATE,
        reason="not on the account",
        fields=diff.compare({}, attrs, kind.DEFAULTS, {}),
        files=changes,
        requires=_addresses(body),
        stages=_stages(resource.address, (request,), changes),
    )


def _update(  # noqa: PLR0913, PLR0917
    scope: Scope, kind: Kind, resource: Resource, attrs: Attrs, owned: Owned, ids: Mapping[str, str]
) -> Change:
    raw, digests = owned.live.raw, owned.stamp.digests
    live = dict(kind.canonical(raw, ids))
    live["metadata"] = stamp.without(live.get("metadata"))
    fields = with_effects(diff.compare(live, attrs, kind.DEFAULTS, digests), live, attrs)
    released = diff.releases(live, attrs, kind.DEFAULTS, digests)
    changes = files.compare(resource.files, owned.live.files)
    requires = _addresses(kind.wire(attrs, None))
    if not fields and not released and not changes:
        return Change(resource.address, Action.NO_OP, "as declared", owned.live.id, requires=requires)
    send: tuple[Request, ...] = ()
    if fields or released:
        mark = stamp.write(scope.project, resource.address, attrs, scope.origin)
        sent = {name: attrs.get(name, kind.DEFAULTS.get(name)) for name in _tops(fields)}
        body = kind.wire({**sent, "metadata": {**_metadata(live, attrs, fields), **mark}}, raw)
        send = (Request("POST", f"{kind.PATH}/{owned.live.id}", body.fields, body.refs),)
    return Change(
        address=resource.address,
        action=Action.UPDATE,
        reason=_reason(fields, released, changes),
        live_id=owned.live.id,
        fields=fields,
        files=changes,
        requires=requires,
        stages=_stages(resource.address, send, changes),
    )


def _tops(fields: Sequence[FieldChange]) -> list[str]:
    """The API's fields that must be sent; metadata always is."""
    return sorted({change.path.partition("/")[0] for change in fields} - {"metadata"})


def _metadata(live: Attrs, attrs: Attrs, fields: Sequence[FieldChange]) -> dict[str, str]:
    """The API replaces the whole map, so pairs that nobody declared are sent back as they are."""
    gone = {change.path for change in fields if change.new is None}
    kept = {key: value for key, value in live["metadata"].items() if f"metadata/{key}" not in gone}
    return {**kept, **(attrs.get("metadata") or {})}


def _reason(fields: Sequence[FieldChange], released: Sequence[str], changes: Sequence[FileChange]) -> str:
    parts = [f"{len(fields)} {'field' if len(fields) == 1 else 'fields'}"] if fields else []
    if changes:
        parts.append(f"{len(changes)} {'file' if len(changes) == 1 else 'files'}")
    if released:
        parts.append(f"no longer declared: {', '.join(sorted(released))}")
    return ", ".join(parts)


def _stages(address: Address, send: tuple[Request, ...], changes: Sequence[FileChange]) -> Stages:
    """Uploads need no store, so they go beside its create or update."""
    uploads, later = vector_store.file_stages(str(address), changes) if changes else ((), ())
    return tuple(stage for stage in ((*send, *uploads), *later) if stage)


def _addresses(body: Body) -> tuple[Address, ...]:
    return tuple(sorted({Address.parse(key) for _, key in body.refs}))


def references(kind: Kind, owned: Owned, ids: Mapping[str, str]) -> tuple[Address, ...]:
    """Give the addresses that a live object refers to."""
    return _addresses(kind.wire(kind.canonical(owned.live.raw, ids), None))


def orphan(scope: Scope, address: Address, owned: Owned, users: tuple[Address, ...]) -> Change:
    """Delete what is no longer in the manifest, after its users and only with consent."""
    if not scope.prune:
        return Change(
            address, Action.NO_OP, "no longer in the manifest; --prune deletes it", owned.live.id, orphan=True
        )
    kind = scope.kinds[address.kind]
    stages = ((Request("DELETE", f"{kind.PATH}/{owned.live.id}"),), vector_store.delete_files(owned.live.files))
    return Change(
        address,
        Action.DELETE,
        "no longer in the manifest",
        owned.live.id,
        requires=users,
        stages=tuple(stage for stage in stages if stage),
        orphan=True,
    )
