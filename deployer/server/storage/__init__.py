"""SQLite on disk: the schema, a pool of connections, and transactions that are safe across threads and processes."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

BUSY_SECONDS = 30.0
VERSION = 6
STATUSES = ("in_progress", "completed", "failed", "cancelled")
"""Of memberships; a store counts how many have each."""


def _counts(sign: str, row: str) -> str:
    """Return the statement that counts a membership in its store (`+`), or no longer (`-`)."""
    files = (f"{one} = vector_stores.{one} {sign} ({row}.status = '{one}')" for one in STATUSES)
    changes = ", ".join([*files, f"usage_bytes = vector_stores.usage_bytes {sign} {row}.usage_bytes"])
    return f"UPDATE vector_stores SET {changes}"


# A text outlives the membership that it came from when a file is attached again: REPLACE fires no trigger, so only a
# detached file takes its text along. The index holds whole texts without positions: a fifth of the work of one row for
# each overlapping chunk, and a search cuts the few texts that it looks at.
# Counters are kept by triggers; what REPLACE takes away, which fires none, is counted off before the row comes.
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL,
    parent TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS objects_of_kind ON objects (kind, parent, seq);
CREATE INDEX IF NOT EXISTS objects_of_parent ON objects (parent);

CREATE TABLE IF NOT EXISTS turns (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, face TEXT NOT NULL, parent TEXT NOT NULL,
    status TEXT NOT NULL, expires_at INTEGER, body TEXT NOT NULL,
    lease_owner TEXT NOT NULL DEFAULT '', lease_until REAL NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS turns_of_parent ON turns (parent, seq);
CREATE INDEX IF NOT EXISTS turns_active ON turns (seq)
    WHERE status IN ('queued', 'in_progress', 'requires_action', 'cancelling');
CREATE TABLE IF NOT EXISTS items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, parent TEXT NOT NULL, turn_id TEXT NOT NULL,
    type TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS items_of_parent ON items (parent, seq);
CREATE INDEX IF NOT EXISTS items_of_kind ON items (parent, type, seq);
CREATE INDEX IF NOT EXISTS items_of_turn ON items (turn_id, seq);

CREATE TABLE IF NOT EXISTS files (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, filename TEXT NOT NULL, purpose TEXT NOT NULL,
    bytes INTEGER NOT NULL, digest TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER);
CREATE INDEX IF NOT EXISTS files_of_digest ON files (digest);

CREATE TABLE IF NOT EXISTS uploads (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, filename TEXT NOT NULL, purpose TEXT NOT NULL,
    bytes INTEGER NOT NULL, status TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    file_lifetime INTEGER);
CREATE TABLE IF NOT EXISTS parts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, digest TEXT NOT NULL,
    upload_id TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS parts_of_digest ON parts (digest);
CREATE INDEX IF NOT EXISTS parts_of_upload ON parts (upload_id);

CREATE TABLE IF NOT EXISTS vector_stores (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT, description TEXT, metadata TEXT NOT NULL,
    expires_days INTEGER, created_at INTEGER NOT NULL, last_active_at INTEGER NOT NULL,
    in_progress INTEGER NOT NULL DEFAULT 0, completed INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0, usage_bytes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS batches (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL,
    cancelled INTEGER NOT NULL DEFAULT 0,
    vector_store_id TEXT NOT NULL REFERENCES vector_stores (id) ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS batches_of_store ON batches (vector_store_id);
CREATE TABLE IF NOT EXISTS memberships (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    vector_store_id TEXT NOT NULL REFERENCES vector_stores (id) ON DELETE CASCADE,
    file_id TEXT NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    batch_id TEXT REFERENCES batches (id) ON DELETE SET NULL,
    attributes TEXT NOT NULL, chunk_size INTEGER NOT NULL, chunk_overlap INTEGER NOT NULL, created_at INTEGER NOT NULL,
    status TEXT NOT NULL, error_code TEXT, error_message TEXT, usage_bytes INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT, lease_until REAL NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
    UNIQUE (vector_store_id, file_id));
CREATE INDEX IF NOT EXISTS memberships_in_order ON memberships (vector_store_id, seq);
CREATE INDEX IF NOT EXISTS memberships_of_batch ON memberships (batch_id, seq);
CREATE INDEX IF NOT EXISTS memberships_of_file ON memberships (file_id);
CREATE INDEX IF NOT EXISTS memberships_waiting ON memberships (seq) WHERE status = 'in_progress';

CREATE TABLE IF NOT EXISTS texts (
    seq INTEGER PRIMARY KEY, vector_store_id TEXT NOT NULL, file_id TEXT NOT NULL,
    chunk_size INTEGER NOT NULL, chunk_overlap INTEGER NOT NULL, text TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS texts_of_membership ON texts (vector_store_id, file_id);
CREATE VIRTUAL TABLE IF NOT EXISTS text_index USING fts5 (
    text, content = 'texts', content_rowid = 'seq', tokenize = 'trigram', detail = none);
CREATE TRIGGER IF NOT EXISTS membership_removed AFTER DELETE ON memberships BEGIN
    DELETE FROM texts WHERE vector_store_id = old.vector_store_id AND file_id = old.file_id;
    {_counts("-", "old")} WHERE id = old.vector_store_id;
END;
CREATE TRIGGER IF NOT EXISTS membership_replaced BEFORE INSERT ON memberships BEGIN
    {_counts("-", "gone")} FROM memberships AS gone WHERE vector_stores.id = new.vector_store_id
        AND gone.vector_store_id = new.vector_store_id AND gone.file_id = new.file_id;
END;
CREATE TRIGGER IF NOT EXISTS membership_added AFTER INSERT ON memberships BEGIN
    {_counts("+", "new")} WHERE id = new.vector_store_id;
END;
CREATE TRIGGER IF NOT EXISTS membership_changed AFTER UPDATE OF status, usage_bytes ON memberships BEGIN
    {_counts("-", "old")} WHERE id = old.vector_store_id;
    {_counts("+", "new")} WHERE id = new.vector_store_id;
END;
CREATE TRIGGER IF NOT EXISTS text_removed AFTER DELETE ON texts BEGIN
    INSERT INTO text_index (text_index, rowid, text) VALUES ('delete', old.seq, old.text);
END;
"""


