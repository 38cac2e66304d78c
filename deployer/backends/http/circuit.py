"""The circuit breaker that all requests of a client share, so that an account in trouble is not run over.

One failure amid good answers is that request's own affair. From the third in a row on, everybody waits; then one
request goes ahead, and every good answer lets one more fly beside it. As long as the one fails, the pauses grow.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from deployer.backends.http.failures import Failure, Trouble
from deployer.backends.http.retry import Fate, Patience

_IN_A_ROW = 3
_WIDEST = 64
_SOON = 5.0
_AGAIN = 15.0

Told = Callable[[Failure, float, float], None]
"""Takes why everybody waits, since when (by the clock of the patience), and how many seconds this pause takes."""


class AnswerWatch:
    """Says of an account that it was asked and does not answer: after a few seconds, then now and again.

    `told` takes for how many seconds. A failure without an answer is none: the wait goes on in the next attempt.
    """

    def __init__(self) -> None:
        self.told: Callable[[float], object] = lambda _seconds: None
        self._flying = 0
        self._waits = False
        self._since = 0.0
        self._next = _SOON
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for an answer."""
        if not (self._flying or self._waits):
            self.moved()
        self._flying += 1
        if self._timer is None:
            self._look_later()
        answered = True
        try:
            yield
        except Trouble as trouble:
            answered = trouble.failure.status is not None
            raise
        finally:
            self._flying -= 1
            self._ended(answered=answered)

    def moved(self) -> None:
        """Start anew: something came, or went out."""
        self._since, self._next = asyncio.get_running_loop().time(), _SOON

    def _ended(self, *, answered: bool) -> None:
        if answered:
            self.moved()
        if not self._flying:
            self._waits = not answered
            if self._timer:
                self._timer.cancel()
            self._timer = None

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_at(self._since + self._next, self._look)

    def _look(self) -> None:
        waited = asyncio.get_running_loop().time() - self._since
        if waited >= self._next:
            self.told(waited)
            self._next += _AGAIN
        self._look_later()


class Circuit:
    """`known`: the account has given a good answer before. `told` is called at the beginning of each pause."""

    def __init__(self, patience: Patience) -> None:
        self.known = False
        self.told: Told = lambda _failure, _since, _pause: None
        self.silence = AnswerWatch()
        self._patience = patience
        self._flying = 0
        self._width = _WIDEST
        self._row = 0
        self._pauses = 0  # in a row; it tells too to which pause a request belongs
        self._turn = 0
        self._until = 0.0
        self._last: Failure | None = None
        self._since = 0.0
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """Wait until the request may fly; learn from what becomes of it."""
        turn = await self._enter()
        try:
            with self.silence.waiting():
                yield
        except Trouble as trouble:
            self._failed(turn, trouble.failure)
            raise
        else:
            self.known = True
            self._succeeded()
        finally:
            self._flying -= 1
            self._changed.set()
            self._changed = asyncio.Event()

    def give_up(self) -> None:
        """Raise when the account has been in trouble for too long; one request after each pause still finds out."""
        clock, outage = self._patience.clock(), self._patience.outage
        if self._last and clock - self._since > outage and (clock < self._until or self._flying >= self._width):
            what = f"was not sent: for {outage:.0f} s the account {self._last.what}"
            raise Trouble(Failure(what, self._last.remedy, self._last.status, self._last.code))

    async def _enter(self) -> int:
        while (wait := self._until - self._patience.clock()) > 0 or self._flying >= self._width:
            self.give_up()
            await (self._patience.sleep(wait) if wait > 0 else self._changed.wait())
        self._flying += 1
        return self._turn

    def _succeeded(self) -> None:
        self._row = self._pauses = 0
        self._last = None
        self._width = min(self._width + 1, _WIDEST)

    def _failed(self, turn: int, failure: Failure) -> None:
        if failure.fate in (Fate.REFUSED, Fate.ANSWERED):
            self._succeeded()  # it works, and says no
            return
        self._since = self._since if self._last else self._patience.clock()
        self._last = failure
        self._row += 1
        if turn == self._turn and (self._pauses or self._row >= _IN_A_ROW):
            self._pause(failure)

    def _pause(self, failure: Failure) -> None:
        self._pauses += 1
        self._turn += 1  # what is in the air already will fail of the same cause: that is no news
        self._width = 1
        wait = min(failure.wait or 0.0, self._patience.longest)
        pause = self._patience.pause(self._pauses, wait)
        self._until = self._patience.clock() + pause
        if self.known:  # else it is soon given up, and told then
            self.told(failure, self._since, pause)
