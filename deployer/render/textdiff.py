"""The difference of two texts: by words where that is short, else line by line, with what stands around each change.

`difference` yields the lines that are shown. Below it `rows` compares line by line; a line that is long and changed is
shown sentence by sentence, and lines that only stand elsewhere are folded. `words` compares inside a row, and `opcodes`
any two sequences, in a time that no text can make long.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby, takewhile
from typing import Any

from deployer.render.lines import Line, Segment, dim, plain
from deployer.wording import counted, more

Opcode = tuple[str, int, int, int, int]
"""As difflib has it: a tag (`equal`, `replace`, `delete`, `insert`), a range of the old and one of the new."""

_PAIRS = 50_000
_WORD = re.compile(r"\s+|[^\W_]+|[^\w\s]|_")
_END = re.compile(r"(?:[.!?]+[\"')\]]*\s+(?![a-z])|[。！？]+\s*)")  # noqa: RUF001 (full-width marks end sentences too)
_NO_END = re.compile(
    r"(?:^|[\s(])(?:\d+|[A-Za-z]|[ei]\.\s?[eg]|etc|vs|cf|approx|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|Fig|z\.\s?B)\.\s+$"
)
"""What a dot ends besides sentences: the number of a list, an initial, an abbreviation."""
_WORDS_AROUND = 8
_ROWS_AROUND = 2
_ALIKE = 0.5
_LONG_LINE = 160
_TITLE = 40
_INLINE = 160
_COMPARED = 2_000
_ROWS = 40
_ALIGNED = 2_500
_PASSAGE = 30
_PLACES = 8
_WHOLE = "all of them: deployer plan --format html"


class Op(StrEnum):
    """What became of a row, or of a stretch of words (never `CHANGED` or moved)."""

    SAME = "same"
    GONE = "gone"
    NEW = "new"
    CHANGED = "changed"
    MOVED_AWAY = "moved away"
    MOVED_HERE = "moved here"
    LEFT_OUT = "left out"


_MARKS = {
    Op.SAME: ("", "", "plain"),
    Op.GONE: ("[-", "-]", "gone"),
    Op.NEW: ("{+", "+}", "new"),
    Op.LEFT_OUT: ("", "", "dim"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """`old` is empty of a new row, `new` of one that is gone; `lines` counts those of a passage that moved."""

    op: Op
    old: str = ""
    new: str = ""
    lines: int = 1


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
    compared = every_row(old, new)
    if inside := _short(old, new) or _only(compared):
        yield Line(head.sign, head.depth, (*head.segments, *inside, *note))
        return
    yield Line(head.sign, head.depth, (*head.segments, dim(_counts(compared)), *note))
    found = _folded(compared)
    for row in found[:_ROWS]:
        yield _row(row, head.depth + 1)
    if rest := sum(row.lines for row in found[_ROWS:] if row.op not in (Op.SAME, Op.LEFT_OUT)):
        yield Line("", head.depth + 1, (dim(f"… {more(rest, 'changed line')} ({_WHOLE})"),))


def inline(old: Any, new: Any) -> tuple[Segment, ...]:
    """Return the words that differ between two longer texts of one line each; nothing for other values."""
    return _short(old, new) if is_prose(old, new) else ()


def rows(old: str, new: str) -> list[Row]:
    """Return the rows around each change in order; longer unchanged runs are left out."""
    return _folded(_moved(_compared(old.split("\n"), new.split("\n"))))


def _lines(old: str, new: str) -> tuple[list[str], list[str]]:
    """Return the lines of both; a line end at the end of both begins no line."""
    if old.endswith("\n") and new.endswith("\n"):
        old, new = old[:-1], new[:-1]
    return old.split("\n"), new.split("\n")


def _short(old: str, new: str) -> tuple[Segment, ...]:
    """Return the words that differ, when the texts are single lines and it does not take much to tell; else nothing."""
    if "\n" in old + new or len(old) + len(new) > _COMPARED:
        return ()
    return _if_short(_words(old, new))


def _only(compared: Sequence[Row]) -> tuple[Segment, ...]:
    """Return the one row that was edited, when it is the only difference; else nothing."""
    different = [row for row in compared if row.op is not Op.SAME]
    if [row.op for row in different] != [Op.CHANGED]:
        return ()
    inside = _words(different[0].old, different[0].new)
    before = () if compared[0].op is Op.CHANGED or inside[0].text == "…" else (dim("… "),)
    after = () if compared[-1].op is Op.CHANGED or inside[-1].text.endswith("…") else (dim(" …"),)
    return _if_short((*before, *inside, *after))


def _if_short(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    return segments if sum(len(segment.text) for segment in segments) <= _INLINE else ()


def _words(old: str, new: str) -> tuple[Segment, ...]:
    result = []
    for one in words(old, new):
        start, end, tone = _MARKS[one.op]
        result.append(Segment(f"{start}{_cut(one.text)}{end}", tone))
    return tuple(result)


def _counts(compared: Sequence[Row]) -> str:
    """Count lines, as an editor does: `+2 ~1 -1 lines, 3 moved`."""
    signs = ((Op.NEW, "+"), (Op.CHANGED, "~"), (Op.GONE, "-"))
    counts = [(sign, sum(row.op is op for row in compared)) for op, sign in signs]
    written = [f"{sign}{count:,}" for sign, count in counts if count]
    noun = "line" if sum(count for _, count in counts) == 1 else "lines"
    moved = sum(row.lines for row in compared if row.op is Op.MOVED_HERE)
    if not written:
        return f"{counted(moved, 'line')} moved"
    return f"{' '.join(written)} {noun}" + (f", {moved:,} moved" if moved else "")


def _row(row: Row, depth: int) -> Line:
    if row.op is Op.CHANGED:
        return Line("~", depth, _words(row.old, row.new))
    if row.op is Op.GONE:
        return Line("-", depth, (Segment(_cut(row.old) or "⏎", "gone"),))
    if row.op is Op.NEW:
        return Line("+", depth, (Segment(_cut(row.new) or "⏎", "new"),))
    if row.op in (Op.MOVED_AWAY, Op.MOVED_HERE):
        begins = _cut(row.old.split("\n", 1)[0], _TITLE)
        return Line("", depth, (dim(f"… {counted(row.lines, 'line')} {row.op}: {begins}"),))
    return Line("", depth, (Segment(_cut(row.new) if row.op is Op.SAME else "…", "dim"),))


def _cut(text: str, room: int = 2 * _INLINE) -> str:
    """Cut the middle out of a row that would fill the screen."""
    shown = plain(text)
    return shown if len(shown) <= room else f"{shown[: room // 2]} … {shown[-room // 8 :]}"


def _compared(before: Sequence[str], after: Sequence[str]) -> list[Row]:
    """Return every row of both, in order."""
    found: list[Row] = []
    for tag, i1, i2, j1, j2 in opcodes(before, after):
        if tag == "equal":
            found += (Row(Op.SAME, row, row) for row in before[i1:i2])
        else:
            found += _replaced(before[i1:i2], after[j1:j2])
    return found


def _replaced(before: Sequence[str], after: Sequence[str]) -> Iterator[Row]:
    """Yield what came in the place of what: rows that share enough words were edited, the others went and came."""
    i = j = 0
    for old, new in (*_pairs_alike(before, after), (len(before), len(after))):
        yield from (Row(Op.GONE, old=row) for row in before[i:old])
        yield from (Row(Op.NEW, new=row) for row in after[j:new])
        if old < len(before):
            yield Row(Op.CHANGED, before[old], after[new])
        i, j = old + 1, new + 1


def _pairs_alike(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Return places of rows that were edited: as many as there can be in the order of both (as diff finds lines)."""
    if len(before) * len(after) > _ALIGNED:
        return []
    olds, news = [_vocabulary(row) for row in before], [_vocabulary(row) for row in after]
    alike = [[_share(old, new) for new in news] for old in olds]
    best = [[0] * (len(news) + 1) for _ in range(len(olds) + 1)]
    for i in reversed(range(len(olds))):
        for j in reversed(range(len(news))):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + alike[i][j])
    found, i, j = [], 0, 0
    while i < len(olds) and j < len(news):
        if alike[i][j] and best[i][j] == best[i + 1][j + 1] + 1:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