@dataclass
class DatabaseSnapshot:
    """The data as it was at one moment: a connection in a transaction that goes on."""

    db: sqlite3.Connection
    turn: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        self.db.close()


# What a request reads instead of the present; the thread that handles the request inherits it.
SNAPSHOT: ContextVar[DatabaseSnapshot | None] = ContextVar("snapshot", default=None)


class Storage:
    """The database of one account; any number of processes may have the same file open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._turn = threading.Lock()
        self._pool = threading.Lock()
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()
        try:
            with self._connection() as db:
                _use_wal(db)
                _create(db, self._path)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        with self._pool:
            self._open.clear()
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the data: of the present, or of the moment that `SNAPSHOT` names."""
        snapshot = SNAPSHOT.get()
        if snapshot is not None:
            with snapshot.turn:
                yield snapshot.db
            return
        with self._connection() as db:
            yield from _transaction(db, "BEGIN")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One change, all or nothing. Threads queue on a lock, because SQLite's own way to wait is to sleep."""
        with self._turn, self._connection() as db:
            yield from _transaction(db, "BEGIN IMMEDIATE")

    def snapshot(self) -> DatabaseSnapshot:
        """Hold on to the data as it is now, until the snapshot is closed."""
        db = _connect(self._path)
        db.execute("BEGIN")
        db.execute("SELECT 1 FROM objects").fetchone()  # a transaction's view begins with its first read
        return DatabaseSnapshot(db)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if not self._open.is_set():
            raise RuntimeError("the embedded account is not open: use it as a context manager")
        try:
            db = self._idle.pop()
        except IndexError:
            db = _connect(self._path)
        try:
            yield db
        finally:
            if not self._kept(db):
                db.close()

    def _kept(self, db: sqlite3.Connection) -> bool:
        """Put a connection back, unless the account was closed in the meantime: it would stay open for ever."""
        with self._pool:
            if self._open.is_set():
                self._idle.append(db)
                return True
        return False


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    try:
        db.execute("PRAGMA foreign_keys = ON")
        # In WAL mode NORMAL loses nothing when a process is killed; only a power cut can undo the last transactions.
        db.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:  # this is where a file that is no database shows
        db.close()
        raise
    return db


