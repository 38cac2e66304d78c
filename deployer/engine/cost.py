"""What a plan costs: requests, bytes, and the time that the account's rate limits alone make it take."""

from collections import Counter

from deployer.engine import forecast
from deployer.model import Attach, Change, Plan, Step, Upload


def cost(step: Step) -> int:
    """Count the requests of a step, at least: what is attached is also asked after, once or more."""
    return 2 if isinstance(step, Attach) and not step.attached else 1


def requests(change: Change) -> int:
    """Count the requests that a change sends at least; polls and repeats come on top."""
    return sum(map(cost, change.steps))


def upload_bytes(change: Change) -> int:
    return sum(step.file.size for step in change.steps if isinstance(step, Upload))


def total_requests(plan: Plan) -> int:
    return sum(map(requests, plan.changes))


def total_bytes(plan: Plan) -> int:
    return sum(map(upload_bytes, plan.changes))


def seconds(plan: Plan) -> float:
    """Give what the account's rate limits alone make an apply take."""
    steps = [step for change in plan.changes for step in change.steps]
    attaches = [step for step in steps if isinstance(step, Attach) and not step.attached]
    return forecast.seconds(
        plan.limits,
        sum(isinstance(step, Upload) for step in steps),
        Counter(step.store for step in attaches),
        sum(len(step.members) for step in attaches),
    )
