"""What each step of a plan does on the account."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from deployer.account.client import Client
from deployer.account.failures import Failure
from deployer.errors import AccountError, DeployerError
from deployer.kinds import vector_store
from deployer.model import Address, Await, AwaitStore, Request, Step, Upload

POLL_SECONDS = 1.0
DEADLINE_SECONDS = 900.0
_PLACEHOLDER = re.compile(r"\{([^}]+)\}")
_NOT_FOUND = 404
_REMEDY = "check the account's api and base_url, then run again"


@dataclass(slots=True)
class Run:
    """The state of one execution: the ids that are known so far, by key (an address, a file, a batch)."""

    client: Client
    root: Path
    gate: asyncio.Semaphore
    known: dict[str, str]
    notify_step: Callable[[Address, Step], None]


async def do(run: Run, address: Address, step: Step) -> None:
    """Do one step and report it; raises DeployerError when it cannot be done."""
    match step:
        case Request():
            await _request(run, step)
        case Upload():
            await _upload(run, step)
        case Await():
            await _await_batch(run, step)
        case AwaitStore():
            await _await_store(run, step)
    run.notify_step(address, step)


async def _request(run: Run, request: Request) -> None:
    path, body = fill(request, run.known)
    try:
        async with run.gate:
            answer = await run.client.write(request.method, path, body)
    except AccountError as error:
        if request.method == "DELETE" and error.status == _NOT_FOUND:
            return  # what was to go is gone
        raise
    _learn(run, path, request.gives, answer.data)


def fill(request: Request, known: Mapping[str, str]) -> tuple[str, dict[str, Any] | None]:
    """Give path and body with the ids of keys that earlier steps made known."""
    path = _PLACEHOLDER.sub(lambda match: known[match[1]], request.path)
    if request.body is None:
        return path, None
    body: dict[str, Any] = copy.deepcopy(dict(request.body))
    for pointer, key in request.refs:
        _put(body, pointer, known[key])
    return path, body


def _put(body: Any, pointer: str, value: str) -> None:
    *parents, last = pointer.strip("/").split("/")
    for part in parents:
        body = body[int(part)] if isinstance(body, list) else body[part]
    body[int(last) if isinstance(body, list) else last] = value


def _learn(run: Run, path: str, key: str | None, data: Mapping[str, Any]) -> None:
    if key is None:
        return
    if not isinstance(data.get("id"), str):
        raise run.client.error("POST", path, Failure("answered without an id", _REMEDY))
    run.known[key] = data["id"]


class _Reader:
    """A file that hashes what it hands out, so that what was sent can be held against what was planned."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def sha256(self) -> str:
        return self._hash.hexdigest()


async def _upload(run: Run, step: Upload) -> None:
    """Stream the file; if its bytes are no longer those of the plan, take the upload back and fail."""
    file = step.file
    try:
        with (run.root / (file.source or file.path)).open("rb") as content:
            async with run.gate:
                sha, answer = await _send_bytes(run, file.name, content)
    except OSError as error:
        raise DeployerError(f"{file.path} cannot be read ({error.strerror}); check it and run again") from None
    if sha != file.sha256:
        await run.client.write("DELETE", f"/files/{answer.get('id')}")
        raise DeployerError(f"{file.path} changed after it was planned; run again")
    _learn(run, "/files", step.gives, answer)


async def _send_bytes(run: Run, name: str, content: IO[bytes]) -> tuple[str, dict[str, Any]]:
    reader = _Reader(content)
    answer = await run.client.upload(name, reader)
    return reader.sha256(), answer.data


async def _await_batch(run: Run, step: Await) -> None:
    batch = run.known[step.batch]
    path = f"{vector_store.PATH}/{run.known[step.store]}/file_batches/{batch}"
    counts = await _poll(run, path, step.store)
    if not any(counts.get(name) for name in ("failed", "cancelled")):
        return
    paths = {run.known[key]: file for key, file in step.paths.items()}
    await _raise_failed(run, run.known[step.store], paths)


async def _await_store(run: Run, step: AwaitStore) -> None:
    store = run.known[step.store]
    await _poll(run, f"{vector_store.PATH}/{store}", step.store)
    await _raise_failed(run, store, step.paths)


async def _poll(run: Run, path: str, store: str) -> Mapping[str, Any]:
    """Ask until nothing is in progress, as often as the account wishes; give the counts."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_SECONDS
    while True:
        async with run.gate:
            answer = await run.client.get(path)
        counts = answer.data.get("file_counts")
        if not isinstance(counts, dict):
            raise run.client.error("GET", path, Failure("answered without file_counts", _REMEDY))
        if not counts.get("in_progress"):
            return counts
        if asyncio.get_running_loop().time() > deadline:
            raise DeployerError(
                f"{store}: files are still not ingested after {DEADLINE_SECONDS:.0f} s; run again later"
            )
        await asyncio.sleep(answer.poll_after or POLL_SECONDS)


async def _raise_failed(run: Run, store: str, paths: Mapping[str, str]) -> None:
    reasons = await asyncio.gather(*(_failure(run, store, file_id) for file_id in paths))
    failed = [f"{path} ({why})" for path, why in zip(paths.values(), reasons, strict=True) if why]
    if failed:
        raise DeployerError(f"not ingested: {', '.join(failed)}; mend or remove the file and run again")


async def _failure(run: Run, store: str, file_id: str) -> str | None:
    """Give why a file is not ready, in the service's own words; None when it is."""
    async with run.gate:
        data = (await run.client.get(f"{vector_store.PATH}/{store}/files/{file_id}")).data
    if data.get("status") == "completed":
        return None
    error = data.get("last_error")
    said = error.get("message") if isinstance(error, dict) else None
    return f"{data.get('status')}: {said or 'no reason given'}"
