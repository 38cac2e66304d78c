"""Build the plan: one change for each desired or owned address, in order, with the operations that do it.

What is referred to comes first; deletes come last and the other way round:

vector_store  ──▶  assistant        create, update
assistant     ──▶  vector_store     delete
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType

from deployer.engine import canonical, decide, document_map, names, stamp
from deployer.engine.decide import rules_of
from deployer.engine.draft import Draft, Owned, Scope
from deployer.engine.uploads import Releases, Supply, of_membership
from deployer.errors import DeployerError
from deployer.kinds import Kind
from deployer.kinds.losses import losses, told_once
from deployer.model import (
    Action,
    Address,
    Change,
    Create,
    Delete,
    DeleteFile,
    FileAction,
    LiveFile,
    LiveObject,
    Operations,
    Plan,
    Problem,
    Reason,
    Resource,
    Severity,
    Update,
    Upload,
    Why,
)
from deployer.wording import listed

_NEEDS_BYTES = (FileAction.ADD, FileAction.REPLACE)
_MOST_PAIRS = document_map.MOST_PAIRS
_DOCTOR = "deployer doctor --account {} --probe"
_SHOWN = 5
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _OwnedObjects:
    """What is owned by address, the oldest first, and what follows from that.

    `known` are the ids of what is usable, by address, and `ids` the other way round.
    """

    scope: Scope
    groups: Mapping[Address, Sequence[Owned]]
    known: Mapping[str, str]
    ids: Mapping[str, str]

    @classmethod
    def of(cls, scope: Scope, groups: Mapping[Address, Sequence[Owned]], live: Sequence[LiveObject]) -> _OwnedObjects:
        """Complete the scope: the stores that can be used, and the addresses in stamps where some have moved."""
        second = {one.live.id for group in groups.values() for one in group[1:]}
        first = {address: group[0] for address, group in sorted(groups.items())}
        known = {str(address): one.live.id for address, one in first.items() if not _has_expired(one)}
        ids = {live_id: address for address, live_id in known.items()}
        stamped = {one.live.id: str(one.stamp.address) for one in first.values() if one.live.id in ids}
        stores = usable_stores(scope, live) - second
        return cls(replace(scope, stores=stores, stamped=stamped if scope.moved else {}), groups, known, ids)

    def at(self, address: Address) -> Owned | None:
        return self.groups[address][0] if address in self.groups else None

    def first(self) -> list[tuple[Address, Owned]]:
        """Return the oldest object of each address; those that use stores come before the stores."""
        found = ((address, group[0]) for address, group in self.groups.items())
        return sorted(found, key=lambda pair: (self.scope.kinds[pair[0].kind].is_store, pair[0]))


def _has_expired(one: Owned) -> bool:
    return one.live.raw.get("status") == "expired"


def build(
    scope: Scope, resources: Sequence[Resource], live: Sequence[LiveObject], left_over: Mapping[str, str] = NOTHING
) -> Plan:
    """Compare and decide; the same inputs in any order give the same plan.

    `left_over` are ids of File objects that an interrupted run sent or was about to delete, with the sha256 of what
    they hold ("" where they are unwanted): those that are of no use now are deleted.
    """
    moved = dict(scope.moved)
    live = document_map.recognised(live, {one.address: one.files for one in resources if one.files}, moved)
    groups, problems = _moved(scope, _groups(scope, live))
    owned = _OwnedObjects.of(scope, groups, live)
    scope = owned.scope
    drafts = [decide.desired(scope, one, owned.at(one.address), owned.ids) for one in resources]
    drafts, told = _with_deletes(
        _concerned(owned, resources), drafts, {one.address for one in resources}, _uses(scope, live)
    )
    holding = holders_of(scope, live)
    changes = with_operations(arranged(drafts), holding)
    if not scope.targets:
        changes = _with_left_over(changes, left_over, holding)
    problems += [*told, *(problem for change in changes for problem in _crowded(change))]
    problems += [problem for change in changes for problem in _untaken(scope, change)]
    if not scope.attributes:
        problems += [problem for draft in drafts for problem in _unmappable(scope, draft)]
    problems += [*_consequences(scope, resources, changes), *_lost(scope, resources, changes)]
    problems += [*names.problems(scope, resources, live, owned.at), *names.collisions(scope.kinds, resources)]
    return Plan(
        project=scope.project,
        target=scope.target,
        changes=changes,
        problems=tuple(sorted(problems, key=lambda problem: (problem.severity, problem.address, problem.message))),
        foreign=len(live) - sum(map(len, groups.values())),
        origin=scope.origin,
        known=owned.known,
        limits=scope.limits,
        on_drift=scope.on_drift,
        prune=scope.prune,
        check_files=scope.check_files,
        targets=scope.targets,
        desired=tuple(resources),
        live=tuple(live),
    )


def _concerned(owned: _OwnedObjects, resources: Sequence[Resource]) -> _OwnedObjects:
    """Return what is owned and the plan is about: with targets, nothing else."""
    if not owned.scope.targets:
        return owned
    every = {*owned.scope.targets, *(one.address for one in resources)}
    return replace(owned, groups={address: group for address, group in owned.groups.items() if address in every})


def with_needs(kinds: Mapping[str, Kind], resources: Sequence[Resource], targets: Sequence[Address]) -> list[Resource]:
    """Return the resources at these addresses, with all that they refer to; each address is a declared one."""
    declared = {one.address: one for one in resources}
    wanted, ahead = set[Address](), list(targets)
    while ahead:
        address = ahead.pop()
        if address in declared and address not in wanted:
            wanted.add(address)
            kind = kinds[address.kind]
            ahead += decide.addresses(kind.wire(kind.express(declared[address].attrs).attrs, None))
    return [one for one in resources if one.address in wanted]


def _with_deletes(
    owned: _OwnedObjects,
    drafts: Sequence[Draft],
    declared: Collection[Address],
    uses: Mapping[str, Sequence[LiveObject]],
) -> tuple[list[Draft], list[Problem]]:
    """Add what is owned and no longer declared, has expired, or is one too many at its address."""
    scope, result = owned.scope, list(drafts)

    def users(store: Owned) -> Sequence[Address | str]:
        return _users(uses.get(store.live.id, ()), result, store.live.id, owned.ids)

    for address, one in owned.first():
        if address not in declared:
            result.append(decide.orphan(scope, address, one, users(one)))
        elif _has_expired(one) and not one.stamp.protected:
            result.append(decide.superseded(scope, address, one, Why.EXPIRED, [address]))
    twins, told = _twins(scope, owned.groups, users)
    return [*result, *twins], told


def _with_left_over(
    changes: tuple[Change, ...], left_over: Mapping[str, str], holding: Collection[str]
) -> tuple[Change, ...]:
    """Add the deletes of File objects that nothing holds and no upload of these changes can use."""
    wanted = {one.file.sha256 for change in changes for one in change.operations if isinstance(one, Upload)}
    unused = [one for one, sha in left_over.items() if one not in holding and sha not in wanted]
    return (*changes, *left_over_files(unused))


def _crowded(change: Change) -> Iterator[Problem]:
    """What was never declared stays, and the stamp comes on top: the API would refuse more than it can hold."""
    bodies = [one.body for one in change.operations if isinstance(one, Create | Update)]
    count = max((len(body.get("metadata") or ()) for body in bodies), default=0)
    if count > _MOST_PAIRS:
        text = f"with deployer's stamp it would have {count} metadata pairs; an object holds {_MOST_PAIRS}"
        yield Problem(text, f"remove {count - _MOST_PAIRS} on the account or in the manifest", str(change.address))


def _lost(scope: Scope, resources: Sequence[Resource], changes: Sequence[Change]) -> Iterator[Problem]:
    """Say what the surface cannot carry; where nothing is sent, only what is an error: it was told before."""
    idle = all(change.action is Action.NO_OP for change in changes)
    ordered = sorted(resources, key=lambda one: one.address)
    found = (loss for one in ordered for loss in losses(scope.target, scope.kinds, one, scope.accepted))
    yield from (one for one in told_once(found) if not idle or one.severity is Severity.ERROR)


def _consequences(scope: Scope, resources: Sequence[Resource], changes: Sequence[Change]) -> Iterator[Problem]:
    """Say what updates mean for those who use the objects."""
    updated = {change.address: change for change in changes if change.action is Action.UPDATE}
    for one in resources:
        if change := updated.get(one.address):
            kind, acting = scope.kinds[one.address.kind], [field for field in change.fields if not field.kept]
            if said := kind.consequence(acting, kind.express(one.attrs).attrs):
                yield Problem(said, "", str(one.address), one.position(), Severity.WARNING)


def _unmappable(scope: Scope, draft: Draft) -> Iterator[Problem]:
    """What an account without attributes of documents cannot hold: too many of them, and the attributes themselves.

    New documents are attached before old ones go, so both are counted.
    """
    change, account = draft.change, scope.target.name
    if not draft.kind.is_store or change.action is Action.DELETE:
        return
    metadata = draft.owned.live.raw.get("metadata") or {} if draft.owned else {}
    pairs = {**metadata, **(draft.body.fields.get("metadata") or {} if draft.body else {})}
    new = sum(one.action in _NEEDS_BYTES for one in change.files)
    count, most = new + sum(file.path is not None for file in draft.files), document_map.room(pairs)
    what = f"account {account} keeps no attributes of documents, so the metadata of the store names them"
    if new and count > most:
        text = f"{what}: {most:,} at most, and with what comes there would be {count:,}"
        yield Problem(text, f"split the store, or see {_DOCTOR.format(account)}", f"{change.address}.files")
    lost = sorted({name for file in draft.desired for name in file.attributes})
    if lost:
        text = f"not sent to account {account}: it keeps no attributes of documents ({listed(lost, 3)})"
        remedy = "file search cannot filter by them there"
        yield Problem(text, remedy, f"{change.address}.files", severity=Severity.WARNING)


def _untaken(scope: Scope, change: Change) -> Iterator[Problem]:
    """What the service did not take the last time it will hardly take this time."""
    for field in change.fields:
        if field.untaken and not field.kept:
            text = f"account {scope.target.name} did not take it when it was sent; it is sent again"
            remedy = "declare what the service holds there, or nothing"
            yield Problem(text, remedy, f"{change.address}.{field.name}", severity=Severity.WARNING)


def _groups(scope: Scope, live: Sequence[LiveObject]) -> dict[Address, list[Owned]]:
    """Return what is owned by address, the oldest first; more than one at an address is a race's work."""
    groups: dict[Address, list[Owned]] = defaultdict(list)
    for one in owned_objects(scope, live):
        groups[one.stamp.address].append(one)
    return groups


