"""Standard streams: where output goes, and what happens when they fail.

What is closed counts as empty, and a run goes on though its output can no longer be read.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TextIO, cast

import click


@dataclass(frozen=True, slots=True)
class Streams:
    """Where a renderer writes: what was asked for to `out`, what is said beside it to `err`."""

    out: IO[str]
    err: IO[str]

    @classmethod
    def standard(cls) -> Streams:
        """Return the process's own, as they are at this moment."""
        return cls(sys.stdout, sys.stderr)

    def say(self, text: str) -> None:
        click.echo(text, self.out)

    def warn(self, text: str) -> None:
        click.echo(text, self.err)


_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}


class Lasting:
    """A stream that falls silent when it can no longer be written; `lost` says why.

    The stream behind it has an owner, who closes it. So this is no `io.TextIOBase`: those are flushed and closed when
    they are collected, whatever has become of the stream by then.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None

    @property
    def encoding(self) -> str:
        return self._stream.encoding or "utf-8"

    @property
    def errors(self) -> str:
        return self._stream.errors or "strict"

    def __getattr__(self, name: str) -> Any:  # `isatty`, `fileno`, `buffer`, …: also what imported handlers may use
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        size = len("" + text)  # a TypeError for bytes, even when silent: by that click knows a stream of text
        with self._unless_lost() as stream:
            stream.write(text)
        return size

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with self._unless_lost() as stream:
            stream.flush()

    @contextmanager
    def _unless_lost(self) -> Iterator[TextIO]:
        try:
            yield io.StringIO() if self.lost else self._stream
        except OSError as error:
            self.lost = error
            silence(self._stream)


def silence(stream: TextIO) -> None:
    """Send the rest to nowhere: what is held back would fail again, and spoil the exit code, when Python ends."""
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def prepare() -> None:
    """Open what was closed (`>&-`), escape what cannot be encoded, and let stderr never be the cause of a failure."""
    for name, mode in _MODES.items():  # in this order: each takes the lowest free number, which is its own
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 (for good)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    sys.stderr = cast("TextIO", Lasting(sys.stderr))


@contextmanager
def lasting() -> Iterator[Lasting]:
    """Let what is done meanwhile go on to its end though stdout fails; stderr says so, unless there was no reader."""
    output = Lasting(sys.stdout)
    try:
        with redirect_stdout(cast("TextIO", output)):
            yield output
    finally:
        if output.lost and not isinstance(output.lost, BrokenPipeError):
            why = output.lost.strerror or output.lost
            click.echo(f"the output could not be written to its end ({why}); what is done is done", err=True)
