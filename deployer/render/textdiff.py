"""The difference of two texts: by words where that is short, else row by row, with what stands around each change.

`difference` yields the lines that are shown. Below it `rows` compares row by row (a row is a line, or a sentence where
lines are long), `words` inside a row, and `opcodes` any two sequences, in a time that no text can make long.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby, takewhile
from typing import Any

from deployer.render.lines import Line, Segment, dim, plain
from deployer.wording import more

Opcode = tuple[str, int, int, int, int]
"""As difflib has it: a tag (`equal`, `replace`, `delete`, `insert`), a range of the old and one of the new."""

_PAIRS = 50_000
_WORD = re.compile(r"\s+|[^\W_]+|[^\w\s]|_")
_SENTENCE = re.compile(r".+?(?:[.!?。！？]\s+|$)")  # noqa: RUF001 (full-width marks end sentences too)
_WORDS_AROUND = 8
_ROWS_AROUND = 2
_ALIKE = 0.5
_LONG_LINE = 160
_TITLE = 40
_INLINE = 160
_COMPARED = 2_000
_ROWS = 40


class Op(StrEnum):
    """What became of a row, or of a stretch of words (never `CHANGED`)."""

    SAME = "same"
    GONE = "gone"
    NEW = "new"
    CHANGED = "changed"
    LEFT_OUT = "left out"


_MARKS = {
    Op.SAME: ("", "", "plain"),
    Op.GONE: ("[-", "-]", "gone"),
    Op.NEW: ("{+", "+}", "new"),
    Op.LEFT_OUT: ("", "", "dim"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """`old` is empty of a new row, `new` of one that is gone."""

    op: Op
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words beside each other that had the same fate."""

    op: Op
    text: str


def is_prose(*values: Any) -> bool:
    """Whether all of them are texts, and one is more than a title or a name."""
    texts = [value for value in values if isinstance(value, str)]
    return len(texts) == len(values) and any("\n" in text or len(text) > _TITLE for text in texts)


def difference(head: Line, old: str, new: str, note: tuple[Segment, ...]) -> Iterator[Line]:
    """Yield `head` with the difference behind it, or with its rows below it; `note` ends the first line."""
    found = _rows(old, new)
    if inside := _short(old, new) or _only(found):
        yield Line(head.sign, head.depth, (*head.segments, *inside, *note))
        return
    yield Line(head.sign, head.depth, (*head.segments, dim(_counts(found)), *note))
    for row in found[:_ROWS]:
        yield _row(row, head.depth + 1)
    if rest := sum(row.op is not Op.SAME for row in found[_ROWS:]):
        yield Line("", head.depth + 1, (dim(f"… {more(rest, 'changed line')}"),))


def inline(old: Any, new: Any) -> tuple[Segment, ...]:
    """Return the words that differ between two longer texts of one line each; nothing for other values."""
    return _short(old, new) if is_prose(old, new) else ()


def _rows(old: str, new: str) -> list[Row]:
    """Return the rows of both; a line end at the end of both is no row."""
    if old.endswith("\n") and new.endswith("\n"):
        return rows(old[:-1], new[:-1])
    return rows(old, new)


def _short(old: str, new: str) -> tuple[Segment, ...]:
    """Return the words that differ, when the texts are single lines and it does not take much to tell; else nothing."""
    if "\n" in old + new or len(old) + len(new) > _COMPARED:
        return ()
    return _if_short(_words(old, new))


def _only(found: list[Row]) -> tuple[Segment, ...]:
    """Return the one row that was edited, when it is the only difference; else nothing."""
    different = [row for row in found if row.op not in (Op.SAME, Op.LEFT_OUT)]
    if [row.op for row in different] != [Op.CHANGED]:
        return ()
    inside = _words(different[0].old, different[0].new)
    before = () if found[0].op is Op.CHANGED or inside[0].text == "…" else (dim("… "),)
    after = () if found[-1].op is Op.CHANGED or inside[-1].text.endswith("…") else (dim(" …"),)
    return _if_short((*before, *inside, *after))


