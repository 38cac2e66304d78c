"""Agents of Microsoft Foundry: `/api/projects/NAME/agents`.

Shapes, statuses and pages are those of recorded traffic of the service (azure-sdk-assets, 2025-12 to 2026-07) and of
its client (azure-ai-projects 2.10.0). What is not known of the service is a switch. A name belongs to its project.
"""

from __future__ import annotations

import functools
import secrets
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.responses import JSONResponse, Response

from deployer.server.checks import (
    METADATA,
    Check,
    array,
    boolean,
    choice,
    decimal,
    fields,
    free_object,
    integer,
    nullable,
    string,
)
from deployer.server.state import Answer, ApiCall, Handler, Operation
from deployer.server.storage import objects
from deployer.server.storage.objects import page_of_list, window
from deployer.server.wire import ApiError, Json

ROOT = "/api/projects/{project}"
_AGENT, _VERSION = "foundry_agent", "foundry_version"
_API_VERSIONS = ("v1", "2025-11-15-preview")
_FEATURES = "foundry-features"
_MOST_VERSIONS = 1000
_LATEST = "@latest"
_KINDS = ("prompt", "workflow", "hosted", "external", "voice")
_PREVIEW = ("skills", "harness")
_KEPT_TOOLS = (
    "web_search", "web_search_preview", "mcp", "openapi", "azure_ai_search", "bing_grounding", "azure_function",
    "image_generation", "computer", "custom", "namespace", "tool_search", "shell", "local_shell", "apply_patch", "a2a",
    "browser_automation", "capture_structured_outputs", "programmatic_tool_calling",
)  # fmt: skip


class FoundryError(ApiError):
    """An error of `/agents`, in its own envelope."""

    def body(self) -> Json:
        kind = "error" if self.status == 404 else "invalid_request_error"
        told: Json = {"code": self.code, "message": self.message, "param": self.param, "type": kind, "details": []}
        return {"error": told | {"additionalInfo": {"request_id": secrets.token_hex(16)}}}


def invalid(message: str, param: str) -> FoundryError:
    return FoundryError(400, message, param=param, code="invalid_payload")


def _unknown(what: str) -> FoundryError:
    return FoundryError(404, f"{what} not found. [Request ID: {secrets.token_hex(8)}]", code="not_found")


def _guarded(handler: Handler) -> Handler:
    """Guard a handler with the query that `/agents` needs; an invalid field has one code there."""

    @functools.wraps(handler)
    def guard(call: ApiCall) -> Answer:
        if call.query.get("api-version") not in _API_VERSIONS:
            raise FoundryError(400, "The api-version query parameter is missing or unsupported.", code="bad_request")
        try:
            answer = handler(call)
        except FoundryError:
            raise
        except ApiError as error:
            code = {404: "not_found", 400: "invalid_payload"}.get(error.status, error.code)
            raise FoundryError(error.status, error.message, param=error.param, code=code) from None
        return JSONResponse(answer, headers={"api-supported-versions": "1.0"}) if isinstance(answer, dict) else answer

    return guard


# What a version may hold

_FUNCTION = fields(
    {
        "type": string(),
        "name": string(shortest=1),
        "parameters": free_object,
        "strict": boolean,
        "description": nullable(string()),
        "async": nullable(boolean),
        "output_schema": nullable(free_object),
        "defer_loading": nullable(boolean),
        "allowed_callers": nullable(array(string(), longest=100)),
    },
    required=("name", "parameters", "strict"),
)
_FILE_SEARCH = fields(
    {
        "type": string(),
        "vector_store_ids": array(string(), longest=1),
        "max_num_results": nullable(integer(1, 50)),
        "ranking_options": nullable(free_object),
        "filters": nullable(free_object),
        "name": nullable(string()),
        "description": nullable(string()),
        "tool_configs": nullable(free_object),
    },
    required=("vector_store_ids",),
)


