"""Conversations: `/v1/conversations`, with their items."""

from __future__ import annotations

import sqlite3
from typing import Any

from deployer.server.checks import array, fields, nullable
from deployer.server.resources.response_items import INCLUDE, dated, item_shown, read_list, resolved
from deployer.server.resources.response_requests import METADATA
from deployer.server.resources.stored import StoredKind
from deployer.server.runs import records
from deployer.server.state import ApiCall, Operation
from deployer.server.storage import objects
from deployer.server.storage.objects import listing, new_id, window
from deployer.server.wire import ApiError, Json

_LIST = array(lambda item, _path: item, longest=20)


def _items(value: Any, path: str) -> Any:
    return read_list(_LIST(value, path), path)


_CREATE = fields({"items": nullable(_items), "metadata": METADATA})
_UPDATE = fields({"metadata": METADATA}, required=("metadata",))
_ADD = fields({"items": _items}, required=("items",))
CONVERSATIONS = StoredKind(
    "conversation",
    "conversation_id",
    lambda conversation_id: ApiError(404, f"Conversation with id '{conversation_id}' not found."),
)


def create(call: ApiCall) -> Json:
    wanted, now = _CREATE(call.body, ""), call.state.now()
    conversation: Json = {"id": new_id("conv_"), "object": "conversation", "created_at": now}
    conversation["metadata"] = wanted.get("metadata") or {}
    with call.state.storage.write() as db:
        items = dated(resolved(db, wanted.get("items") or []), now)
        objects.add(db, "conversation", conversation)
        records.add_items(db, conversation["id"], items)
    return conversation


def update(call: ApiCall) -> Json:
    wanted = _UPDATE(call.body, "")
    with call.state.storage.write() as db:
        conversation = CONVERSATIONS.of(db, call) | {"metadata": wanted["metadata"] or {}}
        objects.replace(db, conversation)
    return conversation


def add_items(call: ApiCall) -> Json:
    wanted, asked = _ADD(call.body, ""), _included(call)
    with call.state.storage.write() as db:
        conversation = CONVERSATIONS.of(db, call)
        items = dated(resolved(db, wanted["items"]), call.state.now())
        records.add_items(db, conversation["id"], items)
    return listing([item_shown(item, asked) for item in items], has_more=False)


def items(call: ApiCall) -> Json:
    asked = _included(call)
    with call.state.storage.read() as db:
        conversation = CONVERSATIONS.of(db, call)
        page = records.page_of_items(db, "parent = ?", [conversation["id"]], window(call.query))
    return page | {"data": [item_shown(item, asked) for item in page["data"]]}


def get_item(call: ApiCall) -> Json:
    asked = _included(call)
    with call.state.storage.read() as db:
        return item_shown(_item(db, call), asked)


def delete_item(call: ApiCall) -> Json:
    """Delete an item; the answer is the conversation."""
    with call.state.storage.write() as db:
        records.remove_item(db, _item(db, call)["id"])
        return CONVERSATIONS.of(db, call)


def _item(db: sqlite3.Connection, call: ApiCall) -> Json:
    conversation, item_id = CONVERSATIONS.of(db, call), call.path["item_id"]
    item = records.find_item(db, conversation["id"], item_id)
    if item is None:
        raise ApiError(404, f"Item with id '{item_id}' not found in conversation '{conversation['id']}'.")
    return item


def _included(call: ApiCall) -> list[Any]:
    return [INCLUDE(call.query[name], "include") for name in ("include[]", "include") if name in call.query]


OPERATIONS: list[Operation] = [
    ("POST", "/v1/conversations", create),
    ("GET", "/v1/conversations/{conversation_id}", CONVERSATIONS.get),
    ("POST", "/v1/conversations/{conversation_id}", update),
    ("DELETE", "/v1/conversations/{conversation_id}", CONVERSATIONS.delete),
    ("POST", "/v1/conversations/{conversation_id}/items", add_items),
    ("GET", "/v1/conversations/{conversation_id}/items", items),
    ("GET", "/v1/conversations/{conversation_id}/items/{item_id}", get_item),
    ("DELETE", "/v1/conversations/{conversation_id}/items/{item_id}", delete_item),
]
