"""Objects that are stored as they are shown, new ids, and the pages of every list."""

from __future__ import annotations

import json
import secrets
import sqlite3
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from starlette.responses import Response

from deployer.server.checks import choice, integer
from deployer.server.wire import ApiError, Json

_ALPHANUMERIC = string.ascii_letters + string.digits
_LENGTHS = dict.fromkeys(("asst_", "thread_", "run_", "step_", "msg_", "call_"), 24) | {"file-": 22}

_LONG = ("resp_", "conv_", "fc_", "rs_", "fs_", "ci_", "ws_", "cmp_")


def new_id(prefix: str) -> str:
    """Make an id: letters and digits after some prefixes, hexadecimal digits after all others."""
    if prefix in _LONG:
        return prefix + secrets.token_hex(24)
    if prefix in _LENGTHS:
        return prefix + "".join(secrets.choice(_ALPHANUMERIC) for _ in range(_LENGTHS[prefix]))
    return prefix + secrets.token_hex(16)


def add(db: sqlite3.Connection, kind: str, body: Json, parent: str = "") -> None:
    """Store an object; `parent` is the id of what it belongs to, such as the thread of a message."""
    values = (kind, body["id"], parent, _text(body))
    db.execute("INSERT INTO objects (kind, id, parent, body) VALUES (?, ?, ?, ?)", values)


def find(db: sqlite3.Connection, kind: str, object_id: str, parent: str = "") -> Json | None:
    statement = "SELECT body FROM objects WHERE kind = ? AND id = ? AND parent = ?"
    row = db.execute(statement, (kind, object_id, parent)).fetchone()
    return None if row is None else _body(row)


def replace(db: sqlite3.Connection, body: Json) -> None:
    db.execute("UPDATE objects SET body = ? WHERE id = ?", (_text(body), body["id"]))


def remove(db: sqlite3.Connection, kind: str, object_id: str, parent: str = "") -> bool:
    """Delete an object with all that belongs to it; return whether it was there."""
    statement = "DELETE FROM objects WHERE kind = ? AND id = ? AND parent = ?"
    if db.execute(statement, (kind, object_id, parent)).rowcount == 0:
        return False
    db.execute("DELETE FROM objects WHERE parent = ?", (object_id,))
    return True


def page(db: sqlite3.Connection, kind: str, wanted: Window, parent: str = "") -> Json:
    found, has_more = rows(db, "objects WHERE kind = ? AND parent = ?", (kind, parent), wanted)
    return listing([_body(row) for row in found], has_more)


def every(db: sqlite3.Connection, kind: str, parent: str = "") -> list[Json]:
    """Return all objects of a kind below a parent, oldest first."""
    statement = "SELECT body FROM objects WHERE kind = ? AND parent = ? ORDER BY seq"
    return [_body(row) for row in db.execute(statement, (kind, parent))]


def _text(body: Json) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _body(row: sqlite3.Row) -> Json:
    return cast(Json, json.loads(row["body"]))


@dataclass(frozen=True)
class Window:
    """Which part of a list is wanted."""

    limit: int
    descending: bool
    after: str | None
    before: str | None


def window(query: Mapping[str, str], *, most: int = 100, default: int = 20) -> Window:
    limit = integer(1, most)(_number(query.get("limit", str(default))), "limit")
    order = choice("asc", "desc")(query.get("order", "desc"), "order")
    return Window(limit, order == "desc", query.get("after"), query.get("before"))


def rows(  # noqa: PLR0913
    db: sqlite3.Connection,
    source: str,
    values: Sequence[object],
    wanted: Window,
    *,
    key: str = "id",
    columns: str = "*",
) -> tuple[list[sqlite3.Row], bool]:
    """The rows of a window, and whether more follow; `source` is `table WHERE condition`, `key` the id's column."""
    # With only `before`, the page is what directly precedes it, so it is read backwards from there.
    backwards = wanted.before is not None and wanted.after is None
    descending = wanted.descending != backwards
    bounds, places = _bounds(db, source, values, wanted, key)
    statement = f"SELECT {columns} FROM {source}{bounds} ORDER BY seq {'DESC' if descending else 'ASC'} LIMIT ?"
    found = db.execute(statement, (*values, *places, wanted.limit + 1)).fetchall()
    page = found[: wanted.limit]
    return (page[::-1] if backwards else page), len(found) > wanted.limit


def page_of_list(items: Sequence[Json], wanted: Window) -> Json:
    """Return a window of what is not in a table of its own: `items` with ids, oldest first."""
    kept = [*items][::-1] if wanted.descending else [*items]
    for name, cursor in (("after", wanted.after), ("before", wanted.before)):
        if cursor is not None:
            place = next((index for index, item in enumerate(kept) if item["id"] == cursor), None)
            if place is None:
                raise _no_such_cursor(cursor, name)
            kept = kept[place + 1 :] if name == "after" else kept[:place]
    if wanted.before is not None and wanted.after is None:
        return listing(kept[-wanted.limit :], len(kept) > wanted.limit)
    return listing(kept[: wanted.limit], len(kept) > wanted.limit)


def listing(items: list[Json], has_more: bool) -> Json:
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }


def written(found: Sequence[sqlite3.Row], has_more: bool) -> Response:
    """Return the answer with a page whose rows are an `id` and the JSON text of each object: nothing is read again."""
    head = listing([], has_more) | ({"first_id": found[0]["id"], "last_id": found[-1]["id"]} if found else {})
    items = ",".join(row["body"] for row in found)
    text = json.dumps(head, separators=(",", ":")).replace('"data":[]', f'"data":[{items}]', 1)
    return Response(text, media_type="application/json")


def _bounds(
    db: sqlite3.Connection,
    source: str,
    values: Sequence[object],
    wanted: Window,
    key: str,
) -> tuple[str, list[int]]:
    text, places = "", []
    for name, cursor, falls in (
        ("after", wanted.after, wanted.descending),
        ("before", wanted.before, not wanted.descending),
    ):
        if cursor is not None:
            row = db.execute(f"SELECT seq FROM {source} AND {key} = ?", (*values, cursor)).fetchone()
            if row is None:
                raise _no_such_cursor(cursor, name)
            text += " AND seq < ?" if falls else " AND seq > ?"
            places.append(int(row["seq"]))
    return text, places


def _no_such_cursor(cursor: str, name: str) -> ApiError:
    return ApiError(404, f"No object found with id '{cursor}'.", param=name)


def _number(text: str) -> object:
    """The query's text as an integer; else as it is, for a check to refuse."""
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 10 else text