def _moved(scope: Scope, groups: dict[Address, list[Owned]]) -> tuple[dict[Address, list[Owned]], list[Problem]]:
    """Return what is owned by the addresses of today."""
    problems = []
    for old, new in scope.moved:
        if old in groups and new in groups:
            text = f"both {old} and {new} are live, so nothing can be moved"
            problems.append(Problem(text, "delete one of them, or remove the entry of moved", str(new)))
        elif old in groups:
            groups[new] = groups.pop(old)
    return groups, problems


def _twins(
    scope: Scope, groups: Mapping[Address, Sequence[Owned]], users: Callable[[Owned], Sequence[Address | str]]
) -> tuple[list[Draft], list[Problem]]:
    """More than one live object at an address: the oldest is the one, the others go with consent, or are an error."""
    drafts, problems = [], []
    for address, group in sorted(groups.items()):
        for twin in group[1:]:
            first, using = group[0].live.id, users(twin)
            staying = [user for user in using if isinstance(user, str)]
            goes = scope.prune and not twin.stamp.protected and not staying
            which = first if twin.live.raw.get("status") == "expired" else f"the older one, {first},"
            text = f"{first} and {twin.live.id} both carry this address; {which} is used"
            remedy = "it will be deleted" if goes else _why_twin_stays(twin, staying)
            told = Severity.WARNING if goes or _has_expired(twin) else Severity.ERROR
            problems.append(Problem(text, remedy, str(address), severity=told))
            if goes:
                after = [address, *(user for user in using if isinstance(user, Address))]
                drafts.append(decide.superseded(scope, address, twin, Why.SECOND_COPY, after))
    return drafts, problems


