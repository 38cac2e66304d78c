"""What a run tells while it is at work, as values that its caller gets through `on_event`; how it is asked to stop."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from deployer import deadlines
from deployer.backends.base import Pause, Silence, Unlisted

if TYPE_CHECKING:
    import asyncio

    from deployer.apply.execution import Event

_SOON = 3.0
_PAUSE = 15.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """An account in trouble is waited for. All times are in seconds: so far, at most, and until the next try."""

    account: str
    what: str
    waited: float
    most: float
    pause: float

    def __str__(self) -> str:
        so_far = f"waiting for it: {self.waited:.0f} s so far, at most {self.most:.0f} s"
        return f"account {self.account} {self.what}; {so_far}, next try in {max(1, self.pause):.0f} s"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know, and that changes nothing about what is done."""

    text: str

    def __str__(self) -> str:
        return self.text


ProjectEvent: TypeAlias = "Event | Unlisted | Waiting | Silence | Notice"
"""`Event` is progress: an operation or a whole change done, bytes that went out, documents that became ready.

`Unlisted` is a wait until a list shows what was written.
"""
OnEvent: TypeAlias = Callable[[ProjectEvent], None]


def ignore(_event: object) -> None:
    """Take an event, and do nothing."""


@contextlib.contextmanager
def telling(on_event: OnEvent) -> Iterator[None]:
    """Tell, in this context, also of documents that are waited for."""
    before = deadlines.heard.set(lambda what, seconds: on_event(Silence(what, seconds)))
    try:
        yield
    finally:
        deadlines.heard.reset(before)


class StopSignal:
    """Asks a run to end after the requests in flight. It may be set from any thread, also by a signal handler."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._passed_on: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def set(self) -> None:
        """Ask every run that was given this, also those that begin later."""
        self._asked.set()
        for loop, event in tuple(self._passed_on):
            with contextlib.suppress(RuntimeError):  # that loop has ended meanwhile
                loop.call_soon_threadsafe(event.set)

    def is_set(self) -> bool:
        return self._asked.is_set()

    @contextlib.contextmanager
    def passed_on(self, event: asyncio.Event) -> Iterator[None]:
        """Set an event of the running loop as soon as this is set."""
        import asyncio

        entry = (asyncio.get_running_loop(), event)
        self._passed_on.append(entry)
        if self.is_set():
            event.set()
        try:
            yield
        finally:
            self._passed_on.remove(entry)


@dataclass(slots=True)
class Listener:
    """Passes events on. What `on_event` raises stops the run as a StopSignal does; `check` raises it afterwards."""

    on_event: OnEvent
    stop: StopSignal
    error: Exception | None = None

    def __call__(self, event: ProjectEvent) -> None:
        if self.error is not None:
            return
        try:
            self.on_event(event)
        except Exception as error:  # noqa: BLE001 (the caller's code: the run must come to an orderly end)
            self.error = error
            self.stop.set()

    def check(self) -> None:
        if self.error is not None:
            raise self.error


@dataclass(slots=True)
class Watch:
    """Is told of each pause of an account in trouble, tells of long ones: at the beginning, now and again.

    What does not answer is told as it comes.
    """

    on_event: OnEvent
    _trouble: float = field(default=-1.0, init=False)
    _next: float = field(default=0.0, init=False)

    def __call__(self, pause: Pause | Silence) -> None:
        if isinstance(pause, Silence):
            self.on_event(pause)
        else:
            self._pause(pause)

    def _pause(self, pause: Pause) -> None:
        if pause.since != self._trouble:
            self._trouble, self._next = pause.since, pause.since + _SOON
        if pause.now + pause.seconds >= self._next:
            self._next = pause.now + pause.seconds + _PAUSE
            waited = pause.now - pause.since
            self.on_event(Waiting(pause.account, pause.what, waited, pause.outage, pause.seconds))
