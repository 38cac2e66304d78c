"""Send a large file in parts, beside each other; nothing is held in memory: each is read when its turn comes.

A part may have 64 MB (public docs, uploads/add-part).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from deployer.account.connection.client import Client
from deployer.account.connection.exchange import Content
from deployer.account.connection.failures import Failure
from deployer.account.connection.spans import Source, Span
from deployer.account.reading import shapes
from deployer.errors import AccountError, DeployerError

PART = 64 * 1024 * 1024
BESIDE = 4
_BLOCK = 256 * 1024
_REMEDY = "check the account's api and base_url"
PURPOSE = MappingProxyType({"purpose": "assistants"})
_TYPES = MappingProxyType(
    {
        ".csv": "text/csv",
        ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ".html": "text/html",
        ".json": "application/json",
        ".md": "text/markdown",
        ".pdf": "application/pdf",
        ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ".txt": "text/plain",
    }
)


@dataclass(frozen=True, slots=True)
class _Digests:
    """Of the whole, and of each part: parts go out side by side, so that what was sent is compared part by part."""

    sha256: str
    md5: str
    parts: tuple[str, ...]


async def send_in_parts(client: Client, source: Source, part: int = PART) -> tuple[str, dict[str, Any]]:
    """Give the sha256 of what went out, and the File object."""
    digests = await asyncio.to_thread(_digests, source, part)
    path = f"/uploads/{await _begin(client, source)}"
    try:
        ids = await _send_parts(client, path, source, part, digests)
    except (DeployerError, OSError):
        await _cancelled(client, path)
        raise
    return digests.sha256, await _complete(client, path, {"part_ids": ids, "md5": digests.md5})


def _digests(source: Source, part: int) -> _Digests:
    sha, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    parts = []
    for start in range(0, source.size, part):
        one = hashlib.sha256()
        for block in _blocks(source, start, min(start + part, source.size)):
            for digest in (sha, md5, one):
                digest.update(block)
        parts.append(one.hexdigest())
    return _Digests(sha.hexdigest(), md5.hexdigest(), tuple(parts))


def _blocks(source: Source, start: int, end: int) -> Iterator[bytes]:
    source.file.seek(start)
    while start < end:
        block = source.file.read(min(_BLOCK, end - start))
        if not block:
            raise source.changed()
        start += len(block)
        yield block


async def _begin(client: Client, source: Source) -> str:
    """Open an upload; one that is opened twice does no harm, for it expires within the hour (public docs)."""
    kind = _TYPES.get(PurePosixPath(source.name).suffix.lower(), "text/plain")
    body = {"filename": source.name, "bytes": source.size, "mime_type": kind, **PURPOSE}
    answer = await client.write("POST", "/uploads", body, again=True)
    return _id(client, "/uploads", answer.data)


async def _send_parts(client: Client, path: str, source: Source, part: int, digests: _Digests) -> list[str]:
    """Send the parts, a few at a time; one sent twice does no harm, for only the parts that are named are joined."""
    ids = [""] * len(digests.parts)
    numbers = iter(range(len(ids)))

    async def work() -> None:
        for number in numbers:
            span = Span(source, number * part, min((number + 1) * part, source.size))
            answer = await client.send_file(f"{path}/parts", Content("data", source.name, span), again=True)
            if span.sha256() != digests.parts[number]:
                raise source.changed()
            ids[number] = _id(client, f"{path}/parts", answer.data)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(BESIDE):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return ids


async def _complete(client: Client, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Join the parts. An upload can still be cancelled only if it was not completed: that tells when answers do not."""
    try:
        data = (await client.write("POST", f"{path}/complete", body, again=True)).data
    except AccountError as error:
        lost = not await _cancelled(client, path) and error.lost
        raise AccountError(str(error), status=error.status, code=error.code, lost=lost) from None
    file = data.get("file")
    if isinstance(file, dict):
        return file
    raise client.error("POST", f"{path}/complete", Failure("answered without the file", _REMEDY))


async def _cancelled(client: Client, path: str) -> bool:
    try:
        await client.write("POST", f"{path}/cancel", again=True)
    except AccountError:  # the upload has failed already, and says why
        return False
    return True


def _id(client: Client, path: str, data: Mapping[str, Any]) -> str:
    """Give the id of an answer: it becomes part of a path, and must not lead elsewhere."""
    found = data.get("id")
    if isinstance(found, str) and shapes.is_id(found):
        return found
    raise client.error("POST", path, Failure("answered without an id", _REMEDY))
