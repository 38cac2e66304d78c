"""The form of what is imported, as data: anybody may have written the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ODD = object()
_FUNCTION = {"name": str, "description": str, "parameters": dict, "strict": bool}
_SEARCH = {"max_num_results": int, "ranking_options": {"ranker": str, "score_threshold": (int, float)}}
_STORES = {"vector_store_ids": [str]}
_TOOL = {
    **_FUNCTION,
    **_SEARCH,
    **_STORES,
    "type": str,
    "kind": str,
    "url": str,
    "serverName": str,
    "function": _FUNCTION,
    "file_search": _SEARCH,
    "container": dict,
    "server_label": str,
    "server_url": str,
    "headers": dict,
    "transport": {"type": str, "server_url": str, "headers": dict, "args": [str], "env_vars": [str]},
    "allowed_tools": [str],
    "allowed_domains": [str],
    "filters": {"allowed_domains": [str]},
    "user_location": {"city": str, "country": str, "region": str, "timezone": str},
    "location": {"city": str, "country": str, "region": str, "timezone": str},
    "request_metadata": dict,
}
_FORMAT = {"type": str, "name": str, "schema": dict, "json_schema": dict}
_MESSAGE = {"role": str}
_OBJECT: dict[str, Any] = {
    "id": str,
    "name": str,
    "displayName": str,
    "description": str,
    "instructions": str,
    "additionalInstructions": str,
    "tools": [_TOOL],
    "tool_resources": {"file_search": _STORES, "code_interpreter": {"file_ids": [str]}},
    "file_ids": [str],
    "metadata": {"": str},
    "temperature": (int, float),
    "top_p": (int, float),
    "reasoning_effort": str,
    "reasoning": {"effort": str, "summary": str},
    "text": {"format": _FORMAT, "verbosity": str},
    "service_tier": str,
    "multi_agent": {"enabled": bool, "max_concurrent_subagents": int},
    "compaction": {"async": bool},
    "experimental": {"time_awareness": bool},
    "expires_after": {"anchor": str, "days": int},
    "input": [_MESSAGE],
    "messages": [_MESSAGE],
    "variables": dict,
}
_API = {**_OBJECT, "model": str}
_VERSION = {"name": str, "description": str, "metadata": {"": str}, "definition": {**_API, "kind": str}}
SHAPE = {
    **_API,
    **_VERSION,
    "response_format": (str, dict),
    "parameters": _API,
    "prompt": _API,
    "versions": {"latest": _VERSION},
}
DECLARATIVE = {**_OBJECT, "model": {"id": str, "options": {"temperature": (int, float), "topP": (int, float)}}}
_GIZMO = {
    "instructions": str,
    "name": str,
    "description": str,
    "tools": list,
    "files": list,
    "capabilities": (list, dict),
}
GPT = {**_GIZMO, "gizmo": {**_GIZMO, "display": {"name": str, "description": str}}, "display": dict}
STATE = {"resources": [{"type": str, "name": str, "instances": [{"attributes": dict}]}]}
"""Shapes: a type, a list of one shape, or fields with theirs ("": every field's); what is not named may be anything."""


def sound(value: Any, shape: Any, at: str, odd: list[str]) -> Any:
    """Return the value without what has another form; `odd` takes where that is. Null is: not said."""
    if isinstance(shape, dict) and isinstance(value, Mapping):
        every = shape.get("", object)
        cleaned = {
            key: sound(one, shape.get(key, every), f"{at}.{key}", odd) for key, one in value.items() if one is not None
        }
        return {key: one for key, one in cleaned.items() if one is not _ODD}
    if isinstance(shape, list) and isinstance(value, list):
        items = [sound(one, shape[0], f"{at}[{number}]", odd) for number, one in enumerate(value)]
        return [one for one in items if one is not _ODD]
    plain = not isinstance(shape, dict | list) and isinstance(value, shape)
    if plain and not (isinstance(value, bool) and shape in (int, (int, float))):
        return value
    odd.append(at.lstrip("."))
    return _ODD
