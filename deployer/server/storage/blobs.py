"""The bytes of files: a folder addressed by content, written so that a kill at any moment leaves no half file."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

BLOCK = 1024 * 1024
ORPHAN_SECONDS = 3600.0


class Incoming:
    """Bytes on their way in, and their digest: in memory while they are few, then in a temporary file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._hash = hashlib.sha256()
        self._head = bytearray()
        self._file: BinaryIO | None = None

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self.size += len(data)
        self._head += data
        if self.size > BLOCK:
            self._spill()

    def seal(self) -> None:
        """Write all to the file: slow, so it is done before the short transaction that keeps it.

        Nothing is forced to disk. A killed process loses nothing by that; a power cut can lose the last uploads.
        """
        self._spill()
        self._close()

    def drop(self) -> None:
        with contextlib.suppress(OSError):  # a full disk refuses the rest once more, and no longer matters
            self._close()
        self.path.unlink(missing_ok=True)

    def _spill(self) -> None:
        self._file = self._file or self.path.open("xb")
        self._file.write(self._head)
        self._head.clear()

    def _close(self) -> None:
        if self._file:
            self._file.close()


class Blobs:
    """Content-addressed bytes below one folder; names come from digests only, never from a client."""

    def __init__(self, folder: Path) -> None:
        self._incoming = folder / "incoming"
        self._kept = folder / "blobs"

    def open(self, now: float) -> None:
        self._incoming.mkdir(parents=True, exist_ok=True)
        self._kept.mkdir(parents=True, exist_ok=True)
        self._sweep(now)

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """A place for new bytes, gone at the end unless they were kept."""
        incoming = Incoming(self._incoming / secrets.token_hex(16))
        try:
            yield incoming
        finally:
            incoming.drop()

    def keep(self, incoming: Incoming) -> None:
        """Move sealed bytes to their place; call it inside the transaction that adds the row which names them."""
        path = self.path(incoming.digest)
        path.parent.mkdir(exist_ok=True)
        incoming.path.replace(path)

    def remove(self, digest: str) -> None:
        """Forget bytes; call it inside a write transaction that has seen no row with this digest."""
        self.path(digest).unlink(missing_ok=True)

    def path(self, digest: str) -> Path:
        return self._kept / digest[:2] / digest

    def blocks(self, digest: str) -> Iterator[bytes]:
        with self.path(digest).open("rb") as file:
            while block := file.read(BLOCK):
                yield block

    def _sweep(self, now: float) -> None:
        """Remove what killed processes left; a younger file may belong to an upload of a process that is alive."""
        for path in self._incoming.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < now - ORPHAN_SECONDS:
                    path.unlink()
