"""What a plan costs: requests, bytes, and the time that the account's rate limits alone make it take."""

from collections import Counter
from collections.abc import Mapping

from deployer.model import AttachFiles, Change, Limits, Operation, Plan, Upload


def cost(operation: Operation) -> int:
    """Count the requests of an operation, at least: what is attached is also asked after, once or more."""
    return 2 if isinstance(operation, AttachFiles) and not operation.attached else 1


def requests(change: Change) -> int:
    """Count the requests that a change sends at least; polls and repeats come on top."""
    return sum(map(cost, change.operations))


def upload_bytes(change: Change) -> int:
    return sum(one.file.size for one in change.operations if isinstance(one, Upload))


def total_requests(plan: Plan) -> int:
    return sum(map(requests, plan.changes))


def total_bytes(plan: Plan) -> int:
    return sum(map(upload_bytes, plan.changes))


def seconds(plan: Plan) -> float:
    """Return what the account's rate limits alone make an apply take."""
    operations = [one for change in plan.changes for one in change.operations]
    attaches = [one for one in operations if isinstance(one, AttachFiles) and not one.attached]
    return seconds_of(
        plan.limits,
        sum(isinstance(one, Upload) for one in operations),
        Counter(one.store for one in attaches),
        sum(len(one.members) for one in attaches),
    )


def seconds_of(limits: Limits, uploads: int, attaches: Mapping[str, int], files: int) -> float:
    """Return what the tightest limit requires; they run beside each other.

    `attaches` counts the requests that attach, by store. A limit of so many per minute is taken as a steady rate: a
    fresh minute would let a first burst through, but the public docs say that limits may be enforced over shorter
    periods (guides/rate-limits).
    """
    busiest = max(attaches.values(), default=0)
    return max(_at(limits.uploads, uploads), _at(limits.attaches, busiest), _at(limits.files, files))


def _at(per_minute: int | None, count: int) -> float:
    return 60 * count / per_minute if per_minute else 0.0
