"""What each step of a change does on the account."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Mapping
from typing import Any

from deployer import sources
from deployer.account.applying import lost, review
from deployer.account.applying.attach import attach
from deployer.account.applying.run import Event, Run
from deployer.account.connection import uploads
from deployer.account.connection.failures import Failure
from deployer.engine import readback, stamp
from deployer.errors import AccountError, DeployerError
from deployer.model import Address, Attach, Change, DeleteFile, DesiredFile, Request, Step, Upload

_PLACEHOLDER = re.compile(r"\{([^}]+)\}")
_NOT_FOUND = 404
_TRIES = 5
_REMEDY = "check the account's api and base_url, then run again"


async def do(run: Run, change: Change, step: Step) -> None:
    """Do one step and report it; raises DeployerError when it cannot be done."""
    address = change.address
    match step:
        case Request():
            await review.before_request(run, change, step)
            await _request(run, address, step)
        case Upload():
            await _upload(run, address, step)
        case Attach():
            await attach(run, address, step)
        case DeleteFile():
            await _delete_file(run, address, step)
    run.notify(Event(address, step))


async def _request(run: Run, address: Address, request: Request) -> None:
    path, body = fill(request, run.keys.known)
    kind = run.kind_of(path)
    if request.method == "DELETE":
        await _delete(run, path)
        run.keys.learn(request.gives or "")
        return
    async with run.turn():
        if kind and body is not None and path == kind.PATH:
            answer = await lost.create(run, kind, body)
        else:
            answer = (await run.client.write(request.method, path, body, again=True)).data
    if kind and body is not None:
        run.notes[address] += readback.unheeded(kind, body, answer)
    run.attached.update(run.keys.known[key] for _, key in request.refs)
    _learn(run, path, request.gives, answer)


async def _delete(run: Run, path: str) -> None:
    try:
        async with run.turn():
            await run.client.write("DELETE", path, again=True)
    except AccountError as error:
        if error.status != _NOT_FOUND:  # else what was to go is gone
            raise


async def _delete_file(run: Run, address: Address, step: DeleteFile) -> None:
    if step.file_id in run.used:  # left over, and of use after all
        run.journal.delete(step.file_id)
        return
    holder = await run.others.holder(step.file_id)
    if holder:
        run.notes[address].append(f"file {step.file_id} stays: the {holder}, which is not ours, holds it")
        run.journal.delete(step.file_id)
        return
    await _delete(run, f"/files/{step.file_id}")
    run.journal.delete(step.file_id)


def fill(request: Request, known: Mapping[str, str]) -> tuple[str, dict[str, Any] | None]:
    """Give path and body with the ids of keys that earlier steps made known."""
    path = _PLACEHOLDER.sub(lambda match: known[match[1]], request.path)
    if request.body is None:
        return path, None
    body: dict[str, Any] = copy.deepcopy(dict(request.body))
    for pointer, key in request.refs:
        _change(body, pointer, lambda _old, key=key: known[key])
    for pointer, key in request.marks:
        _change(body, pointer, lambda old, key=key: old.replace(f"{{{key}}}", stamp.name_of(known[key])))
    return path, body


def _change(body: Any, pointer: str, new: Any) -> None:
    *parents, last = pointer.strip("/").split("/")
    for part in parents:
        body = body[int(part)] if isinstance(body, list) else body[part]
    place: Any = int(last) if isinstance(body, list) else last
    body[place] = new(body[place])


def _learn(run: Run, path: str, key: str | None, data: Mapping[str, Any]) -> None:
    if key is None:
        return
    if not isinstance(data.get("id"), str):
        raise run.client.error("POST", path, Failure("answered without an id", _REMEDY))
    run.keys.learn(key, data["id"])


async def _upload(run: Run, address: Address, step: Upload) -> None:
    """Use what is on the account already, else send it."""
    found = await run.spare.take(step.file) or await _sent(run, address, step.file)
    run.used.add(found)
    run.keys.learn(step.gives, found)


async def _sent(run: Run, address: Address, file: DesiredFile) -> str:
    """Stream the file; when the answer is lost, look whether it arrived, and only else send it again."""
    for _ in range(_TRIES):
        try:
            return await _send(run, address, file)
        except AccountError as error:
            if not error.lost:
                raise
            lost = error
        await run.pause(run.waits.lost)
        if found := await run.spare.appeared(file, alone=_is_alone(run, file)):
            return found
    raise lost


async def _send(run: Run, address: Address, file: DesiredFile) -> str:
    """Send the bytes; if they are no longer those of the plan, take the upload back and fail."""
    content = await asyncio.to_thread(sources.open_source, run.root, file.source or file.path)
    with content:
        async with run.turn():
            sha, answer = await uploads.send(
                run.client, file.name, content, file.size, lambda size: run.notify(Event(address, bytes=size))
            )
    file_id = answer.get("id")
    if not isinstance(file_id, str):
        raise run.client.error("POST", "/files", Failure("answered without an id", _REMEDY))
    run.spare.seen.add(file_id)
    run.sent.add(file_id)
    run.journal.send(file_id, sha)
    if sha != file.sha256:
        await _delete(run, f"/files/{file_id}")
        run.sent.discard(file_id)
        run.journal.delete(file_id)
        raise DeployerError(f"{file.path} changed after it was planned; run again")
    return file_id


def _is_alone(run: Run, file: DesiredFile) -> bool:
    steps = (step for change in run.plan.pending for step in change.steps if isinstance(step, Upload))
    return sum(step.file.name == file.name and step.file.size == file.size for step in steps) == 1
