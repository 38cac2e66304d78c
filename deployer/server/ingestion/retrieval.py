"""Search in what was ingested, by shared pieces of three characters (FTS5 trigram), and filters on attributes.

The score is the share of the query's pieces that a chunk contains, so it lies in 0..1 and needs no other document.
Words of one or two characters, which are whole words in Korean, are pieces themselves and are found by a scan.
No chunk scores better than its whole text would, so texts are cut in the order of that bound, until no other can win.
"""

from __future__ import annotations

import json
import operator
import re
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate, islice
from typing import Any, TypeVar

from deployer.server.checks import (
    array,
    choice,
    fields,
    free_object,
    missing,
    scalar,
    string,
)
from deployer.server.ingestion.chunking import chunks
from deployer.server.wire import Json

_MOST_QUERY = 10_000  # characters; what is longer asks for more pieces than are looked for anyway
_MOST_PIECES = 400
_MOST_TEXTS = 100
_MOST_COUNTED = 4_000  # texts that hold pieces, one piece after another
_MOST_DEPTH = 20
Found = TypeVar("Found")


def pieces(query: str) -> list[str]:
    """What is looked for: every three neighbouring characters of each word, and shorter words as they are."""
    words = re.findall(r"\w+", unicodedata.normalize("NFC", query[:_MOST_QUERY]).lower())
    found = {piece: None for word in words for piece in _of_word(word)}
    return list(found)[:_MOST_PIECES]


def _of_word(word: str) -> list[str]:
    return [word] if len(word) <= 3 else [word[place : place + 3] for place in range(len(word) - 2)]


def best_chunks(db: sqlite3.Connection, store_ids: Sequence[str], wanted: Json) -> list[Json]:
    """Return the chunks of these stores that answer best, best first, each as a search result is shown.

    `wanted` has `query` (a list of texts), and may have `max_num_results`, `filters` and `ranking_options`.
    """
    sought = pieces(" ".join(wanted["query"]))
    threshold = (wanted.get("ranking_options") or {}).get("score_threshold", 0.0)
    most = wanted.get("max_num_results", 10)
    best: list[Json] = []
    for seq, held in _texts(db, sought, _allowed(db, store_ids, wanted.get("filters"))):
        if len(best) == most and best[-1]["score"] >= round(held / len(sought), 6):
            break
        results = [result for result in _results(db, seq, sought) if result["score"] >= threshold]
        # Sorting is stable, so chunks with one score stay in the order of their texts.
        best = sorted([*best, *results], key=lambda result: -result["score"])[:most]
    return best


def _allowed(db: sqlite3.Connection, store_ids: Sequence[str], wanted: Json | None) -> Callable[[int], bool]:
    """Return what tells of a text whether it is in the stores, and meets the filter."""
    statement = (
        "SELECT memberships.attributes FROM texts JOIN memberships USING (vector_store_id, file_id) "
        "WHERE texts.seq = ? AND vector_store_id IN (SELECT value FROM json_each(?))"
    )
    stores = json.dumps(list(store_ids))

    @cache
    def allowed(seq: int) -> bool:
        row = db.execute(statement, (seq, stores)).fetchone()
        return row is not None and (wanted is None or matches(wanted, json.loads(row["attributes"])))

    return allowed


def _texts(db: sqlite3.Connection, sought: list[str], allowed: Callable[[int], bool]) -> list[tuple[int, int]]:
    """Texts, with how many of the pieces each of them holds at most; best first.

    Those that hold every piece are enough, if they are many. Else texts are counted that hold rare pieces: what is in
    many texts tells few apart, and to count it would cost as much as there is in the account.
    """
    long, short = [piece for piece in sought if len(piece) == 3], [piece for piece in sought if len(piece) < 3]
    if long and not short:
        every = _most(filter(allowed, _holding(db, " AND ".join(map(_quoted, long)), "ORDER BY rowid")))
        if len(every) == _MOST_TEXTS:
            return [(seq, len(sought)) for seq in every]
    rare = _rare(db, long)
    held: Counter[int] = Counter()
    for piece in rare:
        held.update(_holding(db, _quoted(piece), f"LIMIT {_MOST_COUNTED}"))
    if short:
        count = " + ".join("(text LIKE ? ESCAPE '\\')" for _ in short)
        statement = f"SELECT seq, {count} AS held FROM texts WHERE held"
        held.update({row["seq"]: row["held"] for row in db.execute(statement, [_like(piece) for piece in short])})
    common = len(long) - len(rare)
    ranked = sorted(held.items(), key=lambda text: (-text[1], text[0]))
    return _most((seq, count + common) for seq, count in ranked if allowed(seq))


def _most(found: Iterable[Found]) -> list[Found]:
    return list(islice(found, _MOST_TEXTS))