def duplicates(scope: Scope, live: Sequence[LiveObject], going: Collection[str]) -> list[Problem]:
    """Return an error for each address that two live objects carry, of which neither is `going`."""
    problems = []
    for address, group in sorted(_groups(scope, live).items()):
        there = [one.live.id for one in group if not _has_expired(one) and one.live.id not in going]
        if len(there) > 1:
            text = f"{listed(there, _SHOWN)} carry this address, which one object may"
            problems.append(Problem(text, "deployer apply --prune keeps the oldest one", str(address)))
    return problems


def _why_twin_stays(twin: Owned, staying: Sequence[str]) -> str:
    if staying:
        return f"the other stays: it is in use by {', '.join(staying)}"
    if twin.stamp.protected:
        return "the other stays: it is protected; delete it by hand"
    return "--prune deletes the other"


def _uses(scope: Scope, live: Sequence[LiveObject]) -> dict[str, list[LiveObject]]:
    """Return the objects that refer to each store, by its id."""
    result: dict[str, list[LiveObject]] = defaultdict(list)
    for one in sorted(live, key=lambda one: one.id):
        for store in scope.kinds[one.kind].references(one.raw):
            result[store].append(one)
    return result


def _users(
    using: Sequence[LiveObject], drafts: Sequence[Draft], store: str, ids: Mapping[str, str]
) -> list[Address | str]:
    """Return who uses a store: addresses that let go of it in this plan, names of those that will go on using it."""
    by_id = {draft.owned.live.id: draft for draft in drafts if draft.owned} if using else {}
    result: list[Address | str] = []
    for one in using:
        draft = by_id.get(one.id)
        if draft and lets_go(draft, store):
            result.append(draft.change.address)
        else:
            result.append(str(draft.change.address) if draft else ids.get(one.id, f"{one.kind} {one.id}"))
    return result


