"""What each operation of a change does on the account."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from deployer import remote
from deployer.apply import precondition, recover
from deployer.apply.execution import Event, Execution
from deployer.apply.flow import LeftOut, Stopped
from deployer.backends import validate
from deployer.backends.base import Condition, Progress, Row
from deployer.engine import answers, stamp
from deployer.errors import AccountError, DeployerError
from deployer.kinds import vector_store
from deployer.model import (
    Address,
    AttachFiles,
    Change,
    Create,
    Delete,
    DeleteFile,
    DesiredFile,
    DetachFile,
    LiveFile,
    Member,
    Operation,
    Update,
    UpdateFile,
    Upload,
    Write,
)
from deployer.wording import counted

_SUSPECT = ("failed", "cancelled", "in_progress")
_LOOKS = 3


async def do(run: Execution, change: Change, operation: Operation) -> None:
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
            await _attach(run, address, operation)
        case UpdateFile():
            await _update_file(run, operation)
        case DetachFile():
            await _detach(run, operation)
        case DeleteFile():
            await _delete_file(run, address, operation)
    run.notify(Event(address, operation))


async def _create(run: Execution, address: Address, create: Create) -> None:
    body = fill(create, run.promises.known)
    with _held_even_if_odd(run, create):
        answer = await recover.create(run, create, body)
    await _stamp_came_back(run, create, body, answer)
    await _written(run, address, create, body, answer)


async def _stamp_came_back(run: Execution, create: Create, body: Mapping[str, Any], answer: Row) -> None:
    """Take back what the account made without its stamp, or with a part of it: the next run would make a second one."""
    backend, made, sent = run.account.of(create.address.kind), answer["id"], stamp.of(body)
    if sent in (None, stamp.of(answer)):
        return
    if stamp.of(await backend.get(create.address.kind, made)) == sent:  # the answer alone did not say it
        return
    run.stop.set()
    await backend.delete(create.address.kind, made)
    raise DeployerError(
        f"account {run.account.settings.name} does not keep the metadata of {create.address}, by which deployer knows "
        f"it again; {made} was deleted, nothing more is written; check what stands before the account"
    )


async def _update(run: Execution, address: Address, update: Update) -> None:
    kind, body = update.address.kind, fill(update, run.promises.known)
    with _held_even_if_odd(run, update):
        async with run.turn():
            answer = await run.account.of(kind).update(kind, update.id, body)
    await _written(run, address, update, body, answer)


@contextmanager
def _held_even_if_odd(run: Execution, write: Write) -> Iterator[None]:
    """What may be done holds its files, though the answer makes no sense: they are not taken back."""
    try:
        yield
    except AccountError as error:
        if error.may_be_done:
            run.attached.update(run.promises.known[key] for _, key in write.refs)
        raise


async def _written(run: Execution, address: Address, write: Write, body: Mapping[str, Any], answer: Row) -> None:
    """Note what the service took otherwise, which uploads are held now, and the id."""
    run.attached.update(run.promises.known[key] for _, key in write.refs)
    await _compared(run, address, write, body, await _whole(run, write, body, answer))
    run.promises.learn(write.gives, answer["id"])


async def _whole(run: Execution, write: Write, body: Mapping[str, Any], answer: Row) -> Row:
    """Return what was written; it is read where the answer does not show it."""
    backend, kind = run.account.of(write.address.kind), write.address.kind
    if not any(name in answer for name in body) or _odd(answer):
        async with run.turn():
            answer = await backend.get(kind, answer["id"])
    if odd := _odd(answer):
        raise backend.odd(kind, f"gave {answer['id']} with {odd}")
    return answer


def _odd(answer: Row) -> str | None:
    return validate.odd_metadata(answer) or validate.odd_object(answer)


async def _compared(run: Execution, address: Address, write: Write, body: Mapping[str, Any], answer: Row) -> None:
    """Note what the service has otherwise than it was sent, and let the stamp remember it: it is no edit."""
    kind = run.account.kinds[write.address.kind]
    before = run.before.get(write.id) if isinstance(write, Update) else None
    addresses = {run.promises.known[key]: key for _, key in write.refs}
    exchange = answers.Exchange(kind, body, answer, before, addresses)
    found = answers.differences(exchange)
    run.notes[address] += map(str, answers.news(exchange, found))
    if stamped := answers.corrected(exchange, found):
        async with run.turn():
            await run.account.of(write.address.kind).update(write.address.kind, answer["id"], stamped.fields)


async def _delete(run: Execution, delete: Delete) -> None:
    kind = delete.address.kind
    async with run.turn():
        await run.account.of(kind).delete(kind, delete.id)
    run.promises.learn(delete.gives)


async def _update_file(run: Execution, update: UpdateFile) -> None:
    async with run.turn():
        await run.account.files.update_member(run.promises.known[update.store], update.file, update.attributes)


async def _detach(run: Execution, detach: DetachFile) -> None:
    async with run.turn():
        await run.account.files.detach(run.promises.known[detach.store], detach.file)
    run.promises.learn(detach.gives)


async def _delete_file(run: Execution, address: Address, delete: DeleteFile) -> None:
    if delete.id in run.used:  # left over, and of use after all
        run.journal.delete(delete.id)
        return
    holder = await run.usage.holder(delete.id)
    if holder:
        run.notes[address].append(f"file {delete.id} stays: the {holder}, which is foreign, holds it")
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


async def _upload(run: Execution, address: Address, upload: Upload) -> None:
    """Use what is on the account already, else send it."""
    found = await run.reuse.take(upload.file) or await _sent(run, address, upload.file)
    run.used.add(found)
    run.promises.learn(upload.gives, found)


async def _sent(run: Execution, address: Address, file: DesiredFile) -> str:
    """Stream the file, once; when the answer is lost, look whether it arrived."""
    with run.reuse.under_way(file):
        try:
            return await _send(run, address, file)
        except AccountError as error:
            if not error.may_be_done:
                raise
            lost = error
        what = f"the answer to the upload of {file.path} was lost; waiting until it is listed"
        found = await run.lag.until_shown(what, partial(run.reuse.appeared, file))
    if found is None:
        raise recover.unknown(run, lost, f"{file.path} was uploaded", "it is not listed")
    return found


async def _send(run: Execution, address: Address, file: DesiredFile) -> str:
    """Send the bytes; if they are no longer those of the plan, take the upload back and fail."""
    async with _opened(run, file) as content, run.turn():
        sent = lambda size: run.notify(Event(address, bytes=size))  # noqa: E731
        key = recover.key(run.nonce, file.name, file.sha256)
        file_id, sha = await run.account.files.upload(file.name, content, file.size, sent, key)
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


def _opened(run: Execution, file: DesiredFile) -> AbstractAsyncContextManager[BinaryIO]:
    source = file.source or file.path
    what = remote.shown(source) if remote.is_url(source) else source
    return remote.opened(what, lambda reading: remote.open_source(run.root, source, reading))


@dataclass(slots=True)
class _Group:
    """The members that are under way, by file id, in one store."""

    run: Execution
    address: Address
    store: str
    ids: Mapping[str, Member]


async def _attach(run: Execution, address: Address, operation: AttachFiles) -> None:
    """Attach a batch, wait until each is searchable, try once more what failed, and name what failed again.

    Each member's key is learned or given up on the way. Raises when a document did not make it.
    """
    try:
        failed = await _attached(run, address, operation)
    finally:
        run.promises.learn(operation.gives)
    if failed:
        raise DeployerError(f"not ingested: {', '.join(failed)}; mend or remove the file and run again")
    if run.promises.lacking(operation.files):
        raise LeftOut("a file was not sent")


async def _attached(run: Execution, address: Address, operation: AttachFiles) -> list[str]:
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


def _known(run: Execution, operation: AttachFiles) -> dict[str, Member]:
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
    batch = None if attached else await _send_batch(group)
    suspect = await (_until_done(group, batch) if batch else _until_none_waits(group))
    return await _reasons(group, batch, suspect)


async def _send_batch(group: _Group) -> str | None:
    """Send the batch and return its id; None when the answer was lost but the files are in the store.

    The first batch of a run goes alone, until it is known that the account keeps what it was sent.
    """
    run = group.run
    async with run.first:
        if not run.verified:
            batch = await _batch(group)
            await _attributes_came_back(group)
            run.verified = True
            run.attached.update(group.ids)
            return batch
    batch = await _batch(group)
    run.attached.update(group.ids)
    return batch


async def _batch(group: _Group) -> str | None:
    """Send the batch, once; when the answer is lost, look whether it was carried out."""
    run = group.run
    try:
        async with run.turn():
            return await run.account.files.attach(group.store, group.ids, recover.key(run.batch(), group.store))
    except AccountError as error:
        if not error.may_be_done:
            raise _refused(group, error) from None
        lost = error
    run.attached.update(group.ids)
    documents = counted(len(group.ids), "document")
    what = f"the answer to the attach of {documents} to {group.store} was lost; waiting until they show there"
    if await run.lag.until_shown(what, partial(_arrived, group)) is None:
        raise recover.unknown(run, lost, f"{documents} became part of {group.store}", "they do not show there")
    return None


async def _attributes_came_back(group: _Group) -> None:
    """Take back what was attached without its attributes: the next run would not know it, and attach it again."""
    run = group.run
    if await _kept(group):
        return
    run.undone = True
    run.stop.set()
    left = [one for one in await asyncio.gather(*(_detached(group, file_id) for file_id in group.ids)) if one]
    also = f", but {', '.join(left)} could not be taken out of {group.store}" if left else ""
    raise DeployerError(
        f"account {run.account.settings.name} does not keep the attributes of documents, by which deployer knows them "
        f"again; what this run attached and uploaded was taken back, nothing more is written{also}; check what stands "
        "before the account"
    )


async def _kept(group: _Group) -> bool:
    """Whether a document shows what it was attached with; one that does not show at all yet proves nothing."""
    file_id, found = next(iter(group.ids)), None
    for look in range(_LOOKS):
        if look and not await group.run.pause(group.run.waits.poll):
            break
        found = await _membership(group, file_id)
        if found and found.path is not None:
            return True
    return found is None


async def _membership(group: _Group, file_id: str) -> LiveFile | None:
    """Return a membership; out of the list where they are not served one by one. It stays attached if that fails."""
    files = group.run.account.files
    try:
        async with group.run.turn():
            try:
                return await files.member(group.store, file_id)
            except AccountError as error:
                if not error.unsupported:
                    raise
            return next((one for one in await files.members(group.store) if one.id == file_id), None)
    except DeployerError:
        group.run.attached.update(group.ids)
        raise


async def _detached(group: _Group, file_id: str) -> str | None:
    """Take a document out again, though the run is stopped; return its path when that failed."""
    try:
        async with group.run.gate:
            await group.run.account.files.detach(group.store, file_id)
    except AccountError:
        group.run.attached.add(file_id)
        return group.ids[file_id].path
    return None


def _refused(group: _Group, error: AccountError) -> DeployerError:
    """A File object that was on the account when it was last looked at may be gone: then the batch is refused whole."""
    reused = any(member.live for member in group.ids.values())
    if not error.absent or not reused:
        return error
    return DeployerError(f"{error} (a File object may be gone: run again with --check-files)")


async def _arrived(group: _Group) -> LiveFile | None:
    """Return a document of a batch without an answer; the batch was attached whole, or not at all."""
    file_id, member = next(iter(group.ids.items()))
    async with group.run.turn():
        found = await group.run.account.files.member(group.store, file_id)
    return found if found and _is(member, found) else None


def _is(member: Member, live: LiveFile) -> bool:
    """Whether a membership is another than the one that a file had before it was attached again."""
    same = live.path == member.path and vector_store.same_chunking(member.chunking, live.chunking)
    return same and live.usable


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
            if not error.absent or loop.time() - since > run.lag.most:
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
