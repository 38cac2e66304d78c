"""Ingestion: threads that read attached files and make them searchable, in this process or in whichever is alive.

A job is a membership in progress. A process claims it with a lease and renews the lease while it works, so that the
jobs of a process that was killed are taken up by the next one. Whoever finishes first writes the outcome. Small files
are claimed and written several at a time, because a transaction of the index costs as much as a small file.

Attached again, a file stays searchable as it was until the new ingestion has completed; one that fails or is cancelled
takes nothing away.
"""

from __future__ import annotations

import json
import logging
import secrets
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile

from deployer.server.ingestion.chunking import chunks
from deployer.server.ingestion.extraction import extract
from deployer.server.ingestion.text import UnreadableError
from deployer.server.storage import Storage
from deployer.server.storage.blobs import Blobs
from deployer.server.storage.disk import Complaints, disk_trouble

LEASE_SECONDS = 15.0
MOST_ATTEMPTS = 3
_LOOK_SECONDS = 1.0  # how often an idle thread looks for the work of other processes
_STOP_SECONDS = 10.0
MOST_JOBS = 256
"""Small files that are claimed and written together: the fewer there are, the more the index merges what it wrote."""
_MOST_BYTES = 256 * 1024  # of several files together: about 25 ms of writing, in which no request can write
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class IngestOutcome:
    """What came of a job: a text and its size in chunks, a code and a sentence, or a time to wait before it is done."""

    text: str = ""
    usage: int = 0
    code: str | None = None
    message: str | None = None
    wait: float = 0.0


Hinder = Callable[[sqlite3.Row], IngestOutcome | None]


class Ingestion:
    """The threads of one process; `hinder` may give a job another outcome, and `tidy` is called now and then."""

    def __init__(  # noqa: PLR0913 (all that it works with; no two of them belong together)
        self,
        storage: Storage,
        blobs: Blobs,
        clock: Callable[[], float],
        *,
        complaints: Complaints,
        tidy: Callable[[], None],
        hinder: Hinder,
        lease: float,
    ) -> None:
        self._storage, self._blobs, self._clock, self._lease = storage, blobs, clock, lease
        self._complaints, self._tidy, self._hinder = complaints, tidy, hinder
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
        """Announce new work."""
        self._bell.release()

    def stop(self) -> None:
        """End the threads; what they cannot finish in time is left to the next process."""
        self._stop.set()
        self._bell.release(len(self._threads))
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    def _work(self) -> None:
        while not self._stop.is_set():
            if not self._next():
                self._bell.acquire(timeout=_LOOK_SECONDS)

    def _next(self) -> bool:
        """Do the next jobs, if there are any; a database that is in trouble now may be well again later."""
        try:
            jobs = self._claim()
            if not jobs:
                return False
            self._bell.release()  # another thread may find more
            self._work_on(jobs)
        except sqlite3.Error as error:
            self._report(error)
            return False
        return True

    def _report(self, error: Exception) -> None:
        if found := disk_trouble(error):
            self._complaints.about(found)
        else:
            logger.error("ingestion cannot use the database", exc_info=error)

    def _claim(self) -> list[sqlite3.Row]:
        """The oldest job that is free, with more if they are small; reading keeps an idle process from writing."""
        now = self._clock()
        with self._storage.read() as db:
            if not waiting_jobs(db, now):
                return []
        with self._storage.write() as db:
            jobs = waiting_jobs(db, now)
            claim = "UPDATE memberships SET lease_owner = ?, lease_until = ?, attempts = attempts + 1 WHERE seq = ?"
            db.executemany(claim, [(self._owner, now + self._lease, job["seq"]) for job in jobs])
        return jobs

    def _work_on(self, jobs: list[sqlite3.Row]) -> None:
        claimed = {job["seq"] for job in jobs}
        self._in_hand |= claimed
        try:
            self._write([(job, self._hinder(job) or self._ingested(job)) for job in jobs])
        except sqlite3.Error as error:
            found = disk_trouble(error)
            if found is None:
                raise
            self._complaints.about(found)  # where there is no room for texts, there may be some for failures
            failed = IngestOutcome(code="server_error", message=f"The text could not be kept: {found.what}.")
            self._write([(job, failed) for job in jobs])
        finally:
            self._in_hand -= claimed

    def _write(self, outcomes: Sequence[tuple[sqlite3.Row, IngestOutcome]]) -> None:
        with self._storage.write() as db:
            texts = []
            for job, outcome in outcomes:
                if outcome.wait:
                    postpone(db, job, self._clock() + outcome.wait)
                else:
                    texts += finish(db, job, outcome)
            index(db, texts)

    def _ingested(self, job: sqlite3.Row) -> IngestOutcome:
        try:
            text = self._text(job)
            cut = chunks(text, job["chunk_size"], job["chunk_overlap"])
            return IngestOutcome(text, sum(len(chunk.encode()) for _, chunk in cut))
        except UnreadableError as error:
            return IngestOutcome(code=error.code, message=error.message)
        except FileNotFoundError:
            # The file was deleted while it waited, and its membership with it.
            return IngestOutcome(code="server_error", message="An internal error occurred: the file's content is gone.")
        except Exception:
            # A thread's boundary: whatever a reader of files raises, the job ends and the thread goes on.
            logger.exception("could not ingest %s", job["file_id"])
            return IngestOutcome(code="server_error", message="An internal error occurred.")

    def _text(self, job: sqlite3.Row) -> str:
        if job["attempts"] >= MOST_ATTEMPTS:
            raise UnreadableError("server_error", "An internal error occurred: reading the file never came to an end.")
        return extract(self._blobs.path(job["digest"]), job["filename"])

    def _keep(self) -> None:
        """Renew the leases of running jobs, and tidy up what has expired."""
        while not self._stop.wait(self._lease / 3):
            try:
                self._renew()
                self._tidy()
            except (sqlite3.Error, OSError) as error:
                self._report(error)

    def _renew(self) -> None:
        if self._in_hand:
            with self._storage.write() as db:
                db.execute(
                    "UPDATE memberships SET lease_until = ? "
                    "WHERE lease_owner = ? AND seq IN (SELECT value FROM json_each(?))",
                    (self._clock() + self._lease, self._owner, json.dumps(list(self._in_hand))),
                )


