"""Which parts of two sequences are the same, in a time that nobody can make long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile

Opcode = tuple[str, int, int, int, int]
"""As difflib has it: a tag (`equal`, `replace`, `delete`, `insert`), a range of the old and one of the new."""

_PAIRS = 50_000


def opcodes(before: Sequence[str], after: Sequence[str]) -> Iterator[Opcode]:
    """Give what turns one into the other, in order; ranges of the same tag do not touch."""
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
