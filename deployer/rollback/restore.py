"""From snapshots to the plan that restores them, through the same comparison that every plan is made with.

An object that was changed gets back the fields that were declared when the snapshot was taken or are declared now, and
the stamp that it had: the previous manifest has nothing to change afterwards. What was deleted is created again, whole.
What was created since is deleted, what was adopted since is foreign again. Everything else on the account only lends
its File objects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deployer.engine import decide, held_files, stamp, uploads, verify
from deployer.engine.canonical import same
from deployer.engine.document_map import recognised
from deployer.engine.draft import Draft, Owned, Ownership, Scope
from deployer.engine.plan import arranged, holders_of, lets_go, owned_objects, usable_stores, with_operations
from deployer.engine.stamp import Stamp
from deployer.kinds import Kind
from deployer.model import (
    Action,
    Address,
    Attrs,
    Change,
    DesiredFile,
    LiveFile,
    LiveObject,
    Plan,
    Problem,
    Reason,
    Resource,
    Severity,
    Why,
)
from deployer.rollback.history import (
    Documents,
    LiveIndex,
    PlanAddresses,
    adopted_documents,
    claims_of,
    numbered,
    readopted,
    without_foreign,
)
from deployer.rollback.snapshot import Entry
from deployer.wording import listed

_STAMP = (stamp.OWNER, stamp.APPLIED, stamp.ORIGIN)
_CREATED = "was created since"


@dataclass(frozen=True, slots=True)
class ContentSources:
    """Where the contents of documents can be had.

    `there`: ids of the account's File objects; `tree`: files of the working tree by their sha256; `contents`: what is
    behind the token of a file of the code interpreter; `proven`: such files that are on the account, held or not.
    `names`: what older snapshots call a content, by its token.
    """

    there: Collection[str] = ()
    tree: Mapping[str, DesiredFile] = field(default_factory=dict)
    contents: Mapping[str, DesiredFile] = field(default_factory=dict)
    proven: Sequence[LiveFile] = ()
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MissingContent:
    """A document whose bytes are nowhere to be had; `commit` had them (or ""), with `+` if there was more than it."""

    address: Address
    name: str
    commit: str

    @property
    def remedy(self) -> str:
        if not self.commit:
            return "bring the file back"
        uncommitted = " (and what was not committed at that time)" if self.commit.endswith("+") else ""
        return f"check out commit {self.commit.rstrip('+')}{uncommitted}, or only this file of it"


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """The plan that restores snapshots, and the documents that it cannot restore."""

    plan: Plan
    missing: tuple[MissingContent, ...]


def plan_rollback(
    scope: Scope,
    entries: Sequence[Entry],
    live: Sequence[LiveObject],
    sources: ContentSources,
    command: str = "deployer rollback",
) -> RollbackPlan:
    """Plan to undo what happened since the entries were written (`history.merged`).

    `command` is what a user runs to go on with them, when a document that is missing now was brought back.
    """
    live = recognised(live, _documents_by_store(entries), dict(scope.moved))
    owned = [*owned_objects(scope, live), *readopted(scope, entries, live)]
    account = LiveIndex.of(scope.kinds, live, without_foreign(scope.kinds, entries, owned))
    scope = replace(scope, stores=usable_stores(scope, live))
    planner = _Planner(scope, entries, account, sources, adopted_documents(entries, live))
    drafts = arranged(planner.drafts())
    problems = (
        *planner.problems,
        *(_told(one, command) for one in planner.missing),
        *map(_unnamed, _nameless(entries)),
    )
    plan = Plan(
        project=scope.project,
        target=scope.target,
        changes=with_operations(drafts, holders_of(scope, live), planner.spare()),
        problems=tuple(sorted(problems, key=lambda problem: (problem.severity, problem.address, problem.message))),
        foreign=len(live) - len(account.owned),
        origin=scope.origin,
        known=planner.known(),
        limits=scope.limits,
        on_drift=scope.on_drift,
        live=tuple(live),
    )
    return RollbackPlan(plan, tuple(planner.missing))


def _nameless(entries: Sequence[Entry]) -> list[Entry]:
    """Return the stores that had documents whose path and bytes git no longer told: only the store named them."""
    return [entry for entry in entries if any(file.path == file.id for file in entry.files)]


def _unnamed(entry: Entry) -> Problem:
    """To go on would take out what is there now, and bring back nothing for it."""
    what = "the account keeps no attributes of documents, so nothing tells which ones were replaced"
    return Problem(what, "go back by git instead: check out that commit, and apply it", str(entry.address))


def _documents_by_store(entries: Sequence[Entry]) -> dict[Address, list[LiveFile]]:
    """Return the documents that snapshots name, by the address of their store then and now."""
    found: dict[Address, list[LiveFile]] = {}
    for entry in entries:
        for address in {entry.address, entry.previous}:
            found.setdefault(address, []).extend(file for file in entry.files if file.path and file.sha256)
    return found


def _told(missing: MissingContent, command: str) -> Problem:
    """Say it before anything is done; the rest is restored all the same."""
    what = f"{missing.name} cannot be restored: neither the account nor the working tree has its bytes"
    remedy = f"{missing.remedy}, then run {command}"
    return Problem(what, remedy, str(missing.address), severity=Severity.WARNING)


@dataclass(slots=True)
class _Planner:
    """Makes the drafts, and collects what there is to tell. `documents`: those that were adopted since, by store.

    `names` and what follows is found out by `drafts`: `created` is what was created since, by its id, with its entry.
    `now` and `previous` are addresses by the id of an object, in this plan and in the snapshot; `pool` holds the tokens
    of all documents that are on the account.
    """

    scope: Scope
    entries: Sequence[Entry]
    account: LiveIndex
    sources: ContentSources
    documents: Mapping[str, Documents]
    problems: list[Problem] = field(default_factory=list)
    missing: list[MissingContent] = field(default_factory=list)
    names: PlanAddresses = field(default_factory=lambda: PlanAddresses({}, frozenset()))
    claimed: Mapping[Address, Owned] = field(default_factory=dict)
    created: Mapping[str, Entry] = field(default_factory=dict)
    now: Mapping[str, str] = field(default_factory=dict)
    previous: Mapping[str, str] = field(default_factory=dict)
    pool: Collection[str] = ()

    def drafts(self) -> list[Draft]:
        entries = [entry for entry in self.entries if not self._stays_away(entry)]
        restored = [(entry, entry.stamp) for entry in entries if entry.stamp and not entry.foreign]
        foreign = [entry for entry in entries if entry.foreign]
        self._name([entry for entry, _ in restored], foreign)
        self.created = self._created_since([entry for entry in entries if entry.raw is None])
        self.pool = self._tokens()
        result = [draft for entry, recorded in restored for draft in self._restore(entry, recorded)]
        result += [draft for entry in foreign for draft in self._release(entry)]
        result += self._deletes(result)
        named = {draft.owned.live.id for draft in result if draft.owned}
        rest = [self._untouched(one) for one in self.account.owned.values() if one.live.id not in named]
        return [*result, *rest]

    def known(self) -> dict[str, str]:
        """Return the live ids by the addresses of this plan; of several at one address, what is restored."""
        there = [one for one in self.account.owned.values() if one.live.raw.get("status") != "expired"]
        result: dict[str, str] = {}
        for one in sorted(there, key=lambda one: one.live.id not in self.names.claims):
            result.setdefault(self.now[one.live.id], one.live.id)
        return result

    def _stays_away(self, entry: Entry) -> bool:
        """Whether it is not restored: a store that had expired, or a second copy."""
        raw = entry.raw or {}
        if not entry.copy and entry.action is not Action.REPLACE and raw.get("status") != "expired":
            return False
        self._warn(entry.address, "had expired, or was a second copy, at the time of the snapshot: it is not restored")
        return True

    def _warn(self, address: Address, what: str) -> None:
        self.problems.append(Problem(what, "", str(address), severity=Severity.WARNING))

    def _name(self, restored: Sequence[Entry], foreign: Sequence[Entry]) -> None:
        """Find out which object is which, and by what address each goes."""
        owned = self.account.owned
        self.names = PlanAddresses.of(self.account, claims_of(self.account, restored, foreign))
        self.claimed = {address: owned[live_id] for live_id, address in reversed([*self.names.claims.items()])}
        self.now = {live_id: str(self.names.of_object(one)) for live_id, one in owned.items()}
        stamped = {live_id: str(one.stamp.address) for live_id, one in owned.items()}
        if stamped != self.now:  # a reference by the other address is no edit
            self.scope = replace(self.scope, stamped=stamped)
        recorded = {one.id: str(one.previous) for one in self.entries if one.id and one.raw and not one.foreign}
        self.previous = {**self.now, **recorded}

    # What was created since

    def _created_since(self, entries: Sequence[Entry]) -> dict[str, Entry]:
        """Return what was created since, by its id; what only has the address of something that was created stays."""
        owned = self.account.owned
        pairs = [(entry, one.live) for entry in entries for one in self.account.beside(entry)]
        found = {entry.id: entry for entry in entries if entry.id and entry.id in owned}
        for entry, one in pairs:
            if not self._excluded(entry, one):
                found.setdefault(one.id, entry)
        claims = self.names.claims
        beside = {one.id: (entry, one) for entry, one in pairs if one.id not in found and one.id not in claims}
        for entry, one in beside.values():
            self._warn(entry.address, f"stays: {one.id} {self._excluded(entry, one)}")
        self._warn_of_untraced(entries)
        return {live_id: entry for live_id, entry in found.items() if live_id not in claims}

    def _excluded(self, entry: Entry, one: LiveObject) -> str:
        """A later snapshot may have what was created though its run did not record it; then it is that."""
        gone = entry.id is not None and entry.id not in self.account.owned
        return "is not what the run created" if gone else entry.excludes(one.id, one.raw)

    def _warn_of_untraced(self, entries: Iterable[Entry]) -> None:
        """Without a snapshot that says so, what was moved may be what was created, or may have been there."""
        moved = dict(self.scope.moved)
        for entry in entries:
            if entry.created is not None or entry.id or self.account.at.get(entry.address):
                continue
            address = _moved_to(entry.address, moved)
            if address != entry.address and self.account.at.get(address):
                what = f"it may be what was created as {entry.address} and moved since, but no snapshot here says so"
                self._warn(address, f"stays: {what}")

    def _deletes(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Delete what was created since; assistants come before the stores that they use."""
        by_user: dict[str | None, list[Draft]] = defaultdict(list)
        for draft in drafts:
            by_user[draft.change.live_id].append(draft)
        result: list[Draft] = []
        for one in sorted(map(self.account.owned.__getitem__, self.created), key=self._is_store):
            deletes = self._delete(one, by_user)
            by_user[one.live.id] = deletes
            result += deletes
        return result

    def _delete(self, one: Owned, by_user: Mapping[str | None, Sequence[Draft]]) -> list[Draft]:
        """Delete an object after those who let go of it; nothing that is protected or in use."""
        kind, address, live_id = self.scope.kinds[one.live.kind], self._address(one), one.live.id
        users = [(user, self._leaving(one, by_user.get(user.id, ()))) for user in self.account.users.get(live_id, ())]
        staying = [f"{user.kind} {user.id}" for user, leaving in users if leaving is None]
        if one.stamp.protected or staying:
            why = f"in use by {', '.join(staying)}" if staying else "protected"
            self._warn(address, f"{_CREATED}, but stays: it is {why}")
            return []
        after = tuple(sorted(leaving for _, leaving in users if leaving))
        reason = Reason(Why.INFERRED if self.created[live_id].created is None else Why.CREATED_SINCE)
        seen = verify.digest(kind, one.live.raw)
        return [Draft(Change(address, Action.DELETE, reason, live_id, requires=after, reviewed=seen), kind, owned=one)]

    def _leaving(self, one: Owned, drafts: Sequence[Draft]) -> Address | None:
        """Return the address of the change by which a user lets go of an object; None when it goes on using it."""
        names = (one.live.id, self.now[one.live.id])
        return next((draft.change.address for draft in reversed(drafts) if lets_go(draft, *names)), None)

    # What was there

    def _restore(self, entry: Entry, recorded: Stamp) -> list[Draft]:
        kind, found = self.scope.kinds[entry.previous.kind], self.claimed.get(entry.previous)
        content = _documents(entry, found, self.sources, self.pool)
        if not kind.is_store:
            content = _held(kind, entry, recorded, found, self.sources)
        self.missing += [MissingContent(entry.previous, name, _commit(entry)) for name in content.missing]
        if found is None:
            self._warn_of_foreign_files(entry)
        else:
            known = (replace(one, sha256=None) if one.id in content.kept else one for one in found.files)
            found = replace(found, files=tuple(known))
        declared = {*recorded.digests, *found.stamp.digests} if found else None
        attrs = _attributes(kind, entry, self.previous, declared)
        resource = Resource(entry.previous, attrs, content.files, protect=recorded.protected)
        draft = decide.desired(self.scope, resource, found, self.now, self._ownership(entry, found, content.kept))
        if found and draft.change.action is Action.REPLACE:
            gone = decide.superseded(self.scope, entry.previous, found, Why.EXPIRED, [entry.previous])
            return [draft, gone]
        return [draft]

    def _release(self, entry: Entry) -> list[Draft]:
        """Make foreign again what was adopted since: it stays, with the fields of the snapshot."""
        one = self.account.owned.get(entry.id or "")
        if one is None or one.live.raw.get("status") == "expired":
            if one or entry.id not in self.account.live:
                self._warn(entry.address, f"{entry.id} was foreign, and is gone since: it is not restored")
            return []
        kind, address = self.scope.kinds[one.live.kind], self.names.of_object(one)
        if turnover := _turnover(kind, entry, one.live):
            self._warn(address, turnover)
        attrs = _attributes(kind, entry, self.now, one.stamp.digests)
        resource = Resource(address, attrs, protect=one.stamp.protected)
        return [decide.desired(self.scope, resource, one, self.now, self._ownership(entry, one, {}))]

    def _ownership(self, entry: Entry, found: Owned | None, kept: Mapping[str, str]) -> Ownership:
        keys, metadata = stamp.KEYS if entry.foreign else _STAMP, entry.metadata
        recorded = {key: metadata.get(key, "") for key in keys if key in metadata or not entry.foreign}
        tokens = {stamp.name_of(one): token for one, token in kept.items()}
        return Ownership(recorded, entry.foreign, tokens, self.documents.get(found.live.id, ()) if found else ())

    def _warn_of_foreign_files(self, entry: Entry) -> None:
        """What others attached to a store that was deleted is theirs; its File objects are still there."""
        foreign = [file.id for file in entry.files if file.path is None]
        if foreign:
            self._warn(entry.previous, f"is restored without what others attached ({listed(foreign, 3)})")

    # What lends its File objects

    def _untouched(self, one: Owned) -> Draft:
        if self.names.displaced(one):
            what = f"{one.live.id} has this address now, but another object had it before, and two cannot"
            remedy = "delete it, or move it to another address first"
            self.problems.append(Problem(what, remedy, str(one.stamp.address)))
        change = Change(self._address(one), Action.NO_OP, Reason(Why.UNTOUCHED), one.live.id)
        return Draft(change, self.scope.kinds[one.live.kind], owned=one)

    def _address(self, one: Owned) -> Address:
        """Return the address of an object in this plan; of several at one, which a race made, the oldest has it."""
        first = self.names.displaced(one) or self.account.at[one.stamp.address][0] is one
        return self.names.of_object(one) if first else numbered(one)

    def spare(self) -> list[LiveFile]:
        """Return documents of the snapshots that are on the account, held or not: they can be attached again."""
        files = [file for entry in self.entries for file in entry.files if file.id in self.sources.there]
        return [*files, *self.sources.proven]

    def _is_store(self, one: Owned) -> bool:
        return self.scope.kinds[one.live.kind].is_store

    def _tokens(self) -> frozenset[str]:
        """Return the tokens of all documents that are on the account."""
        attached = [file for one in self.account.owned.values() if self._is_store(one) for file in one.files]
        tokens = (uploads.of_membership(file) for file in (*attached, *self.spare()))
        return frozenset(token for token in tokens if token)