def waiting_jobs(db: sqlite3.Connection, now: float) -> list[sqlite3.Row]:
    """The next jobs to do together; one that has been tried before is alone, or it could take others down with it."""
    found = db.execute(
        # CROSS JOIN keeps the order of the tables: the few that wait, then their files.
        "SELECT memberships.*, files.filename, files.digest, files.bytes FROM memberships "
        "CROSS JOIN files ON files.id = memberships.file_id "
        "WHERE memberships.status = 'in_progress' AND lease_until < ? ORDER BY memberships.seq LIMIT ?",
        (now, MOST_JOBS),
    ).fetchall()
    sizes = accumulate(job["bytes"] for job in found)
    fresh = takewhile(lambda job: job["attempts"] == 0, found)
    return [job for job, size in zip(fresh, sizes, strict=False) if size <= _MOST_BYTES] or found[:1]


def postpone(db: sqlite3.Connection, job: sqlite3.Row, until: float) -> None:
    change = "UPDATE memberships SET lease_owner = NULL, lease_until = ?, attempts = attempts - 1 WHERE seq = ?"
    db.execute(change, (until, job["seq"]))


def finish(db: sqlite3.Connection, job: sqlite3.Row, outcome: IngestOutcome) -> list[tuple[int | None, str]]:
    """Write an outcome, unless the job is gone, cancelled or done by another; return what is to be indexed."""
    status = "failed" if outcome.code else "completed"
    done = db.execute(
        "UPDATE memberships SET status = ?, usage_bytes = ?, error_code = ?, error_message = ? "
        "WHERE seq = ? AND status = 'in_progress'",
        (status, outcome.usage, outcome.code, outcome.message, job["seq"]),
    )
    if not done.rowcount or status != "completed":
        return []
    place = (job["vector_store_id"], job["file_id"])
    db.execute("DELETE FROM texts WHERE vector_store_id = ? AND file_id = ?", place)
    added = db.execute(
        "INSERT INTO texts (vector_store_id, file_id, chunk_size, chunk_overlap, text) VALUES (?, ?, ?, ?, ?)",
        (*place, job["chunk_size"], job["chunk_overlap"], outcome.text),
    )
    return [(added.lastrowid, outcome.text)]


def index(db: sqlite3.Connection, texts: Sequence[tuple[int | None, str]]) -> None:
    """Add texts to the index, all together and last in a transaction.

    A statement that fires triggers begins with a savepoint, at which SQLite writes out what the index holds in memory:
    one for each text takes five times as long.
    """
    db.executemany("INSERT INTO text_index (rowid, text) VALUES (?, ?)", texts)
