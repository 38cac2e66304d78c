"""A create whose answer was lost: look for its stamp, adopt what is there, and only else create again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.apply.execution import Execution
from deployer.backends.base import Row
from deployer.engine import canonical, stamp
from deployer.errors import AccountError
from deployer.model import Address, LiveObject

_TRIES = 3


async def create(run: Execution, kind: str, body: Mapping[str, Any]) -> Row:
    """Create an object once, whatever happens to the answers; return the object."""
    mark = stamp.of(body)
    for _ in range(_TRIES):
        try:
            return await run.account.of(kind).create(kind, body)
        except AccountError as error:
            if not error.lost or mark is None:
                raise
            lost = error
        found = await _look(run, mark.address)
        if found is not None:
            return found.raw
    raise lost


async def _look(run: Execution, address: Address) -> LiveObject | None:
    """Look at once and twice later: a list may not show yet what was just written."""
    for pause in (0, 1, 2):
        await run.pause(pause * run.waits.lost)
        found = await _stamped(run, address.kind)
        if address in found:
            return found[address]
    return None


async def appeared(run: Execution) -> dict[str, str]:
    """Return the ids by address of what carries our stamp now and was not there when the plan was made."""
    return {str(address): one.id for address, one in (await _stamped(run)).items()}


async def _stamped(run: Execution, *kinds: str) -> dict[Address, LiveObject]:
    seen = {one.id for one in run.plan.live} | set(run.promises.known.values())
    live = await run.account.listed(*kinds)
    found: dict[Address, LiveObject] = {}
    for one in sorted(live, key=_age, reverse=True):
        mark = stamp.of(one.raw)
        if mark and mark.project == run.plan.project and one.id not in seen and mark.address.kind == one.kind:
            found[mark.address] = one
    return found


def _age(live: LiveObject) -> tuple[int, str]:
    return canonical.seconds(live.raw.get("created_at")) or 0, live.id
