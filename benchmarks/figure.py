"""One measured figure and the bar that it must reach."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = "BENCHMARK_RESULTS"
"""The environment variable that names a file for what was measured."""
QUIET = 0.35
"""Seconds of CPU that `import openai` takes on the machine for which bars in seconds were set, when it is quiet."""


@dataclass(frozen=True)
class Figure:
    """`bar` is what the value may be at most, or with `at_least`, what it must be at least."""

    what: str
    value: float
    bar: float
    unit: str = ""
    at_least: bool = False

    @property
    def reached(self) -> bool:
        return self.value >= self.bar if self.at_least else self.value <= self.bar

    @property
    def row(self) -> tuple[str, str, str, bool]:
        sign = "≥" if self.at_least else "≤"
        return self.what, f"{self.value:.4g}{self.unit}", f"{sign} {self.bar:.6g}{self.unit}", self.reached

    def __str__(self) -> str:
        limit = f"at {'least' if self.at_least else 'most'} {self.bar:g}{self.unit}"
        return f"{self.what}: {self.value:.4g}{self.unit} ({limit}) {'ok' if self.reached else 'MISSED'}"


def told(figures: Sequence[Figure]) -> int:
    """Print the figures and give the exit code: 1 when one of them misses its bar.

    Where RESULTS names a file, they are added to it, a line of JSON each: (name, result, bar, whether it is reached).
    """
    for figure in figures:
        print(figure)
    if path := os.environ.get(RESULTS):
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(figure.row) + "\n" for figure in figures)
    return 0 if all(figure.reached for figure in figures) else 1


def cpu_of(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> float:
    """Run a command to its end and return the CPU seconds that it and its children took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def slowness() -> float:
    """Return how many times as long as on that machine the same work takes now: other work takes caches and cores."""
    command = [sys.executable, "-c", "import openai"]
    return statistics.median(cpu_of(command, Path()) for _ in range(5)) / QUIET
