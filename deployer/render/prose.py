"""A changed text: in one line when that is short, else as rows with what stands around each change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployer.render import passages, words
from deployer.render.passages import Op, Row
from deployer.render.plain import plain
from deployer.render.segments import Line, Segment, dim
from deployer.wording import more

_TITLE = 40
_INLINE = 160
_COMPARED = 2_000
_ROWS = 40
_MARKS = {
    words.Op.SAME: ("", "", "plain"),
    words.Op.GONE: ("[-", "-]", "gone"),
    words.Op.NEW: ("{+", "+}", "new"),
    words.Op.LEFT_OUT: ("", "", "dim"),
}


def is_prose(*values: Any) -> bool:
    """Tell texts that are more than a title or a name."""
    texts = [value for value in values if isinstance(value, str)]
    return len(texts) == len(values) and any("\n" in text or len(text) > _TITLE for text in texts)


def difference(head: Line, old: str, new: str, note: tuple[Segment, ...]) -> Iterator[Line]:
    """Give `head` with the difference behind it, or with its rows below it; `note` ends the first line."""
    rows = _rows(old, new)
    if found := _short(old, new) or _only(rows):
        yield Line(head.sign, head.depth, (*head.segments, *found, *note))
        return
    yield Line(head.sign, head.depth, (*head.segments, dim(_counts(rows)), *note))
    for row in rows[:_ROWS]:
        yield _row(row, head.depth + 1)
    if rest := sum(row.op is not Op.SAME for row in rows[_ROWS:]):
        yield Line("", head.depth + 1, (dim(f"… {more(rest, 'changed line')}"),))


def inline(old: Any, new: Any) -> tuple[Segment, ...]:
    """Give the words that differ between two longer texts of one line each; nothing for other values."""
    return _short(old, new) if is_prose(old, new) else ()


def _rows(old: str, new: str) -> list[Row]:
    """The rows of both; a line end at the end of both is no row."""
    if old.endswith("\n") and new.endswith("\n"):
        return passages.difference(old[:-1], new[:-1])
    return passages.difference(old, new)


def _short(old: str, new: str) -> tuple[Segment, ...]:
    """The words that differ, when the texts are single lines and it does not take much to tell; else nothing."""
    if "\n" in old + new or len(old) + len(new) > _COMPARED:
        return ()
    return _if_short(_words(old, new))


def _only(rows: list[Row]) -> tuple[Segment, ...]:
    """The one row that was edited, when it is the only difference; else nothing."""
    different = [row for row in rows if row.op not in (Op.SAME, Op.LEFT_OUT)]
    if [row.op for row in different] != [Op.CHANGED]:
        return ()
    found = _words(different[0].old, different[0].new)
    before = () if rows[0].op is Op.CHANGED or found[0].text == "…" else (dim("… "),)
    after = () if rows[-1].op is Op.CHANGED or found[-1].text.endswith("…") else (dim(" …"),)
    return _if_short((*before, *found, *after))


def _if_short(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    return segments if sum(len(segment.text) for segment in segments) <= _INLINE else ()


def _words(old: str, new: str) -> tuple[Segment, ...]:
    result = []
    for piece in words.difference(old, new):
        start, end, tone = _MARKS[piece.op]
        result.append(Segment(f"{start}{_cut(piece.text)}{end}", tone))
    return tuple(result)


def _counts(rows: list[Row]) -> str:
    signs = ((Op.NEW, "+"), (Op.CHANGED, "~"), (Op.GONE, "-"))
    counts = [(sign, sum(row.op is op for row in rows)) for op, sign in signs]
    found = [f"{sign}{count:,}" for sign, count in counts if count]
    return " ".join(found) + (" line" if sum(count for _, count in counts) == 1 else " lines")


def _row(row: Row, depth: int) -> Line:
    if row.op is Op.CHANGED:
        return Line("~", depth, _words(row.old, row.new))
    if row.op is Op.GONE:
        return Line("-", depth, (Segment(_cut(row.old) or "⏎", "gone"),))
    if row.op is Op.NEW:
        return Line("+", depth, (Segment(_cut(row.new) or "⏎", "new"),))
    return Line("", depth, (Segment(_cut(row.new) if row.op is Op.SAME else "…", "dim"),))


def _cut(text: str) -> str:
    """Cut the middle out of a row that would fill the screen."""
    shown = plain(text)
    return shown if len(shown) <= 2 * _INLINE else f"{shown[:_INLINE]} … {shown[-_TITLE:]}"
