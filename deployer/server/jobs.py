"""The rows behind ingestion: which memberships wait to be ingested, and what comes of them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import accumulate, takewhile

_MOST_JOBS = 32
_MOST_BYTES = 256 * 1024  # of several files together: about 25 ms of writing, in which no request can write


@dataclass(frozen=True)
class Outcome:
    """What came of a job: a text and its size in chunks, a code and a sentence, or a time to wait before it is done."""

    text: str = ""
    usage: int = 0
    code: str | None = None
    message: str | None = None
    wait: float = 0.0


def waiting(db: sqlite3.Connection, now: float) -> list[sqlite3.Row]:
    """The next jobs to do together; one that has been tried before is alone, or it could take others down with it."""
    found = db.execute(
        # CROSS JOIN keeps the order of the tables: the few that wait, then their files.
        "SELECT memberships.*, files.filename, files.digest, files.bytes FROM memberships "
        "CROSS JOIN files ON files.id = memberships.file_id "
        "WHERE memberships.status = 'in_progress' AND lease_until < ? ORDER BY memberships.seq LIMIT ?",
        (now, _MOST_JOBS),
    ).fetchall()
    sizes = accumulate(job["bytes"] for job in found)
    fresh = takewhile(lambda job: job["attempts"] == 0, found)
    return [job for job, size in zip(fresh, sizes, strict=False) if size <= _MOST_BYTES] or found[:1]


def postpone(db: sqlite3.Connection, job: sqlite3.Row, until: float) -> None:
    change = "UPDATE memberships SET lease_owner = NULL, lease_until = ?, attempts = attempts - 1 WHERE seq = ?"
    db.execute(change, (until, job["seq"]))


def finish(db: sqlite3.Connection, job: sqlite3.Row, outcome: Outcome) -> None:
    """Write an outcome, unless the job is gone, cancelled or done by another."""
    status = "failed" if outcome.code else "completed"
    done = db.execute(
        "UPDATE memberships SET status = ?, usage_bytes = ?, error_code = ?, error_message = ? "
        "WHERE seq = ? AND status = 'in_progress'",
        (status, outcome.usage, outcome.code, outcome.message, job["seq"]),
    )
    if done.rowcount and status == "completed":
        place = (job["vector_store_id"], job["file_id"])
        db.execute("DELETE FROM texts WHERE vector_store_id = ? AND file_id = ?", place)
        db.execute(
            "INSERT INTO texts (vector_store_id, file_id, chunk_size, chunk_overlap, text) VALUES (?, ?, ?, ?, ?)",
            (*place, job["chunk_size"], job["chunk_overlap"], outcome.text),
        )
