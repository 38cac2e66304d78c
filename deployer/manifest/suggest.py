"""Did you mean …: the nearest of what would have been right."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path, PurePosixPath


def nearest(word: str, choices: Iterable[str], otherwise: str) -> str:
    """Give the remedy for a wrong word: the closest choice, or else `otherwise`."""
    options = {choice.lower(): choice for choice in choices}
    close = get_close_matches(word.lower(), options, n=1, cutoff=0.6)
    return f"did you mean {options[close[0]]!r}?" if close else otherwise


def one_of(choices: Iterable[str]) -> str:
    first, *more = choices
    return f"use one of: {', '.join([first, *more])}" if more else f"it must be {first}"


def similar_file(path: Path, shown: str, otherwise: str) -> str:
    """Give the remedy for a file that does not exist, `shown` as the user wrote it: the nearest name in its folder."""
    try:
        names = {other.stem: other.name for other in sorted(path.parent.iterdir(), reverse=True)}
    except OSError:
        names = {}
    close = get_close_matches(path.stem, names, n=1)
    return f"did you mean {str(PurePosixPath(shown).with_name(names[close[0]]))!r}?" if close else otherwise
