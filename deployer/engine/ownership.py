"""What is live, seen from a plan: what is ours, who is the oldest, who holds which file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from deployer.engine import age, decide, order, stamp
from deployer.engine.decide import STORE, Draft, Owned, Scope
from deployer.model import Action, LiveObject


def owned(scope: Scope, live: Sequence[LiveObject]) -> list[Owned]:
    """Give what carries our project's stamp, the oldest first; what has expired comes last."""
    found: list[Owned] = []
    for one in live:
        mark = stamp.read(one.raw.get("metadata"))
        if mark and mark.project == scope.project and mark.address.kind == one.kind:
            found.append(decide.owned(scope.kinds[one.kind], one, mark))
    return sorted(found, key=_age)


def _age(one: Owned) -> tuple[bool, int, str]:
    raw = one.live.raw
    return raw.get("status") == "expired", age.seconds(raw.get("created_at")) or 0, one.live.id


def usable_stores(live: Sequence[LiveObject]) -> frozenset[str]:
    return frozenset(one.id for one in live if one.kind == STORE and one.raw.get("status") != "expired")


def lets_go(draft: Draft, *store: str) -> bool:
    """Tell whether a change ends the use of a store, by its id and the names that it goes by."""
    if draft.change.action is Action.DELETE:
        return True
    if draft.body is None or draft.owned is None:
        return False
    used = draft.kind.references({**draft.owned.live.raw, **draft.body.fields})
    return not set(store) & set(used)


def holders(scope: Scope, live: Sequence[LiveObject]) -> Counter[str]:
    """Count who holds each File object: owned stores (those that were read) and all assistants."""
    found = Counter(file.id for one in live for file in one.files)
    found.update(held for one in live for held in scope.kinds[one.kind].held(one.raw))
    return found


def arranged(drafts: Sequence[Draft]) -> list[Draft]:
    """Put what is referred to first, deletes last and the other way round."""
    by_address = {draft.change.address: draft for draft in drafts}
    return [by_address[change.address] for change in order.arrange([draft.change for draft in drafts])]