def _container(value: Any, path: str) -> Any:
    return value if isinstance(value, str) else free_object(value, path)


_INTERPRETER = fields({"type": string(), "container": _container})
_CHECKED = {"function": _FUNCTION, "file_search": _FILE_SEARCH, "code_interpreter": _INTERPRETER}


def _tool(value: Any, path: str) -> Any:
    kind = free_object(value, path).get("type")
    if kind not in _CHECKED and kind not in _KEPT_TOOLS and not str(kind).endswith("_preview"):
        raise invalid("The supplied value is invalid.", f"{path.removeprefix('definition.')}.type")
    return _CHECKED.get(str(kind), free_object)(value, path)


def _any(value: Any, _path: str) -> Any:
    return value


_REASONING = fields(
    {
        "effort": nullable(choice("none", "minimal", "low", "medium", "high", "xhigh", "max")),
        **{name: nullable(string()) for name in ("summary", "mode", "context", "generate_summary")},
    }
)
_FORMAT = fields(
    {
        "type": choice("text", "json_object", "json_schema"),
        "name": string(shortest=1, longest=64),
        "schema": free_object,
        "strict": nullable(boolean),
        "description": nullable(string()),
    },
    required=("type",),
)
_PROMPT = fields(
    {
        "kind": string(),
        "model": string(shortest=1),
        "instructions": nullable(string()),
        "temperature": nullable(decimal(0, 2)),
        "top_p": nullable(decimal(0, 1)),
        "reasoning": nullable(_REASONING),
        "tools": nullable(array(_tool, longest=128)),
        "tool_choice": nullable(_any),
        "text": nullable(fields({"format": nullable(_FORMAT)})),
        "structured_inputs": nullable(free_object),
        "rai_config": nullable(free_object),
        **{name: nullable(_any) for name in _PREVIEW},
    },
    required=("model",),
)


def _definition(value: Any, path: str) -> Any:
    kind = choice(*_KINDS)(free_object(value, path).get("kind"), f"{path}.kind")
    return _without_nulls(_PROMPT(value, path) if kind == "prompt" else value)


_VERSION_FIELDS: Mapping[str, Check] = {
    "definition": _definition,
    "metadata": METADATA,
    "description": nullable(string(longest=512)),
    "draft": nullable(boolean),
    "blueprint_reference": nullable(free_object),
}
_CREATE = fields(_VERSION_FIELDS, required=("definition",))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


_NAME = string(shortest=1, longest=63, pattern="[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")


# Agents and their versions. Names are known in their project alone, so what is stored goes by both.


def _key(call: ApiCall, name: str) -> str:
    return f"{call.path['project']}/{name}"


def found(db: sqlite3.Connection, call: ApiCall) -> Json:
    name = call.path["name"]
    found = objects.find(db, _AGENT, _key(call, name), call.path["project"])
    if found is None:
        raise _unknown(f"Agent {name}")
    return found


def _shown(agent: Json) -> Json:
    name, latest = agent["latest"]["name"], _version_shown(agent["latest"])
    return {
        "object": "agent",
        "id": name,
        "name": name,
        "state": agent["state"],
        "versions": {"latest": latest},
        "agent_endpoint": agent["endpoint"],
    }


def _version_shown(version: Json) -> Json:
    return version | {"id": f"{version['name']}:{version['version']}"}


def _listed(page: Json, shown: Callable[[Json], Json]) -> Json:
    """A page has the ids of its ends, and a page without rows has none: so clients know where a list ends."""
    rows = [shown(row) for row in page["data"]]
    ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {}
    return {"data": rows, "has_more": page["has_more"], "object": "list"} | ends


def _endpoint() -> Json:
    rule = {"type": "FixedRatio", "agent_version": _LATEST, "traffic_percentage": 100}
    return {
        "version_selector": {"version_selection_rules": [rule]},
        "protocols": ["responses"],
        "authorization_schemes": [{"type": "Entra"}],
    }


