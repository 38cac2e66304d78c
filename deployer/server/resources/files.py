"""Files: `/v1/files`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from deployer.server.resources.forms import Form
from deployer.server.state import ApiCall, Operation, State, Upload
from deployer.server.storage.blobs import Incoming
from deployer.server.storage.objects import new_id, rows, window, written
from deployer.server.wire import ApiError, FilesError, Json

MOST_BYTES = 512 * 1024 * 1024
BATCH_LIFETIME = 30 * 86400
PURPOSES = ["fine-tune", "assistants", "batch", "user_data", "vision", "evals"]
_LIVING = "(expires_at IS NULL OR expires_at > ?)"
GHOST = 0  # the expiry of a deleted file whose memberships stay; a real account has been seen with such
_COLUMNS = ("id", "purpose", "filename", "bytes", "created_at", "expires_at")
_SAME: Json = {"object": "file", "status": "processed", "status_details": None}
_WRITTEN = "id, json_object('object', 'file', {}, 'status', 'processed', 'status_details', NULL) AS body".format(
    ", ".join(f"'{name}', {name}" for name in _COLUMNS)
)
"""The same as JSON text, which SQLite writes: a page has up to 10,000 rows."""
EXPIRED = (
    f"expires_at <= ? AND (expires_at != {GHOST} OR NOT EXISTS (SELECT 1 FROM memberships WHERE file_id = files.id))"
)


@dataclass(frozen=True)
class NewFile:
    """What a file is made with, besides its bytes; `lifetime` is in seconds."""

    filename: str
    purpose: str
    lifetime: int | None


async def create(state: State, request: Request) -> Json:
    with state.blobs.incoming() as incoming:
        form = Form("file", incoming, MOST_BYTES)
        await form.read(request)
        return await run_in_threadpool(_create, state, form, incoming)


def _create(state: State, form: Form, incoming: Incoming) -> Json:
    if form.filename is None:
        raise _invalid("'file' is a required property", "file")
    purpose = _purpose(form.fields.get("purpose"))
    new = NewFile(form.filename, purpose, _lifetime(form.fields, purpose))
    incoming.seal()
    with state.storage.write() as db:
        return shown(add(db, state, incoming, new))


def add(db: sqlite3.Connection, state: State, incoming: Incoming, new: NewFile) -> sqlite3.Row:
    """Add a row for sealed bytes, which are kept in the same transaction."""
    now, file_id = state.now(), new_id("file-")
    expires_at = None if new.lifetime is None else now + new.lifetime
    state.blobs.keep(incoming)
    db.execute(
        "INSERT INTO files (id, filename, purpose, bytes, digest, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (file_id, new.filename, new.purpose, incoming.size, incoming.digest, now, expires_at),
    )
    return found(db, file_id, now)


def keep(state: State, filename: str, content: bytes) -> str:
    """Make a file of what an assistant has put out, and return its id."""
    with state.blobs.incoming() as incoming:
        incoming.write(content)
        incoming.seal()
        with state.storage.write() as db:
            return str(add(db, state, incoming, NewFile(filename, "assistants_output", None))["id"])


def index(call: ApiCall) -> Response:
    source, values = f"files WHERE {_LIVING}", list[object]([call.state.now()])
    with call.state.storage.read() as db:
        wanted = window(call.query, most=10000, default=10000)
        if "purpose" in call.query:
            source, values = f"{source} AND purpose = ?", [*values, call.query["purpose"]]
        return written(*rows(db, source, values, wanted, columns=_WRITTEN))


def get(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        return shown(found(db, call.path["file_id"], call.state.now()))


def content(call: ApiCall) -> Response:
    with call.state.storage.read() as db:
        row = found(db, call.path["file_id"], call.state.now())
    return FileResponse(call.state.blobs.path(row["digest"]), media_type="application/octet-stream")


def delete(call: ApiCall) -> Json:
    """Delete a file; it leaves every vector store with it, unless a fault leaves its memberships there."""
    with call.state.storage.write() as db:
        row = found(db, call.path["file_id"], call.state.now())
        if call.leave:
            db.execute(f"UPDATE files SET expires_at = {GHOST} WHERE id = ?", (row["id"],))
        else:
            db.execute("DELETE FROM files WHERE id = ?", (row["id"],))
    release(call.state, [row["digest"]])
    return {"id": row["id"], "object": "file", "deleted": True}


def release(state: State, digests: Sequence[str]) -> None:
    """Remove bytes that no row names any more.

    It follows the transaction that removed the rows: killed in between, bytes are left over, never missing.
    """
    with state.storage.write() as db:
        for digest in digests:
            used = "SELECT 1 FROM files WHERE digest = ? UNION ALL SELECT 1 FROM parts WHERE digest = ?"
            if db.execute(used, (digest, digest)).fetchone() is None:
                state.blobs.remove(digest)


def demand(db: sqlite3.Connection, file_ids: Sequence[str], now: int, param: str) -> None:
    """Every one of these files exists, or the request names one that does not."""
    marks = ",".join("?" * len(file_ids))
    statement = f"SELECT id FROM files WHERE {_LIVING} AND id IN ({marks})"
    known = {row["id"] for row in db.execute(statement, (now, *file_ids))}
    for file_id in file_ids:
        if file_id not in known:
            raise ApiError(404, f"No such File object: {file_id}", param=param)


def found(db: sqlite3.Connection, file_id: str, now: int) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute(f"SELECT * FROM files WHERE {_LIVING} AND id = ?", (now, file_id)).fetchone()
    if row is None:
        raise FilesError(404, f"No such File object: {file_id}", param="id")
    return row


def shown(row: sqlite3.Row) -> Json:
    return {name: row[name] for name in _COLUMNS} | _SAME


def _purpose(given: str | None) -> str:
    if given is None:
        raise _invalid("'purpose' is a required property", "purpose")
    if given not in PURPOSES:
        raise _invalid(f"'{given}' is not one of {PURPOSES} - 'purpose'", "purpose")
    return given


def _lifetime(given: dict[str, str], purpose: str) -> int | None:
    """How long the file lives: as asked, 30 days for a batch (recorded answer), or for ever."""
    anchor, seconds = given.get("expires_after[anchor]"), given.get("expires_after[seconds]")
    if anchor is None and seconds is None:
        return BATCH_LIFETIME if purpose == "batch" else None
    if anchor != "created_at":
        raise _invalid(f"'{anchor}' is not one of ['created_at'] - 'expires_after.anchor'", "expires_after.anchor")
    if not (seconds and seconds.isascii() and seconds.isdigit() and len(seconds) < 9):
        raise _invalid(f"'{seconds}' is not of type 'integer' - 'expires_after.seconds'", "expires_after.seconds")
    for broken, bound in (
        (int(seconds) < 3600, "less than the minimum of 3600"),
        (int(seconds) > 2592000, "greater than the maximum of 2592000"),
    ):
        if broken:
            raise _invalid(f"{seconds} is {bound} - 'expires_after.seconds'", "expires_after.seconds")
    return int(seconds)


def _invalid(message: str, param: str) -> FilesError:
    return FilesError(400, message, param=param)


OPERATIONS: list[Operation] = [
    ("GET", "/v1/files", index),
    ("GET", "/v1/files/{file_id}", get),
    ("GET", "/v1/files/{file_id}/content", content),
    ("DELETE", "/v1/files/{file_id}", delete),
]

UPLOADS: list[tuple[str, str, Upload]] = [("POST", "/v1/files", create)]
