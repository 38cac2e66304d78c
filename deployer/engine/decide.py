"""Decide what happens to one address: the action, its reason, and the body that will be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from deployer.engine import diff, documents, stamp, verify
from deployer.engine.documents import Documents
from deployer.engine.draft import WAS_FOREIGN, Draft, FileRules, Owned, Ownership, Scope
from deployer.engine.held_files import HeldFiles
from deployer.kinds import Body, Kind
from deployer.model import (
    Action,
    Address,
    Attrs,
    Change,
    DesiredFile,
    FieldChange,
    FileAction,
    FileChange,
    OnDrift,
    Origin,
    Resource,
)
from deployer.wording import counted

_EDITS = (FileAction.UPDATE, FileAction.ADD)  # where an edit is all that they are about
_DOCUMENTS, _HELD = Documents(), HeldFiles()


def rules_of(kind: Kind) -> FileRules:
    """Return how objects of a kind deal with files."""
    return _DOCUMENTS if kind.is_store else _HELD


def desired(
    scope: Scope,
    resource: Resource,
    found: Owned | None,
    ids: Mapping[str, str],
    ownership: Ownership | None = None,
) -> Draft:
    """Create what is not live, update what differs; `ids` gives the addresses of live ids.

    `ownership`: what the stamps are to say, when that is not what the resource says.
    """
    kind = scope.kinds[resource.address.kind]
    attrs = kind.express(resource.attrs).attrs
    if found is None:
        return _create(scope, kind, resource, attrs, ownership)
    if found.live.raw.get("status") == "expired":
        draft = _create(scope, kind, resource, attrs, ownership)
        return replace(draft, change=replace(draft.change, action=Action.REPLACE, reason="it has expired"))
    return _update(scope, kind, resource, attrs, found, ids, ownership)


def _create(scope: Scope, kind: Kind, resource: Resource, attrs: Attrs, ownership: Ownership | None) -> Draft:
    mark = _stamp(scope, resource, attrs, ownership)
    own = {name: value for name, value in attrs.items() if name != "metadata"}
    body = kind.stamped(own, attrs.get("metadata") or {}, mark, None)
    change = Change(
        address=resource.address,
        action=Action.CREATE,
        reason="not on the account",
        fields=diff.compare({}, attrs, kind.defaults, {}),
        files=_files(kind, resource, attrs, None, ownership),
        requires=_addresses(body),
    )
    return Draft(change, kind, body, _declared(kind, resource, attrs))


def _stamp(
    scope: Scope,
    resource: Resource,
    attrs: Attrs,
    ownership: Ownership | None,
    kept: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Return the pairs of the stamp to write: as recorded, or what the resource says but for the `kept` digests."""
    if ownership:
        return dict(ownership.stamp)
    return stamp.write(scope.project, resource.address, attrs, scope.origin, protect=resource.protect, kept=kept)


def _declared(kind: Kind, resource: Resource, attrs: Attrs) -> tuple[DesiredFile, ...]:
    """Return the files that the object can have: a surface may lack the tool that reads them."""
    return resource.files if kind.takes_files(attrs) else ()


def _files(
    kind: Kind, resource: Resource, attrs: Attrs, found: Owned | None, ownership: Ownership | None
) -> tuple[FileChange, ...]:
    """Compare the files; where a snapshot says what is written, nothing is settled."""
    wanted, settle = _declared(kind, resource, attrs), ownership is None
    return rules_of(kind).compare(wanted, found, exclusive=resource.exclusive, settle=settle)


