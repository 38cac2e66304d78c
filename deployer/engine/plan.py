"""Build the plan: one change for each desired or owned address, in order, with the operations that do it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from deployer.engine import decide, finish, ownership
from deployer.engine.decide import Draft, Owned, Scope
from deployer.kinds import Kind
from deployer.model import (
    Address,
    Change,
    Create,
    LiveObject,
    Plan,
    Problem,
    Resource,
    Severity,
    Target,
    Update,
    Upload,
)

__all__ = ["Scope", "build", "losses"]

_MOST_PAIRS = 16
NOTHING: Mapping[str, str] = MappingProxyType({})


def build(
    scope: Scope, resources: Sequence[Resource], live: Sequence[LiveObject], left_over: Mapping[str, str] = NOTHING
) -> Plan:
    """Compare and decide; the same inputs in any order give the same plan.

    `left_over` are ids of File objects that an interrupted run sent or was about to delete, with the sha256 of what
    they hold ("" where nobody wants them): those that are of no use now are deleted.
    """
    groups, problems = _moved(scope, _groups(scope, live))
    second = {one.live.id for group in groups.values() for one in group[1:]}
    scope = replace(scope, stores=ownership.usable_stores(live) - second)
    owned = {address: group[0] for address, group in groups.items()}
    expired = {address for address, one in owned.items() if one.live.raw.get("status") == "expired"}
    known = {str(address): one.live.id for address, one in sorted(owned.items()) if address not in expired}
    ids = {live_id: address for address, live_id in known.items()}
    if scope.moved:
        stamped = {one.live.id: str(one.stamp.address) for one in owned.values()}
        scope = replace(scope, stamped={live_id: stamped[live_id] for live_id in ids})
    drafts = []
    for resource in resources:
        drafts.append(decide.desired(scope, resource, owned.get(resource.address), ids))
        problems += losses(scope.target, scope.kinds, resource)
    declared = {resource.address for resource in resources}
    uses = _uses(scope, live)

    def users(store: Owned) -> Sequence[Address | str]:
        return _users(uses[store.live.id], drafts, store.live.id)

    for address, one in sorted(owned.items()):  # assistants come before the stores that they use
        if address not in declared:
            drafts.append(decide.orphan(scope, address, one, users(one)))
        elif address in expired and not one.stamp.protected:
            drafts.append(decide.superseded(scope, address, one, "it has expired", [address]))
    twins, told = _twins(scope, groups, users)
    holders = ownership.holders(scope, live)
    changes = finish.changes(ownership.arranged([*drafts, *twins]), holders)
    wanted = {one.file.sha256 for change in changes for one in change.operations if isinstance(one, Upload)}
    changes += finish.left_over([one for one, sha in left_over.items() if one not in holders and sha not in wanted])
    problems += [problem for change in changes for problem in _crowded(change)]
    return Plan(
        project=scope.project,
        target=scope.target,
        changes=changes,
        problems=tuple(
            sorted((*problems, *told), key=lambda problem: (problem.severity, problem.address, problem.message))
        ),
        foreign=len(live) - sum(map(len, groups.values())),
        origin=scope.origin,
        known=known,
        limits=scope.limits,
        on_drift=scope.on_drift,
        prune=scope.prune,
        check_files=scope.check_files,
        desired=tuple(resources),
        live=tuple(live),
    )


def _crowded(change: Change) -> Iterator[Problem]:
    """What nobody declared stays, and the stamp comes on top: the API would refuse more than it can hold."""
    bodies = [one.body for one in change.operations if isinstance(one, Create | Update)]
    count = max((len(body.get("metadata") or ()) for body in bodies), default=0)
    if count > _MOST_PAIRS:
        text = f"with deployer's stamp it would have {count} metadata pairs; an object holds {_MOST_PAIRS}"
        yield Problem(text, f"remove {count - _MOST_PAIRS} on the account or in the manifest", str(change.address))


def _groups(scope: Scope, live: Sequence[LiveObject]) -> dict[Address, list[Owned]]:
    """Give what is ours by address, the oldest first; more than one at an address is a race's work."""
    groups: dict[Address, list[Owned]] = defaultdict(list)
    for one in ownership.owned(scope, live):
        groups[one.stamp.address].append(one)
    return groups


def _moved(scope: Scope, groups: dict[Address, list[Owned]]) -> tuple[dict[Address, list[Owned]], list[Problem]]:
    """Give what is owned by the addresses of today."""
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
    """More than one live object at an address: the oldest is the one, the others go with consent."""
    drafts, problems = [], []
    for address, group in sorted(groups.items()):
        for twin in group[1:]:
            first, using = group[0].live.id, users(twin)
            staying = [user for user in using if isinstance(user, str)]
            goes = scope.prune and not twin.stamp.protected and not staying
            which = first if twin.live.raw.get("status") == "expired" else f"the older one, {first},"
            text = f"{first} and {twin.live.id} both carry this address; {which} is used"
            remedy = "it will be deleted" if goes else _why_twin_stays(twin, staying)
            problems.append(Problem(text, remedy, str(address), severity=Severity.WARNING))
            if goes:
                after = [address, *(user for user in using if isinstance(user, Address))]
                drafts.append(decide.superseded(scope, address, twin, "a second copy", after))
    return drafts, problems


def _why_twin_stays(twin: Owned, staying: Sequence[str]) -> str:
    if staying:
        return f"the other stays: it is in use by {', '.join(staying)}"
    if twin.stamp.protected:
        return "the other stays: it is protected; delete it by hand"
    return "--prune deletes the other"


def _uses(scope: Scope, live: Sequence[LiveObject]) -> dict[str, list[LiveObject]]:
    """Give, by the id of a store, what refers to it."""
    result: dict[str, list[LiveObject]] = defaultdict(list)
    for one in sorted(live, key=lambda one: one.id):
        for store in scope.kinds[one.kind].references(one.raw):
            result[store].append(one)
    return result


def _users(using: Sequence[LiveObject], drafts: Sequence[Draft], store: str) -> list[Address | str]:
    """Give who uses a store: addresses that let go of it in this plan, names of those that will go on using it."""
    by_id = {draft.owned.live.id: draft for draft in drafts if draft.owned} if using else {}
    result: list[Address | str] = []
    for one in using:
        draft = by_id.get(one.id)
        if draft and ownership.lets_go(draft, store):
            result.append(draft.change.address)
        else:
            result.append(str(draft.change.address) if draft else f"{one.kind} {one.id}")
    return result


def losses(target: Target, kinds: Mapping[str, Kind], resource: Resource) -> list[Problem]:
    """Name the declared fields that the surface cannot carry: a warning each, an error where nothing can go."""
    return [
        Problem(
            loss.why if loss.fatal else f"not sent to account {target.name}: {loss.why}",
            "",
            f"{resource.address}.{loss.path}",
            resource.position(loss.path),
            Severity.ERROR if loss.fatal else Severity.WARNING,
        )
        for loss in kinds[resource.address.kind].express(resource.attrs).losses
    ]
