"""The rows behind turns and their items: what of a conversation is in the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from deployer.server.runs.turn import ACTIVE, Turn, turn_from_json, turn_to_json
from deployer.server.storage.objects import Window, listing, rows
from deployer.server.wire import Json

_ACTIVE = ", ".join(f"'{status}'" for status in ACTIVE)


def add_turn(db: sqlite3.Connection, turn: Turn) -> None:
    db.execute(
        "INSERT INTO turns (id, face, parent, status, expires_at, body) VALUES (?, ?, ?, ?, ?, ?)",
        (turn.id, turn.face, turn.parent, turn.status, turn.expires_at, _text(turn_to_json(turn))),
    )


def save_turn(db: sqlite3.Connection, turn: Turn) -> None:
    """Write a turn as it is now."""
    db.execute(
        "UPDATE turns SET status = ?, expires_at = ?, parent = ?, body = ? WHERE id = ?",
        (turn.status, turn.expires_at, turn.parent, _text(turn_to_json(turn)), turn.id),
    )


def find_turn(db: sqlite3.Connection, face: str, turn_id: str, parent: str | None = None) -> Turn | None:
    """Return a turn of a face; with `parent`, only if it belongs to that conversation."""
    row = db.execute("SELECT * FROM turns WHERE id = ? AND face = ?", (turn_id, face)).fetchone()
    return None if row is None or parent not in (None, row["parent"]) else _turn(row)


def turn_by_id(db: sqlite3.Connection, turn_id: str) -> Turn | None:
    row = db.execute("SELECT * FROM turns WHERE id = ?", (turn_id,)).fetchone()
    return None if row is None else _turn(row)


def active_turn(db: sqlite3.Connection, parent: str) -> Turn | None:
    """Return the turn that is at work in a conversation."""
    statement = f"SELECT * FROM turns WHERE parent = ? AND status IN ({_ACTIVE})"
    row = db.execute(statement, (parent,)).fetchone()
    return None if row is None else _turn(row)


def any_joining(db: sqlite3.Connection, conversation: str) -> bool:
    """Whether an active turn is to join a conversation when it has ended."""
    statement = f"SELECT 1 FROM turns WHERE status IN ({_ACTIVE}) AND json_extract(body, '$.joins') = ?"
    return db.execute(statement, (conversation,)).fetchone() is not None


def page_of_turns(db: sqlite3.Connection, face: str, parent: str, wanted: Window) -> tuple[list[Turn], bool]:
    found, has_more = rows(db, "turns WHERE face = ? AND parent = ?", (face, parent), wanted)
    return [_turn(row) for row in found], has_more


def remove_turn(db: sqlite3.Connection, turn_id: str) -> None:
    """Delete a turn with its items, but for those that belong to a conversation."""
    db.execute("DELETE FROM turns WHERE id = ?", (turn_id,))
    db.execute("DELETE FROM items WHERE turn_id = ? AND parent = ''", (turn_id,))


def remove_conversation(db: sqlite3.Connection, parent: str) -> None:
    db.execute("DELETE FROM items WHERE parent = ?", (parent,))
    db.execute("DELETE FROM turns WHERE parent = ?", (parent,))


def add_items(db: sqlite3.Connection, parent: str, items: Iterable[Json], turn_id: str = "") -> None:
    """Append items to a conversation, or to a turn alone."""
    db.executemany(
        "INSERT INTO items (id, parent, turn_id, type, body) VALUES (?, ?, ?, ?, ?)",
        [(item["id"], parent, turn_id, item["type"], _text(item)) for item in items],
    )


def save_item(db: sqlite3.Connection, item: Json) -> None:
    db.execute("UPDATE items SET body = ? WHERE id = ?", (_text(item), item["id"]))


def find_item(db: sqlite3.Connection, parent: str, item_id: str) -> Json | None:
    row = db.execute("SELECT body FROM items WHERE id = ? AND parent = ?", (item_id, parent)).fetchone()
    return None if row is None else _item(row)


def item_by_id(db: sqlite3.Connection, item_id: str) -> Json | None:
    row = db.execute("SELECT body FROM items WHERE id = ?", (item_id,)).fetchone()
    return None if row is None else _item(row)


def newest_messages(db: sqlite3.Connection, parent: str, most: int) -> list[Json]:
    """Return the newest messages of a conversation, newest first."""
    statement = "SELECT body FROM items WHERE parent = ? AND type = 'message' ORDER BY seq DESC LIMIT ?"
    return [_item(row) for row in db.execute(statement, (parent, most))]


def turn_of_item(db: sqlite3.Connection, item_id: str) -> str:
    """Return the id of the turn that made an item, or of which it is an input; "" where there is none."""
    row = db.execute("SELECT turn_id FROM items WHERE id = ?", (item_id,)).fetchone()
    return "" if row is None else str(row["turn_id"])


def remove_item(db: sqlite3.Connection, item_id: str) -> None:
    db.execute("DELETE FROM items WHERE id = ?", (item_id,))


def items_of_turn(db: sqlite3.Connection, turn_id: str) -> list[Json]:
    """Return the items of a turn in their order; those that a step of it made have `step`."""
    found = db.execute("SELECT body FROM items WHERE turn_id = ? ORDER BY seq", (turn_id,))
    return [_item(row) for row in found]


def count_given(db: sqlite3.Connection, turn_id: str) -> int:
    """Return how many items a turn was given: those that it has not made itself."""
    statement = "SELECT COUNT(*) FROM items WHERE turn_id = ? AND json_type(body, '$.turn') IS NULL"
    return int(db.execute(statement, (turn_id,)).fetchone()[0])


def items_of(db: sqlite3.Connection, parent: str) -> list[Json]:
    """Return all items of a conversation, oldest first."""
    return [_item(row) for row in db.execute("SELECT body FROM items WHERE parent = ? ORDER BY seq", (parent,))]


def page_of_items(db: sqlite3.Connection, source: str, values: Sequence[object], wanted: Window) -> Json:
    """Return a page of items; `source` is the condition on their rows."""
    found, has_more = rows(db, f"items WHERE {source}", values, wanted)
    return listing([_item(row) for row in found], has_more)


def context_of(db: sqlite3.Connection, turn: Turn) -> list[Json]:
    """Return the items that came before a turn, oldest first."""
    if turn.after:
        return _chain(db, turn.after)
    found = db.execute(
        "SELECT body FROM items WHERE parent = ? AND turn_id != ? ORDER BY seq DESC LIMIT ?",
        (turn.joins or turn.parent or None, turn.id, turn.ask.last_messages or -1),
    )
    return [_item(row) for row in found][::-1]


def _chain(db: sqlite3.Connection, turn_id: str) -> list[Json]:
    """Return the items of a turn, of the one that it followed, and so on; oldest first."""
    turns: list[list[Json]] = []
    while turn_id and (turn := turn_by_id(db, turn_id)) is not None:
        turns.append(items_of_turn(db, turn.id))
        if not turn.after and turn.joins:
            break
        turn_id = turn.after
    return [item for items in reversed(turns) for item in items]


def due_turns(db: sqlite3.Connection, now: float, owner: str) -> list[Turn]:
    """Return the active turns whose time is over, but for those that another process has in hand."""
    statement = (
        f"SELECT * FROM turns WHERE status IN ({_ACTIVE}) AND expires_at <= ? "
        "AND (lease_owner = ? OR lease_until < ? OR status = 'requires_action')"
    )
    return [_turn(row) for row in db.execute(statement, (now, owner, now))]


def unattended_turns(db: sqlite3.Connection, now: float, owner: str, tasks: Iterable[str], most: int) -> list[Turn]:
    """Return the oldest turns that need something done and are in no hands; `tasks` are those in the owner's hands."""
    found = db.execute(
        f"SELECT * FROM turns WHERE status IN ({_ACTIVE}) AND status != 'requires_action' "
        "AND (lease_owner = ? OR lease_until < ?) AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?",
        (owner, now, json.dumps(list(tasks)), most),
    )
    return [_turn(row) for row in found]


