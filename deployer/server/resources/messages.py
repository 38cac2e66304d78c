"""Messages: `/v1/threads/{id}/messages`, and how the Assistants API shows what is said."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from deployer.server.checks import METADATA, array, choice, fields, nullable, of_type, string, tagged
from deployer.server.resources import files
from deployer.server.runs import records
from deployer.server.runs.turn import COMPLETED, IN_PROGRESS, INCOMPLETE, new_message, text_part
from deployer.server.state import ApiCall, Operation, State
from deployer.server.storage import objects
from deployer.server.storage.objects import window
from deployer.server.wire import ApiError, Json

_TYPE = string()
_DETAIL = nullable(choice("auto", "low", "high"))
_PARTS = array(
    tagged(
        {
            "text": fields({"type": _TYPE, "text": string()}, required=("text",)),
            "image_url": fields(
                {"type": _TYPE, "image_url": fields({"url": string(), "detail": _DETAIL}, required=("url",))},
                required=("image_url",),
            ),
            "image_file": fields(
                {"type": _TYPE, "image_file": fields({"file_id": string(), "detail": _DETAIL}, required=("file_id",))},
                required=("image_file",),
            ),
        },
    ),
    longest=10_000,
    shortest=1,
)
_TOOLS = array(tagged({"file_search": fields({"type": _TYPE}), "code_interpreter": fields({"type": _TYPE})}), longest=2)
_ATTACHMENT = fields({"file_id": string(), "tools": nullable(_TOOLS)}, required=("file_id",))


def _content(value: Any, path: str) -> Any:
    of_type(value, path, "one of a string or array of objects", isinstance(value, str | list))
    return string(shortest=1, longest=256_000)(value, path) if isinstance(value, str) else _PARTS(value, path)


MESSAGE = fields(
    {
        "role": choice("user", "assistant"),
        "content": _content,
        "attachments": nullable(array(_ATTACHMENT, longest=100)),
        "metadata": METADATA,
    },
    required=("role", "content"),
    retired={"file_ids": "In v2, files stand in 'attachments', each with the tools that it is for."},
)
_UPDATE = fields({"metadata": METADATA})
# Why a message is incomplete, in the words of the API; what a turn says of itself needs no translation.
_REASONS = {"max_output_tokens": "max_tokens", "cancelled": "run_cancelled", "expired": "run_expired"}
_REASONS |= {"failed": "run_failed"}


def add(db: sqlite3.Connection, state: State, thread_id: str, wanted: Json) -> None:
    """Append a message that a client wrote; files that it attaches exist."""
    attachments = wanted.get("attachments") or []
    files.demand(db, [attachment["file_id"] for attachment in attachments], state.now(), "attachments")
    given = wanted["content"]
    shown_files = [part["image_file"]["file_id"] for part in given if "image_file" in part]
    files.demand(db, shown_files, state.now(), "content")
    content = [text_part(given)] if isinstance(given, str) else [_part(part) for part in given]
    extra = {"attachments": attachments, "metadata": wanted.get("metadata") or {}}
    message = new_message(wanted["role"], content, state.now(), completed_at=state.now(), **extra)
    records.add_items(db, thread_id, [message])


def _part(part: Json) -> Json:
    return text_part(part["text"]) if part["type"] == "text" else part


def newest(db: sqlite3.Connection, thread_id: str) -> Json:
    """Return the newest message of a thread, as it is shown."""
    [item] = records.newest_messages(db, thread_id, 1)
    return shown(item, thread_id)


def shown(item: Json, thread_id: str) -> Json:
    """A message as the API shows it. `status` and its companions stand there always, as the SDK's type demands."""
    incomplete = item.get("incomplete")
    status = item.get("status", COMPLETED)
    return {
        "id": item["id"],
        "object": "thread.message",
        "created_at": item["created_at"],
        "assistant_id": item.get("agent"),
        "thread_id": thread_id,
        "run_id": item.get("turn"),
        "status": status,
        "incomplete_details": {"reason": _REASONS.get(incomplete, incomplete)} if incomplete else None,
        "incomplete_at": item.get("completed_at") if status == INCOMPLETE else None,
        "completed_at": None if status in (INCOMPLETE, IN_PROGRESS) else item.get("completed_at"),
        "role": item["role"],
        "content": [_part_shown(part) for part in item["content"]],
        "attachments": item.get("attachments", []),
        "metadata": item.get("metadata", {}),
    }


