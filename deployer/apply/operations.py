"""What each operation of a change does on the account."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from deployer import sources
from deployer.apply import precondition, recover
from deployer.apply.attach import attach
from deployer.apply.run import Event, Run
from deployer.backends.base import Row
from deployer.engine import stamp, verify
from deployer.errors import AccountError, DeployerError
from deployer.model import (
    Address,
    AttachFiles,
    Change,
    Create,
    Delete,
    DeleteFile,
    DesiredFile,
    DetachFile,
    Operation,
    Update,
    UpdateFile,
    Upload,
    Write,
)

_TRIES = 5


async def do(run: Run, change: Change, operation: Operation) -> None:
    """Do one operation and report it; raises DeployerError when it cannot be done."""
    address = change.address
    match operation:
        case Create():
            await _create(run, address, operation)
        case Update():
            await precondition.before_update(run, change, operation)
            await _update(run, address, operation)
        case Delete():
            await _delete(run, operation)
        case Upload():
            await _upload(run, address, operation)
        case AttachFiles():
            await attach(run, address, operation)
        case UpdateFile():
            await _update_file(run, operation)
        case DetachFile():
            await _detach(run, operation)
        case DeleteFile():
            await _delete_file(run, address, operation)
    run.notify(Event(address, operation))


async def _create(run: Run, address: Address, create: Create) -> None:
    body = fill(create, run.promises.known)
    with _held_even_if_odd(run, create):
        async with run.turn():
            answer = await recover.create(run, create.address.kind, body)
    _written(run, address, create, body, answer)


async def _update(run: Run, address: Address, update: Update) -> None:
    kind, body = update.address.kind, fill(update, run.promises.known)
    with _held_even_if_odd(run, update):
        async with run.turn():
            answer = await run.account.of(kind).update(kind, update.id, body)
    _written(run, address, update, body, answer)


@contextmanager
def _held_even_if_odd(run: Run, write: Write) -> Iterator[None]:
    """What was done holds its files, though the answer makes no sense: they are not taken back."""
    try:
        yield
    except AccountError as error:
        if error.done:
            run.attached.update(run.promises.known[key] for _, key in write.refs)
        raise


def _written(run: Run, address: Address, write: Write, body: Mapping[str, Any], answer: Row) -> None:
    """Note what the service took otherwise, which uploads are held now, and the id."""
    run.notes[address] += verify.unheeded(run.account.kinds[write.address.kind], body, answer)
    run.attached.update(run.promises.known[key] for _, key in write.refs)
    run.promises.learn(write.gives, answer["id"])


async def _delete(run: Run, delete: Delete) -> None:
    kind = delete.address.kind
    async with run.turn():
        await run.account.of(kind).delete(kind, delete.id)
    run.promises.learn(delete.gives)


async def _update_file(run: Run, update: UpdateFile) -> None:
    async with run.turn():
        await run.account.files.update_member(run.promises.known[update.store], update.file, update.attributes)


async def _detach(run: Run, detach: DetachFile) -> None:
    async with run.turn():
        await run.account.files.detach(run.promises.known[detach.store], detach.file)
    run.promises.learn(detach.gives)


async def _delete_file(run: Run, address: Address, delete: DeleteFile) -> None:
    if delete.id in run.used:  # left over, and of use after all
        run.journal.delete(delete.id)
        return
    holder = await run.usage.holder(delete.id)
    if holder:
        run.notes[address].append(f"file {delete.id} stays: the {holder}, which is not ours, holds it")
        run.journal.delete(delete.id)
        return
    async with run.turn():
        await run.account.files.delete(delete.id)
    run.journal.delete(delete.id)


def fill(write: Write, known: Mapping[str, str]) -> dict[str, Any]:
    """Return the body with the ids of keys that earlier operations made known."""
    body: dict[str, Any] = copy.deepcopy(dict(write.body))
    for pointer, key in write.refs:
        _change(body, pointer, lambda _old, key=key: known[key])
    for pointer, key in write.hashes:
        _change(body, pointer, lambda old, key=key: old.replace(f"{{{key}}}", stamp.name_of(known[key])))
    return body


def _change(body: Any, pointer: str, new: Any) -> None:
    *parents, last = pointer.strip("/").split("/")
    for part in parents:
        body = body[int(part)] if isinstance(body, list) else body[part]
    place: Any = int(last) if isinstance(body, list) else last
    body[place] = new(body[place])


async def _upload(run: Run, address: Address, upload: Upload) -> None:
    """Use what is on the account already, else send it."""
    found = await run.reuse.take(upload.file) or await _sent(run, address, upload.file)
    run.used.add(found)
    run.promises.learn(upload.gives, found)


async def _sent(run: Run, address: Address, file: DesiredFile) -> str:
    """Stream the file; when the answer is lost, look whether it arrived, and only else send it again."""
    for _ in range(_TRIES):
        try:
            return await _send(run, address, file)
        except AccountError as error:
            if not error.lost:
                raise
            unanswered = error
        await run.pause(run.waits.lost)
        if found := await run.reuse.appeared(file, alone=_is_alone(run, file)):
            return found
    raise unanswered


async def _send(run: Run, address: Address, file: DesiredFile) -> str:
    """Send the bytes; if they are no longer those of the plan, take the upload back and fail."""
    content = await asyncio.to_thread(sources.open_source, run.root, file.source or file.path)
    with content:
        async with run.turn():
            file_id, sha = await run.account.files.upload(
                file.name, content, file.size, lambda size: run.notify(Event(address, bytes=size))
            )
    run.reuse.seen.add(file_id)
    run.sent.add(file_id)
    run.journal.send(file_id, sha)
    if sha != file.sha256:
        async with run.turn():
            await run.account.files.delete(file_id)
        run.sent.discard(file_id)
        run.journal.delete(file_id)
        raise DeployerError(f"{file.path} changed after it was planned; run again")
    return file_id


def _is_alone(run: Run, file: DesiredFile) -> bool:
    uploads = (one for change in run.plan.pending for one in change.operations if isinstance(one, Upload))
    return sum(one.file.name == file.name and one.file.size == file.size for one in uploads) == 1
