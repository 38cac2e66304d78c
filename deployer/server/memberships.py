"""The rows behind files in vector stores: attaching, finding, and how one is shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from deployer.server.store_fields import chunk_sizes
from deployer.server.wire import ApiError, Json


@dataclass(frozen=True)
class Entry:
    """A file that is to be in a store."""

    file_id: str
    attributes: Json
    sizes: Json


def entry(wanted: Json) -> Entry:
    return Entry(wanted["file_id"], wanted.get("attributes") or {}, chunk_sizes(wanted.get("chunking_strategy")))


def attach(
    db: sqlite3.Connection, store_id: str, entries: Sequence[Entry], now: int, batch_id: str | None = None
) -> None:
    """Put files into a store, to be ingested; one that is there already starts anew with what is asked now.

    REPLACE, unlike a deletion, leaves the text that was ingested before: it is searched until the new one is ready.
    """
    db.executemany(
        "INSERT OR REPLACE INTO memberships (vector_store_id, file_id, batch_id, attributes, chunk_size, "
        "chunk_overlap, created_at, status) VALUES (?, ?, ?, ?, ?, ?, ?, 'in_progress')",
        [(store_id, wanted.file_id, batch_id, *_row(wanted), now) for wanted in entries],
    )


def _row(wanted: Entry) -> tuple[str, int, int]:
    sizes = wanted.sizes
    return json.dumps(wanted.attributes), sizes["max_chunk_size_tokens"], sizes["chunk_overlap_tokens"]


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
