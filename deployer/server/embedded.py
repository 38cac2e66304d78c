"""The embedded account: a folder, the application over it, and the threads that ingest files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from deployer.server import files, stores, uploads
from deployer.server.app import build_app
from deployer.server.blobs import Blobs
from deployer.server.ingestion import LEASE_SECONDS, Ingestion
from deployer.server.state import State
from deployer.server.storage import Storage

WORKERS = 2


class EmbeddedAccount:
    """An account on this machine; while it is open, `app` answers the API.

    Several processes may have the same folder open. `app` needs no lifespan events: opening the account is enough.
    """

    def __init__(
        self,
        folder: Path,
        *,
        key: str | None = None,
        clock: Callable[[], float] = time.time,
        workers: int = WORKERS,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self._storage = Storage(folder / "account.sqlite3")
        self._blobs = Blobs(folder)
        self._ingestion = Ingestion(self._storage, self._blobs, clock, self._tidy, lease)
        self._workers = workers
        self._state = State(self._storage, self._blobs, clock, self._ingestion.ring)
        self.app = build_app(self._state, key)

    def __enter__(self) -> Self:
        self._blobs.open(self._state.clock())
        self._storage.open()
        self._tidy()
        self._ingestion.start(self._workers)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ingestion.stop()
        self._storage.close()

    def _tidy(self) -> None:
        """Remove what has expired: files, uploads, and what is in expired vector stores."""
        now = self._state.now()
        with self._storage.read() as db:
            if not any(db.execute(due, (now,)).fetchone() for due in _DUE):
                return
        with self._storage.write() as db:
            gone = db.execute("DELETE FROM files WHERE expires_at <= ? RETURNING digest", (now,)).fetchall()
            digests = [row["digest"] for row in gone] + uploads.expire(db, now)
            stores.empty_expired(db, now)
        files.release(self._state, digests)


_DUE = (
    "SELECT 1 FROM files WHERE expires_at <= ?",
    "SELECT 1 FROM uploads WHERE status = 'pending' AND expires_at <= ?",
    stores.EXPIRED_WITH_FILES,
)
