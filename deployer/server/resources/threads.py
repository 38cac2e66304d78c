"""Threads: `/v1/threads`, conversations of the Assistants API."""

from __future__ import annotations

import sqlite3

from deployer.server.checks import METADATA, array, fields, nullable
from deployer.server.resources import assistants, messages, vector_stores
from deployer.server.resources.stored import StoredKind
from deployer.server.runs import records
from deployer.server.state import ApiCall, Operation, State
from deployer.server.storage import objects
from deployer.server.storage.objects import new_id
from deployer.server.wire import ApiError, Json

CREATE = fields(
    {
        "messages": nullable(array(messages.MESSAGE, longest=10_000)),
        "metadata": METADATA,
        "tool_resources": nullable(assistants.RESOURCES_OR_NEW),
    },
)
_UPDATE = fields({"metadata": METADATA, "tool_resources": nullable(assistants.RESOURCES)})
_ATTACHMENT_DAYS = 7  # how long the store of a thread's attachments lives after its last use (file search guide)


def shown(thread: Json) -> Json:
    """A thread as reading it shows it: the code interpreter's files always stand there (recorded answer)."""
    return thread | {"tool_resources": {"code_interpreter": {"file_ids": []}} | thread["tool_resources"]}


THREADS = StoredKind(
    "thread",
    "thread_id",
    lambda thread_id: ApiError(404, f"No thread found with id '{thread_id}'."),
    shown,
)


def create(call: ApiCall) -> Json:
    with call.state.storage.write() as db:
        thread = add(db, call.state, CREATE(call.body, ""))
    call.state.ring()
    return thread


def add(db: sqlite3.Connection, state: State, wanted: Json) -> Json:
    """Make a thread with its messages."""
    thread: Json = {"id": new_id("thread_"), "object": "thread", "created_at": state.now()}
    resources = assistants.resolved(db, state, wanted.get("tool_resources") or {})
    thread |= {"metadata": wanted.get("metadata") or {}, "tool_resources": resources}
    objects.add(db, "thread", thread)
    return add_messages(db, state, thread, wanted.get("messages") or [])


def add_messages(db: sqlite3.Connection, state: State, thread: Json, wanted: list[Json]) -> Json:
    """Append messages to a thread, and return the thread: their attachments become resources of it."""
    for message in wanted:
        messages.add(db, state, thread["id"], message)
        for attachment in message.get("attachments") or ():
            thread = _with_attachment(db, state, thread, attachment)
    return thread


def _with_attachment(db: sqlite3.Connection, state: State, thread: Json, attachment: Json) -> Json:
    resources = dict(thread["tool_resources"])
    for tool in attachment.get("tools") or ():
        if tool["type"] == "code_interpreter":
            known = resources.get("code_interpreter", {}).get("file_ids", [])
            resources["code_interpreter"] = {"file_ids": list(dict.fromkeys([*known, attachment["file_id"]]))}
        else:
            resources["file_search"] = {"vector_store_ids": [_searchable(db, state, thread, attachment["file_id"])]}
    thread = thread | {"tool_resources": resources}
    objects.replace(db, thread)
    return thread


def _searchable(db: sqlite3.Connection, state: State, thread: Json, file_id: str) -> str:
    """Put a file into the thread's vector store, which is made when the first one comes; return the store's id."""
    known = thread["tool_resources"].get("file_search", {}).get("vector_store_ids", [])
    expiry = {"anchor": "last_active_at", "days": _ATTACHMENT_DAYS}
    store_id: str = known[0] if known else vector_stores.add(db, state.now(), {"expires_after": expiry})
    vector_stores.attach(db, store_id, [vector_stores.attachment({"file_id": file_id})], state.now())
    return store_id


def update(call: ApiCall) -> Json:
    wanted = _UPDATE(call.body, "")
    with call.state.storage.write() as db:
        thread = THREADS.of(db, call)
        if "metadata" in wanted:
            thread["metadata"] = wanted["metadata"] or {}
        if wanted.get("tool_resources") is not None:
            thread["tool_resources"] |= assistants.resolved(db, call.state, wanted["tool_resources"])
        objects.replace(db, thread)
    return thread


def delete(call: ApiCall) -> Json:
    """Delete a thread with its messages and runs."""
    with call.state.turns.change() as change:
        thread = THREADS.of(change.db, call)
        records.remove_conversation(change.db, thread["id"])
        objects.remove(change.db, "thread", thread["id"])
        change.rings = True
    return {"id": thread["id"], "object": "thread.deleted", "deleted": True}


def create_message(call: ApiCall) -> Json:
    wanted = messages.MESSAGE(call.body, "")
    with call.state.storage.write() as db:
        thread = THREADS.of(db, call)
        active = records.active_turn(db, thread["id"])
        if active is not None:
            raise ApiError(400, f"Can't add messages to {thread['id']} while a run {active.id} is active.")
        add_messages(db, call.state, thread, [wanted])
        message = messages.newest(db, thread["id"])
    call.state.ring()
    return message


OPERATIONS: list[Operation] = [
    ("POST", "/v1/threads", create),
    ("GET", "/v1/threads/{thread_id}", THREADS.get),
    ("POST", "/v1/threads/{thread_id}", update),
    ("DELETE", "/v1/threads/{thread_id}", delete),
    ("POST", "/v1/threads/{thread_id}/messages", create_message),
]
