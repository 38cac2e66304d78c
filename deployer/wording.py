"""Counts, sizes, times and lists in sentences, and the one way to say that something is too long or too many."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = ("B", "kB", "MB", "GB", "TB")


def counted(count: int, noun: str) -> str:
    """Return `1 file` or `1,200 files`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def more(rest: int, noun: str = "") -> str:
    """Return `and 1,200 more`, or with a noun `and 1,200 more files`: what follows the few that are named."""
    return f"and {counted(rest, f'more {noun}')}" if noun else f"and {rest:,} more"


def listed(names: Sequence[str], most: int, separator: str = ", ") -> str:
    """Return the first `most` names, and how many follow: `a, b and 3 more`, `a; b; and 3 more`."""
    head = separator.join(names[:most])
    if len(names) <= most:
        return head
    return f"{head}{'' if separator == ', ' else separator.rstrip()} {more(len(names) - most)}"


def cut(text: str, most: int) -> str:
    """Return the text, or its first `most` characters and `…`."""
    return text if len(text) <= most else f"{text[:most]}…"


def size(count: int) -> str:
    """Return a number of bytes as people write it: 512 B, 4.0 kB, 2.1 MB."""
    unit = _unit(count)
    return f"{count} B" if unit == 0 else f"{count / 1000**unit:,.1f} {_UNITS[unit]}"


def size_of(part: int, whole: int) -> str:
    """Return both in the unit of the whole: 31.2 of 120.4 MB."""
    unit = _unit(whole)
    return f"{part} of {whole} B" if unit == 0 else f"{part / 1000**unit:,.1f} of {size(whole)}"


def _unit(count: int) -> int:
    return min((len(str(count)) - 1) // 3, len(_UNITS) - 1)


def duration(seconds: float) -> str:
    """Return a time as people write it: 45 s, 10 min, 2.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
