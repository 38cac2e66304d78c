"""Where the guard stops: numbers by hand, beside the law that holds for all of them."""

from __future__ import annotations

import pytest

from deployer.engine import guard
from deployer.errors import DeployerError
from deployer.model import Action, Address, Change, Plan, Reason, Target, Why

CASES = {  # (kept, deleted): whether it stops
    (7, 3): False,  # exactly 30 %
    (6, 4): True,
    (14, 6): False,
    (13, 7): True,
    (70, 30): False,
    (69, 31): True,
    (0, 9): False,  # fewer than ten
    (0, 10): True,
    (9, 0): False,
}


def _changes(kept: int, deleted: int) -> tuple[Change, ...]:
    actions = [Action.NO_OP] * kept + [Action.DELETE] * deleted
    return tuple(
        Change(Address("x", f"n{n}"), action, Reason(Why.UNTOUCHED), f"id{n}") for n, action in enumerate(actions)
    )


@pytest.mark.parametrize(("kept", "deleted"), CASES)
def test_more_than_thirty_percent_of_ten_or_more_is_stopped(kept: int, deleted: int) -> None:
    plan = Plan("p", Target("t", "assistants", ""), _changes(kept, deleted))
    if not CASES[kept, deleted]:
        guard.check(plan)
        return
    with pytest.raises(DeployerError, match=f"deletes {deleted} of {kept + deleted} owned objects, more than 30%"):
        guard.check(plan)
    guard.check(plan, [guard.PRUNE_LIMIT])
