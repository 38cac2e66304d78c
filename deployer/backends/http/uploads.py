"""Send a file, and know what was sent: whole, or when it is large in parts beside each other.

Nothing is held in memory: each range of the file is read when its turn comes, and hashed as it goes out. A part may
have 64 MB (public docs, uploads/add-part).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, BinaryIO

from deployer.backends import validate
from deployer.backends.http.client import Client
from deployer.backends.http.exchange import Content
from deployer.backends.http.failures import Failure
from deployer.backends.http.pacing import UPLOAD
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


Sent = Callable[[int], object]
"""Is told of bytes that went out; of a negative number when they have to go again."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open, seekable file: what the account is to call it, and how many of its bytes are meant."""

    name: str
    content: BinaryIO
    size: int
    sent: Sent
    key: str = ""

    def changed(self) -> DeployerError:
        return DeployerError(f"{self.name} changed while it was sent; run again")


class FileRange:
    """A range of an open file as a file of its own, that hashes what it hands out.

    Several may read one by turns: each goes to its own place first. Going back to the beginning starts anew.
    """

    def __init__(self, file: OpenFile, start: int, end: int) -> None:
        self._file, self._start, self._size = file, start, end - start
        self._at = self._done = 0
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._at
        self._file.content.seek(self._start + self._at)
        data = self._file.content.read(left if size < 0 else min(size, left))
        if left and not data:
            raise self._file.changed()
        self._at += len(data)
        self._done += len(data)
        self._hash.update(data)
        if data:
            self._file.sent(len(data))
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + (self._size if whence == os.SEEK_END else 0)
        if self._at == 0 and self._done:
            self._file.sent(-self._done)
            self._done, self._hash = 0, hashlib.sha256()
        return self._at

    def tell(self) -> int:
        return self._at

    def sha256(self) -> str:
        return self._hash.hexdigest()


def _unheard(_count: int) -> None:
    pass


async def send(  # noqa: PLR0913, PLR0917
    client: Client, name: str, content: BinaryIO, size: int, sent: Sent = _unheard, key: str = ""
) -> tuple[str, dict[str, Any]]:
    """Send the first `size` bytes of an open file; return the sha256 of what went out, and the File object.

    `key` is the same for each time that one and the same file is sent.

    Raises AccountError, `lost` when the file may be there; DeployerError when the content changes while it is sent.
    """

    def gone(count: int) -> None:
        client.circuit.silence.moved()
        sent(count)

    file = OpenFile(name, content, size, gone, key)
    if size > PART:
        return await send_in_parts(client, file, PART)
    piece = FileRange(file, 0, size)
    answer = await client.send_file("/files", Content("file", name, piece), PURPOSE, counts=UPLOAD, key=key)
    return piece.sha256(), answer.data


@dataclass(frozen=True, slots=True)
class _Digests:
    """Of the whole, and of each part: parts go out side by side, so that what was sent is compared part by part."""

    sha256: str
    md5: str
    parts: tuple[str, ...]


async def send_in_parts(client: Client, file: OpenFile, part: int = PART) -> tuple[str, dict[str, Any]]:
    """Return the sha256 of what went out, and the File object."""
    digests = await asyncio.to_thread(_digests, file, part)
    path = f"/uploads/{await _begin(client, file)}"
    try:
        ids = await _send_parts(client, path, file, part, digests)
    except (DeployerError, OSError):
        await _cancelled(client, path)
        raise
    return digests.sha256, await _complete(client, path, {"part_ids": ids, "md5": digests.md5}, file.key)


def _digests(file: OpenFile, part: int) -> _Digests:
    sha, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    parts = []
    for start in range(0, file.size, part):
        one = hashlib.sha256()
        for block in _blocks(file, start, min(start + part, file.size)):
            for digest in (sha, md5, one):
                digest.update(block)
        parts.append(one.hexdigest())
    return _Digests(sha.hexdigest(), md5.hexdigest(), tuple(parts))


def _blocks(file: OpenFile, start: int, end: int) -> Iterator[bytes]:
    file.content.seek(start)
    while start < end:
        block = file.content.read(min(_BLOCK, end - start))
        if not block:
            raise file.changed()
        start += len(block)
        yield block


async def _begin(client: Client, file: OpenFile) -> str:
    """Open an upload; one that is opened twice does no harm, for it expires within the hour (public docs)."""
    kind = _TYPES.get(PurePosixPath(file.name).suffix.lower(), "text/plain")
    body = {"filename": file.name, "bytes": file.size, "mime_type": kind, **PURPOSE}
    answer = await client.write("POST", "/uploads", body, again=True, counts=UPLOAD)
    return _id(client, "/uploads", answer.data)


async def _send_parts(client: Client, path: str, file: OpenFile, part: int, digests: _Digests) -> list[str]:
    """Send the parts, a few at a time; one sent twice does no harm, for only the parts that are named are joined."""
    ids = [""] * len(digests.parts)
    numbers = iter(range(len(ids)))

    async def work() -> None:
        for number in numbers:
            piece = FileRange(file, number * part, min((number + 1) * part, file.size))
            answer = await client.send_file(f"{path}/parts", Content("data", file.name, piece), again=True)
            if piece.sha256() != digests.parts[number]:
                raise file.changed()
            ids[number] = _id(client, f"{path}/parts", answer.data)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(BESIDE):
                group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return ids


async def _complete(client: Client, path: str, body: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Join the parts. An upload can still be cancelled only if it was not completed: that tells when answers do not."""
    try:
        data = (await client.write("POST", f"{path}/complete", body, again=True, key=key)).data
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
    """Return the id of an answer: it becomes part of a path, and must not lead elsewhere."""
    found = data.get("id")
    if isinstance(found, str) and validate.is_id(found):
        return found
    raise client.error("POST", path, Failure("answered without an id", _REMEDY))
