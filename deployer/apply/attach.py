"""Attach a batch of documents, wait until each is searchable, try once more what failed, and name what failed again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.apply.flow import LeftOut, Stopped
from deployer.apply.run import Event, Run
from deployer.backends.http import pages
from deployer.backends.http.client import Answer
from deployer.backends.http.failures import Failure
from deployer.backends.http.pages import Row
from deployer.errors import AccountError, DeployerError
from deployer.kinds import vector_store
from deployer.model import Address, AttachFiles, LiveFile, Member

_REMEDY = "check the account's api and base_url, then run again"
_NOT_FOUND = 404
_TRIES = 3
_USABLE = ("completed", "in_progress")
_SUSPECT = ("failed", "cancelled", "in_progress")


@dataclass(slots=True)
class _Batch:
    """The members that are under way, by file id, in one store."""

    run: Run
    address: Address
    store: str
    ids: Mapping[str, Member]

    @property
    def path(self) -> str:
        return f"{vector_store.PATH}/{self.store}"


async def attach(run: Run, address: Address, operation: AttachFiles) -> None:
    """Do the operation; each member's key is learned or given up on the way. Raises when a document did not make it."""
    try:
        failed = await _attach(run, address, operation)
    finally:
        run.promises.learn(operation.gives)
    if failed:
        raise DeployerError(f"not ingested: {', '.join(failed)}; mend or remove the file and run again")
    if run.promises.lacking(operation.files):
        raise LeftOut("a file was not sent")


async def _attach(run: Run, address: Address, operation: AttachFiles) -> list[str]:
    batch = _Batch(run, address, run.promises.known[operation.store], _known(run, operation))
    reasons = await _once(batch, attached=operation.attached)
    again = {one: member for one, member in batch.ids.items() if one in reasons}
    if again:
        reasons = await _once(_Batch(run, address, batch.store, again), attached=False)
    for one, member in batch.ids.items():
        if one in reasons:
            run.promises.give_up(member.gives, reasons[one])
        else:
            run.promises.learn(member.gives)
    return [f"{batch.ids[one].path} ({why})" for one, why in reasons.items()]


def _known(run: Run, operation: AttachFiles) -> dict[str, Member]:
    """Give the members by file id; one whose file could not be sent is given up."""
    result = {}
    for member in operation.members:
        file_id = member.file if member.live else run.promises.known.get(member.file)
        if file_id is None:
            run.promises.give_up(member.gives, run.promises.given_up.get(member.file, "its file was not sent"))
        else:
            result[file_id] = member
    return result


async def _once(batch: _Batch, *, attached: bool) -> dict[str, str]:
    """Attach and wait; give why each file that is not searchable is not, by its id."""
    if not batch.ids:
        return {}
    path = None if attached else await _post(batch)
    suspect = await (_until_done(batch, path) if path else _until_none_waits(batch))
    return await _reasons(batch, path, suspect)


async def _post(batch: _Batch) -> str | None:
    """Send the batch and give its path; None when the answer was lost but the files are in the store."""
    entries = [
        {**vector_store.membership(member.attributes, member.chunking), "file_id": file_id}
        for file_id, member in batch.ids.items()
    ]
    path = f"{batch.path}/file_batches"
    for _ in range(_TRIES):
        try:
            async with batch.run.turn():
                answer = await batch.run.client.write("POST", path, {"files": entries})
        except AccountError as error:
            if not error.lost:
                raise _refused(batch, error) from None
            lost = error
        else:
            batch.run.attached.update(batch.ids)
            if isinstance(answer.data.get("id"), str):
                return f"{path}/{answer.data['id']}"
            raise batch.run.client.error("POST", path, Failure("answered without an id", _REMEDY))
        if await _arrived(batch):
            batch.run.attached.update(batch.ids)
            return None
    raise lost


def _refused(batch: _Batch, error: AccountError) -> DeployerError:
    """A File object that was on the account when it was last looked at may be gone: then the batch is refused whole."""
    reused = any(member.live for member in batch.ids.values())
    if error.status != _NOT_FOUND or not reused:
        return error
    return DeployerError(f"{error} (a File object may be gone: run again with --check-files)")


