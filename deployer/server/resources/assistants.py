"""Assistants v2: `/v1/assistants`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from deployer.server import schemas
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
from deployer.server.resources import files, vector_stores
from deployer.server.resources.stored import StoredKind
from deployer.server.state import ApiCall, Operation, State
from deployer.server.storage import objects
from deployer.server.storage.objects import new_id
from deployer.server.wire import ApiError, Json

SURFACE = "assistants"
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


def _function_checked(value: Any, path: str) -> Any:
    """A strict schema is refused at once, any other when a run begins."""
    function = _FUNCTION(value, path)
    if function.get("strict") is True:
        schemas.refuse_function(function, path, SURFACE)
    return function


TOOL = tagged(
    {
        "code_interpreter": fields({"type": _TYPE}),
        "function": fields({"type": _TYPE, "function": _function_checked}, required=("function",)),
        "file_search": fields({"type": _TYPE, "file_search": nullable(_FILE_SEARCH)}),
    },
    retired={"retrieval": "It is called 'file_search' in v2, and searches the vector stores of 'tool_resources'."},
)
_V1 = {
    "file_ids": "In v2, files stand in 'tool_resources': of the code interpreter in 'code_interpreter.file_ids', to be "
    "searched in a vector store of 'file_search.vector_store_ids'.",
}
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
    {"file_ids": array(string(), longest=10000), "chunking_strategy": vector_stores.CHUNKING, "metadata": METADATA},
)
_CODE = fields({"file_ids": array(string(), longest=20)})


def response_format(value: Any, path: str) -> Any:
    if isinstance(value, str):
        return choice("auto")(value, path)
    form = _FORMAT_OBJECT(value, path)
    if form["type"] == "json_schema" and form["json_schema"].get("strict") is True:
        schemas.refuse_format(form["json_schema"], path, SURFACE, code=None)
    return form


REASONING_EFFORT = nullable(choice("none", "minimal", "low", "medium", "high", "xhigh", "max"))
_SHARED = {
    "model": string(shortest=1),
    "name": nullable(string(longest=256)),
    "description": nullable(string(longest=512)),
    "instructions": nullable(string(longest=256_000)),
    "tools": nullable(array(TOOL, longest=128)),
    "metadata": METADATA,
    "temperature": nullable(decimal(0, 2)),
    "top_p": nullable(decimal(0, 1)),
    "response_format": nullable(response_format),
    "reasoning_effort": REASONING_EFFORT,
}
_SEARCH = fields({"vector_store_ids": _STORE_IDS})
_SEARCH_OR_NEW = fields({"vector_store_ids": _STORE_IDS, "vector_stores": array(_NEW_STORE, longest=1)})
RESOURCES = fields({"code_interpreter": _CODE, "file_search": _SEARCH})
RESOURCES_OR_NEW = fields({"code_interpreter": _CODE, "file_search": _SEARCH_OR_NEW})
CREATE = fields(_SHARED | {"tool_resources": nullable(RESOURCES_OR_NEW)}, required=("model",), retired=_V1)
UPDATE = fields(_SHARED | {"tool_resources": nullable(RESOURCES)}, retired=_V1)

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


ASSISTANTS = StoredKind(
    "assistant",
    "assistant_id",
    lambda assistant_id: ApiError(404, f"No assistant found with id '{assistant_id}'."),
    with_tool_resources,
)


def create(call: ApiCall) -> Json:
    wanted = CREATE(call.body, "")
    with call.state.storage.write() as db:
        assistant = {
            "id": new_id("asst_"),
            "object": "assistant",
            "created_at": call.state.now(),
            "model": wanted["model"],
        }
        assistant |= {name: default() for name, default in DEFAULTS.items()}
        assistant = _changed(db, call.state, assistant, wanted)
        objects.add(db, "assistant", assistant)
    call.state.ring()
    return with_tool_resources(assistant)


def update(call: ApiCall) -> Json:
    wanted = UPDATE(call.body, "")
    with call.state.storage.write() as db:
        assistant = _changed(db, call.state, ASSISTANTS.of(db, call), wanted)
        objects.replace(db, assistant)
    return with_tool_resources(assistant)


def find(db: sqlite3.Connection, assistant_id: str) -> Json:
    """Return an assistant as it is shown; ApiError if there is none."""
    return with_tool_resources(ASSISTANTS.found(db, assistant_id))


def _changed(db: sqlite3.Connection, state: State, assistant: Json, wanted: Json) -> Json:
    """The assistant with the wanted fields; a tool's resources are replaced one tool at a time."""
    changes = {name: shown(name, value) for name, value in wanted.items()}
    if wanted.get("tool_resources") is not None:
        changes["tool_resources"] = assistant["tool_resources"] | resolved(db, state, wanted["tool_resources"])
    return assistant | changes


def resolved(db: sqlite3.Connection, state: State, wanted: Json) -> Json:
    """Return `tool_resources` as they are stored: all that is named exists, and a store that is asked for is made."""
    resources: dict[str, Any] = dict(wanted)
    if "code_interpreter" in wanted:
        file_ids = wanted["code_interpreter"].get("file_ids", [])
        files.demand(db, file_ids, state.now(), "tool_resources.code_interpreter.file_ids")
        resources["code_interpreter"] = {"file_ids": file_ids}
    if "file_search" in wanted:
        resources["file_search"] = {"vector_store_ids": _store_ids(db, state, wanted["file_search"])}
    return resources


def _store_ids(db: sqlite3.Connection, state: State, search: Json) -> list[str]:
    """The store to search: one that exists, or one made from the `vector_stores` helper."""
    path = "tool_resources.file_search.vector_store_ids"
    if search.get("vector_stores"):
        if search.get("vector_store_ids"):
            raise ApiError(
                400,
                f"Only one of '{path}' and 'tool_resources.file_search.vector_stores' can be given.",
                param="tool_resources.file_search",
                code="invalid_value",
            )
        return [vector_stores.add(db, state.now(), helper) for helper in search["vector_stores"]]
    for store_id in search.get("vector_store_ids", []):
        vector_stores.found(db, store_id, param=path)
    return list(search.get("vector_store_ids", []))


OPERATIONS: list[Operation] = [
    ("POST", "/v1/assistants", create),
    ("GET", "/v1/assistants", ASSISTANTS.index),
    ("GET", "/v1/assistants/{assistant_id}", ASSISTANTS.get),
    ("POST", "/v1/assistants/{assistant_id}", update),
    ("DELETE", "/v1/assistants/{assistant_id}", ASSISTANTS.delete),
]
