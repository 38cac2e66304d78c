"""Bars on a terminal: one for uploads, one for documents, one for requests; they vanish at the end."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from deployer.render.tally import Tally, Track
from deployer.wording import duration, size, size_of

_REDRAW = 0.1


class Bars:
    """Nothing is drawn before the first `show`."""

    def __init__(self, out: Console) -> None:
        texts = [TextColumn(f"{{task.{name}}}") for name in ("description", "fields[amount]", "fields[pace]")]
        self._bars = Progress(
            texts[0],
            BarColumn(bar_width=20),
            *texts[1:],
            console=out,
            transient=True,
            redirect_stderr=sys.stderr.isatty(),  # what is said there appears above the bars; a file gets it itself
        )
        self._tasks: dict[str, TaskID] = {}
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
        if not track.total:
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=track.total, amount=amount, pace=pace)
            self._bars.start()
        self._bars.update(self._tasks[name], completed=track.done, amount=amount, pace=pace)

    def close(self) -> None:
        self._bars.stop()
