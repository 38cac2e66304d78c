"""The canonical form of tools, shared by every surface: a mapping from the tool's name to its fields.

A function goes by its own name, a built-in tool by its type, an MCP server by its label. Fields at the API's default
are left out, fields that we do not know are ignored: a default that the service adds tomorrow is no difference today.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

_NO_PARAMETERS = {"type": "object", "properties": {}}
_RANKERS = (None, "auto", "default_2024_08_21")  # recorded: `auto` is answered as the ranker of the day


DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "function": {"defer_loading": False, "async": False},
        "tool_search": {},
        "programmatic_tool_calling": {"enabled": True},
        "mcp": {
            "server_label": None,
            "transport": None,
            "allowed_tools": None,
            "connection_origin": "service",
            "credential_id": None,
            "request_metadata": {},
            "required": False,
        },
        "web_search": {"allowed_domains": None, "context_size": "medium", "location": None, "mode": "live"},
        "computer_use": {"include_screenshots": False},
        "automations": {},
    }
)
"""Fields of the tools of a saved agent, each with its default (`types/beta/persisted_agent_tool*.py`)."""


def key(tool: Mapping[str, Any]) -> str:
    """Return the name that a tool goes by in canonical attrs and in a plan: there may be several of these two."""
    if tool["type"] == "function":
        return str(tool["name"])
    return f"mcp {tool['server_label']}" if tool["type"] == "mcp" and tool.get("server_label") else str(tool["type"])


def keyed(tools: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Canonical tools by name, in order; a second tool of one name (possible on an account) gets `#2`."""
    result: dict[str, dict[str, Any]] = {}
    for tool in tools:
        name, count = key(tool), 1
        while name in result:
            count += 1
            name = f"{key(tool)}#{count}"
        result[name] = canonical(tool)
    return result


def canonical(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool["type"] == "function":
        return function(tool)
    if tool["type"] == "file_search":
        return file_search(tool)
    return {"type": tool["type"], **_said(tool)}


def _said(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Return the known fields that are not at their defaults; what a field has inside it may be at its own."""
    fields = DEFAULTS.get(str(tool["type"]), {})
    said = {name: _filled(tool[name]) for name in fields if name in tool}
    return {name: value for name, value in said.items() if value not in (None, fields[name])}


def _filled(value: Any) -> Any:
    """Leave out what is not set inside an object: null, and lists and mappings without anything."""
    if not isinstance(value, Mapping):
        return value
    return {name: inner for name, inner in value.items() if inner is not None and inner not in ([], {})}


def function(tool: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"type": "function", "name": tool["name"]}
    if tool.get("description"):
        result["description"] = tool["description"]
    if tool.get("parameters") and tool["parameters"] != _NO_PARAMETERS:
        result["parameters"] = tool["parameters"]
    if tool.get("strict"):
        result["strict"] = True
    return {**result, **_said(tool)}


def file_search(tool: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"type": "file_search"}
    if tool.get("vector_stores"):
        result["vector_stores"] = list(tool["vector_stores"])
    if tool.get("max_num_results") is not None:
        result["max_num_results"] = tool["max_num_results"]
    ranking = _ranking(tool.get("ranking_options") or {})
    if ranking:
        result["ranking_options"] = ranking
    return result


def _ranking(options: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if options.get("ranker") not in _RANKERS:
        result["ranker"] = options["ranker"]
    if options.get("score_threshold"):
        result["score_threshold"] = options["score_threshold"]
    return result


def parameters(tool: Mapping[str, Any]) -> Any:
    """Return the parameters of a canonical function for an API that requires them."""
    return tool.get("parameters", _NO_PARAMETERS)