def with_operations(
    drafts: Sequence[Draft], holders: Mapping[str, int], spare: Sequence[LiveFile] = ()
) -> tuple[Change, ...]:
    """Build the operations of all drafts together; return the changes in their order.

    What one change needs another may bring, and what one lets go of another may hold. `holders` counts who holds each
    File object today; `spare` are documents that nothing holds, and that can be attached again.
    """
    supply, releases = Supply(_pool(drafts, spare)), Releases()
    done = [_with_operations(draft, supply, releases) for draft in drafts]
    deletes = releases.deletes(holders, supply.used)
    return tuple(_with(change, deletes.get(str(change.address), ())) for change in done)


def left_over_files(file_ids: Sequence[str]) -> tuple[Change, ...]:
    """Return the deletes that an interrupted run did not come to: these File objects are unreferenced."""
    why = Reason(Why.LEFT_OVER)
    return tuple(
        Change(Address("file", one), Action.DELETE, why, one, operations=(DeleteFile(one),)) for one in sorted(file_ids)
    )


def _with(change: Change, deletes: Sequence[DeleteFile]) -> Change:
    return replace(change, operations=(*change.operations, *deletes)) if deletes else change


def _pool(drafts: Sequence[Draft], spare: Sequence[LiveFile]) -> dict[str, list[str]]:
    """Return the File objects of the account that may be used again, by the token of their content."""
    pool: dict[str, set[str]] = defaultdict(set)
    contents = [(rules_of(draft.kind).content(file), file.id) for draft in drafts for file in draft.files]
    for token, file_id in (*contents, *((of_membership(file), file.id) for file in spare)):
        if token:
            pool[token].add(file_id)
    return {mark: sorted(ids) for mark, ids in pool.items()}