def _holding(db: sqlite3.Connection, query: str, rest: str = "") -> Iterator[int]:
    """Yield the texts that a query of the index finds."""
    return (row[0] for row in db.execute(f"SELECT rowid FROM text_index WHERE text_index MATCH ? {rest}", (query,)))


def _rare(db: sqlite3.Connection, sought: list[str]) -> list[str]:
    """Return the pieces that few texts hold, the rarest first, as long as all of them together are in so many texts.

    Where each is in more, the first texts that hold one are as good as any.
    """
    counted = sorted((_frequency(db, piece), piece) for piece in sought)
    sums = accumulate(count for count, _ in counted)
    rare = [piece for (_, piece), total in zip(counted, sums, strict=True) if total <= _MOST_COUNTED]
    return rare or [piece for _, piece in counted[:1]]


def _frequency(db: sqlite3.Connection, piece: str) -> int:
    """Return how many texts hold a piece, but no more than are counted."""
    statement = f"SELECT COUNT(*) FROM (SELECT 1 FROM text_index WHERE text_index MATCH ? LIMIT {_MOST_COUNTED})"
    return int(db.execute(statement, (_quoted(piece),)).fetchone()[0])


def _quoted(piece: str) -> str:
    return f'"{piece}"'


def _results(db: sqlite3.Connection, seq: int, sought: list[str]) -> Iterator[Json]:
    """The chunks of a text that hold a piece."""
    text: sqlite3.Row = db.execute(
        "SELECT texts.*, memberships.attributes, files.filename FROM texts "
        "JOIN memberships USING (vector_store_id, file_id) JOIN files ON files.id = file_id WHERE texts.seq = ?",
        (seq,),
    ).fetchone()
    for _, chunk in chunks(text["text"], text["chunk_size"], text["chunk_overlap"]):
        lowered = chunk.lower()
        score = round(sum(_holds(lowered, piece) for piece in sought) / len(sought), 6)
        if score:
            yield _result(text, chunk, score)


def _holds(text: str, piece: str) -> bool:
    """Whether a text contains a piece; a short word in ASCII must stand alone, or every "for" contains "or"."""
    if piece.isascii() and len(piece) < 3:
        return re.search(rf"(?<![a-z0-9]){piece}(?![a-z0-9])", text) is not None
    return piece in text


def _like(piece: str) -> str:
    return "%" + re.sub(r"([%_\\])", r"\\\1", piece) + "%"


def _result(text: sqlite3.Row, chunk: str, score: float) -> Json:
    return {
        "file_id": text["file_id"],
        "filename": text["filename"],
        "score": score,
        "attributes": json.loads(text["attributes"]),
        "content": [{"type": "text", "text": chunk}],
    }


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_COMPARISONS = ("eq", "ne", *_ORDER, "in", "nin")
_TYPE = choice(*_COMPARISONS, "and", "or")
_VALUES = array(scalar, longest=1000)


def check_filter(value: Any, path: str, depth: int = 0) -> Any:
    """A filter, checked; it may nest."""
    if "type" not in free_object(value, path):
        raise missing(f"{path}.type")
    kind = _TYPE(value["type"], f"{path}.type")
    if kind in ("and", "or"):
        if depth == _MOST_DEPTH:
            raise missing(f"{path}.key")
        nested = array(lambda entry, place: check_filter(entry, place, depth + 1), longest=1000)
        return fields({"type": string(), "filters": nested}, required=("filters",))(value, path)
    operand = _VALUES if kind in ("in", "nin") else scalar
    return fields({"type": string(), "key": string(), "value": operand}, required=("key", "value"))(value, path)


def matches(wanted: Json, attributes: Json) -> bool:
    """Whether attributes meet a filter; what is not there meets only `ne` and `nin`."""
    kind = wanted["type"]
    if kind in ("and", "or"):
        results = (matches(part, attributes) for part in wanted["filters"])
        return all(results) if kind == "and" else any(results)
    value, operand = attributes.get(wanted["key"]), wanted["value"]
    if kind in ("eq", "ne"):
        return _same(value, operand) is (kind == "eq")
    if kind in ("in", "nin"):
        return any(_same(value, option) for option in operand) is (kind == "in")
    return _comparable(value, operand) and _ORDER[kind](value, operand)


def _same(value: object, operand: object) -> bool:
    """Equality as JSON has it: true is not 1."""
    return isinstance(value, bool) is isinstance(operand, bool) and bool(value == operand)


def _comparable(value: object, operand: object) -> bool:
    numbers = (isinstance(side, int | float) and not isinstance(side, bool) for side in (value, operand))
    return all(numbers) or (isinstance(value, str) and isinstance(operand, str))
