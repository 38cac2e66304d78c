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
class Trouble:
    """Why nothing can be written: an error number, our code for it on the wire, a sentence, and what to do."""

    number: int
    code: str
    what: str
    remedy: str


_FULL = Trouble(errno.ENOSPC, "disk_full", "the disk is full", "free some space on it and run again")
_CLOSED = Trouble(errno.EROFS, "disk_read_only", "nothing can be written there", "make it writable and run again")
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


def trouble(error: BaseException) -> Trouble | None:
    """Tell whether an error is the disk's refusal; whoever gets it has undone the whole change."""
    if isinstance(error, OSError):
        return _BY_NUMBER.get(error.errno or 0)
    code = getattr(error, "sqlite_errorcode", 0)
    return _BY_CODE.get(code) or _BY_CODE.get(code & _PRIMARY)


def explained(error: Exception) -> OSError | None:
    """Give an error that says what to do, where the disk refused to let an account be opened."""
    cannot_open = getattr(error, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_CANTOPEN
    found = _CLOSED if cannot_open else trouble(error)
    return OSError(found.number, f"{found.what}; {found.remedy}") if found else None


def refusal(found: Trouble) -> ApiError:
    return ApiError(503, f"The account cannot be written to: {found.what}", code=found.code)


class Complaints:
    """Trouble that lasts is told in one line, and again after a while: not for each request."""

    def __init__(self, complain: Complain) -> None:
        self._complain = complain
        self._told: dict[str, float] = {}

    def about(self, found: Trouble) -> None:
        now = time.monotonic()
        if now - self._told.get(found.code, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._told[found.code] = now
            self._complain(f"the account cannot be written to: {found.what}; {found.remedy}")
