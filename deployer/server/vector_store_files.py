"""Files in a vector store: `/v1/vector_stores/{id}/files`."""

from __future__ import annotations

import json
import sqlite3

from deployer.server import files, memberships, stores
from deployer.server.checks import choice
from deployer.server.paging import listing, rows, window
from deployer.server.state import Call, Operation
from deployer.server.store_fields import ATTACH, ATTRIBUTES_UPDATE
from deployer.server.wire import Json

STATUS = choice("in_progress", "completed", "failed", "cancelled")


def create(call: Call) -> Json:
    wanted = ATTACH(call.body, "")
    store_id, now = call.path["vector_store_id"], call.state.now()
    with call.state.storage.write() as db:
        stores.active(db, store_id, now)
        files.demand(db, [wanted["file_id"]], now, "file_id")
        memberships.attach(db, store_id, [memberships.entry(wanted)], now)
        shown = memberships.shown(memberships.found(db, store_id, wanted["file_id"]))
    call.state.ring()
    return shown


def index(call: Call) -> Json:
    with call.state.storage.read() as db:
        row = stores.found(db, call.path["vector_store_id"])
        if stores.expired(row, call.state.now()):
            return listing([], has_more=False)
        return page(db, call, "memberships WHERE vector_store_id = ?", row["id"])


def page(db: sqlite3.Connection, call: Call, source: str, owner: str) -> Json:
    """A page of the memberships of a store or batch, with the filter by status that both have."""
    values: tuple[str, ...] = (owner,)
    if "filter" in call.query:
        source, values = f"{source} AND status = ?", (owner, STATUS(call.query["filter"], "filter"))
    found, has_more = rows(db, source, values, window(call.query), key="file_id")
    return listing([memberships.shown(row) for row in found], has_more)


def get(call: Call) -> Json:
    with call.state.storage.read() as db:
        return memberships.shown(_found(db, call))


def update(call: Call) -> Json:
    wanted = ATTRIBUTES_UPDATE(call.body, "")
    with call.state.storage.write() as db:
        row = _found(db, call)
        attributes = json.dumps(wanted["attributes"] or {})
        db.execute("UPDATE memberships SET attributes = ? WHERE seq = ?", (attributes, row["seq"]))
        return memberships.shown(_found(db, call))


def delete(call: Call) -> Json:
    """Take a file out of the store; the file itself stays."""
    with call.state.storage.write() as db:
        row = _found(db, call)
        db.execute("DELETE FROM memberships WHERE seq = ?", (row["seq"],))
    return {"id": row["file_id"], "object": "vector_store.file.deleted", "deleted": True}


def content(call: Call) -> Json:
    """The text that was parsed from the file."""
    with call.state.storage.read() as db:
        row = _found(db, call)
        place = (row["vector_store_id"], row["file_id"])
        parsed = db.execute("SELECT text FROM texts WHERE vector_store_id = ? AND file_id = ?", place).fetchone()
    data = [{"type": "text", "text": parsed["text"]}] if parsed and row["status"] == "completed" else []
    return {"object": "vector_store.file_content.page", "data": data, "has_more": False, "next_page": None}


def _found(db: sqlite3.Connection, call: Call) -> sqlite3.Row:
    stores.found(db, call.path["vector_store_id"])
    return memberships.found(db, call.path["vector_store_id"], call.path["file_id"])


OPERATIONS: list[Operation] = [
    ("POST", "/v1/vector_stores/{vector_store_id}/files", create),
    ("GET", "/v1/vector_stores/{vector_store_id}/files", index),
    ("GET", "/v1/vector_stores/{vector_store_id}/files/{file_id}", get),
    ("POST", "/v1/vector_stores/{vector_store_id}/files/{file_id}", update),
    ("DELETE", "/v1/vector_stores/{vector_store_id}/files/{file_id}", delete),
    ("GET", "/v1/vector_stores/{vector_store_id}/files/{file_id}/content", content),
]
