"""Compare what is declared of one address with what is live of it, and decide: the action, why, and what is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from deployer.engine import diff, document_map, stamp, verify
from deployer.engine.documents import Documents
from deployer.engine.draft import Draft, FileRules, Owned, Ownership, Scope
from deployer.engine.held_files import HeldFiles
from deployer.engine.stamp import NO_FORMS, Forms
from deployer.kinds import Body, Kind
from deployer.model import (
    Action,
    Address,
    Attrs,
    Change,
    DesiredFile,
    FieldChange,
    FieldPath,
    FileAction,
    FileChange,
    OnDrift,
    Origin,
    Reason,
    Resource,
    Why,
)
from deployer.wording import counted

_EDITS = (FileAction.UPDATE, FileAction.ADD)  # where an edit is all that they are about
_PROTECT = ("protect",)
_DOCUMENTS, _HELD = Documents(), HeldFiles()


def rules_of(kind: Kind) -> FileRules:
    """Return how objects of a kind deal with files."""
    return _DOCUMENTS if kind.is_store else _HELD


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one resource is to be on a surface: its attrs in canonical form, and its files as far as it can have any.

    `ownership`: what the stamp is to say, when that is not what the resource says.
    """

    scope: Scope
    kind: Kind
    resource: Resource
    attrs: Attrs
    files: tuple[DesiredFile, ...]
    ownership: Ownership | None

    @classmethod
    def of(cls, scope: Scope, resource: Resource, ownership: Ownership | None) -> Wanted:
        kind = scope.kinds[resource.address.kind]
        attrs = kind.express(resource.attrs).attrs
        files = resource.files if kind.takes_files(attrs) else ()  # a surface may lack the tool that reads them
        return cls(scope, kind, resource, attrs, files, ownership)

    @property
    def rules(self) -> FileRules:
        return rules_of(self.kind)

    def compared_files(self, found: Owned | None) -> tuple[FileChange, ...]:
        """Compare the files; where a snapshot says what is written, nothing is settled."""
        settle = self.ownership is None
        changes = self.rules.compare(self.files, found, exclusive=self.resource.exclusive, settle=settle)
        if self.scope.on_drift is not OnDrift.KEEP:
            return changes
        marked = [replace(change, kept=change.origin is not Origin.MANIFEST) for change in changes]
        return tuple(change for change in marked if not (change.kept and change.action in _EDITS))

    def stamp(self, kept: Mapping[str, str] = MappingProxyType({}), forms: Forms = NO_FORMS) -> dict[str, str]:
        """Return the pairs of the stamp to write: as recorded, or what the resource says but for the `kept` digests."""
        if self.ownership:
            return dict(self.ownership.stamp)
        project, address, protect = self.scope.project, self.resource.address, self.resource.protect
        return stamp.write(project, address, self.attrs, self.scope.origin, protect=protect, kept=kept, forms=forms)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is wanted beside what is live: what differs, and what of the stamp is out of date.

    `live` are attrs in canonical form. `released` fields are no longer declared, `agreed` ones came to be as declared
    without an apply. `renamed` is the address in the stamp, where that is another one.
    """

    wanted: Wanted
    found: Owned
    live: Attrs
    fields: tuple[FieldChange, ...]
    files: tuple[FileChange, ...]
    released: tuple[FieldPath, ...]
    agreed: tuple[str, ...]
    renamed: Address | None

    @property
    def acting(self) -> tuple[FieldChange, ...]:
        """The changes of fields that are written."""
        return tuple(field for field in self.fields if not field.kept)

    @property
    def changed_files(self) -> tuple[FileChange, ...]:
        """The changes of files, with those that make documents foreign again."""
        released = self.wanted.ownership.releases() if self.wanted.ownership else ()
        return tuple(sorted((*self.files, *released), key=lambda change: change.path)) if released else self.files

    @property
    def restamps(self) -> bool:
        """Whether the stamp is out of date."""
        if self.wanted.ownership:
            return self.wanted.ownership.differs(self.found.live.raw)
        return bool(self.released or self.learns)

    @property
    def learns(self) -> tuple[str, ...]:
        """What came to be as declared, and the stamp is to know: for that alone no version is made."""
        return () if self.wanted.kind.versions else self.agreed

    @property
    def writes_object(self) -> bool:
        in_object = self.changed_files and self.wanted.rules.in_object
        return bool(self.acting or self.restamps or self.renamed or in_object)


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
    wanted = Wanted.of(scope, resource, ownership)
    if found is None:
        return _create(wanted, Action.CREATE, Why.NOT_LIVE)
    if found.live.raw.get("status") == "expired":
        return _create(wanted, Action.REPLACE, Why.EXPIRED)
    return _update(compare(wanted, found, ids))


def _create(wanted: Wanted, action: Action, why: Why) -> Draft:
    own = {name: value for name, value in wanted.attrs.items() if name != "metadata"}
    body = wanted.kind.stamped(own, wanted.attrs.get("metadata") or {}, wanted.stamp(), None)
    body = wanted.kind.made(wanted.resource.address, wanted.resource.attrs, body)
    change = Change(
        address=wanted.resource.address,
        action=action,
        reason=Reason(why),
        fields=diff.compare({}, wanted.attrs, wanted.kind.defaults, wanted.kind.resets, diff.Base()),
        files=wanted.compared_files(None),
        requires=addresses(body),
    )
    return Draft(change, wanted.kind, body, wanted.files)


def compare(wanted: Wanted, found: Owned, ids: Mapping[str, str]) -> Comparison:
    """Compare field by field and file by file; `ids` gives the addresses of live ids."""
    scope, kind, attrs = wanted.scope, wanted.kind, wanted.attrs
    base = _readdressed(scope, kind, found, ids)
    live = dict(kind.canonical(found.live.raw, ids))
    live["metadata"] = stamp.without(live.get("metadata"))
    fields = diff.with_compatibility(diff.compare(live, attrs, kind.defaults, kind.resets, base), live, attrs)
    dangling = set(kind.references(found.live.raw)) - scope.stores
    excused = [_excused(field, dangling) for field in fields]
    agreed = ("/".join(path) for path in diff.agreed(live, attrs, kind.defaults, found.stamp.digests))
    return Comparison(
        wanted,
        found,
        live,
        (*_judged(scope, excused), *_protection(found.stamp, wanted.resource)),
        wanted.compared_files(found),
        diff.releases(live, attrs, kind.defaults, base.digests),
        (*agreed, *wanted.rules.agreed(wanted.files, found)),
        found.stamp.address if found.stamp.address != wanted.resource.address else None,
    )


def _update(compared: Comparison) -> Draft:
    wanted, found, files = compared.wanted, compared.found, compared.changed_files
    touched = bool(compared.writes_object or files)
    change = Change(
        address=wanted.resource.address,
        action=Action.UPDATE if touched else Action.NO_OP,
        reason=_with_news(compared, _reason(compared)) if touched else _reason(compared),
        live_id=found.live.id,
        fields=compared.fields,
        files=files,
        requires=addresses(wanted.kind.wire(wanted.attrs, None)),
        reviewed=verify.digest(wanted.kind, found.live.raw) if touched else "",
    )
    body = _body(compared) if compared.writes_object else None
    return Draft(change, wanted.kind, body, wanted.files, found)


def _readdressed(scope: Scope, kind: Kind, found: Owned, ids: Mapping[str, str]) -> diff.Base:
    """Return what was applied; that a store goes by another address now is no edit."""
    digests, forms = dict(found.stamp.digests), dict(found.stamp.forms)
    if not scope.stamped:
        return diff.Base(digests, forms)
    before = stamp.fields(kind.canonical(found.live.raw, scope.stamped))
    for path, value in stamp.fields(kind.canonical(found.live.raw, ids)).items():
        short = stamp.name_of(path)
        if short in digests and stamp.same_content(digests[short], before[path]):
            digests[short] = stamp.digest(value)
        if short in forms and forms[short].is_of(before[path]):
            forms[short] = stamp.ServiceForm.of(value, taken=forms[short].taken)
    return diff.Base(digests, forms)


def _body(compared: Comparison) -> Body:
    wanted, found, ownership = compared.wanted, compared.found, compared.wanted.ownership
    kept = {stamp.whole(field.path) for field in compared.fields if field.kept}
    declared = stamp.fields(wanted.attrs)  # what is not is the account's from now on
    shorts = {stamp.name_of(path): path in declared for path in kept}
    pairs = wanted.stamp(
        {short: found.stamp.digests.get(short, "") if still else "" for short, still in shorts.items()},
        _forms(compared, shorts),
    )
    tokens = wanted.rules.remembered(wanted.files, found) if wanted.scope.on_drift is OnDrift.KEEP else {}
    tokens |= ownership.tokens if ownership else {}
    if wanted.kind.is_store:
        tokens |= document_map.entries(found.files, found.stamp.files)
    if tokens and not (ownership and ownership.foreign):
        pairs |= stamp.file_pairs(tokens)
    resets = wanted.kind.resets
    sent = {name: wanted.attrs.get(name, resets.get(name)) for name in _sent(compared.acting)}
    return wanted.kind.stamped(sent, _metadata(compared), pairs, found.live.raw)


def _forms(compared: Comparison, kept: Collection[str]) -> stamp.Forms:
    """Return the service's forms of what git does not change: what is sent again will be answered in the same form."""
    before, declared = compared.found.stamp, stamp.fields(compared.wanted.attrs)
    named = {stamp.name_of(path): value for path, value in declared.items()} if before.forms else {}
    sent = {stamp.name_of(stamp.whole(field.path)) for field in compared.acting if field.untaken}
    return {
        short: form
        for short, form in before.forms.items()
        if short in kept
        or (short in named and stamp.same_content(before.digests[short], named[short]) and short not in sent)
    }


