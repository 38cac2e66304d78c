"""The difference of two longer texts, row by row; a row is a line, or a sentence where lines are long."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from deployer.render import words
from deployer.render.matching import opcodes

_SENTENCE = re.compile(r".+?(?:[.!?。！？]\s+|$)")  # noqa: RUF001 (full-width marks end sentences too)
_LONG_LINE = 160
_CONTEXT = 2


class Op(StrEnum):
    SAME = "same"
    GONE = "gone"
    NEW = "new"
    CHANGED = "changed"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Row:
    """`old` is empty of a new row, `new` of one that is gone."""

    op: Op
    old: str = ""
    new: str = ""


def difference(old: str, new: str) -> list[Row]:
    """Give the rows around each change in order; longer unchanged runs are left out."""
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
    if len(before) == len(after) and all(map(words.similar, before, after)):
        yield from map(Row, [Op.CHANGED] * len(before), before, after)
        return
    yield from (Row(Op.GONE, old=row) for row in before)
    yield from (Row(Op.NEW, new=row) for row in after)


def _folded(rows: Sequence[Row]) -> Iterator[Row]:
    near = {
        other
        for place, row in enumerate(rows)
        if row.op is not Op.SAME
        for other in range(place - _CONTEXT, place + _CONTEXT + 1)
    }
    for shown, run in groupby(enumerate(rows), key=lambda item: item[0] in near):
        found = [row for _, row in run]
        yield from found if shown or len(found) == 1 else [Row(Op.LEFT_OUT)]
