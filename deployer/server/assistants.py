"""Assistants v2: `/v1/assistants`."""

from __future__ import annotations

import sqlite3
from typing import Any

from deployer.server import documents, files, stores
from deployer.server.assistant_fields import CREATE, DEFAULTS, UPDATE, shown, with_tool_resources
from deployer.server.ids import new_id
from deployer.server.paging import window
from deployer.server.state import Call, Operation, State
from deployer.server.wire import ApiError, Json

_KIND = "assistant"


def create(call: Call) -> Json:
    wanted = CREATE(call.body, "")
    with call.state.storage.write() as db:
        assistant = {"id": new_id("asst_"), "object": _KIND, "created_at": call.state.now(), "model": wanted["model"]}
        assistant |= {name: default() for name, default in DEFAULTS.items()}
        assistant = _changed(db, call.state, assistant, wanted)
        documents.add(db, _KIND, assistant)
    call.state.ring()
    return with_tool_resources(assistant)


def update(call: Call) -> Json:
    wanted = UPDATE(call.body, "")
    with call.state.storage.write() as db:
        assistant = _changed(db, call.state, _found(db, call.path["assistant_id"]), wanted)
        documents.replace(db, assistant)
    return with_tool_resources(assistant)


def get(call: Call) -> Json:
    with call.state.storage.read() as db:
        return with_tool_resources(_found(db, call.path["assistant_id"]))


def index(call: Call) -> Json:
    with call.state.storage.read() as db:
        page = documents.page(db, _KIND, window(call.query))
    return page | {"data": [with_tool_resources(assistant) for assistant in page["data"]]}


def delete(call: Call) -> Json:
    assistant_id = call.path["assistant_id"]
    with call.state.storage.write() as db:
        if not documents.remove(db, _KIND, assistant_id):
            raise _unknown(assistant_id)
    return {"id": assistant_id, "object": "assistant.deleted", "deleted": True}


def _found(db: sqlite3.Connection, assistant_id: str) -> Json:
    assistant = documents.find(db, _KIND, assistant_id)
    if assistant is None:
        raise _unknown(assistant_id)
    return assistant


def _unknown(assistant_id: str) -> ApiError:
    return ApiError(404, f"No assistant found with id '{assistant_id}'.")


def _changed(db: sqlite3.Connection, state: State, assistant: Json, wanted: Json) -> Json:
    """The assistant with the wanted fields; a tool's resources are replaced one tool at a time."""
    changes = {name: shown(name, value) for name, value in wanted.items()}
    if wanted.get("tool_resources") is not None:
        changes["tool_resources"] = assistant["tool_resources"] | _resources(db, state, wanted["tool_resources"])
    return assistant | changes


def _resources(db: sqlite3.Connection, state: State, wanted: Json) -> Json:
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
        return [stores.add(db, state.now(), helper) for helper in search["vector_stores"]]
    for store_id in search.get("vector_store_ids", []):
        stores.found(db, store_id, param=path)
    return list(search.get("vector_store_ids", []))


OPERATIONS: list[Operation] = [
    ("POST", "/v1/assistants", create),
    ("GET", "/v1/assistants", index),
    ("GET", "/v1/assistants/{assistant_id}", get),
    ("POST", "/v1/assistants/{assistant_id}", update),
    ("DELETE", "/v1/assistants/{assistant_id}", delete),
]
