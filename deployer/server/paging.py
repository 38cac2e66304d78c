"""Lists: newest first, in windows that a client moves with `after` and `before`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.server.checks import choice, integer
from deployer.server.wire import ApiError, Json


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


def rows(
    db: sqlite3.Connection,
    source: str,
    values: Sequence[object],
    wanted: Window,
    key: str = "id",
) -> tuple[list[sqlite3.Row], bool]:
    """The rows of a window, and whether more follow; `source` is `table WHERE condition`, `key` the id's column."""
    # With only `before`, the page is what directly precedes it, so it is read backwards from there.
    backwards = wanted.before is not None and wanted.after is None
    descending = wanted.descending != backwards
    bounds, places = _bounds(db, source, values, wanted, key)
    statement = f"SELECT * FROM {source}{bounds} ORDER BY seq {'DESC' if descending else 'ASC'} LIMIT ?"
    found = db.execute(statement, (*values, *places, wanted.limit + 1)).fetchall()
    page = found[: wanted.limit]
    return (page[::-1] if backwards else page), len(found) > wanted.limit


def listing(items: list[Json], has_more: bool) -> Json:
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": has_more,
    }


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
                raise ApiError(404, f"No object found with id '{cursor}'.", param=name)
            text += " AND seq < ?" if falls else " AND seq > ?"
            places.append(int(row["seq"]))
    return text, places


def _number(text: str) -> object:
    """The query's text as an integer, or as it is: the check then says what is wrong with it."""
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 10 else text
