"""Attach a batch of documents, wait until each is searchable, try once more what failed, and name what failed again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from deployer.apply.flow import LeftOut, Stopped
from deployer.apply.run import Event, Run
from deployer.backends.base import Condition, Progress
from deployer.errors import AccountError, DeployerError
from deployer.kinds import vector_store
from deployer.model import Address, AttachFiles, LiveFile, Member

_TRIES = 3
_USABLE = ("completed", "in_progress")
_SUSPECT = ("failed", "cancelled", "in_progress")


@dataclass(slots=True)
class _Group:
    """The members that are under way, by file id, in one store."""

    run: Run
    address: Address
    store: str
    ids: Mapping[str, Member]


async def attach(run: Run, address: Address, operation: AttachFiles) -> None:
    """Do it; each member's key is learned or given up on the way. Raises when a document did not make it."""
    try:
        failed = await _attach(run, address, operation)
    finally:
        run.promises.learn(operation.gives)
    if failed:
        raise DeployerError(f"not ingested: {', '.join(failed)}; mend or remove the file and run again")
    if run.promises.lacking(operation.files):
        raise LeftOut("a file was not sent")


async def _attach(run: Run, address: Address, operation: AttachFiles) -> list[str]:
    group = _Group(run, address, run.promises.known[operation.store], _known(run, operation))
    reasons = await _once(group, attached=operation.attached)
    again = {one: member for one, member in group.ids.items() if one in reasons}
    if again:
        reasons = await _once(_Group(run, address, group.store, again), attached=False)
    for one, member in group.ids.items():
        if one in reasons:
            run.promises.give_up(member.gives, reasons[one])
        else:
            run.promises.learn(member.gives)
    return [f"{group.ids[one].path} ({why})" for one, why in reasons.items()]


def _known(run: Run, operation: AttachFiles) -> dict[str, Member]:
    """Return the members by file id; one whose file could not be sent is given up."""
    result = {}
    for member in operation.members:
        file_id = member.file if member.live else run.promises.known.get(member.file)
        if file_id is None:
            run.promises.give_up(member.gives, run.promises.given_up.get(member.file, "its file was not sent"))
        else:
            result[file_id] = member
    return result


async def _once(group: _Group, *, attached: bool) -> dict[str, str]:
    """Attach and wait; return why each file that is not searchable is not, by its id."""
    if not group.ids:
        return {}
    batch = None if attached else await _send(group)
    suspect = await (_until_done(group, batch) if batch else _until_none_waits(group))
    return await _reasons(group, batch, suspect)


async def _send(group: _Group) -> str | None:
    """Send the batch and return its id; None when the answer was lost but the files are in the store."""
    for _ in range(_TRIES):
        try:
            async with group.run.turn():
                batch = await group.run.account.files.attach(group.store, group.ids)
        except AccountError as error:
            if error.done:
                group.run.attached.update(group.ids)
            if not error.lost:
                raise _refused(group, error) from None
            lost = error
        else:
            group.run.attached.update(group.ids)
            return batch
        if await _arrived(group):
            group.run.attached.update(group.ids)
            return None
    raise lost


def _refused(group: _Group, error: AccountError) -> DeployerError:
    """A File object that was on the account when it was last looked at may be gone: then the batch is refused whole."""
    reused = any(member.live for member in group.ids.values())
    if not error.absent or not reused:
        return error
    return DeployerError(f"{error} (a File object may be gone: run again with --check-files)")


async def _arrived(group: _Group) -> bool:
    """Whether a batch without an answer was attached: it is, whole, or not at all."""
    file_id, member = next(iter(group.ids.items()))
    for last in (False, True):
        async with group.run.turn():
            found = await group.run.account.files.member(group.store, file_id)
        if found and _is(member, found):
            return True
        if not last:
            await group.run.pause(group.run.waits.lost)
    return False


def _is(member: Member, live: LiveFile) -> bool:
    """Tell a membership from the one that a file had before it was attached again."""
    same = live.path == member.path and vector_store.same_chunking(member.chunking, live.chunking)
    return same and live.status in _USABLE


async def _until_done(group: _Group, batch: str) -> Sequence[str]:
    """Poll the batch until nothing is in progress, as often as the account wishes; return what else there is in it."""
    suspect: list[str] = []

    async def left() -> tuple[int, float | None]:
        found = await _shown(group, batch)
        suspect[:] = found.suspect
        return found.waiting, found.poll_after

    await _poll(group, left)
    return suspect


async def _until_none_waits(group: _Group) -> Sequence[str]:
    """Poll the store's list of what is in progress until none of the group is in it."""

    async def left() -> tuple[int, float | None]:
        found = await group.run.account.files.conditions(group.store, "in_progress")
        return sum(one.id in group.ids for one in found), None

    await _poll(group, left)
    return _SUSPECT


async def _poll(group: _Group, left: Callable[[], Awaitable[tuple[int, float | None]]]) -> None:
    """Ask until nothing is left, or until nothing has moved for so long that it must be stuck."""
    loop, run = asyncio.get_running_loop(), group.run
    before, moved = len(group.ids), loop.time()
    while True:
        now, after = await left()
        if now < before:
            run.notify(Event(group.address, ready=before - now))
            before, moved = now, loop.time()
        if now == 0 or loop.time() - moved > run.waits.ingestion:
            return
        if not await run.pause(after or run.waits.poll):
            raise Stopped("interrupted")


async def _shown(group: _Group, batch: str) -> Progress:
    """Look at what was just made; for a minute, its absence only means that it does not show yet."""
    loop, run = asyncio.get_running_loop(), group.run
    since = loop.time()
    while True:
        try:
            async with run.turn():
                return await run.account.files.progress(group.store, batch)
        except AccountError as error:
            if not error.absent or loop.time() - since > run.waits.shows:
                raise
        if not await run.pause(run.waits.poll):
            raise Stopped("interrupted")


async def _reasons(group: _Group, batch: str | None, suspect: Sequence[str]) -> dict[str, str]:
    """Return what is wrong with each file that is not searchable, in the service's own words."""
    found: dict[str, str] = {}
    for status in suspect:
        for one in await group.run.account.files.conditions(group.store, status, batch):
            if one.id in group.ids and one.status == status:
                found[one.id] = _why(one)
    return found


def _why(one: Condition) -> str:
    status = "stuck in progress" if one.status == "in_progress" else one.status
    return f"{status}: {one.error or 'no reason given'}"