def _moved_to(address: Address, moved: Mapping[Address, Address]) -> Address:
    seen = set[Address]()
    while address in moved and address not in seen:
        seen.add(address)
        address = moved[address]
    return address


def _commit(entry: Entry) -> str:
    return str(entry.metadata.get(stamp.ORIGIN, ""))


def _turnover(kind: Kind, entry: Entry, live: LiveObject) -> str:
    """Say how the files of a foreign object differ from the snapshot: they stay as they are."""
    before = {file.id for file in entry.files} or set(kind.held(entry.raw or {}))
    now = {file.id for file in live.files} or set(kind.held(live.raw))
    parts = [(len(now - before), "attached"), (len(before - now), "detached")]
    told = " and ".join(f"{count:,} {what} since" for count, what in parts if count)
    return f"its files stay as they are: {told}" if told else ""


# What one object is to be again


def _attributes(kind: Kind, entry: Entry, ids: Mapping[str, str], declared: Collection[str] | None) -> Attrs:
    """Return the fields of the snapshot: of an object that is still there only those that are or were `declared`.

    `declared` are short hashes of field names; `ids` the addresses of objects by their ids.
    """
    found = dict(kind.canonical(entry.raw or {}, ids))
    found["metadata"] = stamp.without(found.get("metadata"))
    values = stamp.fields(found)
    if declared is None:
        values = {path: value for path, value in values.items() if not same(value, kind.defaults.get(path[0]))}
    else:
        values = {path: value for path, value in values.items() if stamp.name_of(path) in declared}
    result = {path[0]: value for path, value in values.items()}
    if "tools" in result:
        result["tools"] = list(result["tools"].values())
    return {**result, "metadata": {path[1]: value for path, value in values.items() if path[0] == "metadata"}}