def _moved(compared: list[Row]) -> list[Row]:
    """Fold passages that only stand elsewhere now: what went in one place and came in another, word for word."""
    gone: dict[str, list[int]] = {}
    for place, row in enumerate(compared):
        if row.op is Op.GONE and row.old.strip():
            gone.setdefault(row.old, []).append(place)
    result: dict[int, Row | None] = {}
    for place, row in enumerate(compared):
        if row.op is Op.NEW and place not in result and row.new in gone:
            passages = [_passage(compared, old, place, result) for old in gone[row.new][:_PLACES]]
            _fold(compared, max(passages, key=lambda one: one[2]), result)
    return [found for place, row in enumerate(compared) if (found := result.get(place, row))]


def _passage(compared: Sequence[Row], old: int, new: int, taken: Collection[int]) -> tuple[int, int, int]:
    """Return where a passage stood, where it stands, and its number of lines."""
    count = 0
    while (
        max(old, new) + count < len(compared)
        and old + count not in taken
        and new + count not in taken
        and (compared[old + count].op, compared[new + count].op) == (Op.GONE, Op.NEW)
        and compared[old + count].old == compared[new + count].new
    ):
        count += 1
    return old, new, count


def _fold(compared: Sequence[Row], passage: tuple[int, int, int], result: dict[int, Row | None]) -> None:
    """Put one row in the place of a passage at both ends, unless it says too little to be told from chance."""
    old, new, count = passage
    text = "\n".join(row.new for row in compared[new : new + count])
    if len(text) < _PASSAGE:
        return
    for start, op in ((old, Op.MOVED_AWAY), (new, Op.MOVED_HERE)):
        result |= dict.fromkeys(range(start, start + count))
        result[start] = Row(op, text, text, count)


