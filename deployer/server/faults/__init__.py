"""Faults as data: which requests and documents they strike, and what happens to those.

Every choice follows from the seed and a count, so that a run can be repeated.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import Counter
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Self


@dataclass(frozen=True)
class Effects:
    """What happens to a request; `None` leaves it alone. Times are in seconds."""

    delay: float | None = None
    stale: float | None = None
    leave: str | None = None
    status: int | None = None
    retry_after: float | None = None
    retry_after_ms: float | None = None
    after_work: bool | None = None
    body: str | None = None
    content_type: str | None = None
    truncate: bool | None = None
    drop: str | None = None

    def with_those_of(self, later: Effects) -> Effects:
        """Both together: what this one leaves alone is up to the other."""
        both = {one.name: (getattr(self, one.name), getattr(later, one.name)) for one in fields(self)}
        return Effects(**{name: second if first is None else first for name, (first, second) in both.items()})


@dataclass(frozen=True)
class RequestPattern:
    """Requests: `METHOD /path`; `*` is any method, any path, or one part of a path, `**` is all that follows."""

    method: str
    path: tuple[str, ...] | None

    @classmethod
    def of(cls, text: str) -> Self:
        """Read it; a path or a star alone is meant for every method."""
        words = text.split()
        method, path = (words[0], words[1]) if len(words) == 2 else ("*", text.strip())
        return cls(method, None if path == "*" else tuple(path.split("/")))

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and self._matches_path(tuple(path.split("/")))

    def _matches_path(self, parts: tuple[str, ...]) -> bool:
        if self.path is None:
            return True
        mine, open_end = (self.path[:-1], True) if self.path[-1] == "**" else (self.path, False)
        if len(parts) < len(mine) or (len(parts) > len(mine) and not open_end):
            return False
        # A part in braces is any part: so the endpoints can be asked too.
        return all(one in ("*", part) or part.startswith("{") for one, part in zip(mine, parts, strict=False))


@dataclass(frozen=True)
class RequestFault:
    """Something that goes wrong at a place: by chance, at given calls, at most so many times, or always."""

    pattern: RequestPattern
    effects: Effects
    rate: float = 1.0
    calls: tuple[int, ...] = ()
    times: int | None = None


@dataclass(frozen=True)
class IngestFault:
    """Documents, by a pattern of their names, that are ingested late (seconds) or fail, each at most so many times."""

    names: str
    rate: float = 1.0
    times: int | None = None
    delay: float | None = None
    fail: str | None = None


@dataclass(frozen=True)
class Faults:
    """A bad day; `numbers` are the places of the faults in the list that they were read from, from 1."""

    seed: int = 0
    requests: tuple[tuple[int, RequestFault], ...] = ()
    documents: tuple[tuple[int, IngestFault], ...] = ()

    @property
    def horizon(self) -> float:
        """How far back a read may look (seconds)."""
        return max((fault.effects.stale or 0.0 for _, fault in self.requests), default=0.0)


class Strikes:
    """One run of a bad day: the counts on which its choices depend. Safe across threads."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._turn = threading.Lock()
        self._seen: Counter[int] = Counter()
        self._struck: Counter[tuple[int, str]] = Counter()

    def request(self, method: str, path: str) -> tuple[list[int], Effects]:
        """The numbers of the faults that strike this request, and all that they do together."""
        numbers, effects = [], Effects()
        with self._turn:
            for number, fault in self.faults.requests:
                if fault.pattern.matches(method, path) and self._strikes(number, fault):
                    numbers.append(number)
                    effects = effects.with_those_of(fault.effects)
        return numbers, effects

    def document(self, job: sqlite3.Row) -> IngestFault | None:
        """The fault that strikes this attempt to ingest; the chance depends on the document alone, not on the order."""
        with self._turn:
            for number, fault in self.faults.documents:
                marked = f"{job['filename']}:{job['digest']}"
                if fnmatchcase(job["filename"], fault.names) and self._dice(number, marked) < fault.rate:
                    # A wait is over when it has been waited, a failure when the file is attached again.
                    attempt = str(job["seq"]) if fault.fail is None else f"{job['vector_store_id']}:{job['file_id']}"
                    if self._once_more(number, attempt, 1 if fault.fail is None else fault.times):
                        return fault
        return None

    def _strikes(self, number: int, fault: RequestFault) -> bool:
        self._seen[number] += 1
        call = self._seen[number]
        if fault.calls and call not in fault.calls:
            return False
        return self._dice(number, str(call)) < fault.rate and self._once_more(number, "", fault.times)

    def _once_more(self, number: int, what: str, times: int | None) -> bool:
        """Count a strike, unless there have been enough."""
        if times is not None and self._struck[number, what] >= times:
            return False
        self._struck[number, what] += 1
        return True

    def _dice(self, number: int, what: str) -> float:
        """A number in 0..1 that is the same in every run, whatever the version of Python."""
        digest = hashlib.sha256(f"{self.faults.seed}:{number}:{what}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64
