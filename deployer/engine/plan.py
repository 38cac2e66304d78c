"""Build the plan: one change for each desired or owned address, in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from deployer.engine import decide, order, stamp
from deployer.engine.decide import Owned, Scope
from deployer.kinds import Kind
from deployer.model import Address, LiveObject, Plan, Problem, Resource, Severity, Target

__all__ = ["Scope", "build", "losses"]


def build(scope: Scope, resources: Sequence[Resource], live: Sequence[LiveObject]) -> Plan:
    """Compare and decide; the same inputs in any order give the same plan."""
    groups = _owned(scope, live)
    owned = {address: min(group, key=_age) for address, group in groups.items()}
    problems = [_twice(address, group) for address, group in groups.items() if len(group) > 1]
    known = {str(address): one.live.id for address, one in sorted(owned.items())}
    ids = {live_id: address for address, live_id in known.items()}
    changes = []
    for resource in resources:
        changes.append(decide.desired(scope, resource, owned.get(resource.address), ids))
        problems += losses(scope.target, scope.kinds, resource)
    declared = {resource.address for resource in resources}
    changes += [
        decide.orphan(scope, address, one, _users(scope, address, owned, ids))
        for address, one in owned.items()
        if address not in declared
    ]
    return Plan(
        project=scope.project,
        target=scope.target,
        changes=order.arrange(changes),
        problems=tuple(sorted(problems, key=lambda problem: (problem.severity, problem.address, problem.message))),
        foreign=len(live) - sum(map(len, groups.values())),
        origin=scope.origin,
        known=known,
    )


def _owned(scope: Scope, live: Sequence[LiveObject]) -> dict[Address, list[Owned]]:
    """Give what carries our project's stamp, by address; more than one at an address is a race's work."""
    groups: dict[Address, list[Owned]] = defaultdict(list)
    for one in live:
        found = stamp.read(one.raw.get("metadata"))
        if found and found.project == scope.project and found.address.kind == one.kind:
            groups[found.address].append(Owned(one, found))
    return groups


def _age(owned: Owned) -> tuple[int, str]:
    created = owned.live.raw.get("created_at")
    return created if isinstance(created, int) else 0, owned.live.id


def _twice(address: Address, group: Sequence[Owned]) -> Problem:
    ids = " and ".join(owned.live.id for owned in sorted(group, key=_age))
    return Problem(f"{ids} both carry this address", "delete the one that is not in use", str(address))


def _users(
    scope: Scope, address: Address, owned: Mapping[Address, Owned], ids: Mapping[str, str]
) -> tuple[Address, ...]:
    """Give the live objects that refer to `address`: they must let go of it before it is deleted."""
    return tuple(
        other
        for other, one in sorted(owned.items())
        if other != address and address in decide.references(scope.kinds[other.kind], one, ids)
    )


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
