"""SQLite on disk: the schema, a pool of connections, and transactions that are safe across threads and processes."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 1
BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS documents_of_kind ON documents (kind, seq);

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
    expires_days INTEGER, created_at INTEGER NOT NULL, last_active_at INTEGER NOT NULL);
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

CREATE TABLE IF NOT EXISTS chunks (
    seq INTEGER PRIMARY KEY, membership INTEGER NOT NULL REFERENCES memberships (seq) ON DELETE CASCADE,
    start INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS chunks_of_membership ON chunks (membership, start);
CREATE VIRTUAL TABLE IF NOT EXISTS chunk_index USING fts5 (
    text, content = 'chunks', content_rowid = 'seq', tokenize = 'trigram');
CREATE TRIGGER IF NOT EXISTS chunk_added AFTER INSERT ON chunks BEGIN
    INSERT INTO chunk_index (rowid, text) VALUES (new.seq, new.text);
END;
CREATE TRIGGER IF NOT EXISTS chunk_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO chunk_index (chunk_index, rowid, text) VALUES ('delete', old.seq, old.text);
END;
"""


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
        """One consistent view of the data."""
        with self._connection() as db:
            yield from _transaction(db, "BEGIN")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One change, all or nothing. Threads queue on a lock, because SQLite's own way to wait is to sleep."""
        with self._turn, self._connection() as db:
            yield from _transaction(db, "BEGIN IMMEDIATE")

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
        """Put a connection back, unless the account was closed in the meantime: then nobody would close it."""
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


def _create(db: sqlite3.Connection, path: Path) -> None:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version == 0:
        db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version != VERSION:
        raise ValueError(f"{path} has layout {version}, this deployer knows {VERSION}: use another folder")
