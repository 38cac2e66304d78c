"""The rows behind vector stores: adding, finding, counting, and how one is shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from deployer.server import files, memberships
from deployer.server.ids import new_id
from deployer.server.store_fields import chunk_sizes
from deployer.server.wire import ApiError, Json

DAY = 86400
_STATUSES = ("in_progress", "completed", "failed", "cancelled")


def add(db: sqlite3.Connection, now: int, wanted: Json) -> str:
    store_id = new_id("vs_")
    expiry = wanted.get("expires_after") or {}
    db.execute(
        "INSERT INTO vector_stores (id, name, description, metadata, expires_days, created_at, last_active_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            store_id,
            wanted.get("name"),
            wanted.get("description"),
            json.dumps(wanted.get("metadata") or {}),
            expiry.get("days"),
            now,
            now,
        ),
    )
    sizes = chunk_sizes(wanted.get("chunking_strategy"))
    file_ids = wanted.get("file_ids", [])
    files.demand(db, file_ids, now, "file_ids")
    memberships.attach(db, store_id, [memberships.Entry(file_id, {}, sizes) for file_id in file_ids], now)
    return store_id


def found(db: sqlite3.Connection, store_id: str, *, param: str | None = None) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute("SELECT * FROM vector_stores WHERE id = ?", (store_id,)).fetchone()
    if row is None:
        raise ApiError(404, f"Vector store with id '{store_id}' not found.", param=param)
    return row


def active(db: sqlite3.Connection, store_id: str, now: int) -> None:
    """Note that the store is in use, which moves its expiry; an expired store refuses to be used."""
    row = found(db, store_id)
    if expired(row, now):
        raise ApiError(400, f"Vector store with id '{store_id}' has expired.", param="vector_store_id")
    if row["last_active_at"] != now:
        db.execute("UPDATE vector_stores SET last_active_at = ? WHERE id = ?", (now, store_id))


def expired(row: sqlite3.Row, now: int) -> bool:
    expires_at = _expires_at(row)
    return expires_at is not None and expires_at <= now


def shown(db: sqlite3.Connection, rows: Sequence[sqlite3.Row], now: int) -> list[Json]:
    counts = _counts(db, [row["id"] for row in rows])
    return [_shown(row, counts.get(row["id"]), now) for row in rows]


def file_counts(counts: sqlite3.Row | None) -> Json:
    values = {status: int(counts[status]) if counts else 0 for status in _STATUSES}
    return values | {"total": sum(values.values())}


def count_columns() -> str:
    """The columns that `file_counts` reads."""
    return ", ".join(f"SUM(status = '{status}') AS {status}" for status in _STATUSES)


def _counts(db: sqlite3.Connection, store_ids: list[str]) -> dict[str, sqlite3.Row]:
    marks = ",".join("?" * len(store_ids))
    statement = (
        f"SELECT vector_store_id, {count_columns()}, SUM(usage_bytes) AS usage_bytes FROM memberships "
        f"WHERE vector_store_id IN ({marks}) GROUP BY vector_store_id"
    )
    return {row["vector_store_id"]: row for row in db.execute(statement, store_ids)}


def _shown(row: sqlite3.Row, counts: sqlite3.Row | None, now: int) -> Json:
    # The files of an expired store are gone at once, even before the sweep has removed their rows.
    counts = None if expired(row, now) else counts
    files = file_counts(counts)
    days = row["expires_days"]
    return {
        "id": row["id"],
        "object": "vector_store",
        "created_at": row["created_at"],
        "name": row["name"],
        "description": row["description"],
        "usage_bytes": int(counts["usage_bytes"]) if counts else 0,
        "file_counts": files,
        "status": "expired" if expired(row, now) else "in_progress" if files["in_progress"] else "completed",
        "expires_after": None if days is None else {"anchor": "last_active_at", "days": days},
        "expires_at": _expires_at(row),
        "last_active_at": row["last_active_at"],
        "metadata": json.loads(row["metadata"]),
    }


def _expires_at(row: sqlite3.Row) -> int | None:
    return None if row["expires_days"] is None else int(row["last_active_at"]) + int(row["expires_days"]) * DAY


EXPIRED_WITH_FILES = (
    "SELECT memberships.seq FROM memberships JOIN vector_stores ON vector_stores.id = memberships.vector_store_id "
    f"WHERE vector_stores.last_active_at + vector_stores.expires_days * {DAY} <= ?"
)


def empty_expired(db: sqlite3.Connection, now: int) -> None:
    """Remove the memberships of expired stores; the stores stay, to be seen as expired."""
    db.execute(f"DELETE FROM memberships WHERE seq IN ({EXPIRED_WITH_FILES})", (now,))