def _folded(compared: Sequence[Row]) -> list[Row]:
    """Return what changed, with a few rows around it; long lines that changed are divided into their sentences."""
    near = {
        other
        for place, row in enumerate(compared)
        if row.op is not Op.SAME
        for other in range(place - _ROWS_AROUND, place + _ROWS_AROUND + 1)
    }
    result: list[Row] = []
    for shown, run in groupby(enumerate(compared), key=lambda item: item[0] in near):
        part = [row for _, row in run]
        if not shown and len(part) > 1:
            result.append(Row(Op.LEFT_OUT))
            continue
        result += (one for row in part for one in _divided(row))
    return result


def _divided(row: Row) -> list[Row]:
    """Return the sentences of a long line that was edited, those around its changes; any other row is itself."""
    if row.op is not Op.CHANGED or max(len(row.old), len(row.new)) <= _LONG_LINE:
        return [row]
    found = _compared(sentences(row.old), sentences(row.new))
    return _folded(found) if len(found) > 1 else [row]


def sentences(line: str) -> list[str]:
    """Return the sentences of a line, whole: the number of a list, an initial and an abbreviation end none."""
    found, start = [], 0
    for end in _END.finditer(line):
        if not _NO_END.search(line[start : end.end()]):
            found.append(line[start : end.end()])
            start = end.end()
    return [*found, line[start:]] if line[start:] or not found else found


def words(old: str, new: str) -> list[Stretch]:
    """Return the new text in order, with what is gone where it stood; long unchanged stretches are left out."""
    every = every_word(old, new)
    last = len(every) - 1
    return [part for n, one in enumerate(every) for part in _shortened(one, first=n == 0, last=n == last)]


def every_word(old: str, new: str) -> list[Stretch]:
    """Return the new text in order, with what is gone where it stood, whole."""
    return list(_merged(_stretches(_WORD.findall(old), _WORD.findall(new))))


def every_row(old: str, new: str) -> list[Row]:
    """Return all rows of both texts in order; a passage that moved is one row at each end."""
    return _moved(_compared(*_lines(old, new)))


def _vocabulary(row: str) -> Counter[str]:
    return Counter(word for word in _WORD.findall(row) if not word.isspace())


def _share(before: Counter[str], after: Counter[str]) -> bool:
    """Whether two rows share enough words to be read as one that was edited."""
    return (before & after).total() >= _ALIKE * max(before.total(), after.total())


def _stretches(before: list[str], after: list[str]) -> Iterator[Stretch]:
    for tag, i1, i2, j1, j2 in opcodes(before, after):
        if tag == "equal":
            yield Stretch(Op.SAME, "".join(before[i1:i2]))
            continue
        if i1 < i2:
            yield Stretch(Op.GONE, "".join(before[i1:i2]))
        if j1 < j2:
            yield Stretch(Op.NEW, "".join(after[j1:j2]))


def _shortened(whole: Stretch, *, first: bool, last: bool) -> Iterator[Stretch]:
    """Yield a stretch, or what stands beside its neighbours where it is unchanged and long."""
    head, tail = 0 if first else _WORDS_AROUND, 0 if last else _WORDS_AROUND
    found = _WORD.findall(whole.text) if whole.op is Op.SAME else []
    if len(found) <= head + tail + _WORDS_AROUND:
        yield whole
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
    head = _equal_start(before, after)
    tail = _equal_start(before[head:][::-1], after[head:][::-1])
    old, new = len(before) - tail, len(after) - tail
    if head:
        yield "equal", 0, head, 0, head
    for tag, i1, i2, j1, j2 in _middle(before[head:old], after[head:new]):
        yield tag, head + i1, head + i2, head + j1, head + j2
    if tail:
        yield "equal", old, len(before), new, len(after)


def _equal_start(before: Sequence[str], after: Sequence[str]) -> int:
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