def _transaction(db: sqlite3.Connection, begin: str) -> Iterator[sqlite3.Connection]:
    db.execute(begin)
    try:
        yield db
    except BaseException:
        db.rollback()
        raise
    db.commit()


def _use_wal(db: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait for other processes here, although it does everywhere else."""
    deadline = time.monotonic() + BUSY_SECONDS
    while not _is_wal(db, final=time.monotonic() > deadline):
        time.sleep(0.01)


def _is_wal(db: sqlite3.Connection, *, final: bool) -> bool:
    try:
        db.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError:
        if final:
            raise
        return False
    return True


# Version 1 kept chunks; what it had ingested is ingested again from its bytes.
_FROM_1 = """
DROP TABLE IF EXISTS chunk_index;
DROP TABLE IF EXISTS chunks;
UPDATE memberships SET status = 'in_progress', usage_bytes = 0, lease_until = 0, attempts = 0
    WHERE status = 'completed';
"""

# Version 2 had a table of objects without parents. Two processes may do this at once: the second finds it empty.
_FROM_2 = """
CREATE TABLE IF NOT EXISTS documents (seq INTEGER, kind TEXT, id TEXT, body TEXT);
INSERT OR IGNORE INTO objects (seq, kind, id, body) SELECT seq, kind, id, body FROM documents;
DROP TABLE documents;
"""
# Version 4 counted the members of a store whenever it was shown.
_FROM_4 = (
    "".join(
        f"ALTER TABLE vector_stores ADD COLUMN {one} INTEGER NOT NULL DEFAULT 0;" for one in (*STATUSES, "usage_bytes")
    )
    + "DROP INDEX IF EXISTS memberships_counted; DROP TRIGGER IF EXISTS membership_removed;"
    + "UPDATE vector_stores SET "
    + ", ".join(
        f"{name} = (SELECT {what} FROM memberships WHERE vector_store_id = vector_stores.id)"
        for name, what in [
            *((one, f"COALESCE(SUM(status = '{one}'), 0)") for one in STATUSES),
            ("usage_bytes", "COALESCE(SUM(usage_bytes), 0)"),
        ]
    )
    + ";"
)
_FROM_5 = "DROP TRIGGER IF EXISTS text_added;"
_MIGRATIONS = {
    0: ("", ""),
    1: (_FROM_4 + _FROM_5, _FROM_1 + _FROM_2),
    2: (_FROM_4 + _FROM_5, _FROM_2),
    3: (_FROM_4 + _FROM_5, ""),
    4: (_FROM_4 + _FROM_5, ""),
    5: (_FROM_5, ""),
}
"""What is done before the schema is there, and what after it."""


def _create(db: sqlite3.Connection, path: Path) -> None:
    version = _version(db)
    if version in _MIGRATIONS:
        before, after = _MIGRATIONS[version]
        try:
            db.executescript(f"BEGIN IMMEDIATE; {before} {SCHEMA} {after} PRAGMA user_version = {VERSION}; COMMIT;")
        except sqlite3.OperationalError:
            db.rollback()
            if _version(db) != VERSION:  # else another process has done it meanwhile
                raise
    elif version != VERSION:
        raise ValueError(f"{path} has layout {version}, this deployer knows {VERSION}: use another folder")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
