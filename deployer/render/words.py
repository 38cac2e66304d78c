"""A word-level difference of two texts, with a little of what stands around each change."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from deployer.render.matching import opcodes

_WORD = re.compile(r"\s+|[^\W_]+|[^\w\s]|_")
_CONTEXT = 8
_ALIKE = 0.5


class Op(StrEnum):
    SAME = "same"
    GONE = "gone"
    NEW = "new"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Piece:
    op: Op
    text: str


def difference(old: str, new: str) -> list[Piece]:
    """Give the pieces of the new text in order, with what is gone where it stood; long unchanged runs are left out."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    return list(_merged(_pieces(before, after)))


def similar(old: str, new: str) -> bool:
    """Tell whether two rows share enough words to be read as one that was edited."""
    before, after = (Counter(word for word in _WORD.findall(text) if not word.isspace()) for text in (old, new))
    most = max(before.total(), after.total())
    return (before & after).total() >= _ALIKE * most


def _pieces(before: list[str], after: list[str]) -> Iterator[Piece]:
    blocks = list(opcodes(before, after))
    for index, (tag, i1, i2, j1, j2) in enumerate(blocks):
        if tag == "equal":
            yield from _shortened(before[i1:i2], first=index == 0, last=index == len(blocks) - 1)
            continue
        if i1 < i2:
            yield Piece(Op.GONE, "".join(before[i1:i2]))
        if j1 < j2:
            yield Piece(Op.NEW, "".join(after[j1:j2]))


def _shortened(words: list[str], *, first: bool, last: bool) -> Iterator[Piece]:
    head, tail = 0 if first else _CONTEXT, 0 if last else _CONTEXT
    if len(words) <= head + tail + _CONTEXT:
        yield Piece(Op.SAME, "".join(words))
        return
    if head:
        yield Piece(Op.SAME, "".join(words[:head]))
    yield Piece(Op.LEFT_OUT, "…")
    if tail:
        yield Piece(Op.SAME, "".join(words[-tail:]))


def _merged(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Join neighbours of one sort, so that `[-a-][- -][-b-]` reads `[-a b-]`."""
    held: Piece | None = None
    for piece in pieces:
        if held and held.op is piece.op:
            held = Piece(held.op, held.text + piece.text)
            continue
        if held:
            yield held
        held = piece
    if held:
        yield held
