"""Objects that are stored as they are shown: assistants and agents."""

from __future__ import annotations

import json
import sqlite3
from typing import cast

from deployer.server.paging import Window, listing, rows
from deployer.server.wire import Json


def add(db: sqlite3.Connection, kind: str, body: Json) -> None:
    db.execute("INSERT INTO documents (kind, id, body) VALUES (?, ?, ?)", (kind, body["id"], _text(body)))


def find(db: sqlite3.Connection, kind: str, object_id: str) -> Json | None:
    row = db.execute("SELECT body FROM documents WHERE kind = ? AND id = ?", (kind, object_id)).fetchone()
    return None if row is None else _body(row)


def replace(db: sqlite3.Connection, body: Json) -> None:
    db.execute("UPDATE documents SET body = ? WHERE id = ?", (_text(body), body["id"]))


def remove(db: sqlite3.Connection, kind: str, object_id: str) -> bool:
    return db.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, object_id)).rowcount > 0


def page(db: sqlite3.Connection, kind: str, wanted: Window) -> Json:
    found, has_more = rows(db, "documents WHERE kind = ?", (kind,), wanted)
    return listing([_body(row) for row in found], has_more)


def _text(body: Json) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _body(row: sqlite3.Row) -> Json:
    return cast(Json, json.loads(row["body"]))
