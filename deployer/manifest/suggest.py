"""\"Did you mean\": the nearest of what would have been right."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, choices: Iterable[str], otherwise: str) -> str:
    """Give the remedy for a wrong word: the closest choice, or else `otherwise`."""
    options = {choice.lower(): choice for choice in choices}
    close = get_close_matches(word.lower(), options, n=1, cutoff=0.6)
    return f"did you mean {options[close[0]]!r}?" if close else otherwise


def one_of(choices: Iterable[str]) -> str:
    return "use one of: " + ", ".join(choices)
