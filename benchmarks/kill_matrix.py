"""The tool killed at every request of the journey empty → A → B → A → empty, before and after the account acted.

After each kill the same step runs again: the account is then exactly what the undisturbed run made of it, and not one
write more was made. Every other time the next run is on another machine, without any note of the first; files that were
about to be deleted are then found by `gc`.

`python -m benchmarks.kill_matrix 5` takes every fifth request.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, told
from tests.support.killed import AFTER, BEFORE, Door, Journey, Stage, served
from tests.support.tool import tool

REQUESTS = 150


def main(each: int = 1) -> int:
    door = Door()
    with tempfile.TemporaryDirectory() as name, tool() as started, served(door) as base_url:
        journey = Journey(started, door, Path(name), "assistants", base_url)
        stages, since = journey.walk(), time.monotonic()
        results = [one for stage in stages for one in _killed(journey, stage, each)]
    length = sum(stage.requests for stage in stages)
    took = time.monotonic() - since
    print(f"{len(results)} runs killed at {length} requests (every {each}.), both ways, in {took:.0f} s")
    return told(
        [
            Figure("requests of the journey", length, REQUESTS, at_least=True),
            Figure("kills after which the next run did not end as the undisturbed one", sum(map(bool, results)), 0),
        ]
    )


def _killed(journey: Journey, stage: Stage, each: int) -> Iterator[list[str]]:
    """Kill at each request; on an even one the next run is on the same machine, on an odd one on another."""
    for at in range(1, stage.requests + 1, each):
        for way in (BEFORE, AFTER):
            elsewhere = (at + (way == AFTER)) % 2 == 1
            with journey.disturbed(stage, at, way, signal.SIGKILL) as case:
                flaws = case.flaws(elsewhere=elsewhere)
            for flaw in flaws:
                print(f"step {stage.number}, killed {way} request {at}, elsewhere {elsewhere}: {flaw}")
            yield flaws


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
