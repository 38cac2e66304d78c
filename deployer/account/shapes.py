"""What an answer must look like to be compared: a server that means something else by the same path is told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from deployer.kinds.vector_store import PATH_KEY, SHA_KEY

_OBJECT: Mapping[str, type | tuple[type, ...]] = MappingProxyType(
    {
        "metadata": dict,
        "file_counts": dict,
        "response_format": (dict, str),
        "response_format/json_schema": dict,
        "reasoning": dict,
        "text": dict,
        "text/format": dict,
        "tool_resources": dict,
        "tool_resources/file_search": dict,
        "tool_resources/file_search/vector_store_ids": list,
    }
)
_MEMBERSHIP: Mapping[str, type | tuple[type, ...]] = MappingProxyType(
    {
        "attributes": dict,
        f"attributes/{PATH_KEY}": str,
        f"attributes/{SHA_KEY}": str,
        "chunking_strategy": dict,
        "chunking_strategy/static": dict,
        "created_at": (int, float),
        "last_error": dict,
    }
)


def odd_object(raw: Mapping[str, Any]) -> str | None:
    """Give the path of a field of an owned object that has an unknown form; a field may be null or absent."""
    return _odd(raw, _OBJECT) or _odd_tool(raw.get("tools"))


def odd_membership(raw: Mapping[str, Any]) -> str | None:
    return _odd(raw, _MEMBERSHIP)


def _odd(raw: Mapping[str, Any], shapes: Mapping[str, type | tuple[type, ...]]) -> str | None:
    return next((path for path, shape in shapes.items() if not _fits(raw, path.split("/"), shape)), None)


def _fits(raw: Any, path: Iterable[str], shape: type | tuple[type, ...]) -> bool:
    for name in path:
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw is None or isinstance(raw, shape)


def _odd_tool(tools: Any) -> str | None:
    if tools is None or (isinstance(tools, list) and all(_is_tool(tool) for tool in tools)):
        return None
    return "tools"


def _is_tool(tool: Any) -> bool:
    """Tell whether it has a type, and a function its name: nested on Assistants v2, flat on agents."""
    kind = tool.get("type") if isinstance(tool, dict) else None
    inner = tool.get(kind) or {} if isinstance(kind, str) else None
    if not isinstance(inner, dict):
        return False
    fields = {**tool, **inner}
    ranked = isinstance(fields.get("ranking_options") or {}, dict)
    return ranked and (kind != "function" or isinstance(fields.get("name"), str))