def _judged(scope: Scope, fields: Sequence[FieldChange]) -> list[FieldChange]:
    """Mark what stays as somebody left it on the account; a tool cannot stay without the others."""
    if scope.on_drift is not OnDrift.KEEP:
        return list(fields)
    edited = {stamp.whole(field.path) for field in fields if field.origin is not Origin.MANIFEST}
    return [replace(field, kept=stamp.whole(field.path) in edited) for field in fields]


def _excused(field: FieldChange, gone: set[str]) -> FieldChange:
    """A reference to a store that is no longer there is no edit: the service, or a loss, let it dangle."""
    used = field.old.get("vector_stores", ()) if isinstance(field.old, Mapping) else ()
    return replace(field, origin=Origin.MANIFEST) if gone.intersection(used) else field


def _protection(mark: stamp.Stamp, resource: Resource) -> list[FieldChange]:
    if mark.protected == resource.protect:
        return []
    return [FieldChange(_PROTECT, mark.protected, resource.protect, Origin.MANIFEST)]


def _sent(fields: Sequence[FieldChange]) -> list[str]:
    """Return the API's fields that must be sent; metadata always is, and protection is part of the stamp."""
    return sorted({change.path[0] for change in fields} - {"metadata", *_PROTECT})


def _metadata(compared: Comparison) -> dict[str, str]:
    """The API replaces the whole map, so pairs that were never declared are sent back as they are."""
    gone = {change.path for change in compared.fields if change.new is None and not change.kept}
    kept = {change.path for change in compared.fields if change.kept}
    declared, live = stamp.fields(compared.wanted.attrs), stamp.fields({"metadata": compared.live["metadata"]})
    own = [path for path in declared if path[0] == "metadata" and stamp.name_of(path) in compared.found.stamp.forms]
    gone |= {diff.variant(path, live, declared) for path in own} - declared.keys()
    left = {path[1]: value for path, value in live.items() if path not in gone}
    return {
        **left,
        **{path[1]: value for path, value in declared.items() if path[0] == "metadata" and path not in kept},
    }


