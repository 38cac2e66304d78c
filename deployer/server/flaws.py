"""What is wrong with data that a person wrote: the rules that it is read by, and flaws with their place."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
Rule = tuple[Callable[[Any], bool], str]


@dataclass(frozen=True)
class Flaw:
    """What is wrong, and where: the keys and indices that lead there."""

    path: Path
    message: str

    def __str__(self) -> str:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path).lstrip(".")
        return f"{where}: {self.message}" if where else self.message


class FlawedError(ValueError):
    """Data that cannot be read, with all its flaws."""

    def __init__(self, flaws: Iterable[Flaw]) -> None:
        self.flaws = tuple(flaws)
        super().__init__("\n".join(map(str, self.flaws)))


def unknown_key(path: Path, key: Any, known: Iterable[str]) -> Flaw:
    names = list(known)
    near = difflib.get_close_matches(str(key), names, 1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
    return Flaw((*path, str(key)), f"unknown key {key}; {hint}")


def is_number(value: Any, least: float = 0.0, most: float = math.inf) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most < math.inf


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def one_of(*values: str) -> Rule:
    return (lambda value: value in values), f"must be {' or '.join(values)}"


SECONDS: Rule = ((lambda value: is_number(value, 0, 86400)), "must be a number of seconds, at most a day")
TEXT: Rule = ((lambda value: isinstance(value, str)), "must be text")
COUNT: Rule = (is_count, "must be a whole number, 1 or more")
