"""How work grows with size, by counting the instructions that Python carries out: no clock, so no flaky figure.

What C code does in one instruction counts as one: copy no large collection in a loop.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def instructions(work: Callable[[], object]) -> int:
    """Return how many bytecode instructions `work` takes, in all that it calls."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def exponent(work: Callable[[int], Callable[[], object]], small: int, large: int) -> float:
    """Return the exponent by which work grows between two sizes: 1 is linear. `work` prepares what is counted."""
    work(small)()  # what is only done once is done here
    counts = [instructions(work(size)) for size in (small, large)]
    return math.log(counts[1] / counts[0]) / math.log(large / small)
