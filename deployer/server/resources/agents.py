"""Agents: `/v1/agents`, the beta API where persisted assistants live today.

Shapes and defaults are those of the SDK's types (`types/beta/agent*.py`, `persisted_agent_tool*.py`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from deployer.server.checks import (
    METADATA,
    Check,
    array,
    boolean,
    choice,
    fields,
    free_object,
    integer,
    invalid,
    nullable,
    pairs,
    string,
    tagged,
)
from deployer.server.resources.stored import StoredKind
from deployer.server.state import Answer, ApiCall, Handler, Operation
from deployer.server.storage import objects
from deployer.server.storage.objects import new_id
from deployer.server.wire import ApiError, Json

TOOLS_BYTES = 3 * 1024 * 1024
_TYPE = string()
_STRINGS = array(string(), longest=100_000)
_TRANSPORT = tagged(
    {
        "http": fields(
            {"type": _TYPE, "server_url": string(shortest=1), "headers": nullable(pairs(string()))},
            required=("server_url",),
        ),
        "stdio": fields(
            {
                "type": _TYPE,
                "command": string(shortest=1),
                "cwd": string(),
                "args": nullable(_STRINGS),
                "env_vars": nullable(_STRINGS),
            },
            required=("command", "cwd"),
        ),
    },
)
_PLACE = {name: nullable(string()) for name in ("city", "country", "region", "timezone")}
_TOOL_FIELDS: dict[str, tuple[dict[str, Check], tuple[str, ...]]] = {
    "function": (
        {
            "name": string(shortest=1),
            "description": string(),
            "parameters": free_object,
            "defer_loading": boolean,
            "async": boolean,
        },
        ("name", "description", "parameters"),
    ),
    "tool_search": ({}, ()),
    "programmatic_tool_calling": ({"enabled": boolean}, ()),
    "mcp": (
        {
            "server_label": string(shortest=1),
            "transport": _TRANSPORT,
            "allowed_tools": nullable(_STRINGS),
            "connection_origin": nullable(choice("service", "environment")),
            "credential_id": nullable(string()),
            "request_metadata": nullable(free_object),
            "required": boolean,
        },
        ("server_label", "transport"),
    ),
    "web_search": (
        {
            "allowed_domains": nullable(_STRINGS),
            "context_size": nullable(choice("low", "medium", "high")),
            "location": nullable(fields(_PLACE)),
            "mode": nullable(choice("disabled", "cached", "live")),
        },
        (),
    ),
    "computer_use": ({"include_screenshots": boolean}, ()),
    "automations": ({}, ()),
}
_TOOL_DEFAULTS: dict[str, Json] = {
    "function": {"defer_loading": False, "async": None},
    "programmatic_tool_calling": {"enabled": True},
    "mcp": {
        "allowed_tools": None,
        "connection_origin": "service",
        "credential_id": None,
        "request_metadata": {},
        "required": False,
    },
    "web_search": {"allowed_domains": None, "context_size": "medium", "location": None, "mode": "live"},
    "computer_use": {"include_screenshots": False},
}
_TRANSPORT_DEFAULTS: dict[str, Json] = {"http": {"headers": {}}, "stdio": {"args": [], "env_vars": []}}
_TOOL_LIST = array(
    tagged({name: fields({"type": _TYPE} | table, required=must) for name, (table, must) in _TOOL_FIELDS.items()}),
    longest=100_000,
)


def _tools(value: Any, path: str) -> Any:
    tools = _TOOL_LIST(value, path)
    size = len(json.dumps(tools, ensure_ascii=False, separators=(",", ":")).encode())
    if size > TOOLS_BYTES:
        raise invalid(path, f"too large. Expected at most {TOOLS_BYTES} bytes of compact JSON, but got {size}.", "")
    return tools


_FORMAT = tagged(
    {
        "text": fields({"type": _TYPE}),
        "json_schema": fields({"type": _TYPE, "schema": free_object}, required=("schema",)),
    },
)
_FIELDS: dict[str, Check] = {
    "model": string(shortest=1),
    "name": nullable(string(longest=128)),
    "instructions": nullable(string()),
    "metadata": METADATA,
    "tools": nullable(_tools),
    "reasoning": nullable(
        fields(
            {
                "effort": nullable(choice("none", "minimal", "low", "medium", "high", "xhigh", "max")),
                "summary": nullable(choice("concise", "detailed", "auto")),
            },
        ),
    ),
    "text": nullable(
        fields({"format": nullable(_FORMAT), "verbosity": nullable(choice("low", "medium", "high"))}),
    ),
    "service_tier": nullable(choice("auto", "default", "flex", "priority", "fast", "ultrafast")),
    "multi_agent": nullable(
        fields({"enabled": boolean, "max_concurrent_subagents": integer(1, 4294967295)}, required=("enabled",)),
    ),
    "compaction": nullable(fields({"async": nullable(boolean)})),
    "experimental": fields({"time_awareness": boolean}),
}
CREATE = fields(_FIELDS, required=("model",))
UPDATE = fields(_FIELDS)
OVERRIDES = fields({name: check for name, check in _FIELDS.items() if name not in ("name", "metadata")})

# The object that an omitted or null field stands for; a given object is laid over it.
_OBJECTS: dict[str, Callable[[], Json]] = {
    "metadata": dict,
    "reasoning": lambda: {"effort": None, "summary": None},
    "text": lambda: {"format": {"type": "text"}, "verbosity": "medium"},
    "compaction": lambda: {"async": False},
    "experimental": lambda: {"time_awareness": False},
}


def defaults() -> Json:
    """Every field but the model, as an agent shows it that was made without."""
    return {name: shown(name, None) for name in _FIELDS if name != "model"}


def shown(name: str, value: Any) -> Any:
    """A field's value as the object shows it."""
    if name in _OBJECTS:
        return _over(_OBJECTS[name](), value or {})
    if name == "tools":
        return [_tool(tool) for tool in value or []]
    if name == "multi_agent":
        return _multi_agent(value or {"enabled": False})
    return "auto" if name == "service_tier" and value is None else value


