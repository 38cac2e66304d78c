"""What a request for a response may hold, its defaults, and what a model is asked by it.

The fields are checked in the order, and refused in the words, in which the API was observed to do it (2026-08).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deployer.server import schemas
from deployer.server.checks import (
    Check,
    array,
    boolean,
    choice,
    decimal,
    fields,
    free_object,
    identifier,
    integer,
    missing,
    nullable,
    of_type,
    pairs,
    string,
    tagged,
)
from deployer.server.resources.response_items import INCLUDE, read_items
from deployer.server.runs.turn import Ask
from deployer.server.wire import ApiError, Json

SURFACE = "responses"  # as the rules of function schemas call it
_BAD_SCHEMA = "invalid_json_schema"
_TYPE = string()
METADATA = nullable(pairs(string(longest=512), "a metadata object"))
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_NAME = string(shortest=1, longest=64, pattern="[a-zA-Z0-9_-]+")
_FORMAT = tagged(
    {
        "json_object": fields({"type": _TYPE}),
        "text": fields({"type": _TYPE}),
        "json_schema": fields(
            {
                "type": _TYPE,
                "name": _NAME,
                "schema": free_object,
                "description": nullable(string()),
                "strict": nullable(boolean),
            },
            required=("name", "schema"),
        ),
    },
)
_TEXT = fields({"format": nullable(_FORMAT), "verbosity": nullable(choice("low", "medium", "high"))})


def _effort(value: Any, path: str) -> Any:
    noun = f"one of one of {', '.join(map(repr, _EFFORTS[:-1]))}, or {_EFFORTS[-1]!r} or integer"
    of_type(value, path, noun, isinstance(value, str))
    return choice(*_EFFORTS)(value, path)


_REASONING = fields(
    {
        "effort": nullable(_effort),
        "summary": nullable(choice("concise", "detailed", "auto")),
        "generate_summary": nullable(choice("concise", "detailed", "auto")),
        "context": nullable(string()),
        "mode": nullable(string()),
    },
)
_CONVERSATION = fields({"id": string()}, required=("id",))


def _conversation(value: Any, path: str) -> Any:
    return identifier("conv")(value if isinstance(value, str) else _CONVERSATION(value, path)["id"], path)


_NAMED = ("function", "custom")
# Types of tools in the API's specification (August 2026).
_TOOL_TYPES = (
    "function", "file_search", "computer", "computer_use_preview", "web_search", "web_search_2025_08_26", "mcp",
    "code_interpreter", "programmatic_tool_calling", "image_generation", "local_shell", "shell", "custom", "namespace",
    "tool_search", "web_search_preview", "web_search_preview_2025_03_11", "apply_patch",
)  # fmt: skip


def _tool_choice(value: Any, path: str) -> Any:
    of_type(value, path, "one of an object or 'none', 'auto', or 'required'", isinstance(value, str | dict))
    if isinstance(value, str):
        return choice("none", "auto", "required")(value, path)
    if "type" not in value:
        raise missing(f"{path}.type")
    if value["type"] in _NAMED and "name" not in value:
        raise missing(f"{path}.name")
    return value


def _tool(value: Any, path: str) -> Any:
    tool = free_object(value, path)
    if "type" not in tool:
        raise missing(f"{path}.type")
    choice(*_TOOL_TYPES)(tool["type"], f"{path}.type")
    for name, check in _TOOL_FIELDS.get(tool["type"], {}).items():
        if name in tool:
            check(tool[name], f"{path}.{name}")
        elif name in _TOOL_NEEDS:
            raise missing(f"{path}.{name}")
    return tool


_TOOL_NEEDS = ("name", "vector_store_ids", "container")
_TOOL_FIELDS: Mapping[str, Mapping[str, Check]] = {
    "function": {
        "name": _NAME,
        "description": nullable(string()),
        "parameters": nullable(free_object),
        "strict": nullable(boolean),
    },
    "custom": {"name": _NAME, "description": nullable(string())},
    "file_search": {
        "vector_store_ids": array(string(), longest=10),
        "max_num_results": nullable(integer(1, 50)),
        "filters": nullable(free_object),
        "ranking_options": nullable(free_object),
    },
    "code_interpreter": {
        "container": lambda value, path: value if isinstance(value, str) else free_object(value, path)
    },
}


def _any(value: Any, _path: str) -> Any:
    return value


def _model(value: Any, path: str) -> Any:
    string()({} if value is None else value, path)  # the API calls its null an object
    if not value:
        raise ApiError(400, f"The requested model '{value}' does not exist.", param=path, code="model_not_found")
    return value


def _moved(_value: Any, path: str) -> Any:
    raise ApiError(
        400,
        f"Unsupported parameter: '{path}'. In the Responses API, this parameter has moved to 'input'. Try again with "
        "the new parameter. See the API documentation for more information: "
        "https://platform.openai.com/docs/api-reference/responses/create.",
        code="unsupported_parameter",
    )


_PROMPT = fields({"id": string(), "version": nullable(string()), "variables": nullable(free_object)}, required=("id",))
_TIERS = choice("auto", "default", "fast", "flex", "priority")
_INCLUDE_NOUN = (
    "an array of one of 'fil...lts', 'web...lts', 'web...ces', 'mes...url', 'com...url', 'cod...uts', 'rea...ent', or "
    "'mes...obs'"
)
_FIELDS: dict[str, Check] = {
    "model": _model,
    "messages": _moved,
    "input": read_items,
    "previous_response_id": nullable(identifier("resp")),
    "conversation": nullable(_conversation),
    "prompt": nullable(_PROMPT),
    "moderation": nullable(free_object),
    "include": nullable(array(INCLUDE, longest=20, noun=_INCLUDE_NOUN)),
    "tools": nullable(array(_tool, longest=128, noun="an array of tools")),
    "tool_choice": nullable(_tool_choice),
    "metadata": METADATA,
    "text": nullable(_TEXT),
    "temperature": nullable(decimal(0, 2)),
    "top_p": nullable(decimal(0, 1)),
    "presence_penalty": nullable(decimal(-2, 2)),
    "frequency_penalty": nullable(decimal(-2, 2)),
    "parallel_tool_calls": nullable(boolean),
    "stream": nullable(boolean),
    "stream_options": nullable(fields({"include_obfuscation": boolean})),
    "background": nullable(boolean),
    "max_output_tokens": nullable(integer(16, 2**31)),
    "max_tool_calls": nullable(integer(1, 2**31)),
    "reasoning": nullable(_REASONING),
    "user": nullable(string()),
    "safety_identifier": nullable(string(longest=64)),
    "prompt_cache_options": nullable(fields({"mode": nullable(string()), "ttl": nullable(string())})),
    "prompt_cache_key": nullable(string()),
    "prompt_cache_retention": nullable(choice("in_memory", "24h")),
    "truncation": nullable(choice("auto", "disabled")),
    "instructions": nullable(string()),
    "store": nullable(boolean),
    "service_tier": nullable(_TIERS),
    "top_logprobs": nullable(integer(0, 20)),
    "context_management": nullable(array(free_object, longest=100, noun="an array of objects")),
}
CREATE = fields(_FIELDS, required=("model", "input"), missing_first=True)
CREATE_BY_PROMPT = fields(_FIELDS)
_OF_COUNTS = (
    "model", "input", "previous_response_id", "conversation", "tools", "tool_choice", "text", "parallel_tool_calls",
    "reasoning", "truncation", "instructions",
)  # fmt: skip
COUNT = fields({name: _FIELDS[name] for name in _OF_COUNTS})
COMPACT = fields(
    {name: _FIELDS[name] for name in ("model", "input", "previous_response_id", "instructions")}
    | {name: nullable(_any) for name in ("prompt_cache_key", "service_tier")},
    required=("model",),
)
# Tools that this account has itself; every other hosted one needs the outside world, or a script that plays it.
_OWN_TOOLS = ("function", "file_search", "code_interpreter", "custom")
_FILE_SEARCH: Json = {
    "filters": None,
    "max_num_results": 20,
    "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
}


def echoed(wanted: Json, *, plays: Callable[[str], bool]) -> Json:
    """Return what the response repeats of its request, with the defaults."""
    reasoning = {"context": None, "effort": None, "mode": None, "summary": None} | wanted.get("reasoning", {})
    text = wanted.get("text", {})
    echo = {
        "background": False,
        "frequency_penalty": 0.0,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "moderation": None,
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
        "model": wanted["model"],
    }
    echo |= {name: wanted[name] for name in echo if name in wanted}
    echo["service_tier"] = _TIERS_SHOWN.get(echo["service_tier"], echo["service_tier"])
    echo["reasoning"] = {name: value for name, value in reasoning.items() if name != "generate_summary"}
    echo["text"] = {"format": _format_shown(text.get("format")), "verbosity": text.get("verbosity") or "medium"}
    tools = enumerate(wanted.get("tools", []))
    echo["tools"] = [_tool_shown(tool, f"tools[{index}]", plays=plays) for index, tool in tools]
    demand_choice(echo["tool_choice"], echo["tools"])
    echo |= {name: wanted[name] for name in ("prompt_cache_options",) if name in wanted}
    return echo | ({"conversation": {"id": wanted["conversation"]}} if "conversation" in wanted else {})


_TIERS_SHOWN = {"auto": "default", "fast": "priority"}
# Tools that bring others, which no list in the request names.
_BRINGING = ("mcp", "namespace", "tool_search", "programmatic_tool_calling")


def demand_choice(wanted: Any, tools: Sequence[Json]) -> None:
    """Refuse a choice of tools that are not there."""
    if wanted == "required" and not tools:
        raise ApiError(400, "Tool choice 'required' must be specified with 'tools' parameter.", param="tool_choice")
    if not isinstance(wanted, dict) or any(tool["type"] in _BRINGING for tool in tools):
        return
    for one in wanted.get("tools", ()) if wanted["type"] == "allowed_tools" else [wanted]:
        if not any(_is_same(tool, one) for tool in tools):
            text = f"Tool choice '{one['type']}' not found in 'tools' parameter."
            raise ApiError(400, text, param="tool_choice")


def _is_same(tool: Json, wanted: Json) -> bool:
    if "web_search" in wanted["type"]:  # it goes by several names
        return "web_search" in tool["type"]
    return bool(tool["type"] == wanted["type"] and wanted.get("name") in (None, tool.get("name")))


def _format_shown(given: Json | None) -> Json:
    if given is None or given["type"] != "json_schema":
        return given or {"type": "text"}
    strict = True if given.get("strict") is None else given["strict"]
    shown = {name: given.get(name) for name in ("type", "description", "name", "schema")} | {"strict": strict}
    schemas.refuse_format(shown, "text.format.schema", SURFACE, _BAD_SCHEMA)
    return shown


def _tool_shown(tool: Json, path: str, *, plays: Callable[[str], bool]) -> Json:
    kind = tool["type"]
    if kind == "function":
        return _function_shown(tool, path)
    if kind == "file_search":
        given = {name: value for name, value in tool.items() if value is not None}
        ranking = _FILE_SEARCH["ranking_options"] | given.get("ranking_options", {})
        return _FILE_SEARCH | given | {"ranking_options": ranking}
    if kind not in _OWN_TOOLS and not plays(kind):
        raise ApiError(
            400,
            f"Hosted tool '{kind}' is not supported by the embedded account, which reaches nothing outside itself; a "
            "script can play it.",
            param=path,
            code="unsupported_value",
        )
    return tool


def _function_shown(tool: Json, path: str) -> Json:
    """A function with its defaults: strict where nothing is said of it, and with the schema that this needs."""
    strict, parameters = tool.get("strict"), tool.get("parameters")
    shown: Json = {"output_schema": None, **tool, "description": tool.get("description") or None}
    if not parameters:
        shown["parameters"] = {"type": "object", "properties": {}}
    elif strict is None:
        shown["parameters"] = _strict(parameters)
    shown["strict"] = True if strict is None else strict
    schemas.refuse_function(shown, path, SURFACE)
    return shown


def _strict(schema: Json) -> Json:
    """Return a schema whose objects need all their properties and have no others."""
    changed = {name: _strict_part(value) for name, value in schema.items()}
    if schema.get("type") == "object" or "properties" in schema:
        lists = [schema.get(name) for name in ("required", "properties")]
        needed = dict.fromkeys(name for one in lists if isinstance(one, list | dict) for name in one)
        changed |= {"required": list(needed), "additionalProperties": False}
    return changed


def _strict_part(value: Any) -> Any:
    if isinstance(value, dict):
        return (
            _strict(value)
            if "type" in value or "properties" in value
            else {name: _strict_part(part) for name, part in value.items()}
        )
    return [_strict_part(part) for part in value] if isinstance(value, list) else value


def asked(wanted: Json, echo: Json) -> Ask:
    """Return what a model is asked by a request."""
    return Ask(
        model=wanted["model"],
        instructions=wanted.get("instructions", ""),
        tools=tuple(echo["tools"]),
        tool_choice=_neutral_choice(echo["tool_choice"]),
        parallel_calls=echo["parallel_tool_calls"],
        text_format=echo["text"]["format"],
        max_output_tokens=echo["max_output_tokens"],
        sampling={
            "temperature": wanted.get("temperature"),
            "top_p": wanted.get("top_p"),
            "reasoning_effort": echo["reasoning"]["effort"],
        },
    )


def _neutral_choice(value: Any) -> Any:
    """Return a choice of tools in neutral words: of several that are allowed, one or none must be called."""
    if isinstance(value, dict) and value.get("type") == "allowed_tools":
        return value.get("mode", "auto")
    return value
