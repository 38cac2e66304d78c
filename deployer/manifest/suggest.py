"""Did you mean …: the nearest of what would have been right.

A manifest may hold as many mistakes as entries, so none may cost a look at all that would be right: of many choices,
those are compared that stand around the word in the order of the alphabet.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path, PurePosixPath

_FEW = 200


class Choices:
    """What would have been right, each with what is suggested for it."""

    def __init__(self, suggestions: Mapping[str, str]) -> None:
        self._suggested = {choice.lower(): shown for choice, shown in suggestions.items()}
        self._ordered = sorted(self._suggested) if len(self._suggested) > _FEW else list(self._suggested)

    def closest(self, word: str) -> str | None:
        close = get_close_matches(word.lower(), self._around(word.lower()), n=1, cutoff=0.6)
        return self._suggested[close[0]] if close else None

    def nearest(self, word: str, otherwise: str) -> str:
        """Return the remedy for a wrong word: the closest choice, or else `otherwise`."""
        found = self.closest(word)
        return otherwise if found is None else f"did you mean {found!r}?"

    def _around(self, word: str) -> list[str]:
        if len(self._ordered) <= _FEW:
            return self._ordered
        place = bisect_left(self._ordered, word)
        return self._ordered[max(0, place - _FEW // 2) : place + _FEW // 2]


def nearest(word: str, choices: Iterable[str], otherwise: str) -> str:
    """Return the remedy for one wrong word; for many, keep `Choices`."""
    return Choices({choice: choice for choice in choices}).nearest(word, otherwise)


def one_of(choices: Iterable[str]) -> str:
    first, *more = choices
    return f"use one of: {', '.join([first, *more])}" if more else f"it must be {first}"


def similar_file(path: Path, shown: str, otherwise: str) -> str:
    """Return the remedy for a missing file, `shown` as the user wrote it: the nearest name in its folder."""
    try:
        name = _files(path.parent, path.parent.stat().st_mtime_ns).closest(path.stem)
    except OSError:
        name = None
    return f"did you mean {str(PurePosixPath(shown).with_name(name))!r}?" if name else otherwise


@lru_cache(maxsize=16)
def _files(folder: Path, changed: int) -> Choices:
    """Return the names in a folder; it is listed once for all that is missing from it, until it changes."""
    del changed
    return Choices({other.stem: other.name for other in sorted(folder.iterdir(), reverse=True)})
