"""One measured figure and the bar that it must reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
