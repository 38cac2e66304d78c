"""A disk that refuses: what that means in words, as an answer, and in the log."""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from deployer.server.wire import ApiError

Complain = Callable[[str], None]
_QUIET_SECONDS = 60.0
_PRIMARY = 0xFF  # the low byte of SQLite's extended result codes (its documentation, "Result and Error Codes")


@dataclass(frozen=True)
class DiskTrouble:
    """Why nothing can be written: an error number, our code for it on the wire, a sentence, and what to do."""

    number: int
    code: str
    what: str
    remedy: str


_FULL = DiskTrouble(errno.ENOSPC, "disk_full", "the disk is full", "free some space on it and run again")
_CLOSED = DiskTrouble(errno.EROFS, "disk_read_only", "nothing can be written there", "make it writable and run again")
_BY_NUMBER = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
}
_BY_CODE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: _FULL,  # the memory that processes share is a file too, and there was no room for it
    sqlite3.SQLITE_READONLY: _CLOSED,
    sqlite3.SQLITE_PERM: _CLOSED,
}


def disk_trouble(error: BaseException) -> DiskTrouble | None:
    """Return what the disk's refusal means; None for any other error. The whole change has been undone."""
    if isinstance(error, OSError):
        return _BY_NUMBER.get(error.errno or 0)
    code = getattr(error, "sqlite_errorcode", 0)
    return _BY_CODE.get(code) or _BY_CODE.get(code & _PRIMARY)


def explained(error: Exception) -> OSError | None:
    """Return an error that says what to do, if the disk refused to let an account be opened."""
    cannot_open = getattr(error, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_CANTOPEN
    found = _CLOSED if cannot_open else disk_trouble(error)
    return OSError(found.number, f"{found.what}; {found.remedy}") if found else None


def refusal(found: DiskTrouble) -> ApiError:
    return ApiError(503, f"The account cannot be written to: {found.what}", code=found.code)


class Complaints:
    """Reports trouble that lasts in one line, and again after a while: not for each request."""

    def __init__(self, complain: Complain) -> None:
        self._complain = complain
        self._told: dict[str, float] = {}

    def about(self, found: DiskTrouble) -> None:
        now = time.monotonic()
        if now - self._told.get(found.code, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._told[found.code] = now
            self._complain(f"the account cannot be written to: {found.what}; {found.remedy}")