@dataclass(frozen=True, slots=True)
class _Content:
    """The files that one object is to hold again, as far as they can be had; `missing` names those that cannot.

    `kept` are files of the code interpreter that it keeps, token by id: nothing here knows what is in them.
    """

    files: tuple[DesiredFile, ...]
    missing: tuple[str, ...]
    kept: Mapping[str, str] = field(default_factory=dict)


def _documents(entry: Entry, found: Owned | None, sources: ContentSources, pool: Collection[str]) -> _Content:
    """Return the documents of the snapshot. One that is missing leaves what is at its path now where it is.

    `pool` are the tokens of documents on the account.
    """
    files: list[DesiredFile] = []
    missing: list[str] = []
    now = _by_path(found.files if found else ())
    for path, copies in _by_path(entry.files).items():
        old, here = min(copies, key=_rank), now.get(path, [])
        token = uploads.of_membership(old)
        if old.usable and token and (token in pool or old.sha256 in sources.tree):
            stays = any(one.sha256 == old.sha256 for one in here)
            files.append(_document(old, sources.tree.get(str(old.sha256)), _known_digests(old), whole=not stays))
            continue
        if old.usable:
            missing.append(path)
        if here:
            best = min(here, key=_rank)
            files.append(_document(best, None, best.declared, whole=False))
    return _Content(tuple(files), tuple(missing))


