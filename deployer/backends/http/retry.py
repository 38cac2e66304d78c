"""The one policy about trying again: what a failure leaves behind, how often, and after how long.

Every pause is drawn evenly from zero up to a bound that doubles (full jitter), so that clients which failed together do
not come back together. What the account asks for is a minimum to which the draw is added.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from math import isfinite
from typing import Protocol

_MOST_DOUBLINGS = 30
_SLOWEST = 20_000
"""Bytes a second: an upload that is slower has stopped."""
_LONGEST = 10.0**9
"""Seconds: what asks for more has made a mistake."""
_CONFLICT = 409
_OK = range(200, 300)


class Fate(StrEnum):
    """What became of a request that failed."""

    REFUSED = "refused"
    """A definite no: asked again, the answer would be the same."""
    UNDONE = "undone"
    """Nothing was done, and later it may work: it never left, or the account was too busy."""
    UNKNOWN = "unknown"
    """It may have been done: no answer came, or one that does not tell."""
    ANSWERED = "answered"
    """It may have been done: the whole answer makes no sense, and asked again it would be the same."""


_FINAL = (Fate.REFUSED, Fate.ANSWERED)


class Failed(Protocol):
    """What the policy asks of a failure: its fate, the answer's status, and how long the account asks to wait."""

    @property
    def fate(self) -> Fate: ...
    @property
    def status(self) -> int | None: ...
    @property
    def wait(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait (seconds) for a connection and for an answer, and how often to try.

    A POST may take long: the Agents API guide's own sample waits 360 s for a create. `first` is the number of attempts
    as long as the account has never given a good answer: a wrong base_url is told soon. `base` and `cap` bound the
    pauses; a wait that the account asks for is believed up to `longest`, and one beyond it ends the attempts. After
    `outage` seconds without a good answer nothing is tried again.
    """

    connect: float = 5.0
    read: float = 60.0
    write: float = 360.0
    attempts: int = 8
    first: int = 3
    base: float = 0.5
    cap: float = 20.0
    longest: float = 60.0
    outage: float = 120.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Callable[[], float] = random.random

    def whole(self, wait: float, size: int) -> float:
        """Return the seconds that one attempt may take in all, however steadily it drips; `size` bytes are sent."""
        return wait + self.connect + size / _SLOWEST

    def pause(self, failures: int, wait: float | None) -> float:
        """Return the seconds to wait after so many failures in a row, at least `wait`."""
        bound = (wait or self.base) * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        return (wait or 0.0) + self.random() * min(self.cap, bound)

    def believes(self, wait: float | None) -> bool:
        """Whether it is worth waiting for."""
        return (wait or 0.0) <= self.longest

    def tries(self, status: int | None, *, known: bool) -> int:
        """Return how many attempts a failure is worth; `known` tells whether the account ever gave a good answer.

        The locks behind a 409 are short. A first answer of 200 that makes no sense comes from something else.
        """
        if status in _OK and not known:
            return 1
        return self.attempts if known and status != _CONFLICT else min(self.first, self.attempts)


PATIENT = Patience()


@dataclass(slots=True)
class Series:
    """The attempts of one call; `again`: it may be done twice without harm. `renewed`: the key was asked for anew."""

    patience: Patience
    again: bool
    count: int = 0
    unknown: bool = False
    renewed: bool = False
    _since: float | None = None

    def next(self, failure: Failed, *, known: bool) -> float | None:
        """Take note of a failure; return the seconds to wait before the next attempt, None when there is to be none."""
        now = self.patience.clock()
        self._since = now if self._since is None else self._since
        self.unknown = self.unknown or failure.fate in (Fate.UNKNOWN, Fate.ANSWERED)
        over = self.count >= self.patience.tries(failure.status, known=known)
        over = over or now - self._since >= self.patience.outage or not self.patience.believes(failure.wait)
        final = failure.fate in _FINAL or (failure.fate is Fate.UNKNOWN and not self.again)
        return None if over or final else self.patience.pause(self.count, failure.wait)


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that an answer asks to wait: `retry-after-ms`, else `Retry-After` as seconds or a date."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    return seconds if seconds is not None else _until(text, headers.get("date"))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return min(value, _LONGEST) if isfinite(value) and value > 0 else None


def _until(text: str | None, sent: str | None) -> float | None:
    """Return the seconds up to a date, by the account's own clock where it tells the time (`Date`)."""
    end, now = _date(text), _date(sent) or datetime.now(UTC)
    return (end - now).total_seconds() if end and end > now else None


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError, TypeError):  # what the parser lets through of years, hours and zones
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
