"""SQLite on disk: a pool of connections, and transactions that are safe across threads and processes."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

from deployer.server.layout import FROM_1, SCHEMA, VERSION

BUSY_SECONDS = 30.0


@dataclass
class Snapshot:
    """The data as it was at one moment: a connection in a transaction that goes on."""

    db: sqlite3.Connection
    turn: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        self.db.close()


# What a request reads instead of the present; the thread that handles the request inherits it.
PAST: ContextVar[Snapshot | None] = ContextVar("past", default=None)


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
        """One consistent view of the data: of the present, or of the moment that `PAST` names."""
        past = PAST.get()
        if past is not None:
            with past.turn:
                yield past.db
            return
        with self._connection() as db:
            yield from _transaction(db, "BEGIN")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One change, all or nothing. Threads queue on a lock, because SQLite's own way to wait is to sleep."""
        with self._turn, self._connection() as db:
            yield from _transaction(db, "BEGIN IMMEDIATE")

    def snapshot(self) -> Snapshot:
        """Hold on to the data as it is now, until the snapshot is closed."""
        db = _connect(self._path)
        db.execute("BEGIN")
        db.execute("SELECT 1 FROM documents").fetchone()  # a transaction's view begins with its first read
        return Snapshot(db)

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
    older = {0: "", 1: FROM_1}  # two processes may do this at once: the second changes nothing that matters
    if version in older:
        db.executescript(f"BEGIN IMMEDIATE; {older[version]} {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version != VERSION:
        raise ValueError(f"{path} has layout {version}, this deployer knows {VERSION}: use another folder")
