"""Uploads in parts: `/v1/uploads`."""

from __future__ import annotations

import hashlib
import sqlite3

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from deployer.server.checks import array, choice, fields, integer, missing, nullable, string
from deployer.server.resources import files
from deployer.server.resources.forms import Form
from deployer.server.state import ApiCall, Operation, State, Upload
from deployer.server.storage.blobs import Incoming
from deployer.server.storage.objects import new_id
from deployer.server.wire import ApiError, Json

LIFETIME = 3600
MOST_BYTES = 8 * 1024**3
MOST_PART_BYTES = 64 * 1024**2
_EXPIRES_AFTER = fields(
    {"anchor": choice("created_at"), "seconds": integer(3600, 2592000)},
    required=("anchor", "seconds"),
)
_CREATE = fields(
    {
        "filename": string(),
        "purpose": choice(*files.PURPOSES),
        "bytes": integer(0, MOST_BYTES),
        "mime_type": string(),
        "expires_after": nullable(_EXPIRES_AFTER),
    },
    required=("filename", "purpose", "bytes", "mime_type"),
)
_COMPLETE = fields({"part_ids": array(string(), longest=100_000), "md5": nullable(string())}, required=("part_ids",))


def create(call: ApiCall) -> Json:
    wanted, now, upload_id = _CREATE(call.body, ""), call.state.now(), new_id("upload_")
    lifetime = (wanted.get("expires_after") or {}).get("seconds")
    if lifetime is None and wanted["purpose"] == "batch":
        lifetime = files.BATCH_LIFETIME
    with call.state.storage.write() as db:
        db.execute(
            "INSERT INTO uploads (id, filename, purpose, bytes, status, created_at, expires_at, file_lifetime) "
            "VALUES (?, ?, ?, ?, 'pending', ?, ?, ?)",
            (upload_id, wanted["filename"], wanted["purpose"], wanted["bytes"], now, now + LIFETIME, lifetime),
        )
        return _shown(_found(db, upload_id))


async def add_part(state: State, request: Request) -> Json:
    upload_id = request.path_params["upload_id"]
    with state.blobs.incoming() as incoming:
        form = Form("data", incoming, MOST_PART_BYTES)
        await form.read(request)
        if form.filename is None:
            raise missing("data")
        return await run_in_threadpool(_add_part, state, upload_id, incoming)


def _add_part(state: State, upload_id: str, incoming: Incoming) -> Json:
    incoming.seal()
    part_id = new_id("part_")
    with state.storage.write() as db:
        _pending(db, upload_id, state.now())
        state.blobs.keep(incoming)
        db.execute(
            "INSERT INTO parts (id, upload_id, bytes, digest) VALUES (?, ?, ?, ?)",
            (part_id, upload_id, incoming.size, incoming.digest),
        )
    return {"id": part_id, "object": "upload.part", "created_at": state.now(), "upload_id": upload_id}


def complete(call: ApiCall) -> Json:
    """Join the parts in the order given; the upload ends only if size and checksum are as announced."""
    wanted, state, upload_id = _COMPLETE(call.body, ""), call.state, call.path["upload_id"]
    with state.storage.read() as db:
        upload = _pending(db, upload_id, state.now())
        parts = [_part(db, upload_id, part_id) for part_id in wanted["part_ids"]]
    total = sum(part["bytes"] for part in parts)
    if total != upload["bytes"]:
        raise ApiError(
            400,
            f"The total number of bytes uploaded ({total}) does not match the number of bytes "
            f"specified when the upload was created ({upload['bytes']}).",
            param="part_ids",
        )
    with state.blobs.incoming() as incoming:
        _join(state, parts, incoming, wanted.get("md5"))
        file = _finish(state, upload, incoming)
    return _shown(upload) | {"status": "completed", "file": file}


def _join(state: State, parts: list[sqlite3.Row], incoming: Incoming, md5: str | None) -> None:
    checksum = hashlib.md5(usedforsecurity=False)
    for part in parts:
        for block in state.blobs.blocks(part["digest"]):
            incoming.write(block)
            checksum.update(block)
    if md5 is not None and md5.lower() != checksum.hexdigest():
        raise ApiError(400, "The md5 checksum of the uploaded bytes does not match.", param="md5")
    incoming.seal()


def _finish(state: State, upload: sqlite3.Row, incoming: Incoming) -> Json:
    new = files.NewFile(upload["filename"], upload["purpose"], upload["file_lifetime"])
    with state.storage.write() as db:
        _pending(db, upload["id"], state.now())
        file = files.add(db, state, incoming, new)
        digests = _end(db, upload["id"], "completed")
    files.release(state, digests)
    return files.shown(file)


def cancel(call: ApiCall) -> Json:
    with call.state.storage.write() as db:
        upload = _pending(db, call.path["upload_id"], call.state.now())
        digests = _end(db, upload["id"], "cancelled")
    files.release(call.state, digests)
    return _shown(upload) | {"status": "cancelled"}


def _end(db: sqlite3.Connection, upload_id: str, status: str) -> list[str]:
    """Close an upload; its parts go, and their digests are returned to be released."""
    digests = [row["digest"] for row in db.execute("SELECT digest FROM parts WHERE upload_id = ?", (upload_id,))]
    db.execute("DELETE FROM parts WHERE upload_id = ?", (upload_id,))
    db.execute("UPDATE uploads SET status = ? WHERE id = ?", (status, upload_id))
    return digests


def expire(db: sqlite3.Connection, now: int) -> list[str]:
    """Close what was not completed in time."""
    late = db.execute("SELECT id FROM uploads WHERE status = 'pending' AND expires_at <= ?", (now,)).fetchall()
    return [digest for row in late for digest in _end(db, row["id"], "expired")]


def _found(db: sqlite3.Connection, upload_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute("SELECT * FROM uploads WHERE id = ?", (upload_id,)).fetchone()
    if row is None:
        raise ApiError(404, f"No such Upload object: {upload_id}", param="upload_id")
    return row


def _pending(db: sqlite3.Connection, upload_id: str, now: int) -> sqlite3.Row:
    row = _found(db, upload_id)
    status = "expired" if row["status"] == "pending" and row["expires_at"] <= now else row["status"]
    if status != "pending":
        raise ApiError(400, f"Upload {upload_id} is {status}; only a pending upload can be changed.", param="upload_id")
    return row


def _part(db: sqlite3.Connection, upload_id: str, part_id: str) -> sqlite3.Row:
    statement = "SELECT * FROM parts WHERE id = ? AND upload_id = ?"
    row: sqlite3.Row | None = db.execute(statement, (part_id, upload_id)).fetchone()
    if row is None:
        raise ApiError(400, f"No such Part object: {part_id}", param="part_ids")
    return row


def _shown(row: sqlite3.Row) -> Json:
    return {
        "id": row["id"],
        "object": "upload",
        "bytes": row["bytes"],
        "created_at": row["created_at"],
        "filename": row["filename"],
        "purpose": row["purpose"],
        "status": row["status"],
        "expires_at": row["expires_at"],
    }


OPERATIONS: list[Operation] = [
    ("POST", "/v1/uploads", create),
    ("POST", "/v1/uploads/{upload_id}/complete", complete),
    ("POST", "/v1/uploads/{upload_id}/cancel", cancel),
]

UPLOADS: list[tuple[str, str, Upload]] = [("POST", "/v1/uploads/{upload_id}/parts", add_part)]
