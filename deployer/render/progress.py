"""What happens during an apply: bars on a terminal, a line every few seconds in a log, and outcomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Protocol

from rich.console import Console
from rich.text import Text

from deployer.model import Address, Operation, Outcome, Plan, Status
from deployer.render import lines, text
from deployer.render.bars import Bars
from deployer.render.tally import Tally
from deployer.wording import duration, size_of

_QUICK = 3.0
_PAUSE = 5.0

Clock = Callable[[], float]


class Report(Protocol):
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
def progress(file: IO[str], plan: Plan, clock: Clock = time.monotonic) -> Iterator[Report]:
    """Give the function to call for whatever happens while a plan is executed."""
    out = text.console(file)
    # FORCE_COLOR makes rich call a log a terminal; bars need a real one.
    display: Bars | Log = Bars(out) if file.isatty() and not out.is_dumb_terminal else Log(out)
    reporter = _Reporter(out, plan, display, clock)
    try:
        yield reporter
    finally:
        display.close()
        reporter.close()


class Log:
    """A line every few seconds."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._next = 0.0

    def show(self, tally: Tally, elapsed: float) -> None:
        if elapsed >= self._next and (said := sentence(tally, elapsed)):
            self._next = elapsed + _PAUSE
            self._out.print(Text(f"  {said}", "dim"))

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


class _Reporter:
    """Counts what it is told, and shows it once an apply is no longer quick."""

    def __init__(self, out: Console, plan: Plan, display: Bars | Log, clock: Clock) -> None:
        self._out, self._tally, self._display = out, Tally(plan), display
        self._clock, self._start = clock, clock()
        self._many, self._gone = lines.are_many(plan), 0

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
        if outcome and self._many and outcome.address.kind == lines.FILE and outcome.status is Status.DONE:
            self._gone += 1
        elif outcome:
            text.outcome(self._out, outcome)
        elapsed = self._clock() - self._start
        if elapsed >= _QUICK:
            self._display.show(self._tally, elapsed)

    def close(self) -> None:
        """Tell of many File objects at once."""
        if self._gone:
            text.files_gone(self._out, self._gone)
