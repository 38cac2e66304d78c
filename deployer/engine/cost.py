"""What a plan costs: requests, bytes, and the time that the account's rate limits alone make it take."""

from collections import Counter

from deployer.engine import forecast
from deployer.model import AttachFiles, Change, Operation, Plan, Upload


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
    """Give what the account's rate limits alone make an apply take."""
    operations = [one for change in plan.changes for one in change.operations]
    attaches = [one for one in operations if isinstance(one, AttachFiles) and not one.attached]
    return forecast.seconds(
        plan.limits,
        sum(isinstance(one, Upload) for one in operations),
        Counter(one.store for one in attaches),
        sum(len(one.members) for one in attaches),
    )