def create_version(call: ApiCall) -> Json:
    name = _NAME(call.path["name"], "agent_name")
    _demand_features(call)
    wanted = _CREATE(call.body, "")
    with call.state.storage.write() as db:
        agent = objects.find(db, _AGENT, _key(call, name), call.path["project"])
        if agent is None:
            version = _made(call, name, 1, wanted)
            objects.add(db, _AGENT, _new_agent(call, version), call.path["project"])
            objects.add(db, _VERSION, version, _key(call, name))
            return _version_shown(version)
        return _added(db, call, agent, wanted)


def _demand_features(call: ApiCall) -> None:
    """Refuse what is in preview, unless the request asks for previews."""
    found = call.body.get("definition")
    definition = found if isinstance(found, dict) else {}
    preview = call.body.get("draft") or definition.get("kind") in _KINDS[1:] or any(map(definition.get, _PREVIEW))
    if preview and not call.headers.get(_FEATURES):
        text = "This feature is in preview: send the header Foundry-Features."
        raise FoundryError(403, text, param="Foundry-Features", code="preview_feature_required")


def _new_agent(call: ApiCall, version: Json) -> Json:
    key = _key(call, version["name"])
    return {"id": key, "next": 2, "state": "enabled", "endpoint": _endpoint(), "latest": version}


def _made(call: ApiCall, name: str, number: int, wanted: Json) -> Json:
    return {
        "metadata": wanted.get("metadata") or {},
        "object": "agent.version",
        "id": f"{_key(call, name)}:{number}",
        "name": name,
        "version": str(number),
        "description": wanted.get("description") or "",
        "created_at": call.state.now(),
        "definition": wanted["definition"],
        "status": "active",
    }


def _added(db: sqlite3.Connection, call: ApiCall, agent: Json, wanted: Json) -> Json:
    latest = agent["latest"]
    old, new = latest["definition"]["kind"], wanted["definition"]["kind"]
    if old != new:
        text = f"Agent kind mismatch for {latest['name']!r}. Existing: {old}, New: {new}"
        raise FoundryError(400, text, code="bad_request")
    version = _made(call, latest["name"], agent["next"], wanted)
    if _is_same(call.state.foundry.dedupe, latest, version):
        return _version_shown(latest)
    count = db.execute("SELECT count(*) FROM objects WHERE kind = ? AND parent = ?", (_VERSION, agent["id"])).fetchone()
    if count[0] >= _MOST_VERSIONS:
        text = f"Agent {latest['name']!r} has {_MOST_VERSIONS:,} versions already: delete some."
        raise FoundryError(400, text, code="UserError")
    objects.add(db, _VERSION, version, agent["id"])
    objects.replace(db, agent | {"next": agent["next"] + 1, "latest": version})
    return _version_shown(version)


def _is_same(dedupe: str, latest: Json, version: Json) -> bool:
    """Whether the service makes no version of what is equal: unknown, and by what it would compare, too."""
    compared = {"definition": ("definition",), "all": ("definition", "description", "metadata")}.get(dedupe, ())
    return bool(compared) and all(latest[name] == version[name] for name in compared)


