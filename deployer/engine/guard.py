"""Is a plan safe to apply: no finding that forbids it, nothing edited on the account unseen, no mass deletion."""

import json
from collections.abc import Collection, Iterator
from typing import Any

from deployer.engine import documents
from deployer.engine.canonical import same
from deployer.errors import DeployerError
from deployer.model import (
    Action,
    Address,
    Change,
    FieldChange,
    FileAction,
    FileChange,
    OnDrift,
    Plan,
    ProblemsFound,
)
from deployer.wording import cut

PRUNE_LIMIT = "prune-limit"
GUARDS = (PRUNE_LIMIT,)
_PERCENT = 30
_MINIMUM = 10
_FEWEST = 4
"""File changes that may be more than 30 % of ten documents."""
_SHOWN = 60


def check(plan: Plan, forced: Collection[str] = ()) -> None:
    """Raise when the plan must not be applied; the message names what would lift the refusal."""
    if plan.errors:
        raise ProblemsFound(plan.errors)
    if plan.conflicts and plan.on_drift is OnDrift.FAIL:
        lines = [_told(address, one) for address, one in plan.conflicts]
        raise DeployerError(
            "\n".join(["edited on the account since the last apply:", *lines])
            + "\nadd --on-drift overwrite (git wins) or --on-drift keep (the account wins), or change git"
        )
    if PRUNE_LIMIT not in forced:
        for told in _deleted(plan):
            raise DeployerError(f"{told}, more than {_PERCENT}%; if that is meant, add --force {PRUNE_LIMIT}")


def _deleted(plan: Plan) -> Iterator[str]:
    """Say how much a plan deletes, where it is too much: of the objects, and of the documents of each store."""
    objects = [change for change in plan.changes if change.address.kind != "file"]
    owned = sum(change.live_id is not None for change in objects)
    deletes = sum(change.action is Action.DELETE for change in objects)
    if _is_too_much(deletes, owned):
        yield f"the plan deletes {deletes} of {owned} owned objects"
    for change in objects:
        if change.action is not Action.DELETE and len(change.files) >= _FEWEST:
            yield from _removed(plan, change)


def _removed(plan: Plan, change: Change) -> Iterator[str]:
    """A checkout that lacks most documents looks like a wish to remove them; one at a second path stays there."""
    paths = {file.path for one in plan.live if one.id == change.live_id for file in one.files if file.path}
    gone = paths & {one.path for one in change.files if one.action is FileAction.REMOVE}
    gone -= {one.path for one in change.files if one.action is not FileAction.REMOVE}
    if _is_too_much(len(gone), len(paths)):
        yield f"the plan removes {len(gone)} of {len(paths)} documents from {change.address}"


def _is_too_much(part: int, whole: int) -> bool:
    return whole >= _MINIMUM and 100 * part > _PERCENT * whole


def _told(address: Address, one: FieldChange | FileChange) -> str:
    if isinstance(one, FileChange):
        return f"  {address}: {one.path}: {'; '.join(_attributes(one)) or one.reason}"
    return f"  {address}.{one.name}: {_both(one.new, one.old)}"


def _attributes(change: FileChange) -> Iterator[str]:
    found = change.live[0].attributes if change.live else {}
    wanted = documents.attributes(change.desired, change.live[0]) if change.desired and change.live else {}
    for name in sorted({*wanted, *found}):
        if not same(wanted.get(name), found.get(name)):
            yield f"{name}: {_both(wanted.get(name), found.get(name))}"


def _both(git: Any, account: Any) -> str:
    return f"git says {_short(git)}, the account says {_short(account)}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return cut(text, _SHOWN)
