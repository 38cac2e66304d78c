"""Vector stores: `/v1/vector_stores`, with search in one."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from deployer.server.checks import (
    ATTRIBUTES,
    METADATA,
    array,
    boolean,
    choice,
    decimal,
    fields,
    integer,
    invalid,
    nullable,
    string,
    tagged,
)
from deployer.server.ingestion import retrieval
from deployer.server.resources import files
from deployer.server.state import ApiCall, Operation, State
from deployer.server.storage import STATUSES
from deployer.server.storage.objects import listing, new_id, rows, window
from deployer.server.wire import ApiError, Json

DEFAULT_CHUNKING: Json = {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}
_SIZES = fields(
    {"max_chunk_size_tokens": integer(100, 4096), "chunk_overlap_tokens": integer(0, 2048)},
    required=("max_chunk_size_tokens", "chunk_overlap_tokens"),
)


def _static(value: Any, path: str) -> Any:
    sizes = _SIZES(value, path)
    half = sizes["max_chunk_size_tokens"] // 2
    if sizes["chunk_overlap_tokens"] > half:
        raise invalid(
            f"{path}.chunk_overlap_tokens",
            f"integer above maximum value. Expected a value <= {half}, "
            f"but got {sizes['chunk_overlap_tokens']} instead.",
            "integer_above_max_value",
        )
    return sizes


CHUNKING = tagged(
    {"auto": fields({"type": string()}), "static": fields({"type": string(), "static": _static}, required=("static",))},
)
_FILE = {"file_id": string(), "attributes": ATTRIBUTES, "chunking_strategy": nullable(CHUNKING)}
_FILE_IDS = array(string(), longest=2000, shortest=1)
_EXPIRES_AFTER = fields(
    {"anchor": choice("last_active_at"), "days": integer(1, 365)},
    required=("anchor", "days"),
)
STORE_CREATE = fields(
    {
        "name": nullable(string()),
        "description": nullable(string()),
        "file_ids": nullable(array(string(), longest=500)),
        "chunking_strategy": nullable(CHUNKING),
        "expires_after": nullable(_EXPIRES_AFTER),
        "metadata": METADATA,
    },
)
STORE_UPDATE = fields({"name": nullable(string()), "expires_after": nullable(_EXPIRES_AFTER), "metadata": METADATA})
ATTACH = fields(_FILE, required=("file_id",))
ATTRIBUTES_UPDATE = fields({"attributes": ATTRIBUTES}, required=("attributes",))
BATCH = fields(
    {
        "file_ids": _FILE_IDS,
        "files": array(fields(_FILE, required=("file_id",)), longest=2000, shortest=1),
        "attributes": ATTRIBUTES,
        "chunking_strategy": nullable(CHUNKING),
    },
)
RANKING = fields({"ranker": choice("none", "auto", "default-2024-11-15"), "score_threshold": decimal(0, 1)})
_QUERIES = array(string(shortest=1), longest=100, shortest=1)


def _query(value: Any, path: str) -> Any:
    return _QUERIES(value, path) if isinstance(value, list) else [string(shortest=1)(value, path)]


SEARCH = fields(
    {
        "query": _query,
        "max_num_results": integer(1, 50),
        "rewrite_query": boolean,
        "filters": nullable(retrieval.check_filter),
        "ranking_options": nullable(RANKING),
    },
    required=("query",),
)


def chunk_sizes(strategy: Json | None) -> Json:
    """The sizes that a strategy means; `auto` reads back as the static default (recorded answer)."""
    sizes: Json = (strategy or {}).get("static", DEFAULT_CHUNKING)
    return sizes


def create(call: ApiCall) -> Json:
    wanted = STORE_CREATE(call.body, "")
    with call.state.storage.write() as db:
        shown = _answer(db, call, add(db, call.state.now(), wanted))
    call.state.ring()
    return shown


def get(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        return _answer(db, call, call.path["vector_store_id"])


def index(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        page, has_more = rows(db, "vector_stores WHERE TRUE", (), window(call.query))
        return listing([shown(row, call.state.now()) for row in page], has_more)


def update(call: ApiCall) -> Json:
    """Change name, expiry and metadata: nothing else of a store can be changed."""
    wanted = STORE_UPDATE(call.body, "")
    store_id = call.path["vector_store_id"]
    with call.state.storage.write() as db:
        found(db, store_id)
        if "name" in wanted:
            db.execute("UPDATE vector_stores SET name = ? WHERE id = ?", (wanted["name"], store_id))
        if "metadata" in wanted:
            metadata = json.dumps(wanted["metadata"] or {})
            db.execute("UPDATE vector_stores SET metadata = ? WHERE id = ?", (metadata, store_id))
        if "expires_after" in wanted:
            days = (wanted["expires_after"] or {}).get("days")
            db.execute("UPDATE vector_stores SET expires_days = ? WHERE id = ?", (days, store_id))
        return _answer(db, call, store_id)


def delete(call: ApiCall) -> Json:
    """Delete a store with its memberships; the files stay."""
    store_id = call.path["vector_store_id"]
    with call.state.storage.write() as db:
        found(db, store_id)
        db.execute("DELETE FROM vector_stores WHERE id = ?", (store_id,))
    return {"id": store_id, "object": "vector_store.deleted", "deleted": True}


def search(call: ApiCall) -> Json:
    wanted = SEARCH(call.body, "")
    store_id = call.path["vector_store_id"]
    with call.state.storage.write() as db:
        active(db, store_id, call.state.now())
    with call.state.storage.read() as db:
        results = retrieval.best_chunks(db, [store_id], wanted)
    return {
        "object": "vector_store.search_results.page",
        "search_query": wanted["query"],
        "data": results,
        "has_more": False,
        "next_page": None,
    }


def search_for_turn(state: State, tool: Json, queries: list[str], *, waits: bool) -> list[Json] | None:
    """Return what the stores of a `file_search` tool hold on some queries, each result with its text in one piece.

    One that `waits` gets None as long as files of the tool's `awaited` stores are being ingested.
    """
    with state.storage.read() as db:
        if waits and any(_is_ingesting(db, store_id) for store_id in tool.get("awaited", ())):
            return None
    with state.storage.write() as db:
        store_ids = [one for one in tool["vector_store_ids"] if _in_use(db, one, state.now())]
    wanted = {"query": queries, "max_num_results": tool.get("max_num_results") or 20, "filters": tool.get("filters")}
    wanted["ranking_options"] = tool.get("ranking_options")
    with state.storage.read() as db:
        found = retrieval.best_chunks(db, store_ids, wanted)
    return [_flat(result) for result in found]


def _is_ingesting(db: sqlite3.Connection, store_id: str) -> bool:
    statement = "SELECT 1 FROM vector_stores WHERE id = ? AND in_progress > 0"
    return db.execute(statement, (store_id,)).fetchone() is not None


def _in_use(db: sqlite3.Connection, store_id: str, now: int) -> bool:
    """Whether a store can be searched, which is noted; one that is gone or has expired has no results."""
    try:
        active(db, store_id, now)
    except ApiError:
        return False
    return True


def _flat(result: Json) -> Json:
    text = "".join(part["text"] for part in result["content"])
    return {name: value for name, value in result.items() if name != "content"} | {"text": text}


def _answer(db: sqlite3.Connection, call: ApiCall, store_id: str) -> Json:
    return shown(found(db, store_id), call.state.now())


DAY = 86400


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
    file_ids = wanted.get("file_ids") or []
    files.demand(db, file_ids, now, "file_ids")
    attach(db, store_id, [FileToAttach(file_id, {}, sizes) for file_id in file_ids], now)
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


def file_counts(counts: sqlite3.Row | None) -> Json:
    values = {status: int(counts[status]) if counts else 0 for status in STATUSES}
    return values | {"total": sum(values.values())}


def shown(row: sqlite3.Row, now: int) -> Json:
    # The files of an expired store are gone at once, even before the sweep has removed their rows.
    counts = None if expired(row, now) else row
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


@dataclass(frozen=True)
class FileToAttach:
    """A file that is to be in a store."""

    file_id: str
    attributes: Json
    sizes: Json


def attachment(wanted: Json) -> FileToAttach:
    return FileToAttach(wanted["file_id"], wanted.get("attributes") or {}, chunk_sizes(wanted.get("chunking_strategy")))


def attach(
    db: sqlite3.Connection, store_id: str, entries: Sequence[FileToAttach], now: int, batch_id: str | None = None
) -> None:
    """Put files into a store, to be ingested; one that is there already starts anew with what is asked now.

    REPLACE, unlike a deletion, leaves the text that was ingested before: it is searched until the new one is ready.
    """
    db.executemany(
        "INSERT OR REPLACE INTO memberships (vector_store_id, file_id, batch_id, attributes, chunk_size, "
        "chunk_overlap, created_at, status) VALUES (?, ?, ?, ?, ?, ?, ?, 'in_progress')",
        [(store_id, wanted.file_id, batch_id, *_row(wanted), now) for wanted in entries],
    )


def _row(wanted: FileToAttach) -> tuple[str, int, int]:
    sizes = wanted.sizes
    return json.dumps(wanted.attributes), sizes["max_chunk_size_tokens"], sizes["chunk_overlap_tokens"]


OPERATIONS: list[Operation] = [
    ("POST", "/v1/vector_stores", create),
    ("GET", "/v1/vector_stores", index),
    ("GET", "/v1/vector_stores/{vector_store_id}", get),
    ("POST", "/v1/vector_stores/{vector_store_id}", update),
    ("DELETE", "/v1/vector_stores/{vector_store_id}", delete),
    ("POST", "/v1/vector_stores/{vector_store_id}/search", search),
]
