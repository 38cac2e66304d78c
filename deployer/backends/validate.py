"""What an answer must look like to be compared: a server that means something else by the same path is told apart."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from deployer.engine import canonical, stamp
from deployer.kinds import agent, foundry, response_tools
from deployer.kinds.vector_store import PATH_KEY, SHA_KEY, SIZE_KEY

DEEPEST = 150
"""Levels of an object that are accepted; a manifest has a hundred, a function schema that the API takes about ten."""
_LONGEST_ID = 512
_LARGEST = 2**63
_DIGITS = re.compile(r"[0-9]{1,18}(?:\.0)?")


def _of(*types: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, types)


def _is_size(value: Any) -> bool:
    """Some services keep attributes as texts."""
    if isinstance(value, str):
        return _DIGITS.fullmatch(value) is not None
    return isinstance(value, int | float) and 0 <= value < _LARGEST


def _is_owner(value: Any) -> bool:
    """Whether a stamp names a project and an address as a manifest can: anybody may write one."""
    return isinstance(value, str) and re.fullmatch(r"[a-z0-9_-]+(/[a-z0-9_-]+){2}", value) is not None


Shapes = Mapping[str, Callable[[Any], bool]]
_OBJECT: Shapes = MappingProxyType(
    {
        "metadata": _of(dict),
        f"metadata/{stamp.OWNER}": _is_owner,
        "file_counts": _of(dict),
        "response_format": lambda value: isinstance(value, dict) or value == "auto",
        "response_format/json_schema": _of(dict),
        **{name: _of(dict) for name in agent.OBJECTS},
        "text/format": _of(dict),
        "definition": _of(dict),
        "definition/kind": lambda value: value == foundry.PROMPT,
        "definition/reasoning": _of(dict),
        "definition/text": _of(dict),
        "definition/text/format": _of(dict),
        "definition/tools": response_tools.are_sound,
        "tool_resources": _of(dict),
        "tool_resources/file_search": _of(dict),
        "tool_resources/file_search/vector_store_ids": lambda value: isinstance(value, list) and all(map(is_id, value)),
        "tool_resources/code_interpreter": _of(dict),
        "tool_resources/code_interpreter/file_ids": lambda value: isinstance(value, list) and all(map(is_id, value)),
    }
)
_MEMBERSHIP: Shapes = MappingProxyType(
    {
        "attributes": _of(dict),
        f"attributes/{PATH_KEY}": _of(str),
        f"attributes/{SHA_KEY}": _of(str),
        f"attributes/{SIZE_KEY}": _is_size,
        "chunking_strategy": _of(dict),
        "chunking_strategy/static": _of(dict),
        "created_at": lambda value: canonical.seconds(value) is not None,
        "last_error": _of(dict),
        "last_error/message": _of(str),
    }
)


def is_id(value: Any) -> bool:
    """Whether it can be a segment of a path: an account must not send us elsewhere by what it calls an object."""
    return (
        isinstance(value, str)
        and value.isprintable()
        and len(value) <= _LONGEST_ID
        and re.fullmatch(r"[^\s/?#%\\*\ufffd]+", value) is not None
        and value.strip(".") != ""
    )


def odd_object(raw: Mapping[str, Any]) -> str | None:
    """Return which field of an owned object cannot be compared; a field may be null or absent."""
    return _odd_depth(raw) or _odd(raw, _OBJECT) or _odd_tool(raw.get("tools"))


def odd_metadata(raw: Mapping[str, Any]) -> str | None:
    """Say so when it cannot be known whose object it is."""
    return _odd(raw, {"metadata": _of(dict)}) or _odd_depth({"metadata": raw.get("metadata")})


def odd_membership(raw: Mapping[str, Any]) -> str | None:
    return _odd_depth(raw) or _odd(raw, _MEMBERSHIP)


def _odd(raw: Mapping[str, Any], shapes: Shapes) -> str | None:
    path = next((path for path, fits in shapes.items() if not _fits(raw, path, fits)), None)
    return path and f"a field {path} of an unknown form"


def _fits(raw: Any, path: str, fits: Callable[[Any], bool]) -> bool:
    for name in path.split("/"):
        raw = raw.get(name) if isinstance(raw, dict) else None
        if raw is None:
            return True
    return fits(raw)


def _odd_depth(raw: Mapping[str, Any]) -> str | None:
    return next((f"a field {name} {why}" for name, value in raw.items() if (why := _unfit(value))), None)


def _unfit(value: Any) -> str | None:
    """Return what keeps a value from being compared and written down; level by level, since recursion is what ends."""
    level, depth = [value], 0
    while level:
        if depth > DEEPEST:
            return f"nested deeper than {DEEPEST} levels"
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner.extend(one.values())
            elif isinstance(one, list):
                inner.extend(one)
            elif isinstance(one, float) and not math.isfinite(one):
                return "that holds a number which is none (NaN or infinite)"
        level, depth = inner, depth + 1
    return None


def _odd_tool(tools: Any) -> str | None:
    if tools is None or (isinstance(tools, list) and all(_is_tool(tool) for tool in tools)):
        return None
    return "a field tools of an unknown form"


def _is_tool(tool: Any) -> bool:
    """Whether it has a type, and a function its name: nested on Assistants v2, flat on agents."""
    kind = tool.get("type") if isinstance(tool, dict) else None
    inner = tool.get(kind) or {} if isinstance(kind, str) else None
    if not isinstance(inner, dict):
        return False
    fields = {**tool, **inner}
    ranked = isinstance(fields.get("ranking_options") or {}, dict)
    return ranked and (kind != "function" or isinstance(fields.get("name"), str))