def any_active(db: sqlite3.Connection) -> bool:
    return db.execute(f"SELECT 1 FROM turns WHERE status IN ({_ACTIVE})").fetchone() is not None


def not_in_progress(db: sqlite3.Connection, turn_ids: Iterable[str]) -> list[str]:
    """Return those of some turns that are not in progress any longer."""
    wanted = list(turn_ids)
    statement = "SELECT id FROM turns WHERE status = 'in_progress' AND id IN (SELECT value FROM json_each(?))"
    still = {row["id"] for row in db.execute(statement, (json.dumps(wanted),))}
    return [turn_id for turn_id in wanted if turn_id not in still]


def lease(db: sqlite3.Connection, turn_ids: Iterable[str], owner: str, until: float) -> None:
    """Take turns in hand."""
    change = "UPDATE turns SET lease_owner = ?, lease_until = ? WHERE id = ?"
    db.executemany(change, [(owner, until, turn_id) for turn_id in turn_ids])


def renew(db: sqlite3.Connection, turn_ids: Iterable[str], owner: str, until: float) -> None:
    """Keep turns in hand, unless they are in another's by now."""
    change = "UPDATE turns SET lease_until = ? WHERE id = ? AND lease_owner = ?"
    db.executemany(change, [(until, turn_id, owner) for turn_id in turn_ids])


def release(db: sqlite3.Connection, owner: str) -> None:
    """Leave everything to other processes."""
    db.execute("UPDATE turns SET lease_until = 0 WHERE lease_owner = ?", (owner,))


def is_held_by(db: sqlite3.Connection, turn_id: str, owner: str, status: str | None = None) -> bool:
    """Whether a turn is in somebody's hands, and has this status."""
    row = db.execute("SELECT status FROM turns WHERE id = ? AND lease_owner = ?", (turn_id, owner)).fetchone()
    return row is not None and status in (None, row["status"])


def join(db: sqlite3.Connection, turn_id: str, parent: str) -> None:
    """Append the items of a turn to a conversation, in their order."""
    for row in db.execute("SELECT seq FROM items WHERE turn_id = ? ORDER BY seq", (turn_id,)).fetchall():
        last = int(db.execute("SELECT MAX(seq) FROM items").fetchone()[0])
        db.execute("UPDATE items SET parent = ?, seq = ? WHERE seq = ?", (parent, last + 1, row["seq"]))


def _turn(row: sqlite3.Row) -> Turn:
    return turn_from_json(json.loads(row["body"]))


def _item(row: sqlite3.Row) -> Json:
    item: Json = json.loads(row["body"])
    return item


def _text(body: Json) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
