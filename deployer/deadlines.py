"""Reads that may never end, of a disk, a pipe or a URL: done in threads of their own, and waited for only so long.

Nothing ends a read that hangs, so its thread is left behind. Python waits at its end for every thread but daemons: so
these are daemons.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar, copy_context
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from deployer.errors import DeployerError

if TYPE_CHECKING:
    from concurrent.futures import Future

Result = TypeVar("Result")
IDLE = 60.0
"""Seconds without a byte after which a read is given up."""
SLOWEST = 20_000
"""Bytes a second: what comes more slowly than this, after `IDLE`, has stopped in all but name."""
SOON = 5.0
"""Seconds after which a wait is told."""
AGAIN = 15.0
_TICK = 0.1

Heard = Callable[[str, float], object]
"""Takes what is waited for, and for how many seconds so far."""


def _ignored(_what: str, _seconds: float) -> None:
    pass


heard: ContextVar[Heard] = ContextVar("heard", default=_ignored)
"""Who is told of waits, in this context."""


class Wait:
    """Something that takes its time; whoever listens in this context hears of it soon, then now and again."""

    def __init__(self) -> None:
        self._heard = heard.get()
        self.start()

    def start(self) -> None:
        """Wait anew from here on."""
        self._next, self._begun = SOON, time.monotonic()

    def told(self, what: str) -> None:
        """Say what is waited for, if that has taken long."""
        waited = time.monotonic() - self._begun
        if waited >= self._next:
            self._next += AGAIN
            self._heard(what, waited)


class Reading(Wait):
    """What a thread reads at the moment, as a person knows it (URLs without secrets), and how far it is.

    "" is nothing: then it computes, which takes as long as it takes.
    """

    def __init__(self, what: str = "") -> None:
        super().__init__()
        self.begin(what)

    def begin(self, what: str) -> None:
        """Read something else from here on."""
        self.start()
        self._what, self._count, self._last = what, 0, self._begun

    def got(self, count: int) -> None:
        self._count += count
        self._last = time.monotonic()

    def check(self) -> None:
        """Say that a wait is long; raise DeployerError when it has been too long."""
        what, now = self._what, time.monotonic()
        if not what:
            return
        self.told(what)
        if now - self._last > IDLE:
            raise _unreadable(what, f"nothing came for {IDLE:g} s")
        if now - self._begun > IDLE + self._count / SLOWEST:
            raise _unreadable(what, f"{self._count:,} bytes came in {now - self._begun:.0f} s")


def _unreadable(what: str, why: str) -> DeployerError:
    return DeployerError(f"{what} cannot be read ({why}); check the disk or the network, and run again")


_current: ContextVar[Reading | None] = ContextVar("current", default=None)


class Touching:
    """While a disk is asked for something small: where this thread is supervised, that must not take long."""

    def __init__(self, what: str) -> None:
        self._what, self._reading = what, _current.get()

    def __enter__(self) -> None:
        if self._reading:
            self._reading.begin(self._what)

    def __exit__(self, *_: object) -> None:
        if self._reading:
            self._reading.begin("")


def supervised(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, which is `Touching` one thing after another; DeployerError when one hangs."""

    def watched(reading: Reading) -> Result:
        _current.set(reading)
        return work()

    return beside([watched])[0]


Work = Callable[[Reading], Result]


def within(what: str, work: Work[Result]) -> Result:
    """Return what `work` returns, which says how far it is; DeployerError when that takes too long."""
    return beside([work], what)[0]


def beside(works: Sequence[Work[Result]], what: str = "", check: Callable[[], object] = lambda: None) -> list[Result]:
    """Do the same for several, each in a thread; the first error is that of all. `check` may raise, now and then."""
    from concurrent.futures import FIRST_COMPLETED, wait

    readings = [Reading(what) for _ in works]
    futures = [started(work, reading) for work, reading in zip(works, readings, strict=True)]
    left = set(futures)
    while left:
        done, left = wait(left, _TICK, FIRST_COMPLETED)
        for one in done:
            one.result()
        check()
        for reading, future in zip(readings, futures, strict=True):
            if future in left:
                reading.check()
    return [one.result() for one in futures]


async def awaited(what: str, work: Work[Result]) -> Result:
    """Do the same in an event loop, which goes on meanwhile; a caller that is cancelled leaves the thread behind."""
    import asyncio

    reading = Reading(what)
    done = asyncio.wrap_future(started(work, reading, thread=_lent))
    while not done.done():
        await asyncio.wait({done}, timeout=_TICK)
        if not done.done():
            reading.check()
    return done.result()


Run = Callable[[], None]


def _of_its_own(run: Run) -> None:
    threading.Thread(target=run, name="reading", daemon=True).start()


def started(
    work: Callable[..., Result], *arguments: Any, thread: Callable[[Run], None] = _of_its_own
) -> Future[Result]:
    """Begin something in a daemon thread, with the context of the caller."""
    from concurrent.futures import Future

    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()  # from here on, to cancel it does nothing
    context = copy_context()

    def run() -> None:
        try:
            result = context.run(work, *arguments)
        except BaseException as error:  # noqa: BLE001 (it is raised where the result is asked for)
            future.set_exception(error)
        else:
            future.set_result(result)

    thread(run)
    return future


_idle: list[SimpleQueue[Run]] = []
"""One for each thread that has ended its work: an apply opens thousands of files, and each new thread is 0.1 ms."""
_STAYS = 0.2
"""Seconds that a thread stays for more."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # threads do not come along


def _lent(run: Run) -> None:
    """Let a thread that stays for more do it."""
    try:
        _idle.pop().put(run)
    except IndexError:
        _of_its_own(partial(_serve, run))


def _serve(work: Run) -> None:
    """Do one thing after another, up to one that hangs, or until nothing more comes."""
    mine: SimpleQueue[Run] = SimpleQueue()
    while True:
        work()
        del work  # what it returned is no longer held while this thread is idle
        _idle.append(mine)
        try:
            work = mine.get(timeout=_STAYS)
        except Empty:
            try:
                _idle.remove(mine)
            except ValueError:  # it was chosen in this very moment
                work = mine.get()
            else:
                return