def _part_shown(part: Json) -> Json:
    if part["type"] == "text":
        value, annotations = marked(part)
        return {"type": "text", "text": {"value": value, "annotations": annotations}}
    return {"type": part["type"], part["type"]: _with_detail(part[part["type"]])}


def _with_detail(value: Any) -> Any:
    return {"detail": "auto"} | {name: one for name, one in value.items() if one} if isinstance(value, dict) else value


def marked(part: Json) -> tuple[str, list[Json]]:
    """Return a text with its citations' markers in it, and the annotations that say where they stand."""
    citations: Sequence[Json] = part.get("citations", ())
    markers = [marker(citation) for citation in citations]
    before = accumulate((len(one) for one in markers), initial=0)
    value, annotations, end = "", [], 0
    for citation, text, shift in zip(citations, markers, before, strict=False):
        value += part["text"][end : citation["at"]] + text
        end = citation["at"]
        annotations.append(annotation(citation, text, end + shift))
    return value + part["text"][end:], annotations


def marker(citation: Json) -> str:
    return f"【{citation['round']}:{citation['number']}†{citation['filename']}】"


def annotation(citation: Json, text: str, start: int) -> Json:
    """Return the annotation of a marker that begins at a place in the text (recorded: counted in characters)."""
    place = {"start_index": start, "end_index": start + len(text)}
    return {"type": "file_citation", "text": text, **place, "file_citation": {"file_id": citation["file_id"]}}


def index(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        thread_id = _thread(db, call)
        source, values = "parent = ? AND type = 'message'", [thread_id]
        if "run_id" in call.query:
            source, values = f"{source} AND turn_id = ?", [thread_id, call.query["run_id"]]
        page = records.page_of_items(db, source, values, window(call.query))
    return page | {"data": [shown(item, thread_id) for item in page["data"]]}


def get(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        thread_id = _thread(db, call)
        return shown(_found(db, thread_id, call.path["message_id"]), thread_id)


def update(call: ApiCall) -> Json:
    wanted = _UPDATE(call.body, "")
    with call.state.storage.write() as db:
        thread_id = _thread(db, call)
        item = _found(db, thread_id, call.path["message_id"])
        if "metadata" in wanted:
            item["metadata"] = wanted["metadata"] or {}
            records.save_item(db, item)
    return shown(item, thread_id)


def delete(call: ApiCall) -> Json:
    with call.state.storage.write() as db:
        item = _found(db, _thread(db, call), call.path["message_id"])
        records.remove_item(db, item["id"])
    return {"id": item["id"], "object": "thread.message.deleted", "deleted": True}


def _thread(db: sqlite3.Connection, call: ApiCall) -> str:
    thread_id = call.path["thread_id"]
    if objects.find(db, "thread", thread_id) is None:
        raise ApiError(404, f"No thread found with id '{thread_id}'.")
    return thread_id


def _found(db: sqlite3.Connection, thread_id: str, message_id: str) -> Json:
    item = records.find_item(db, thread_id, message_id)
    if item is None or item["type"] != "message":
        raise ApiError(404, f"No message found with id '{message_id}'.")
    return item


OPERATIONS: list[Operation] = [
    ("GET", "/v1/threads/{thread_id}/messages", index),
    ("GET", "/v1/threads/{thread_id}/messages/{message_id}", get),
    ("POST", "/v1/threads/{thread_id}/messages/{message_id}", update),
    ("DELETE", "/v1/threads/{thread_id}/messages/{message_id}", delete),
]
