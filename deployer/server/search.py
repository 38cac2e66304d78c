"""Search in a vector store: `/v1/vector_stores/{id}/search`, by shared pieces of three characters (FTS5 trigram).

The score is the share of the query's pieces that a chunk contains, so it lies in 0..1 and needs no other document.
Words of one or two characters, which are whole words in Korean, are pieces themselves and are found by a scan.
"""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from typing import Any

from deployer.server import filters, stores
from deployer.server.checks import array, boolean, choice, decimal, fields, integer, nullable, string
from deployer.server.state import Call, Operation
from deployer.server.wire import Json

_MOST_QUERY = 10_000  # characters; what is longer asks for more pieces than are looked for anyway
_MOST_PIECES = 400
_MOST_CANDIDATES = 500
_RANKING = fields({"ranker": choice("none", "auto", "default-2024-11-15"), "score_threshold": decimal(0, 1)})
_QUERIES = array(string(shortest=1), longest=100, shortest=1)


def _query(value: Any, path: str) -> Any:
    return _QUERIES(value, path) if isinstance(value, list) else [string(shortest=1)(value, path)]


_SEARCH = fields(
    {
        "query": _query,
        "max_num_results": integer(1, 50),
        "rewrite_query": boolean,
        "filters": nullable(filters.check),
        "ranking_options": nullable(_RANKING),
    },
    required=("query",),
)


def search(call: Call) -> Json:
    wanted = _SEARCH(call.body, "")
    store_id = call.path["vector_store_id"]
    with call.state.storage.write() as db:
        stores.active(db, store_id, call.state.now())
    threshold = (wanted.get("ranking_options") or {}).get("score_threshold", 0.0)
    with call.state.storage.read() as db:
        allowed = _allowed(db, store_id, wanted.get("filters"))
        found = [
            result for result in _ranked(db, allowed, pieces(" ".join(wanted["query"]))) if result["score"] >= threshold
        ]
    return {
        "object": "vector_store.search_results.page",
        "search_query": wanted["query"],
        "data": found[: wanted.get("max_num_results", 10)],
        "has_more": False,
        "next_page": None,
    }


def pieces(query: str) -> list[str]:
    """What is looked for: every three neighbouring characters of each word, and shorter words as they are."""
    words = re.findall(r"\w+", unicodedata.normalize("NFC", query[:_MOST_QUERY]).lower())
    found = {piece: None for word in words for piece in _of_word(word)}
    return list(found)[:_MOST_PIECES]


def _of_word(word: str) -> list[str]:
    return [word] if len(word) <= 3 else [word[place : place + 3] for place in range(len(word) - 2)]


def _allowed(db: sqlite3.Connection, store_id: str, wanted: Json | None) -> dict[int, sqlite3.Row]:
    """The memberships that may answer, by number."""
    rows = db.execute(
        "SELECT memberships.seq, memberships.attributes, files.id, files.filename FROM memberships "
        "JOIN files ON files.id = memberships.file_id "
        "WHERE memberships.vector_store_id = ? AND memberships.status = 'completed'",
        (store_id,),
    )
    return {row["seq"]: row for row in rows if wanted is None or filters.matches(wanted, json.loads(row["attributes"]))}


def _ranked(db: sqlite3.Connection, allowed: dict[int, sqlite3.Row], wanted: list[str]) -> list[Json]:
    results = []
    for row in _candidates(db, allowed, wanted):
        text = row["text"].lower()
        score = round(sum(_holds(text, piece) for piece in wanted) / len(wanted), 6)
        if score:
            results.append(_result(allowed[row["membership"]], row["text"], score))
    # Sorting is stable, so chunks with one score stay in the order in which they were ingested.
    return sorted(results, key=lambda result: -result["score"])


def _candidates(db: sqlite3.Connection, allowed: dict[int, sqlite3.Row], wanted: list[str]) -> list[sqlite3.Row]:
    """Chunks that contain a piece: from the index, best first, and from a scan for the short ones."""
    long = [f'"{piece}"' for piece in wanted if len(piece) == 3]
    short = [piece for piece in wanted if len(piece) < 3]
    members = json.dumps(list(allowed))
    among = "chunks.membership IN (SELECT value FROM json_each(?))"
    rows: dict[int, sqlite3.Row] = {}
    if long:
        statement = (
            f"SELECT chunks.* FROM chunk_index JOIN chunks ON chunks.seq = chunk_index.rowid "
            f"WHERE chunk_index MATCH ? AND {among} ORDER BY chunk_index.rank LIMIT {_MOST_CANDIDATES}"
        )
        rows |= {row["seq"]: row for row in db.execute(statement, (" OR ".join(long), members))}
    if short:
        found = " OR ".join("chunks.text LIKE ? ESCAPE '\\'" for _ in short)
        statement = f"SELECT chunks.* FROM chunks WHERE {among} AND ({found}) LIMIT {_MOST_CANDIDATES}"
        rows |= {row["seq"]: row for row in db.execute(statement, (members, *map(_like, short)))}
    return [rows[seq] for seq in sorted(rows)]


def _holds(text: str, piece: str) -> bool:
    """Say whether a text contains a piece; a short word in ASCII must stand alone, or every "for" contains "or"."""
    if piece.isascii() and len(piece) < 3:
        return re.search(rf"(?<![a-z0-9]){piece}(?![a-z0-9])", text) is not None
    return piece in text


def _like(piece: str) -> str:
    return "%" + re.sub(r"([%_\\])", r"\\\1", piece) + "%"


def _result(member: sqlite3.Row, text: str, score: float) -> Json:
    return {
        "file_id": member["id"],
        "filename": member["filename"],
        "score": score,
        "attributes": json.loads(member["attributes"]),
        "content": [{"type": "text", "text": text}],
    }


OPERATIONS: list[Operation] = [("POST", "/v1/vector_stores/{vector_store_id}/search", search)]
