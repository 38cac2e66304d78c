"""Compare, then set: what a plan was made from is read again right before the write, and must still be so."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping

from deployer.apply.execution import Execution
from deployer.backends.base import Row
from deployer.engine import verify
from deployer.errors import AccountError, DeployerError
from deployer.model import Action, Change, LiveFile, Update, Upload
from deployer.wording import listed

_FEW = 100
"""As many documents as one page of a list holds are read one by one."""
_FRESH = (Action.CREATE, Action.REPLACE)


async def before_change(run: Execution, change: Change) -> None:
    """Look at the object, and at each document that is to be overwritten or detached; raises what moved."""
    if change.action in _FRESH:
        if there := run.appeared.get(str(change.address)):
            raise DeployerError(f"{there} came into being since the plan was made; plan again")
    elif change.reviewed:
        await _object(run, change)
        await _documents(run, change)
        await _users(run, change)


async def before_update(run: Execution, change: Change, update: Update) -> None:
    """Look at the object once more if its write had to wait for uploads."""
    uploads = {one.gives for one in change.operations if isinstance(one, Upload)}
    if change.reviewed and update.needs & uploads:
        await _object(run, change)


async def _object(run: Execution, change: Change) -> None:
    kind = run.account.kinds[change.address.kind]
    raw = await _read(run, change)
    if raw is not None and (moved := verify.moved(kind, change.reviewed, raw)):
        fields = ", ".join(moved)
        raise DeployerError(f"{change.live_id} moved since the plan was made ({fields}); look at it and plan again")


async def _documents(run: Execution, change: Change) -> None:
    """A document that somebody detached meanwhile can lose nothing."""
    if not run.account.kinds[change.address.kind].is_store:
        return
    touched = {file.id: file for one in change.files for file in one.live}
    now = await _memberships(run, change.live_id or "", touched)
    moved = list(_moved(touched, now))
    if moved:
        named = listed(moved, 3, "; ")
        raise DeployerError(f"documents moved since the plan was made: {named}; look at them and plan again")


async def _users(run: Execution, change: Change) -> None:
    """A store may be in use by somebody whom the plan did not see: since then, or on another surface."""
    if change.action is not Action.DELETE or not run.account.kinds[change.address.kind].is_store:
        return
    if user := await run.usage.user(change.live_id or ""):
        raise DeployerError(f"{change.live_id} stays: the {user}, which is foreign, uses it")


def _moved(before: Mapping[str, LiveFile], now: Mapping[str, LiveFile]) -> Iterator[str]:
    for one, file in before.items():
        if one in now and (moved := verify.moved_document(file, now[one])):
            yield f"{file.path or one} ({', '.join(moved)})"


async def _memberships(run: Execution, store: str, wanted: Collection[str]) -> dict[str, LiveFile]:
    files = run.account.files
    if len(wanted) > _FEW:
        return {file.id: file for file in await files.members(store)}

    async def member(file_id: str) -> LiveFile | None:
        async with run.turn():
            return await files.member(store, file_id)

    return {file.id: file for file in await asyncio.gather(*map(member, wanted)) if file}


async def _read(run: Execution, change: Change) -> Row | None:
    """Return what is there now; None where nothing is and it was to go. A read that fails stops the change."""
    kind = change.address.kind
    try:
        async with run.turn():
            return await run.account.of(kind).get(kind, change.live_id or "")
    except AccountError as error:
        if error.absent and change.action is Action.DELETE:
            return None
        raise