def _update(  # noqa: PLR0913, PLR0917
    scope: Scope,
    kind: Kind,
    resource: Resource,
    attrs: Attrs,
    found: Owned,
    ids: Mapping[str, str],
    ownership: Ownership | None,
) -> Draft:
    digests = _readdressed(scope, kind, found, ids)
    live = dict(kind.canonical(found.live.raw, ids))
    live["metadata"] = stamp.without(live.get("metadata"))
    compared = diff.with_compatibility(diff.compare(live, attrs, kind.defaults, digests), live, attrs)
    compared = tuple(_excused(field, set(kind.references(found.live.raw)) - scope.stores) for field in compared)
    fields = (*_judged(scope, compared), *_protection(found.stamp, resource))
    released = diff.releases(live, attrs, kind.defaults, digests)
    agreed = (
        *diff.agreed(live, attrs, found.stamp.digests),
        *rules_of(kind).agreed(_declared(kind, resource, attrs), found),
    )
    compared_files = _wanted(scope, _files(kind, resource, attrs, found, ownership))
    changes = _by_path((*compared_files, *ownership.releases())) if ownership else compared_files
    renamed = found.stamp.address if found.stamp.address != resource.address else None
    acting = tuple(field for field in fields if not field.kept)
    stamped = ownership.differs(found.live.raw) if ownership else bool(released or agreed)
    reason = _reason(acting, released, agreed, compared_files, renamed)
    if ownership:
        reason = _restored(ownership, reason, only_stamp=stamped and not (acting or renamed or changes))
    touched = bool(acting or stamped or changes or renamed)
    change = Change(
        address=resource.address,
        action=Action.UPDATE if touched else Action.NO_OP,
        reason=reason or _as_it_is(fields),
        live_id=found.live.id,
        fields=fields,
        files=changes,
        requires=_addresses(kind.wire(attrs, None)),
        reviewed=verify.digest(kind, found.live.raw) if touched else "",
    )
    body = None
    if acting or stamped or renamed or (changes and rules_of(kind).in_object):
        body = _body(scope, kind, resource, attrs, found, live, fields, ownership)
    return Draft(change, kind, body, _declared(kind, resource, attrs), found)


def _by_path(changes: Sequence[FileChange]) -> tuple[FileChange, ...]:
    return tuple(sorted(changes, key=lambda change: change.path))


def _readdressed(scope: Scope, kind: Kind, found: Owned, ids: Mapping[str, str]) -> dict[str, str]:
    """Give the digests that were applied; that a store goes by another address now is nobody's edit."""
    digests = dict(found.stamp.digests)
    if not scope.stamped:
        return digests
    before = stamp.fields(kind.canonical(found.live.raw, scope.stamped))
    for path, value in stamp.fields(kind.canonical(found.live.raw, ids)).items():
        short = stamp.name_of(path)
        if short in digests and stamp.same_content(digests[short], before[path]):
            digests[short] = stamp.digest(value)
    return digests


def _body(  # noqa: PLR0913, PLR0917
    scope: Scope,
    kind: Kind,
    resource: Resource,
    attrs: Attrs,
    found: Owned,
    live: Attrs,
    fields: Sequence[FieldChange],
    ownership: Ownership | None,
) -> Body:
    kept = {_stamped(field.path) for field in fields if field.kept}
    declared = stamp.fields(attrs)  # what is not is the account's from now on
    shorts = {stamp.name_of(path): path in declared for path in kept}
    before = {short: found.stamp.digests.get(short, "") if still else "" for short, still in shorts.items()}
    mark = _stamp(scope, resource, attrs, ownership, before)
    tokens = (
        rules_of(kind).remembered(_declared(kind, resource, attrs), found) if scope.on_drift is OnDrift.KEEP else {}
    )
    tokens |= ownership.tokens if ownership else {}
    if tokens and not (ownership and ownership.foreign):
        mark[stamp.FILES] = stamp.written(tokens)
    acting = [field for field in fields if not field.kept]
    sent = {name: attrs.get(name, kind.defaults.get(name)) for name in _tops(acting)}
    return kind.stamped(sent, _metadata(live, attrs, fields), mark, found.live.raw)


def _judged(scope: Scope, fields: Sequence[FieldChange]) -> list[FieldChange]:
    """Mark what stays as somebody left it on the account; a tool cannot stay without the others."""
    if scope.on_drift is not OnDrift.KEEP:
        return list(fields)
    edited = {_stamped(field.path) for field in fields if field.origin is not Origin.MANIFEST}
    return [replace(field, kept=_stamped(field.path) in edited) for field in fields]


def _wanted(scope: Scope, changes: Sequence[FileChange]) -> tuple[FileChange, ...]:
    """Let attributes, and files that were taken out, be as somebody left them; to undo only that is no change."""
    if scope.on_drift is not OnDrift.KEEP:
        return tuple(changes)
    marked = [replace(change, kept=change.origin is not Origin.MANIFEST) for change in changes]
    return tuple(change for change in marked if not (change.kept and change.action in _EDITS))