def _if_short(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    return segments if sum(len(segment.text) for segment in segments) <= _INLINE else ()


def _words(old: str, new: str) -> tuple[Segment, ...]:
    result = []
    for one in words(old, new):
        start, end, tone = _MARKS[one.op]
        result.append(Segment(f"{start}{_cut(one.text)}{end}", tone))
    return tuple(result)


def _counts(found: list[Row]) -> str:
    signs = ((Op.NEW, "+"), (Op.CHANGED, "~"), (Op.GONE, "-"))
    counts = [(sign, sum(row.op is op for row in found)) for op, sign in signs]
    written = [f"{sign}{count:,}" for sign, count in counts if count]
    return " ".join(written) + (" line" if sum(count for _, count in counts) == 1 else " lines")


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


def rows(old: str, new: str) -> list[Row]:
    """Return the rows around each change in order; longer unchanged runs are left out."""
    split = _sentences if max(map(len, f"{old}\n{new}".split("\n"))) > _LONG_LINE else _lines
    return list(_folded(list(_compared(split(old), split(new)))))


def _lines(text: str) -> list[str]:
    return text.split("\n")


def _sentences(text: str) -> list[str]:
    return [row for line in text.split("\n") for row in _SENTENCE.findall(line) or [""]]


def _compared(before: Sequence[str], after: Sequence[str]) -> Iterator[Row]:
    for tag, i1, i2, j1, j2 in opcodes(before, after):
        if tag == "equal":
            yield from (Row(Op.SAME, row, row) for row in before[i1:i2])
        else:
            yield from _replaced(before[i1:i2], after[j1:j2])


def _replaced(before: Sequence[str], after: Sequence[str]) -> Iterator[Row]:
    if len(before) == len(after) and all(map(similar, before, after)):
        yield from map(Row, [Op.CHANGED] * len(before), before, after)
        return
    yield from (Row(Op.GONE, old=row) for row in before)
    yield from (Row(Op.NEW, new=row) for row in after)


def _folded(found: Sequence[Row]) -> Iterator[Row]:
    near = {
        other
        for place, row in enumerate(found)
        if row.op is not Op.SAME
        for other in range(place - _ROWS_AROUND, place + _ROWS_AROUND + 1)
    }
    for shown, run in groupby(enumerate(found), key=lambda item: item[0] in near):
        part = [row for _, row in run]
        yield from part if shown or len(part) == 1 else [Row(Op.LEFT_OUT)]


def words(old: str, new: str) -> list[Stretch]:
    """Return the new text in order, with what is gone where it stood; long unchanged stretches are left out."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    return list(_merged(_stretches(before, after)))


def similar(old: str, new: str) -> bool:
    """Whether two rows share enough words to be read as one that was edited."""
    before, after = (Counter(word for word in _WORD.findall(text) if not word.isspace()) for text in (old, new))
    most = max(before.total(), after.total())
    return (before & after).total() >= _ALIKE * most


def _stretches(before: list[str], after: list[str]) -> Iterator[Stretch]:
    blocks = list(opcodes(before, after))
    for index, (tag, i1, i2, j1, j2) in enumerate(blocks):
        if tag == "equal":
            yield from _shortened(before[i1:i2], first=index == 0, last=index == len(blocks) - 1)
            continue
        if i1 < i2:
            yield Stretch(Op.GONE, "".join(before[i1:i2]))
        if j1 < j2:
            yield Stretch(Op.NEW, "".join(after[j1:j2]))


def _shortened(found: list[str], *, first: bool, last: bool) -> Iterator[Stretch]:
    head, tail = 0 if first else _WORDS_AROUND, 0 if last else _WORDS_AROUND
    if len(found) <= head + tail + _WORDS_AROUND:
        yield Stretch(Op.SAME, "".join(found))
        return
    if head:
        yield Stretch(Op.SAME, "".join(found[:head]))
    yield Stretch(Op.LEFT_OUT, "…")
    if tail:
        yield Stretch(Op.SAME, "".join(found[-tail:]))


def _merged(stretches: Iterator[Stretch]) -> Iterator[Stretch]:
    """Join neighbours of one sort, so that `[-a-][- -][-b-]` reads `[-a b-]`."""
    held: Stretch | None = None
    for one in stretches:
        if held and held.op is one.op:
            held = Stretch(held.op, held.text + one.text)
            continue
        if held:
            yield held
        held = one
    if held:
        yield held


def opcodes(before: Sequence[str], after: Sequence[str]) -> Iterator[Opcode]:
    """Yield what turns one into the other, in order; ranges of the same tag do not touch."""
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    old, new = len(before) - tail, len(after) - tail
    if head:
        yield "equal", 0, head, 0, head
    for tag, i1, i2, j1, j2 in _middle(before[head:old], after[head:new]):
        yield tag, head + i1, head + i2, head + j1, head + j2
    if tail:
        yield "equal", old, len(before), new, len(after)


def _common(before: Sequence[str], after: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))


def _middle(before: Sequence[str], after: Sequence[str]) -> Sequence[Opcode]:
    if not before and not after:
        return []
    if _pairs(before, after) > _PAIRS:
        return [("replace", 0, len(before), 0, len(after))]
    return SequenceMatcher(None, before, after, autojunk=False).get_opcodes()


def _pairs(before: Sequence[str], after: Sequence[str]) -> int:
    """Count the equal pairs: the matcher looks at each of them, again and again."""
    counts = Counter(after)
    return sum(counts[one] for one in before)
