"""Files in a vector store: `/v1/vector_stores/{id}/files`."""

from __future__ import annotations

import json
import sqlite3

from deployer.server.checks import choice
from deployer.server.resources import files, vector_stores
from deployer.server.state import ApiCall, Operation
from deployer.server.storage.objects import listing, rows, window
from deployer.server.wire import ApiError, Json

STATUS = choice("in_progress", "completed", "failed", "cancelled")


def create(call: ApiCall) -> Json:
    wanted = vector_stores.ATTACH(call.body, "")
    store_id, now = call.path["vector_store_id"], call.state.now()
    with call.state.storage.write() as db:
        vector_stores.active(db, store_id, now)
        files.demand(db, [wanted["file_id"]], now, "file_id")
        vector_stores.attach(db, store_id, [vector_stores.attachment(wanted)], now)
        answer = shown(found(db, store_id, wanted["file_id"]))
    call.state.ring()
    return answer


def index(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        row = vector_stores.found(db, call.path["vector_store_id"])
        if vector_stores.expired(row, call.state.now()):
            return listing([], has_more=False)
        return page(db, call, "memberships WHERE vector_store_id = ?", row["id"])


def page(db: sqlite3.Connection, call: ApiCall, source: str, owner: str) -> Json:
    """A page of the memberships of a store or batch, with the filter by status that both have."""
    values: tuple[str, ...] = (owner,)
    if "filter" in call.query:
        source, values = f"{source} AND status = ?", (owner, STATUS(call.query["filter"], "filter"))
    found, has_more = rows(db, source, values, window(call.query), key="file_id")
    return listing([shown(row) for row in found], has_more)


def get(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        return shown(_found(db, call))


def update(call: ApiCall) -> Json:
    wanted = vector_stores.ATTRIBUTES_UPDATE(call.body, "")
    with call.state.storage.write() as db:
        row = _found(db, call)
        attributes = json.dumps(wanted["attributes"] or {})
        db.execute("UPDATE memberships SET attributes = ? WHERE seq = ?", (attributes, row["seq"]))
        return shown(_found(db, call))


def delete(call: ApiCall) -> Json:
    """Take a file out of the store; the file itself stays."""
    with call.state.storage.write() as db:
        row = _found(db, call)
        db.execute("DELETE FROM memberships WHERE seq = ?", (row["seq"],))
    return {"id": row["file_id"], "object": "vector_store.file.deleted", "deleted": True}


def content(call: ApiCall) -> Json:
    """The text that was parsed from the file."""
    with call.state.storage.read() as db:
        row = _found(db, call)
        place = (row["vector_store_id"], row["file_id"])
        parsed = db.execute("SELECT text FROM texts WHERE vector_store_id = ? AND file_id = ?", place).fetchone()
    data = [{"type": "text", "text": parsed["text"]}] if parsed and row["status"] == "completed" else []
    return {"object": "vector_store.file_content.page", "data": data, "has_more": False, "next_page": None}


def _found(db: sqlite3.Connection, call: ApiCall) -> sqlite3.Row:
    vector_stores.found(db, call.path["vector_store_id"])
    return found(db, call.path["vector_store_id"], call.path["file_id"])


def found(db: sqlite3.Connection, store_id: str, file_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM memberships WHERE vector_store_id = ? AND file_id = ?",
        (store_id, file_id),
    ).fetchone()
    if row is None:
        raise ApiError(404, f"No file found with id '{file_id}' in vector store '{store_id}'.", param="file_id")
    return row


def shown(row: sqlite3.Row) -> Json:
    sizes = {"max_chunk_size_tokens": row["chunk_size"], "chunk_overlap_tokens": row["chunk_overlap"]}
    error = {"code": row["error_code"], "message": row["error_message"]} if row["error_code"] else None
    return {
        "id": row["file_id"],
        "object": "vector_store.file",
        "usage_bytes": row["usage_bytes"],
        "created_at": row["created_at"],
        "vector_store_id": row["vector_store_id"],
        "status": row["status"],
        "last_error": error,
        "chunking_strategy": {"type": "static", "static": sizes},
        "attributes": json.loads(row["attributes"]),
    }


OPERATIONS: list[Operation] = [
    ("POST", "/v1/vector_stores/{vector_store_id}/files", create),
    ("GET", "/v1/vector_stores/{vector_store_id}/files", index),
    ("GET", "/v1/vector_stores/{vector_store_id}/files/{file_id}", get),
    ("POST", "/v1/vector_stores/{vector_store_id}/files/{file_id}", update),
    ("DELETE", "/v1/vector_stores/{vector_store_id}/files/{file_id}", delete),
    ("GET", "/v1/vector_stores/{vector_store_id}/files/{file_id}/content", content),
]
