"""What only a terminal gets, by way of rich: colour, lines that go on under their column, and bars."""

from __future__ import annotations

import sys
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from deployer.render.lines import Segment

_TONES = {
    "plain": "",
    "label": "",
    "dim": "dim",
    "strong": "bold",
    "new": "green",
    "gone": "red",
    "failed": "bold red",
    "changed": "yellow",
    "warn": "bold magenta",
}
_NARROW = 20


class Terminal:
    """Wraps nothing but lines with a head, and has colour unless NO_COLOR says otherwise.

    FORCE_COLOR gives colour to a file, too; then nothing is wrapped.
    """

    def __init__(self, file: IO[str]) -> None:
        self.console = _Console(file=file, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def print(self, *segments: Segment) -> None:
        self.console.print(_text(segments))

    def print_line(self, head: tuple[Segment, ...], body: tuple[Segment, ...]) -> None:
        """Print a line; where it is too narrow for it, what does not fit goes on under its column."""
        first, rest = _text(head), _text(body)
        rest.rstrip()
        room = self.console.width - first.cell_len
        if not self.console.file.isatty() or rest.cell_len <= room or room < _NARROW:
            whole = first + rest
            whole.rstrip()
            self.console.print(whole)
            return
        for number, part in enumerate(rest.wrap(self.console, room)):
            part.rstrip()
            self.console.print((first if number == 0 else Text(" " * first.cell_len)) + part)

    def bars(self) -> BarsOnScreen | None:
        """Return bars, where they can be drawn: FORCE_COLOR makes rich call a file a terminal."""
        real = self.console.file.isatty() and not self.console.is_dumb_terminal
        return BarsOnScreen(self.console) if real else None


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the caller: rich would end the process, in the middle of whatever is being done."""
        raise BrokenPipeError


def _text(segments: tuple[Segment, ...]) -> Text:
    text = Text()
    for segment in segments:
        text.append(segment.text, _TONES[segment.tone])
    return text


class BarsOnScreen:
    """Bars by name, each with an amount and a pace; nothing is drawn before the first is set."""

    def __init__(self, console: Console) -> None:
        texts = [TextColumn(f"{{task.{name}}}") for name in ("description", "fields[amount]", "fields[pace]")]
        self._progress = Progress(
            texts[0],
            BarColumn(bar_width=20),
            *texts[1:],
            console=console,
            transient=True,
            redirect_stderr=sys.stderr.isatty(),  # what is said there appears above the bars; a file gets it itself
        )
        self._tasks: dict[str, TaskID] = {}

    def set(self, name: str, done: int, total: int, amount: str, pace: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, amount=amount, pace=pace)
            self._progress.start()
        self._progress.update(self._tasks[name], completed=done, amount=amount, pace=pace)

    def stop(self) -> None:
        self._progress.stop()
