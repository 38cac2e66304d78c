"""Tools and formats of answers in the flat form of the Responses API.

Source: the SDK's `types/responses/tool_param.py`. What a tool says at its default is sent only where the API requires
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from deployer.kinds import tools

_AUTO = {"type": "auto"}


def wired(keyed: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return canonical tools as a request has them; what this form cannot say is left out."""
    return [_wire(tool) for tool in keyed.values() if is_carried(tool)]


def is_carried(tool: Mapping[str, Any]) -> bool:
    """Whether there is such a tool: agents schedule themselves only on the Agents API, and MCP goes over HTTP.

    Tools are called by code only where that is declared, so what is declared as disabled is not there.
    """
    if tool["type"] == "programmatic_tool_calling":
        return tool.get("enabled", True) is not False
    stdio = tool["type"] == "mcp" and (tool.get("transport") or {}).get("type") == "stdio"
    return tool["type"] != "automations" and not stdio


def canonical(found: Iterable[Mapping[str, Any]], addresses: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the tools of a request in canonical form; ids of stores become addresses."""
    return tools.keyed(_read(tool, addresses) for tool in found)


def reduced(keyed: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return canonical tools without what this form cannot say."""
    return canonical(wired(keyed), {})


def _wire(tool: Mapping[str, Any]) -> dict[str, Any]:
    write = _WRITERS.get(tool["type"], dict)
    return write(tool)


def _function(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {**tool, "parameters": tools.parameters(tool), "strict": bool(tool.get("strict"))}


def _file_search(tool: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: one for name, one in tool.items() if name not in ("type", "vector_stores")}
    return {"type": "file_search", "vector_store_ids": list(tool.get("vector_stores", ())), **rest}


def _mcp(tool: Mapping[str, Any]) -> dict[str, Any]:
    transport = tool.get("transport") or {}
    sent = {"server_url": transport.get("server_url"), "headers": transport.get("headers")}
    named = {"type": "mcp", "server_label": tool.get("server_label")}
    return _without_none({**named, **sent, "allowed_tools": tool.get("allowed_tools")})


def _web_search(tool: Mapping[str, Any]) -> dict[str, Any]:
    domains, place = tool.get("allowed_domains"), tool.get("location")
    return _without_none(
        {
            "type": "web_search",
            "filters": {"allowed_domains": domains} if domains else None,
            "search_context_size": tool.get("context_size"),
            "user_location": {"type": "approximate", **place} if place else None,
            "external_web_access": None if tool.get("mode", "live") == "live" else False,
        }
    )


_WRITERS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = MappingProxyType(
    {
        "function": _function,
        "file_search": _file_search,
        "code_interpreter": lambda tool: {**tool, "container": dict(_AUTO)},
        "mcp": _mcp,
        "web_search": _web_search,
        "computer_use": lambda _: {"type": "computer"},
        "programmatic_tool_calling": lambda _: {"type": "programmatic_tool_calling"},
    }
)


def _read(tool: Mapping[str, Any], addresses: Mapping[str, str]) -> dict[str, Any]:
    match tool["type"]:
        case "file_search":
            return {**tool, "vector_stores": [addresses.get(one, one) for one in tool.get("vector_store_ids") or ()]}
        case "mcp":
            transport = {"type": "http", "server_url": tool.get("server_url"), "headers": tool.get("headers")}
            return {**tool, "transport": transport}
        case "web_search":
            return _searched(tool)
        case "computer":
            return {**tool, "type": "computer_use"}
        case _:
            return dict(tool)


def _searched(tool: Mapping[str, Any]) -> dict[str, Any]:
    place = {name: one for name, one in (tool.get("user_location") or {}).items() if name != "type"}
    return {
        "type": "web_search",
        "allowed_domains": (tool.get("filters") or {}).get("allowed_domains"),
        "context_size": tool.get("search_context_size") or "medium",
        "location": place or None,
        "mode": "cached" if tool.get("external_web_access") is False else "live",
    }


def _without_none(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if one is not None}


def references(found: Sequence[Mapping[str, Any]], place: str) -> tuple[tuple[str, str], ...]:
    """Return the pointers of stores that are named by their addresses; `place` is the pointer of the list."""
    return tuple(
        (f"{place}/{number}/vector_store_ids/{index}", store)
        for number, tool in enumerate(found)
        for index, store in enumerate(tool.get("vector_store_ids", ()))
        if "/" in store
    )


def stores(found: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the ids of the stores that live tools search."""
    return tuple(one for tool in found for one in tool.get("vector_store_ids") or ())


def files(found: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the ids of the files in the containers of live tools."""
    containers = (tool.get("container") for tool in found if tool.get("type") == "code_interpreter")
    return tuple(one for each in containers if isinstance(each, Mapping) for one in each.get("file_ids") or ())


def with_files(
    found: Sequence[Mapping[str, Any]], held: Sequence[tuple[str, bool]], place: str
) -> tuple[list[Mapping[str, Any]], tuple[tuple[str, str], ...]]:
    """Return the tools with these files and no others in the container, and the pointers of ids to come.

    `held` are keys of ids, or ids (True). Without a code interpreter there is nothing to hold them.
    """
    result = list(found)
    number = next((n for n, tool in enumerate(result) if tool["type"] == "code_interpreter"), None)
    if number is None:
        return result, ()
    container = result[number].get("container")
    kept = container if isinstance(container, Mapping) else _AUTO
    named = {"file_ids": [key for key, _ in held]} if held else {}
    result[number] = {
        **result[number],
        "container": {**{name: one for name, one in kept.items() if name != "file_ids"}, **named},
    }
    pointer = f"{place}/{number}/container/file_ids"
    return result, tuple((f"{pointer}/{index}", key) for index, (key, is_id) in enumerate(held) if not is_id)


def are_sound(found: Any) -> bool:
    """Whether a list of live tools has a form that can be compared; what the API makes of it is another matter."""
    return is_list_of_objects(found) and all(map(_is_tool, found))


def is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _is_tool(tool: Mapping[str, Any]) -> bool:
    container = tool.get("container")
    held = container.get("file_ids") if isinstance(container, dict) else None
    lists = [tool.get("vector_store_ids") or [], held or []]
    objects = [tool.get(name) or {} for name in ("ranking_options", "user_location", "filters")]
    named = tool.get("type") != "function" or isinstance(tool.get("name"), str)
    shaped = all(map(_is_list_of_texts, lists)) and all(isinstance(one, dict) for one in objects)
    return named and shaped and isinstance(tool.get("type"), str)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


# Formats of answers: the canonical form is that of Assistants, where the manifest's comes from; text is the default.


def reduced_format(value: Any) -> Any:
    if value is None or value == "auto" or value.get("type") == "text":
        return "auto"
    if value["type"] != "json_schema":
        return {"type": value["type"]}
    kept = {name: item for name, item in value["json_schema"].items() if item not in (None, False)}
    return {"type": "json_schema", "json_schema": kept}


def read_format(value: Mapping[str, Any]) -> Any:
    """Return `text.format` of a request in canonical form; without a type it is text."""
    inner = {name: item for name, item in value.items() if name != "type"}
    return reduced_format({"type": value.get("type", "text"), "json_schema": inner})


def wired_format(value: Any) -> Any:
    """Return `text.format`, None for plain text."""
    if value is None or value == "auto":
        return None
    inner = value.get("json_schema")
    return {"type": "json_schema", **inner, "strict": bool(inner.get("strict"))} if inner else dict(value)


def with_field(value: Any, name: str, item: Any) -> dict[str, Any]:
    """Return an object with one field set, or taken out (None); the others stay."""
    kept = {key: one for key, one in (value or {}).items() if key != name}
    return kept if item is None else {name: item, **kept}
