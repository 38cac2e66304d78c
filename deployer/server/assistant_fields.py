"""The fields of an assistant: which values are accepted, and how the resolved object shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from deployer.server.checks import (
    METADATA,
    array,
    boolean,
    choice,
    decimal,
    fields,
    free_object,
    integer,
    nullable,
    string,
    tagged,
)
from deployer.server.store_fields import CHUNKING
from deployer.server.wire import Json

FUNCTION_NAME = string(shortest=1, longest=64, pattern="[a-zA-Z0-9_-]+")
_TYPE = string()
_RANKING = fields(
    {
        "ranker": nullable(choice("auto", "default_2024_08_21")),
        "score_threshold": decimal(0, 1),
        "hybrid_search": nullable(free_object),
    },
    required=("score_threshold",),
)
_FILE_SEARCH = fields({"max_num_results": integer(1, 50), "ranking_options": nullable(_RANKING)})
_FUNCTION = fields(
    {
        "name": FUNCTION_NAME,
        "description": nullable(string(longest=1024)),
        "parameters": nullable(free_object),
        "strict": nullable(boolean),
    },
    required=("name",),
)
_TOOL = tagged(
    {
        "code_interpreter": fields({"type": _TYPE}),
        "file_search": fields({"type": _TYPE, "file_search": nullable(_FILE_SEARCH)}),
        "function": fields({"type": _TYPE, "function": _FUNCTION}, required=("function",)),
    },
)
_JSON_SCHEMA = fields(
    {
        "name": FUNCTION_NAME,
        "description": nullable(string()),
        "schema": free_object,
        "strict": nullable(boolean),
    },
    required=("name",),
)
_FORMAT_OBJECT = tagged(
    {
        "text": fields({"type": _TYPE}),
        "json_object": fields({"type": _TYPE}),
        "json_schema": fields({"type": _TYPE, "json_schema": _JSON_SCHEMA}, required=("json_schema",)),
    },
)
_STORE_IDS = array(string(), longest=1)
_NEW_STORE = fields(
    {"file_ids": array(string(), longest=10000), "chunking_strategy": CHUNKING, "metadata": METADATA},
)
_CODE = fields({"file_ids": array(string(), longest=20)})


def _response_format(value: Any, path: str) -> Any:
    return choice("auto")(value, path) if isinstance(value, str) else _FORMAT_OBJECT(value, path)


_SHARED = {
    "model": string(shortest=1),
    "name": nullable(string(longest=256)),
    "description": nullable(string(longest=512)),
    "instructions": nullable(string(longest=256_000)),
    "tools": array(_TOOL, longest=128),
    "metadata": METADATA,
    "temperature": nullable(decimal(0, 2)),
    "top_p": nullable(decimal(0, 1)),
    "response_format": nullable(_response_format),
    "reasoning_effort": nullable(choice("none", "minimal", "low", "medium", "high", "xhigh", "max")),
}
_SEARCH = fields({"vector_store_ids": _STORE_IDS})
_SEARCH_OR_NEW = fields({"vector_store_ids": _STORE_IDS, "vector_stores": array(_NEW_STORE, longest=1)})
CREATE = fields(
    _SHARED | {"tool_resources": nullable(fields({"code_interpreter": _CODE, "file_search": _SEARCH_OR_NEW}))},
    required=("model",),
)
UPDATE = fields(_SHARED | {"tool_resources": nullable(fields({"code_interpreter": _CODE, "file_search": _SEARCH}))})

# What a recorded answer shows for a field that was left out or set to null.
DEFAULTS: dict[str, Callable[[], Any]] = {
    "name": lambda: None,
    "description": lambda: None,
    "instructions": lambda: None,
    "tools": list,
    "tool_resources": dict,
    "metadata": dict,
    "temperature": lambda: 1.0,
    "top_p": lambda: 1.0,
    "response_format": lambda: "auto",
    "reasoning_effort": lambda: None,
}


def shown(name: str, value: Any) -> Any:
    """A field's value as the object shows it: null becomes the default, tools get theirs."""
    if value is None:
        return DEFAULTS[name]()
    return [_tool(tool) for tool in value] if name == "tools" else value


def with_tool_resources(assistant: Json) -> Json:
    """A code interpreter always shows its files, even when it has none (recorded answer)."""
    if any(tool["type"] == "code_interpreter" for tool in assistant["tools"]):
        resources = {"code_interpreter": {"file_ids": []}} | assistant["tool_resources"]
        return assistant | {"tool_resources": resources}
    return assistant


def _tool(tool: Json) -> Json:
    if tool["type"] == "function":
        return tool | {"function": _function(tool["function"])}
    if tool["type"] == "file_search":
        return tool | {"file_search": _file_search(tool.get("file_search") or {})}
    return tool


def _function(function: Json) -> Json:
    given = {name: value for name, value in function.items() if value is not None}
    return {"parameters": {"type": "object", "properties": {}}, "strict": False} | given


def _file_search(settings: Json) -> Json:
    defaults = {"ranker": "default_2024_08_21", "score_threshold": 0.0, "hybrid_search": None}
    given = {name: value for name, value in (settings.get("ranking_options") or {}).items() if value is not None}
    return settings | {"ranking_options": defaults | given}
