"""Ingestion: threads that read attached files and make them searchable, in this process or in whichever is alive.

A job is a membership in progress. A process claims it with a lease and renews the lease while it works, so that the
jobs of a process that was killed are taken up by the next one. Whoever finishes first writes the outcome.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable

from deployer.server.blobs import Blobs
from deployer.server.chunking import chunks
from deployer.server.extraction import extract
from deployer.server.refusal import RefusedError
from deployer.server.storage import Storage

LEASE_SECONDS = 15.0
MOST_ATTEMPTS = 3
_LOOK_SECONDS = 1.0  # how often an idle thread looks for the work of other processes
_STOP_SECONDS = 10.0
logger = logging.getLogger(__name__)


class Ingestion:
    """The threads of one process."""

    def __init__(
        self, storage: Storage, blobs: Blobs, clock: Callable[[], float], tidy: Callable[[], None], lease: float
    ) -> None:
        self._storage, self._blobs, self._clock, self._tidy, self._lease = storage, blobs, clock, tidy, lease
        self._owner = secrets.token_hex(8)
        self._in_hand: set[int] = set()
        self._bell = threading.Semaphore(0)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, workers: int) -> None:
        """Start threads that ingest, and one that renews their leases."""
        self._stop.clear()
        work = [self._work] * workers
        self._threads = [
            threading.Thread(target=target, name="ingestion", daemon=True) for target in [*work, self._keep]
        ]
        for thread in self._threads:
            thread.start()

    def ring(self) -> None:
        """Say that there is new work."""
        self._bell.release()

    def stop(self) -> None:
        """Let the threads end; what they cannot finish in time is left to the next process."""
        self._stop.set()
        self._bell.release(len(self._threads))
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    def _work(self) -> None:
        while not self._stop.is_set():
            if not self._next():
                self._bell.acquire(timeout=_LOOK_SECONDS)

    def _next(self) -> bool:
        """Do the next job, if there is one; a database that is in trouble now may be well again later."""
        try:
            job = self._claim()
            if job is None:
                return False
            self._bell.release()  # another thread may find more
            self._work_on(job)
        except sqlite3.Error:
            logger.exception("ingestion cannot use the database")
            return False
        return True

    def _work_on(self, job: sqlite3.Row) -> None:
        self._in_hand.add(job["seq"])
        try:
            self._ingest(job)
        finally:
            self._in_hand.discard(job["seq"])

    def _claim(self) -> sqlite3.Row | None:
        """The oldest job that nobody holds; reading first keeps an idle process from writing."""
        waiting = "SELECT seq FROM memberships WHERE status = 'in_progress' AND lease_until < ? ORDER BY seq LIMIT 1"
        now = self._clock()
        with self._storage.read() as db:
            if db.execute(waiting, (now,)).fetchone() is None:
                return None
        with self._storage.write() as db:
            claimed = db.execute(
                "UPDATE memberships SET lease_owner = ?, lease_until = ?, attempts = attempts + 1 "
                f"WHERE seq = ({waiting}) RETURNING seq",
                (self._owner, now + self._lease, now),
            ).fetchone()
            if claimed is None:
                return None
            job: sqlite3.Row | None = db.execute(
                "SELECT memberships.*, files.filename, files.digest FROM memberships "
                "JOIN files ON files.id = memberships.file_id WHERE memberships.seq = ?",
                (claimed["seq"],),
            ).fetchone()
            return job

    def _ingest(self, job: sqlite3.Row) -> None:
        try:
            self._complete(job, chunks(self._text(job), job["chunk_size"], job["chunk_overlap"]))
        except RefusedError as error:
            self._fail(job, error.code, error.message)
        except FileNotFoundError:
            # The file was deleted while it waited, and its membership with it.
            self._fail(job, "server_error", "An internal error occurred: the file's content is gone.")
        except sqlite3.Error:
            raise  # not the file's fault: it is tried again when its lease has run out
        except Exception:
            # A thread's boundary: whatever a reader of files raises, the job ends and the thread goes on.
            logger.exception("could not ingest %s", job["file_id"])
            self._fail(job, "server_error", "An internal error occurred.")

    def _text(self, job: sqlite3.Row) -> str:
        if job["attempts"] > MOST_ATTEMPTS:
            raise RefusedError("server_error", "An internal error occurred: reading the file never came to an end.")
        return extract(self._blobs.path(job["digest"]), job["filename"])

    def _complete(self, job: sqlite3.Row, parts: list[tuple[int, str]]) -> None:
        usage = sum(len(text.encode()) for _, text in parts)
        with self._storage.write() as db:
            done = db.execute(
                "UPDATE memberships SET status = 'completed', usage_bytes = ? WHERE seq = ? AND status = 'in_progress'",
                (usage, job["seq"]),
            )
            if done.rowcount:
                rows = ((job["seq"], start, text) for start, text in parts)
                db.executemany("INSERT INTO chunks (membership, start, text) VALUES (?, ?, ?)", rows)

    def _fail(self, job: sqlite3.Row, code: str, message: str) -> None:
        with self._storage.write() as db:
            db.execute(
                "UPDATE memberships SET status = 'failed', error_code = ?, error_message = ? "
                "WHERE seq = ? AND status = 'in_progress'",
                (code, message, job["seq"]),
            )

    def _keep(self) -> None:
        """Renew the leases of running jobs, and tidy up what has expired."""
        while not self._stop.wait(self._lease / 3):
            try:
                self._renew()
                self._tidy()
            except sqlite3.Error:
                logger.exception("leases could not be renewed")

    def _renew(self) -> None:
        if self._in_hand:
            with self._storage.write() as db:
                db.execute(
                    "UPDATE memberships SET lease_until = ? "
                    "WHERE lease_owner = ? AND seq IN (SELECT value FROM json_each(?))",
                    (self._clock() + self._lease, self._owner, json.dumps(list(self._in_hand))),
                )
