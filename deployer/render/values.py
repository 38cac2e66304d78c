"""Single values for people: sizes, counts, times, and any JSON value in one line."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.render.plain import plain

_SHOWN = 72
_UNITS = ("B", "kB", "MB", "GB", "TB")


def size(count: int) -> str:
    """Write a number of bytes for people: 512 B, 4.0 kB, 2.1 MB."""
    unit = _unit(count)
    return f"{count} B" if unit == 0 else f"{count / 1000**unit:,.1f} {_UNITS[unit]}"


def size_of(part: int, whole: int) -> str:
    """Write both in the unit of the whole: 31.2 of 120.4 MB."""
    unit = _unit(whole)
    return f"{part} of {whole} B" if unit == 0 else f"{part / 1000**unit:,.1f} of {size(whole)}"


def _unit(count: int) -> int:
    return min((len(str(count)) - 1) // 3, len(_UNITS) - 1)


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def duration(seconds: float) -> str:
    """Write a time for people: 45 s, 10 min, 2.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def short(value: Any) -> str:
    """One line for a value: text as it is, a tool by what it is, the rest as JSON; cut at about 70 characters."""
    if value is None:
        text = "not set"
    elif isinstance(value, Mapping) and "type" in value:
        text = _tool(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = plain(text)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"


def _tool(tool: Mapping[str, Any]) -> str:
    if tool["type"] == "function":
        names = ", ".join(map(str, (tool.get("parameters") or {}).get("properties") or ()))
        return f"function({names})"
    rest = [f"{name} {_listed(value)}" for name, value in tool.items() if name != "type"]
    return ", ".join([str(tool["type"]), *rest])


def _listed(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
