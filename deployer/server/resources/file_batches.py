"""File batches: `/v1/vector_stores/{id}/file_batches`."""

from __future__ import annotations

import sqlite3

from deployer.server.checks import missing
from deployer.server.resources import files, vector_stores
from deployer.server.resources.vector_store_files import page
from deployer.server.state import ApiCall, Operation
from deployer.server.storage import STATUSES
from deployer.server.storage.objects import new_id
from deployer.server.wire import ApiError, Json


def create(call: ApiCall) -> Json:
    entries = _entries(vector_stores.BATCH(call.body, ""))
    store_id, now = call.path["vector_store_id"], call.state.now()
    # The prefix of the newest recorded batch (2025-10-30); older ones had `vsfb_` alone.
    batch_id = new_id("vsfb_ibj_")
    with call.state.storage.write() as db:
        vector_stores.active(db, store_id, now)
        db.execute(
            "INSERT INTO batches (id, created_at, vector_store_id) VALUES (?, ?, ?)",
            (batch_id, now, store_id),
        )
        files.demand(db, [entry.file_id for entry in entries], now, "file_ids")
        vector_stores.attach(db, store_id, entries, now, batch_id)
        shown = _shown(db, _found(db, store_id, batch_id))
    call.state.ring()
    return shown


def get(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        return _shown(db, _found(db, call.path["vector_store_id"], call.path["batch_id"]))


def cancel(call: ApiCall) -> Json:
    """Stop what is still in progress; files that are ready stay."""
    store_id, batch_id = call.path["vector_store_id"], call.path["batch_id"]
    with call.state.storage.write() as db:
        _found(db, store_id, batch_id)
        waiting = db.execute(
            "UPDATE memberships SET status = 'cancelled' WHERE batch_id = ? AND status = 'in_progress'",
            (batch_id,),
        )
        if waiting.rowcount:
            db.execute("UPDATE batches SET cancelled = 1 WHERE id = ?", (batch_id,))
        return _shown(db, _found(db, store_id, batch_id))


def index(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        batch = _found(db, call.path["vector_store_id"], call.path["batch_id"])
        return page(db, call, "memberships WHERE batch_id = ?", batch["id"])


def _entries(wanted: Json) -> list[vector_stores.FileToAttach]:
    """The files of a batch; what is shared applies to `file_ids` only, `files` bring their own."""
    if "files" in wanted and "file_ids" in wanted:
        raise ApiError(400, "Only one of 'file_ids' and 'files' can be given.", param="files", code="invalid_value")
    if "files" in wanted:
        return [vector_stores.attachment(file) for file in wanted["files"]]
    if "file_ids" not in wanted:
        raise missing("file_ids")
    return [vector_stores.attachment(wanted | {"file_id": file_id}) for file_id in wanted["file_ids"]]


def _found(db: sqlite3.Connection, store_id: str, batch_id: str) -> sqlite3.Row:
    vector_stores.found(db, store_id)
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM batches WHERE id = ? AND vector_store_id = ?",
        (batch_id, store_id),
    ).fetchone()
    if row is None:
        raise ApiError(404, f"No file batch found with id '{batch_id}' in vector store '{store_id}'.", param="batch_id")
    return row


def _shown(db: sqlite3.Connection, batch: sqlite3.Row) -> Json:
    columns = ", ".join(f"SUM(status = '{status}') AS {status}" for status in STATUSES)
    statement = f"SELECT {columns} FROM memberships WHERE batch_id = ? GROUP BY batch_id"
    counts = vector_stores.file_counts(db.execute(statement, (batch["id"],)).fetchone())
    return {
        "id": batch["id"],
        "object": "vector_store.file_batch",
        "created_at": batch["created_at"],
        "vector_store_id": batch["vector_store_id"],
        "status": _status(counts, cancelled=bool(batch["cancelled"])),
        "file_counts": counts,
    }


def _status(counts: Json, *, cancelled: bool) -> str:
    if cancelled:
        return "cancelled"
    if counts["in_progress"]:
        return "in_progress"
    return "failed" if counts["failed"] and counts["failed"] == counts["total"] else "completed"


OPERATIONS: list[Operation] = [
    ("POST", "/v1/vector_stores/{vector_store_id}/file_batches", create),
    ("GET", "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}", get),
    ("POST", "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel", cancel),
    ("GET", "/v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files", index),
]
