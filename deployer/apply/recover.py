"""A create is sent once, and so is an update that makes a version; after a lost answer what it made is looked for.

Not listed is not the same as not done: where a list shows nothing for as long as it may lag, the change ends as
unknown, and the next run finds it. The journal notes each create before it is sent, so that a run that is killed
meanwhile leaves a trace on this machine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from deployer.apply.execution import Execution
from deployer.apply.lag import SharedLook
from deployer.backends.base import Row
from deployer.engine import canonical, stamp
from deployer.errors import AccountError, UnknownError
from deployer.model import Address, Create, LiveObject, Update

_KEY = 40


def key(*what: Any) -> str:
    """Return what tells a service that knows it which creates are one and the same."""
    return canonical.sha256(list(what))[:_KEY]


async def create(run: Execution, wanted: Create, body: Mapping[str, Any]) -> Row:
    """Create an object once, whatever happens to the answer; return the object.

    Raises UnknownError when it may be there and is not listed.
    """
    kind, address = wanted.address.kind, wanted.address
    try:
        async with run.turn():
            nonce = run.journal.begin(str(address))
            row = await run.account.of(kind).create(kind, body, key(nonce, body))
    except AccountError as error:
        if not error.may_be_done:
            run.journal.settle([str(address)])
            raise
        lost = error
    else:
        run.journal.made(str(address), row["id"])
        return row
    found = await _looked_for(run, address) if stamp.owner(body) else None
    if found is None:
        raise unknown(run, lost, f"{address} was made", "it is not listed")
    run.journal.made(str(address), found.id)
    return found.raw


async def update(run: Execution, wanted: Update, send: Callable[[], Awaitable[Row]], body: Mapping[str, Any]) -> Row:
    """Update an object; one whose update makes a version is sent it once, whatever happens to the answer.

    Raises UnknownError when it may be there and does not show.
    """
    versions, kind = run.account.kinds[wanted.address.kind].versions, wanted.address.kind
    try:
        return await send()
    except AccountError as error:
        if versions is None or not error.may_be_done:
            raise
        lost = error
    before, sent = versions.of(run.before.get(wanted.id, {})), stamp.of(body)

    async def look() -> Row | None:
        row = await run.account.of(kind).get(kind, wanted.id)
        return row if versions.of(row) != before and stamp.of(row) == sent else None

    what = f"the answer to the update of {wanted.address} was lost; waiting until its new version shows"
    found = await run.lag.until_shown(what, look)
    if found is None:
        raise unknown(run, lost, f"{wanted.address} was updated", "its new version does not show")
    return found


async def _looked_for(run: Execution, address: Address) -> LiveObject | None:
    shared = run.looks.setdefault(address.kind, SharedLook(partial(stamped, run, address.kind)))

    async def look() -> LiveObject | None:
        return (await shared.look()).get(address)

    what = f"the answer to the create of {address} was lost; waiting until it is listed"
    return await run.lag.until_shown(what, look)


def unknown(run: Execution, lost: AccountError, what: str, unseen: str) -> UnknownError:
    """Return the error for what may be done, and does not show for as long as a list may lag."""
    waited = "the run was stopped" if run.stop.is_set() else f"{run.lag.most:.0f} s later {unseen}"
    return UnknownError(
        f"{lost}; whether {what} is unknown, since its answer was lost and {waited}: nothing is sent twice; "
        "run again, it is looked for first"
    )


async def appeared(run: Execution) -> dict[str, str]:
    """Return the ids by address of what carries our stamp now and was not there when the plan was made."""
    return {str(address): one.id for address, one in (await stamped(run)).items()}


async def stamped(run: Execution, *kinds: str) -> dict[Address, LiveObject]:
    """Return what carries our stamp and was not there when the plan was made, the oldest of each address."""
    seen = {one.id for one in run.plan.live} | set(run.promises.known.values())
    live = await run.account.listed(*kinds)
    found: dict[Address, LiveObject] = {}
    for one in sorted(live, key=_age, reverse=True):
        project, address = stamp.owner(one.raw) or ("", None)
        if address and project == run.plan.project and one.id not in seen and address.kind == one.kind:
            found[address] = one
    return found


def _age(live: LiveObject) -> tuple[int, str]:
    return canonical.seconds(live.raw.get("created_at")) or 0, live.id