def _reason(compared: Comparison) -> Reason:
    ownership, usual = compared.wanted.ownership, _usual_reason(compared)
    if ownership and ownership.foreign:
        return Reason(Why.FOREIGN_AGAIN)
    if ownership and compared.restamps and not (compared.acting or compared.renamed or compared.changed_files):
        return Reason(Why.RESTAMPED)
    if usual is None and ownership and ownership.documents:
        return Reason(Why.DOCUMENTS_FOREIGN_AGAIN)
    as_it_is = Why.KEPT if any(field.kept for field in compared.fields) else Why.AS_DECLARED
    return usual or Reason(as_it_is)


def _with_news(compared: Comparison, reason: Reason) -> Reason:
    versions = compared.wanted.kind.versions
    return reason.beside(*versions.news(compared.found.live.raw)) if versions and compared.writes_object else reason


def _usual_reason(compared: Comparison) -> Reason | None:
    """Return all that is to be done, in one; None when that is nothing."""
    found = [Reason(Why.READDRESSED, (str(compared.renamed),))] if compared.renamed else []
    if compared.acting:
        found.append(Reason(Why.FIELDS, (counted(len(compared.acting), "field"),)))
    if compared.files:
        found.append(Reason(Why.FILES, (counted(len(compared.files), "file"),)))
    if compared.released:
        found.append(Reason(Why.RELEASED, tuple(sorted("/".join(path) for path in compared.released))))
    if compared.learns:
        found.append(Reason(Why.AGREED, compared.learns))
    return found[0].beside(*found[1:]) if found else None


def addresses(body: Body) -> tuple[Address, ...]:
    return tuple(sorted({Address.parse(key) for _, key in body.refs}))


def orphan(scope: Scope, address: Address, found: Owned, users: Sequence[Address | str]) -> Draft:
    """Delete what is no longer in the manifest, after its users, and only with consent.

    `users` are addresses that let go of it in this plan, or the name of what will go on using it.
    """
    kind = scope.kinds[address.kind]
    why = _why_it_stays(scope, found, tuple(user for user in users if isinstance(user, str)))
    change = Change(address, Action.NO_OP, why or Reason(Why.UNDECLARED), found.live.id, orphan=True)
    if why:
        return Draft(change, kind, owned=found)
    gone = replace(
        change,
        action=Action.DELETE,
        reason=change.reason.beside(kind.versions.end) if kind.versions else change.reason,
        requires=tuple(user for user in users if isinstance(user, Address)),
        reviewed=verify.digest(kind, found.live.raw),
    )
    return Draft(gone, kind, owned=found)


def _why_it_stays(scope: Scope, found: Owned, users: tuple[str, ...]) -> Reason | None:
    if found.stamp.protected:
        return Reason(Why.PROTECTED)
    if not scope.prune:
        return Reason(Why.UNPRUNED)
    return Reason(Why.IN_USE, users) if users else None


def superseded(scope: Scope, address: Address, found: Owned, why: Why, users: Sequence[Address]) -> Draft:
    """Delete a live object whose address another one has: a second copy, or a store that has expired."""
    kind = scope.kinds[address.kind]
    seen = verify.digest(kind, found.live.raw)
    named = Address(address.kind, f"{address.name}#{found.live.id}")
    change = Change(named, Action.DELETE, Reason(why), found.live.id, requires=tuple(users), reviewed=seen)
    return Draft(change, kind, owned=found)