def _tool(tool: Json) -> Json:
    resolved = _over(_TOOL_DEFAULTS.get(tool["type"], {}), tool)
    if resolved["type"] == "mcp":
        resolved["transport"] = _over(_TRANSPORT_DEFAULTS[tool["transport"]["type"]], tool["transport"])
    if resolved.get("location") is not None:
        resolved["location"] = _over(dict.fromkeys(_PLACE), resolved["location"])
    return resolved


def _multi_agent(value: Json) -> Json:
    most = value.get("max_concurrent_subagents", 6) if value["enabled"] else None
    return {"enabled": value["enabled"], "max_concurrent_subagents": most}


def _over(base: Json, given: Json) -> Json:
    return base | {name: value for name, value in given.items() if value is not None or name not in base}


AGENTS = StoredKind(
    "agent",
    "agent_id",
    lambda agent_id: ApiError(404, f"No agent found with id '{agent_id}'.", param="agent_id"),
)
_BETA = "agents=v1"


_CODES = {404: "not_found_error", 409: "conflict_error"}


def guarded(handler: Handler) -> Handler:
    """Guard a handler with the beta's header; every invalid field has one code there (docs: agents-api/errors)."""

    @functools.wraps(handler)
    def guard(call: ApiCall) -> Answer:
        if _BETA not in call.headers.get("openai-beta", "").replace(" ", "").split(","):
            raise ApiError(400, f"This endpoint needs the header 'OpenAI-Beta: {_BETA}'.", code="invalid_beta")
        try:
            return handler(call)
        except ApiError as error:
            if error.code != "idempotency_conflict":
                error.code = _CODES.get(error.status, "invalid_request_error")
            raise

    return guard


def create(call: ApiCall) -> Json:
    wanted, now = CREATE(call.body, ""), call.state.now()
    agent = {"id": new_id("agent_"), "object": "agent", "created_at": now, "updated_at": now} | defaults()
    agent |= {name: shown(name, value) for name, value in wanted.items()}
    with call.state.storage.write() as db:
        objects.add(db, "agent", agent)
    return agent


def update(call: ApiCall) -> Json:
    """Omitted fields stay, objects and lists replace, null resets; only `experimental` is merged by key."""
    wanted = UPDATE(call.body, "")
    with call.state.storage.write() as db:
        agent = AGENTS.of(db, call)
        if "experimental" in wanted:
            wanted["experimental"] = agent["experimental"] | wanted["experimental"]
        agent |= {name: shown(name, value) for name, value in wanted.items()}
        agent["updated_at"] = call.state.now()
        objects.replace(db, agent)
    return agent


def _absent(name: str) -> Handler:
    """Refuse what stands where ids of agents do, and is not here: an agent of that name is not what was meant."""

    def absent(_call: ApiCall) -> Answer:
        raise ApiError(404, f"The API has '/agents/{name}', the embedded account does not.")

    return absent


_NOT_HERE = ("environments", "automations")
OPERATIONS: list[Operation] = [
    *(
        (method, f"/v1/agents/{name}", guarded(_absent(name)))
        for name in _NOT_HERE
        for method in ("GET", "POST", "DELETE")
    ),
    ("POST", "/v1/agents", guarded(create)),
    ("GET", "/v1/agents", guarded(AGENTS.index)),
    ("GET", "/v1/agents/{agent_id}", guarded(AGENTS.get)),
    ("POST", "/v1/agents/{agent_id}", guarded(update)),
    ("DELETE", "/v1/agents/{agent_id}", guarded(AGENTS.delete)),
]
