"""What each operation of a change does on the account."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, BinaryIO

from deployer import remote
from deployer.apply import attach, document_forms, kept, precondition, recover
from deployer.apply.execution import Event, Execution
from deployer.backends import validate
from deployer.backends.base import Row
from deployer.engine import answers, document_map, stamp
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
    FileAction,
    Operation,
    Update,
    UpdateFile,
    Upload,
    Write,
)


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
            await attach.attach(run, address, operation)
        case UpdateFile():
            await _update_file(run, address, operation)
        case DetachFile():
            await _detach(run, change, operation)
        case DeleteFile():
            await _delete_file(run, address, operation)
    run.notify(Event(address, operation))


async def _create(run: Execution, address: Address, create: Create) -> None:
    """Make an object; the first of a kind goes alone until the account has shown that it keeps and lists it."""
    kind = create.address.kind
    if kind not in run.proven:
        async with run.firsts[kind]:
            if kind not in run.proven:
                await kept.before_first(run, create, fill(create, run.promises.known))
                return await _made(run, address, create)
    return await _made(run, address, create)


async def _made(run: Execution, address: Address, create: Create) -> None:
    body = fill(create, run.promises.known)
    with _held_even_if_odd(run, create):
        answer = await recover.create(run, create, body)
    await kept.after_create(run, create, body, answer)
    await _written(run, address, create, body, answer)


async def _update(run: Execution, address: Address, update: Update) -> None:
    kind, body = update.address.kind, fill(update, run.promises.known)
    with _held_even_if_odd(run, update):
        answer = await recover.update(run, update, partial(_set, run, kind, update.id, body), body)
    await kept.after_update(run, update, body, answer)
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
    odd = _odd(answer)
    if odd or not any(name in answer for name in body):
        async with run.turn():
            answer = await backend.get(kind, answer["id"])
        odd = _odd(answer)
    if odd:
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
        await _set(run, write.address.kind, answer["id"], stamped.fields)


async def _set(run: Execution, kind: str, live_id: str, body: Mapping[str, Any]) -> Row:
    """Update an object; the documents that its metadata names are those of now."""
    async with run.naming.alone(live_id), run.turn():
        return await run.account.of(kind).update(kind, live_id, run.naming.merged(live_id, body))


async def _delete(run: Execution, delete: Delete) -> None:
    kind = delete.address.kind
    async with run.turn():
        await run.account.of(kind).delete(kind, delete.id)
    run.promises.learn(delete.gives)


async def _update_file(run: Execution, address: Address, update: UpdateFile) -> None:
    """Where documents carry no attributes, the metadata of the store names them."""
    store, able = run.promises.known[update.store], run.account.capabilities
    if able.attributes is not False:
        try:
            async with run.turn():
                found = await run.account.files.update_member(store, update.file, update.attributes)
        except AccountError as error:
            if not error.about_form:
                raise
            able.learn_attributes("an update of a document's attributes was refused", kept=False)
        else:
            if found and vector_store.PATH_KEY in update.attributes:  # else it is foreign again
                await document_forms.remember(
                    run, address, store, {update.file: update.attributes}, found.chunking, found
                )
            return
    if vector_store.PATH_KEY in update.attributes:
        await run.naming.add(address, store, {update.file: document_map.token_of(update.attributes)})


async def _detach(run: Execution, change: Change, detach: DetachFile) -> None:
    store = run.promises.known[detach.store]
    try:
        async with run.turn():
            await run.account.files.detach(store, detach.file)
    except AccountError as error:
        raise DeployerError(f"{_what_stays(change, detach.file)}: {error}") from None
    run.naming.forget(store, detach.file)
    run.promises.learn(detach.gives)


def _what_stays(change: Change, file_id: str) -> str:
    """Say which document a search goes on finding."""
    for one in change.files:
        if file_id in (file.id for file in one.live):
            if one.action is FileAction.REMOVE:
                return f"{one.path} stays in the store, and a search finds it"
            return f"the version of {one.path} before this one stays in the store, and a search finds both"
    return f"{file_id} stays in the store, and a search finds it"


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
    if not (write.refs or write.hashes):
        return dict(write.body)
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
        run.journal.lose(file.name, file.size, file.sha256)
        raise recover.unknown(run, lost, f"{file.path} was uploaded", "it is not listed")
    return found


async def _send(run: Execution, address: Address, file: DesiredFile) -> str:
    """Send the bytes; if they are no longer those of the plan, take the upload back and fail."""
    async with _room(run, file), _opened(run, file) as content, run.turn():
        sent = lambda size: run.notify(Event(address, bytes=size))  # noqa: E731
        key = recover.key(run.nonce, file.name, file.sha256)
        file_id, sha = await run.account.files.upload(file.name, content, file.size, sent, key)
    run.reuse.seen.add(file_id)
    run.sent.add(file_id)
    run.journal.send(file_id, sha, file.name)
    if sha != file.sha256:
        async with run.turn():
            await run.account.files.delete(file_id)
        run.sent.discard(file_id)
        run.journal.delete(file_id)
        raise DeployerError(f"{file.path} changed after it was planned; run again")
    return file_id


def _room(run: Execution, file: DesiredFile) -> AbstractAsyncContextManager[object]:
    """Return what waits until there is room for a copy of a document behind a URL."""
    return run.copies if remote.is_url(file.source or file.path) else nullcontext()


def _opened(run: Execution, file: DesiredFile) -> AbstractAsyncContextManager[BinaryIO]:
    source = file.source or file.path
    what = remote.shown(source) if remote.is_url(source) else source
    return remote.opened(what, lambda reading: remote.open_source(run.root, source, reading))
