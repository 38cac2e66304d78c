"""How work grows with size, by counting the instructions that Python carries out: no clock, so no flaky figure.

What C code does in one instruction counts as one: copy no large collection in a loop.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import deployer


@contextmanager
def _traced(trace: Any) -> Iterator[None]:
    """Trace this thread, and those that begin meanwhile."""
    before = sys.gettrace()
    sys.settrace(trace)
    threading.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
        threading.settrace(None)


def instructions(work: Callable[[], object]) -> int:
    """Return how many bytecode instructions `work` takes, in all that it calls."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    with _traced(trace):
        work()
    return count


ROOT = Path(deployer.__file__).parent


def lines(work: Callable[[], object], packages: Collection[str] = ()) -> int:
    """Return how many lines of Python run in `work`: as `instructions`, but several times as fast.

    With `packages`, only those of these packages of `deployer`.
    """
    count, roots = 0, tuple(f"{ROOT / one}{os.sep}" for one in packages)

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        if roots and event == "call" and not frame.f_code.co_filename.startswith(roots):
            return None
        count += event == "line"
        return trace

    with _traced(trace):
        work()
    return count


def per_pair(work: Callable[[int], Callable[[], object]], size: int) -> float:
    """Return how many lines run for each pair of objects: a loop over all others, for each object, has at least 0.5.

    Where each object costs thousands of lines, these few do not show in an exponent of small sizes. Three sizes tell
    a + b n + c n^2 apart; what grows as sorting does comes out below 0.1.
    """
    work(size)()
    one, two, four = (lines(work(factor * size)) for factor in (1, 2, 4))
    return (four - 3 * two + 2 * one) / (6 * size**2)


def exponent(work: Callable[[int], Callable[[], object]], small: int, large: int) -> float:
    """Return the exponent by which work grows between two sizes: 1 is linear. `work` prepares what is counted."""
    instructions(
        work(small)
    )  # what is only done once is done here; Python 3.14 counts code only from its second call on
    counts = [instructions(work(size)) for size in (small, large)]
    return math.log(counts[1] / counts[0]) / math.log(large / small)