def _with_operations(draft: Draft, supply: Supply, releases: Releases) -> Change:
    change = draft.change
    if change.action is Action.NO_OP:
        return change
    if change.action is Action.DELETE:
        return replace(change, operations=_delete(draft, releases))
    needed = [one.desired for one in change.files if one.action in _NEEDS_BYTES and one.desired]
    sources, uploads = supply.sources(needed, [file.id for file in draft.files])
    files = tuple(replace(one, upload=one.path in uploads) if one.desired else one for one in change.files)
    draft = replace(draft, change=replace(change, files=files))
    return replace(draft.change, operations=rules_of(draft.kind).operations(draft, sources, uploads, releases))


def _delete(draft: Draft, releases: Releases) -> Operations:
    holder, key = str(draft.change.address), f"deleted {draft.change.address}"
    for file in draft.files:
        releases.add(file.id, holder, key, attached=bool(file.sha256))
    return (Delete(draft.change.address, draft.change.live_id or "", key),)


def owned_objects(scope: Scope, live: Sequence[LiveObject]) -> list[Owned]:
    """Return what carries our project's stamp, the oldest first; what has expired comes last."""
    found: list[Owned] = []
    for one in live:
        mark = stamp.of(one.raw)
        if mark and mark.project == scope.project and mark.address.kind == one.kind:
            found.append(rules_of(scope.kinds[one.kind]).owned(scope.kinds[one.kind], one, mark))
    return sorted(found, key=_oldest_first)


def _oldest_first(one: Owned) -> tuple[bool, int, str]:
    raw = one.live.raw
    return raw.get("status") == "expired", canonical.seconds(raw.get("created_at")) or 0, one.live.id


def usable_stores(scope: Scope, live: Sequence[LiveObject]) -> frozenset[str]:
    return frozenset(one.id for one in live if scope.kinds[one.kind].is_store and one.raw.get("status") != "expired")


def lets_go(draft: Draft, *store: str) -> bool:
    """Whether a change ends the use of a store, by its id and the names that it goes by."""
    if draft.change.action is Action.DELETE:
        return True
    if draft.body is None or draft.owned is None:
        return False
    used = draft.kind.references({**draft.owned.live.raw, **draft.body.fields})
    return not set(store) & set(used)


def holders_of(scope: Scope, live: Sequence[LiveObject]) -> Counter[str]:
    """Count who holds each File object: owned stores (those that were read) and all assistants."""
    found = Counter(file.id for one in live for file in one.files)
    found.update(held for one in live for held in scope.kinds[one.kind].held(one.raw))
    return found


def arranged(drafts: Sequence[Draft]) -> list[Draft]:
    """Put what is referred to first, deletes last and the other way round."""
    by_address = {draft.change.address: draft for draft in drafts}
    return [by_address[change.address] for change in arrange([draft.change for draft in drafts])]


def arrange(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Sort changes so that each comes after what it requires; equals by address. A cycle is an error naming it."""
    keep = [change for change in changes if change.action is not Action.DELETE]
    gone = [change for change in changes if change.action is Action.DELETE]
    return (*_sorted(keep), *_sorted(gone))


def _sorted(changes: Sequence[Change]) -> list[Change]:
    by_address = {change.address: change for change in sorted(changes, key=lambda change: change.address)}
    graph = {address: [one for one in change.requires if one in by_address] for address, change in by_address.items()}
    return [by_address[address] for address in topological(graph)]


def topological(graph: Mapping[Address, Sequence[Address]]) -> list[Address]:
    sorter = TopologicalSorter(graph)
    try:
        sorter.prepare()
    except CycleError as error:
        members = " → ".join(str(address) for address in error.args[1])
        raise DeployerError(f"these refer to each other in a circle: {members}; remove one of the references") from None
    result: list[Address] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        result.extend(ready)
        sorter.done(*ready)
    return result