async def _arrived(batch: _Batch) -> bool:
    """Tell whether a batch without an answer was attached: it is, whole, or not at all."""
    file_id, member = next(iter(batch.ids.items()))
    for last in (False, True):
        try:
            async with batch.run.turn():
                answer = await batch.run.client.get(f"{batch.path}/files/{file_id}")
        except AccountError as error:
            if error.status != _NOT_FOUND:
                raise
        else:
            if _is(member, vector_store.live_file({**answer.data, "id": file_id, "created_at": 0})):
                return True
        if not last:
            await batch.run.pause(batch.run.waits.lost)
    return False


def _is(member: Member, live: LiveFile) -> bool:
    """Tell a membership from the one that a file had before it was attached again."""
    same = live.path == member.path and vector_store.same_chunking(member.chunking, live.chunking)
    return same and live.status in _USABLE


async def _until_done(batch: _Batch, path: str) -> list[str]:
    """Poll the batch until nothing is in progress, as often as the account wishes; give what else there is in it."""
    suspect: list[str] = []

    async def left() -> tuple[int, float | None]:
        answer = await _shown(batch.run, path)
        counts = answer.data.get("file_counts")
        if not isinstance(counts, dict):
            raise batch.run.client.error("GET", path, Failure("answered without file_counts", _REMEDY))
        suspect[:] = [status for status in _SUSPECT if counts.get(status)]
        return int(counts.get("in_progress") or 0), answer.poll_after

    await _poll(batch, left)
    return suspect


async def _until_none_waits(batch: _Batch) -> Sequence[str]:
    """Poll the store's list of what is in progress until none of ours is in it."""

    async def left() -> tuple[int, float | None]:
        rows = await _rows(batch.run, f"{batch.path}/files", "in_progress")
        return sum(row["id"] in batch.ids for row in rows), None

    await _poll(batch, left)
    return _SUSPECT


async def _poll(batch: _Batch, left: Callable[[], Any]) -> None:
    """Ask until nothing is left, or until nothing has moved for so long that it must be stuck."""
    loop, run = asyncio.get_running_loop(), batch.run
    before, moved = len(batch.ids), loop.time()
    while True:
        now, after = await left()
        if now < before:
            run.notify(Event(batch.address, ready=before - now))
            before, moved = now, loop.time()
        if now == 0 or loop.time() - moved > run.waits.ingestion:
            return
        if not await run.pause(after or run.waits.poll):
            raise Stopped("interrupted")


async def _shown(run: Run, path: str) -> Answer:
    """Get what was just made; for a minute, a 404 only means that it does not show yet."""
    loop = asyncio.get_running_loop()
    since = loop.time()
    while True:
        try:
            async with run.turn():
                return await run.client.get(path)
        except AccountError as error:
            if error.status != _NOT_FOUND or loop.time() - since > run.waits.shows:
                raise
        if not await run.pause(run.waits.poll):
            raise Stopped("interrupted")


async def _reasons(batch: _Batch, path: str | None, suspect: Sequence[str]) -> dict[str, str]:
    """Give what is wrong with each file that is not searchable, in the service's own words."""
    where = f"{path}/files" if path else f"{batch.path}/files"
    found: dict[str, str] = {}
    for status in suspect:
        for row in await _rows(batch.run, where, status):
            if row["id"] in batch.ids and row.get("status") == status:
                found[str(row["id"])] = _why(row)
    return found


def _why(row: Mapping[str, Any]) -> str:
    error = row.get("last_error")
    said = error.get("message") if isinstance(error, dict) else None
    status = "stuck in progress" if row.get("status") == "in_progress" else row.get("status")
    return f"{status}: {said or 'no reason given'}"


async def _rows(run: Run, path: str, status: str) -> list[Row]:
    return await pages.rows(run.client, path, {"filter": status}, run.gate)