def _held(kind: Kind, entry: Entry, recorded: Stamp, found: Owned | None, sources: ContentSources) -> _Content:
    """Return the files of the snapshot. Where one is missing those of today stay: it may have become any of them."""
    files: list[DesiredFile] = []
    missing: list[str] = []
    kept: dict[str, str] = {}
    now = {file.id: file.sha256 for file in found.files} if found else {}
    before = held_files.live_files(kind, entry.raw or {}, recorded)
    tokens = {old.id: old.sha256 for old in before if old.sha256}
    for live_id, token in tokens.items():
        if content := sources.contents.get(token):
            files.append(content)
        elif live_id in now:
            kept[live_id] = token
        else:
            missing.append(sources.names.get(token) or f"the code interpreter's file {live_id}")
    if missing:
        kept |= {one: token for one, token in now.items() if token and token not in tokens.values()}
    return _Content(tuple(files), tuple(missing), kept)


def _by_path(files: Iterable[LiveFile]) -> dict[str, list[LiveFile]]:
    """Group the documents that deployer attached; what others attached is foreign, in the snapshot and now."""
    result: dict[str, list[LiveFile]] = defaultdict(list)
    for file in files:
        if file.path is not None:
            result[file.path].append(file)
    return result


def _rank(file: LiveFile) -> tuple[bool, int, str]:
    return not file.usable, file.created_at, file.id


def _document(old: LiveFile, source: DesiredFile | None, declared: Mapping[str, str], *, whole: bool) -> DesiredFile:
    """What is still there keeps the attributes that were never declared; what is attached anew gets all it had."""
    names = {name: value for name, value in old.attributes.items() if whole or stamp.name_of(name) in old.declared}
    where = source.source or source.path if source else ""
    return DesiredFile(str(old.path), old.size or 0, str(old.sha256), old.chunking, where, names, declared)


def _known_digests(old: LiveFile) -> dict[str, str]:
    """Return the digests of declared attributes that the document has."""
    names = {stamp.name_of(name) for name in old.attributes}
    return {name: digest for name, digest in old.declared.items() if name in names}