def get_agent(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        return _shown(found(db, call))


def list_agents(call: ApiCall) -> Json:
    wanted, project = window(call.query), call.path["project"]
    with call.state.storage.read() as db:
        if "kind" not in call.query:
            ends = [one and f"{project}/{one}" for one in (wanted.after, wanted.before)]
            page = objects.page(db, _AGENT, replace(wanted, after=ends[0], before=ends[1]), project)
            return _listed(page, _shown)
        rows = [_shown(row) for row in objects.every(db, _AGENT, project)]
    kept = [row for row in rows if row["versions"]["latest"]["definition"]["kind"] == call.query["kind"]]
    return _listed(page_of_list(kept, wanted), lambda row: row)


def delete_agent(call: ApiCall) -> Json:
    with call.state.storage.write() as db:
        agent = found(db, call)
        objects.remove(db, _AGENT, agent["id"], call.path["project"])
    return {"object": "agent.deleted", "name": call.path["name"], "deleted": True}


def update_agent(call: ApiCall) -> Json:
    """Merge what is known of the endpoint (a list is replaced whole); whatever else is sent is taken, and ignored."""
    with call.state.storage.write() as db:
        agent = found(db, call)
        given = call.body.get("agent_endpoint")
        if isinstance(given, dict):
            _check_selector(db, agent, given.get("version_selector"))
            agent["endpoint"] = agent["endpoint"] | given
            objects.replace(db, agent)
        return _shown(agent)


def _check_selector(db: sqlite3.Connection, agent: Json, selector: Any) -> None:
    rules = selector.get("version_selection_rules") if isinstance(selector, dict) else None
    for number, rule in enumerate(rules or ()):
        version = rule.get("agent_version") if isinstance(rule, dict) else None
        if version != _LATEST and objects.find(db, _VERSION, f"{agent['id']}:{version}", agent["id"]) is None:
            place = f"agent_endpoint.version_selector.version_selection_rules[{number}].agent_version"
            raise invalid("The supplied value is invalid.", place)


def _switched(state: str) -> Handler:
    def switch(call: ApiCall) -> Response:
        with call.state.storage.write() as db:
            objects.replace(db, found(db, call) | {"state": state})
        return Response(status_code=204)

    return switch


def get_version(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        return _version_shown(found_version(db, found(db, call), call))


def found_version(db: sqlite3.Connection, agent: Json, call: ApiCall) -> Json:
    found = objects.find(db, _VERSION, f"{agent['id']}:{call.path['version']}", agent["id"])
    if found is None:
        raise _unknown(f"Version {call.path['version']} of agent {call.path['name']}")
    return found


def list_versions(call: ApiCall) -> Json:
    wanted, project = window(call.query), call.path["project"]
    ends = [one and f"{project}/{one}" for one in (wanted.after, wanted.before)]
    with call.state.storage.read() as db:
        agent = found(db, call)
        page = objects.page(db, _VERSION, replace(wanted, after=ends[0], before=ends[1]), agent["id"])
    return _listed(page, _version_shown)


def delete_version(call: ApiCall) -> Json:
    """The last version takes the agent with it."""
    name, number = call.path["name"], call.path["version"]
    with call.state.storage.write() as db:
        agent = found(db, call)
        objects.remove(db, _VERSION, found_version(db, agent, call)["id"], agent["id"])
        left = objects.every(db, _VERSION, agent["id"])
        if left:
            objects.replace(db, agent | {"latest": left[-1]})
        else:
            objects.remove(db, _AGENT, agent["id"], call.path["project"])
    return {"object": "agent.version.deleted", "name": name, "version": number, "deleted": True}


OPERATIONS: list[Operation] = [
    ("POST", f"{ROOT}/agents/{{name}}/versions", _guarded(create_version)),
    ("GET", f"{ROOT}/agents/{{name}}/versions", _guarded(list_versions)),
    ("GET", f"{ROOT}/agents/{{name}}/versions/{{version}}", _guarded(get_version)),
    ("DELETE", f"{ROOT}/agents/{{name}}/versions/{{version}}", _guarded(delete_version)),
    ("POST", f"{ROOT}/agents/{{name}}:enable", _guarded(_switched("enabled"))),
    ("POST", f"{ROOT}/agents/{{name}}:disable", _guarded(_switched("disabled"))),
    ("GET", f"{ROOT}/agents", _guarded(list_agents)),
    ("GET", f"{ROOT}/agents/{{name}}", _guarded(get_agent)),
    ("PATCH", f"{ROOT}/agents/{{name}}", _guarded(update_agent)),
    ("DELETE", f"{ROOT}/agents/{{name}}", _guarded(delete_agent)),
]
