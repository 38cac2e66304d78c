"""Is a plan safe to apply: no finding that forbids it, and not a mass deletion that nobody asked for."""

from collections.abc import Collection

from deployer.errors import DeployerError, ProblemsFound
from deployer.model import Action, Plan

PRUNE_LIMIT = "prune-limit"
GUARDS = (PRUNE_LIMIT,)
_SHARE = 0.3
_MINIMUM = 10


def check(plan: Plan, forced: Collection[str] = ()) -> None:
    """Raise when the plan must not be applied; the message names the guard that `--force` would lift."""
    if plan.errors:
        raise ProblemsFound([str(problem) for problem in plan.errors])
    owned = sum(change.live_id is not None for change in plan.changes)
    deletes = sum(change.action is Action.DELETE for change in plan.changes)
    if owned >= _MINIMUM and deletes > _SHARE * owned and PRUNE_LIMIT not in forced:
        raise DeployerError(
            f"the plan deletes {deletes} of {owned} owned objects, more than {_SHARE:.0%}; "
            f"if that is meant, add --force {PRUNE_LIMIT}"
        )
