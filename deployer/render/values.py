"""A JSON value in one line, for people."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.render.plain import plain
from deployer.wording import cut

_SHOWN = 72


def short(value: Any) -> str:
    """One line for a value: text as it is, a tool by what it is, the rest as JSON; cut at about 70 characters."""
    if value is None:
        text = "not set"
    elif isinstance(value, Mapping) and "type" in value:
        text = _tool(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = plain(text)
    return text if len(text) <= _SHOWN else f"{cut(text, _SHOWN)} ({len(text):,} characters)"


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
