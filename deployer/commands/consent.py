"""Ask for consent, also where an event loop runs."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator

import click

from deployer.errors import UsageError


def answerable(what: str, *flags: str) -> None:
    """Raise unless somebody can answer; `flags` say what to add."""
    if not sys.stdin.isatty():
        raise UsageError(f"nobody can confirm here; add {' or '.join(flags)} to {what} without asking")


def confirmed(question: str) -> bool:
    with interruptible():
        return click.confirm(f"\n{question}", default=False)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question: asyncio's own handler would wait for the loop, which waits for the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
