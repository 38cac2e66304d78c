"""What is sent of an open file, hashed as it goes out."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from deployer.errors import DeployerError

Sent = Callable[[int], object]
"""Is told of bytes that went out; of a negative number when they have to go again."""


@dataclass(frozen=True, slots=True)
class Source:
    """An open, seekable file: what the account is to call it, and how many of its bytes are meant."""

    name: str
    file: BinaryIO
    size: int
    sent: Sent

    def changed(self) -> DeployerError:
        return DeployerError(f"{self.name} changed while it was sent; run again")


class Span:
    """A stretch of a source as a file of its own, that hashes what it hands out.

    Several may read one source by turns: each goes to its own place first. Going back to the beginning starts anew.
    """

    def __init__(self, source: Source, start: int, end: int) -> None:
        self._source, self._start, self._size = source, start, end - start
        self._at = self._done = 0
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._at
        self._source.file.seek(self._start + self._at)
        data = self._source.file.read(left if size < 0 else min(size, left))
        if left and not data:
            raise self._source.changed()
        self._at += len(data)
        self._done += len(data)
        self._hash.update(data)
        if data:
            self._source.sent(len(data))
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + (self._size if whence == os.SEEK_END else 0)
        if self._at == 0 and self._done:
            self._source.sent(-self._done)
            self._done, self._hash = 0, hashlib.sha256()
        return self._at

    def tell(self) -> int:
        return self._at

    def sha256(self) -> str:
        return self._hash.hexdigest()