def _stamped(path: str) -> str:
    """The stamp holds metadata pair by pair, everything else whole."""
    return path if path.startswith("metadata/") else path.partition("/")[0]


def _excused(field: FieldChange, gone: set[str]) -> FieldChange:
    """A reference to a store that is no longer there is nobody's edit: the service, or a loss, let it dangle."""
    used = field.old.get("vector_stores", ()) if isinstance(field.old, Mapping) else ()
    return replace(field, origin=Origin.MANIFEST) if gone.intersection(used) else field


def _protection(mark: stamp.Stamp, resource: Resource) -> list[FieldChange]:
    if mark.protected == resource.protect:
        return []
    return [FieldChange("protect", mark.protected, resource.protect, Origin.MANIFEST)]


def _tops(fields: Sequence[FieldChange]) -> list[str]:
    """The API's fields that must be sent; metadata always is, and protection is part of it."""
    return sorted({change.path.partition("/")[0] for change in fields} - {"metadata", "protect"})


def _metadata(live: Attrs, attrs: Attrs, fields: Sequence[FieldChange]) -> dict[str, str]:
    """The API replaces the whole map, so pairs that nobody declared are sent back as they are."""
    gone = {change.path for change in fields if change.new is None and not change.kept}
    kept = {change.path for change in fields if change.kept}
    left = {key: value for key, value in live["metadata"].items() if f"metadata/{key}" not in gone}
    declared = (attrs.get("metadata") or {}).items()
    return {**left, **{key: value for key, value in declared if f"metadata/{key}" not in kept}}


def _reason(
    fields: Sequence[FieldChange],
    released: Sequence[str],
    agreed: Sequence[str],
    changes: Sequence[FileChange],
    renamed: Address | None,
) -> str:
    parts = [f"moved from {renamed}"] if renamed else []
    if fields:
        parts.append(counted(len(fields), "field"))
    if changes:
        parts.append(counted(len(changes), "file"))
    if released:
        parts.append(f"no longer declared: {', '.join(sorted(released))}")
    if agreed:
        parts.append(f"{documents.AGREED}: {', '.join(agreed)}")
    return ", ".join(parts)


def _restored(ownership: Ownership, reason: str, *, only_stamp: bool) -> str:
    if ownership.foreign:
        return WAS_FOREIGN
    if only_stamp:
        return "what is declared of it"
    return reason or ("foreign documents, adopted since" if ownership.documents else "")


def _as_it_is(fields: Sequence[FieldChange]) -> str:
    return "kept as edited on the account" if any(field.kept for field in fields) else "as declared"


def _addresses(body: Body) -> tuple[Address, ...]:
    return tuple(sorted({Address.parse(key) for _, key in body.refs}))


def orphan(scope: Scope, address: Address, found: Owned, users: Sequence[Address | str]) -> Draft:
    """Delete what is no longer in the manifest, after its users, and only with consent.

    `users` are addresses that let go of it in this plan, or the name of what will go on using it.
    """
    kind = scope.kinds[address.kind]
    stays = [user for user in users if isinstance(user, str)]
    why = _why_kept(scope, found, stays)
    change = Change(address, Action.NO_OP, why, found.live.id, orphan=True)
    if why:
        return Draft(change, kind, owned=found)
    gone = replace(
        change,
        action=Action.DELETE,
        reason="no longer in the manifest",
        requires=tuple(user for user in users if isinstance(user, Address)),
        reviewed=verify.digest(kind, found.live.raw),
    )
    return Draft(gone, kind, owned=found)


def _why_kept(scope: Scope, found: Owned, users: Sequence[str]) -> str:
    if found.stamp.protected:
        return "no longer in the manifest, but protected: declare it with protect: false once, then remove it"
    if not scope.prune:
        return "no longer in the manifest; --prune deletes it"
    return f"no longer in the manifest, but in use by {', '.join(users)}" if users else ""


def superseded(scope: Scope, address: Address, found: Owned, why: str, users: Sequence[Address]) -> Draft:
    """Delete a live object whose address another one has: a second copy, or a store that has expired."""
    kind = scope.kinds[address.kind]
    mark = verify.digest(kind, found.live.raw)
    named = Address(address.kind, f"{address.name}#{found.live.id}")
    change = Change(named, Action.DELETE, why, found.live.id, requires=tuple(users), reviewed=mark)
    return Draft(change, kind, owned=found)
