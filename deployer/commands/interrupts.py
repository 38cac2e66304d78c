"""Ctrl-C and a pipeline's SIGTERM: the first ends a command in order, a second one ends the process, whatever hangs.

Python runs its handlers only when the main thread comes back from what it does, which a hung disk never lets it. The
system's own handler writes each signal to a pipe nevertheless, and a thread reads there.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from deployer.errors import EXIT_INTERRUPTED

GRACE = 1.5
"""Seconds that a command has to end by itself after the second signal."""
_SOON = 1.0
_AGAIN = "\ninterrupted: it ends as soon as what is under way lets it; again to end at once"
_ENDED = "interrupted: it was ended at once, while something did not answer"


class _Words:
    """What is said at a forced end; `told`: the command itself says that a second signal ends it at once."""

    ended, told = _ENDED, False


def watch() -> None:
    """Watch for signals from here to the end of the process, of which this must be the main thread."""
    if os.name == "nt":  # its signals reach sockets only, and nobody has tried
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)
    threading.Thread(target=_watched, args=(reader,), name="signals", daemon=True).start()


@contextmanager
def handled(asked: Callable[[], object], ended: str) -> Iterator[None]:
    """Call `asked` for each signal, which then ends nothing by itself; `ended` is what a forced end says."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    seen = threading.Event()

    def handler(_number: int, _frame: FrameType | None) -> None:
        seen.set()
        asked()

    before: dict[signal.Signals, Any] = {one: signal.signal(one, handler) for one in (signal.SIGINT, signal.SIGTERM)}
    _Words.ended, _Words.told = ended, True
    try:
        yield
    finally:
        if not seen.is_set():  # else it is what there is to say also of an end that hangs
            _Words.ended, _Words.told = _ENDED, False
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


def _terminated(_number: int, frame: FrameType | None) -> None:
    """SIGTERM does what Ctrl-C does: a lease is given back, a snapshot is written whole."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def _watched(reader: int) -> None:
    _next(reader)
    if not select.select([reader], [], [], _SOON)[0] and not _Words.told:
        _say(_AGAIN)
    _next(reader)
    threading.Event().wait(GRACE)
    _say(_Words.ended)
    os._exit(EXIT_INTERRUPTED)


def _next(reader: int) -> None:
    """Wait for one of the signals that end; the pipe gets the number of every signal that has a handler."""
    while os.read(reader, 1)[0] not in (signal.SIGINT, signal.SIGTERM):
        pass


def _say(text: str) -> None:
    """Write past every buffer and lock, which the main thread may hold; an end waits for no reader."""
    with suppress(OSError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, f"{text}\n".encode())
