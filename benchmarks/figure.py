"""One measured figure and the bar that it must reach."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


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

    def __str__(self) -> str:
        limit = f"at {'least' if self.at_least else 'most'} {self.bar:g}{self.unit}"
        return f"{self.what}: {self.value:.4g}{self.unit} ({limit}) {'ok' if self.reached else 'MISSED'}"


def told(figures: Sequence[Figure]) -> int:
    """Print the figures and give the exit code: 1 when one of them misses its bar."""
    for figure in figures:
        print(figure)
    return 0 if all(figure.reached for figure in figures) else 1


def cpu_of(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> float:
    """Run a command to its end and return the CPU seconds that it and its children took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
