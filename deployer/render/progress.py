"""What happens during an apply: bars on a terminal, a line every few seconds in a log, and outcomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

from deployer.engine.cost import cost, seconds
from deployer.model import Address, AttachFiles, Operation, Outcome, Plan, Status, Upload
from deployer.render import preview, text
from deployer.render.lines import Segment
from deployer.wording import duration, size, size_of

if TYPE_CHECKING:
    from deployer.render.terminal import BarsOnScreen, Terminal

_QUICK = 3.0
_PAUSE = 5.0
_REDRAW = 0.1

Clock = Callable[[], float]


class Reporter(Protocol):
    """What the executor calls: an operation done, a whole change done, bytes that went out, documents now ready."""

    def __call__(
        self,
        address: Address,
        operation: Operation | None = None,
        outcome: Outcome | None = None,
        bytes: int = 0,  # noqa: A002 (the name that an event has)
        ready: int = 0,
    ) -> None: ...


@contextmanager
def progress(file: IO[str], plan: Plan, clock: Clock = time.monotonic) -> Iterator[Reporter]:
    """Yield the function to call for whatever happens while a plan is executed."""
    out = text.console(file)
    bars = out.bars()
    display: Bars | Sentences = Bars(bars) if bars else Sentences(out)
    reporter = _Progress(out, plan, display, clock)
    try:
        yield reporter
    finally:
        display.close()
        reporter.close()


class _Progress:
    """Counts what it is told, and shows it once an apply is no longer quick."""

    def __init__(self, out: text.Log | Terminal, plan: Plan, display: Bars | Sentences, clock: Clock) -> None:
        self._out, self._tally, self._display = out, Tally(plan), display
        self._clock, self._start = clock, clock()
        self._many, self._gone = preview.are_many(plan), 0

    def __call__(
        self,
        address: Address,
        operation: Operation | None = None,
        outcome: Outcome | None = None,
        bytes: int = 0,  # noqa: A002
        ready: int = 0,
    ) -> None:
        del address
        self._tally.count(operation, bytes, ready)
        if outcome and self._many and outcome.address.kind == preview.FILE and outcome.status is Status.DONE:
            self._gone += 1
        elif outcome:
            text.outcome(self._out, outcome)
        elapsed = self._clock() - self._start
        if elapsed >= _QUICK:
            self._display.show(self._tally, elapsed)

    def close(self) -> None:
        """Print what became of many File objects, at once."""
        if self._gone:
            text.files_gone(self._out, self._gone)


class Sentences:
    """A line every few seconds."""

    def __init__(self, out: text.Log | Terminal) -> None:
        self._out = out
        self._next = 0.0

    def show(self, tally: Tally, elapsed: float) -> None:
        if elapsed >= self._next and (said := sentence(tally, elapsed)):
            self._next = elapsed + _PAUSE
            self._out.print(Segment(f"  {said}", "dim"))

    def close(self) -> None:
        """Nothing is held."""


def sentence(tally: Tally, elapsed: float) -> str:
    """Say what is under way: uploads, documents, or else requests; "" when nothing is left."""
    parts = []
    if tally.files.open:
        parts.append(f"uploading {tally.files} files, {size_of(tally.bytes.done, tally.bytes.total)}")
    if tally.documents.open and (tally.documents.done or not parts):
        parts.append(f"{tally.documents} documents ready")
    if tally.requests.open and not parts:
        parts.append(f"{tally.requests} requests done")
    return ", ".join([*parts, f"about {duration(tally.left(elapsed))} left"]) if parts else ""


class Bars:
    """Nothing is drawn before the first `show`."""

    def __init__(self, bars: BarsOnScreen) -> None:
        self._bars = bars
        self._next = 0.0

    def show(self, tally: Tally, elapsed: float) -> None:
        """Draw the tally, unless it was drawn a moment ago; its end is always drawn."""
        if elapsed < self._next and tally.requests.open:
            return
        self._next = elapsed + _REDRAW
        sent = size_of(tally.bytes.done, tally.bytes.total)
        self._bar(
            "uploads", tally.bytes, f"{tally.files} files, {sent}", f"{size(round(tally.bytes.done / elapsed))}/s"
        )
        self._bar("documents", tally.documents, f"{tally.documents} ready")
        left = f"about {duration(tally.left(elapsed))} left" if tally.requests.open else ""
        self._bar("requests", tally.requests, f"{tally.requests}", left)

    def _bar(self, name: str, track: Track, amount: str, pace: str = "") -> None:
        if track.total:
            self._bars.set(name, track.done, track.total, amount, pace)

    def close(self) -> None:
        self._bars.stop()


@dataclass(slots=True)
class Track:
    """One thing that is counted up to a total."""

    total: int
    done: int = 0

    def __str__(self) -> str:
        return f"{self.done:,} of {self.total:,}"

    @property
    def open(self) -> bool:
        return self.done < self.total

    def add(self, count: int) -> None:
        """Count on, or back: what is sent again counts once."""
        self.done = max(0, min(self.total, self.done + count))

    def reach(self, count: int) -> None:
        """Count at least so much."""
        self.done = min(self.total, max(self.done, count))


class Tally:
    """What a plan sends, and how much of it is done.

    Bytes and documents are told as they come; an operation that ends counts in full even when nothing was told of it
    (its bytes were on the account already).
    """

    def __init__(self, plan: Plan) -> None:
        operations = [one for change in plan.pending for one in change.operations]
        uploads = [one for one in operations if isinstance(one, Upload)]
        self.files = Track(len(uploads))
        self.bytes = Track(sum(one.file.size for one in uploads))
        self.documents = Track(sum(len(one.members) for one in operations if isinstance(one, AttachFiles)))
        self.requests = Track(sum(map(cost, operations)))
        self._least = seconds(plan)
        self._uploaded = self._attached = 0

    def count(self, operation: Operation | None, sent: int, ready: int) -> None:
        """Take in bytes that went out, documents that became ready, and an operation that ended."""
        self.bytes.add(sent)
        self.documents.add(ready)
        if operation:
            self._operation(operation)

    def _operation(self, operation: Operation) -> None:
        self.requests.add(cost(operation))
        if isinstance(operation, Upload):
            self.files.add(1)
            self._uploaded += operation.file.size
            self.bytes.reach(self._uploaded)
        elif isinstance(operation, AttachFiles):
            self._attached += len(operation.members)
            self.documents.reach(self._attached)

    def left(self, elapsed: float) -> float:
        """Estimate the seconds that are left: by what goes slowest so far, and never less than the limits allow."""
        tracks = (self.files, self.bytes, self.documents, self.requests)
        rates = [elapsed * (one.total - one.done) / one.done for one in tracks if one.done]
        return max([self._least - elapsed, *rates])
