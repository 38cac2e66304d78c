"""The embedded account: a folder, the application over it, and the threads that ingest files."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from starlette.types import ASGIApp

from deployer.server.app import build_app
from deployer.server.faults import Faults, Strikes
from deployer.server.faults.middleware import FaultMiddleware
from deployer.server.faults.recent import RecentSnapshots
from deployer.server.ingestion import LEASE_SECONDS, Ingestion, IngestOutcome
from deployer.server.middleware import HostCheck, Log, RequestLog
from deployer.server.resources import files, uploads, vector_stores
from deployer.server.runs.answers import Answerer
from deployer.server.runs.rehearsal import Rehearsal
from deployer.server.runs.worker import Turns
from deployer.server.state import USUAL_FOUNDRY, FoundrySwitches, State
from deployer.server.storage import Storage
from deployer.server.storage.blobs import Blobs
from deployer.server.storage.disk import Complain, Complaints, explained
from deployer.server.wire import Json

WORKERS = 2
_FAILED = {"unsupported_file": "The file type is not supported.", "invalid_file": "The file could not be parsed."}


class EmbeddedAccount:
    """An account on this machine; while it is open, `app` answers the API.

    Several processes may have the same folder open. `app` needs no lifespan events: opening the account is enough.
    `faults` make a bad day, `latency` (seconds) a slow one, and `log` gets a line of data for each request. `complain`
    gets a sentence when the disk refuses; clients are told in any case. `answers` is what answers where a
    model would; by default it is a rehearsal. One that does not `plays` leaves turns to another process. `foundry`
    says how it behaves where Microsoft Foundry's service is not known.
    """

    app: ASGIApp

    def __init__(  # noqa: PLR0913 (options with names)
        self,
        folder: Path,
        *,
        key: str | None = None,
        hosts: HostCheck | None = None,
        clock: Callable[[], float] = time.time,
        workers: int = WORKERS,
        lease: float = LEASE_SECONDS,
        faults: Faults | None = None,
        latency: float = 0.0,
        log: Log | None = None,
        answers: Answerer | None = None,
        plays: bool = True,
        foundry: FoundrySwitches = USUAL_FOUNDRY,
        complain: Complain = lambda _text: None,
    ) -> None:
        complaints = Complaints(complain)
        self._storage = Storage(folder / "account.sqlite3")
        self._blobs = Blobs(folder)
        self._strikes = Strikes(faults or Faults())
        self._recent = RecentSnapshots(self._storage, clock, self._strikes.faults.horizon)
        self._ingestion = Ingestion(
            self._storage,
            self._blobs,
            clock,
            complaints=complaints,
            tidy=self._tidy,
            hinder=self._hindered,
            lease=lease,
        )
        self._workers, self._plays = workers, plays
        self._turns = Turns(
            self._storage,
            clock,
            answers or Rehearsal(),
            search=self._search,
            keep_file=self._keep_file,
            complaints=complaints,
            lease=lease,
        )
        self._state = State(self._storage, self._blobs, clock, self._ingestion.ring, complaints, self._turns, foundry)
        self.app = FaultMiddleware(build_app(self._state, key, hosts), self._strikes, self._recent, latency)
        if log is not None:
            self.app = RequestLog(self.app, log, clock)

    def __enter__(self) -> Self:
        try:
            self._blobs.open(self._state.clock())
            self._storage.open()
            self._tidy()
        except (OSError, sqlite3.Error) as error:
            self._storage.close()
            if plain := explained(error):
                raise plain from None
            raise
        self._ingestion.start(self._workers)
        self._look()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._turns.stop()
        self._ingestion.stop()
        self._recent.close()
        self._storage.close()

    @property
    def turns(self) -> Turns:
        """The conversations of the account."""
        return self._turns

    def _look(self) -> None:
        if self._plays:
            self._turns.look()

    def _hindered(self, job: sqlite3.Row) -> IngestOutcome | None:
        """What a fault makes of a job, if one strikes it."""
        fault = self._strikes.document(job)
        if fault is None:
            return None
        message = _FAILED.get(fault.fail, "An internal error occurred.") if fault.fail else None
        return IngestOutcome(code=fault.fail, message=message, wait=fault.delay or 0.0)

    def _search(self, tool: Json, queries: list[str], *, waits: bool) -> list[Json] | None:
        return vector_stores.search_for_turn(self._state, tool, queries, waits=waits)

    def _keep_file(self, filename: str, content: bytes) -> str:
        return files.keep(self._state, filename, content)

    def end_streams(self) -> None:
        """End every stream of events, so that a server can stop."""
        self._turns.channels.close()

    def _tidy(self) -> None:
        """Remove what has expired: files, uploads, and what is in expired vector stores; see to turns left behind."""
        self._look()
        now = self._state.now()
        with self._storage.read() as db:
            if not any(db.execute(due, (now,)).fetchone() for due in _DUE):
                return
        with self._storage.write() as db:
            gone = db.execute(f"DELETE FROM files WHERE {files.EXPIRED} RETURNING digest", (now,)).fetchall()
            digests = [row["digest"] for row in gone] + uploads.expire(db, now)
            vector_stores.empty_expired(db, now)
        files.release(self._state, digests)


_DUE = (
    f"SELECT 1 FROM files WHERE {files.EXPIRED}",
    "SELECT 1 FROM uploads WHERE status = 'pending' AND expires_at <= ?",
    vector_stores.EXPIRED_WITH_FILES,
)
