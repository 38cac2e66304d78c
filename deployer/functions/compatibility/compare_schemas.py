"""Walk two schemas at the same time and say what the second admits differently."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from deployer.functions.compatibility import compare_objects
from deployer.functions.compatibility.alternatives import Reader, Shape
from deployer.functions.compatibility.compare_limits import limits
from deployer.functions.compatibility.compare_values import finite, from_values
from deployer.functions.compatibility.conjunction import Undecidable, is_annotation
from deployer.functions.compatibility.difference import Difference, Pointer, difference
from deployer.functions.values import written

MOST_STEPS = 20_000
MOST_PARTS_WITHIN_PARTS = 50  # of the described data; by `$ref`s a schema of few levels can describe many
_REF = re.compile(r'"\$ref": "(?!#/(?:\$defs|definitions)/)')


class TooMuch(Exception):  # noqa: N818 (an answer, not an error)
    """The comparison takes too long; what is not compared counts as breaking."""


class Comparison:
    """Compares schemas of an old and a new document.

    A pair that is being compared already is taken to fit: every way back to it leads through a property or an item, so
    that a value which does not fit would need a smaller one that does not fit either.
    """

    def __init__(self, old: Any, new: Any) -> None:
        self._left = MOST_STEPS
        self._old, self._new = Reader(old, self._spend, exact=True), Reader(new, self._spend, exact=False)
        texts = [written(_definitions(root)) for root in (old, new)]
        self._same_definitions = texts[0] == texts[1] and not _REF.search(texts[0])
        self._open: set[tuple[int, int]] = set()

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise TooMuch

    def schemas(self, old: Any, new: Any, pointer: Pointer) -> list[Difference]:
        """All differences of two schemas; none only if nothing differs."""
        self._spend()
        pair = (id(old), id(new))
        if pair in self._open or self.same(old, new):
            return []
        if len(self._open) >= MOST_PARTS_WITHIN_PARTS:
            return [_undecidable(pointer, Undecidable("describes data within data within data"))]
        self._open.add(pair)
        try:
            found = [*_annotations(old, new, pointer), *self._admitted(old, new, pointer)]
        finally:
            self._open.discard(pair)
        return found or [difference("rewritten", pointer, "is written in another way; nothing new is possible")]

    def same(self, old: Any, new: Any) -> bool:
        """Whether both are written in the same way and mean the same."""
        text = written(old)
        return text == written(new) and ('"$ref"' not in text or (self._same_definitions and not _REF.search(text)))

    def _admitted(self, old: Any, new: Any, pointer: Pointer) -> list[Difference]:
        try:
            olds, news = self._old.shapes(old, pointer), self._new.shapes(new, pointer)
            return [*_types(olds, news, pointer), *self._by_type(olds, news)]
        except Undecidable as reason:
            return [_undecidable(pointer, reason)]

    def _by_type(self, olds: list[Shape], news: list[Shape]) -> Iterator[Difference]:
        for kind in dict.fromkeys(shape.type for shape in news):
            before, after = ([shape for shape in side if shape.type == kind] for side in (olds, news))
            if before:
                yield from finite(before, after)
                if kind in ("boolean", "null") and len(before) == len(after) == 1:
                    yield from self._shape(before[0], after[0])
                yield from self._unlisted(before, [shape for shape in after if shape.values is None])

    def _unlisted(self, olds: list[Shape], news: list[Shape]) -> Iterator[Difference]:
        """Shapes of one type that do not list their values."""
        forms = [shape for shape in olds if shape.values is None]
        for new in news:
            if not forms:
                yield from_values(olds, new)
            elif len(forms) == 1:
                yield from self._shape(forms[0], new)
            else:
                yield from self._best(forms, new)

    def _best(self, forms: list[Shape], new: Shape) -> list[Difference]:
        for old in forms:
            found = self._shape(old, new)
            if not any(item.breaking for item in found):
                return found
        return [difference("alternative-added", new.pointer, f"admits a new form of {new.type}")]

    def _shape(self, old: Shape, new: Shape) -> list[Difference]:
        self._spend()
        try:
            found = list(limits(old, new, comparable=self._same_definitions))
            if new.type == "object":
                found += compare_objects.objects(self, old, new)
            elif new.type == "array":
                found += self._items(old, new)
        except Undecidable as reason:
            return [_undecidable(new.pointer, reason)]
        return found

    def _items(self, old: Shape, new: Shape) -> Iterator[Difference]:
        before, after = (side.keywords.get("prefixItems", []) for side in (old, new))
        rest, others = (side.keywords.get("items", True) for side in (old, new))
        if not all(isinstance(one, list) for one in (before, after)) or isinstance(rest, list):
            raise Undecidable("has items in an old form")
        for index in range(max(len(before), len(after))):
            pair = [(*side, last)[min(index, len(side))] for side, last in ((before, rest), (after, others))]
            yield from self.schemas(pair[0], pair[1], (*new.pointer, "prefixItems", index))
        yield from self.schemas(rest, others, (*new.pointer, "items"))


def _undecidable(pointer: Pointer, reason: Undecidable) -> Difference:
    return difference("undecidable", pointer, f"{reason}: it cannot be shown that nothing new is possible")


def _definitions(root: Any) -> Any:
    return [root.get(key) for key in ("$defs", "definitions")] if isinstance(root, Mapping) else []


def _annotations(old: Any, new: Any, pointer: Pointer) -> Iterator[Difference]:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return
    for key in sorted(filter(is_annotation, old.keys() | new.keys())):
        if written(old.get(key)) != written(new.get(key)) or (key in old) != (key in new):
            change = "changed" if key in old and key in new else "new" if key in new else "gone"
            yield difference("annotation-changed", (*pointer, key) if key in new else pointer, f"{key} is {change}")


def _types(olds: list[Shape], news: list[Shape], pointer: Pointer) -> Iterator[Difference]:
    before, after = (_names(side) for side in (olds, news))
    if not olds and news:
        yield difference("type-added", pointer, "takes values now, and took none")
        return
    if "null" in after - before:
        yield difference("nullable-added", pointer, "may be null now")
    if "null" in before - after:
        yield difference("nullable-removed", pointer, "is never null now")
    if "number" in before | after:  # how numbers differ is told with their bounds
        before, after = (side - {"integer"} | {"number"} if "integer" in side else side for side in (before, after))
    if added := sorted(after - before - {"null"}):
        yield difference("type-added", pointer, f"may be of type {' or '.join(added)} now, was {_all(before)}")
    if removed := sorted(before - after - {"null"}):
        yield difference("type-removed", pointer, f"is no longer of type {' or '.join(removed)}")


def _names(shapes: list[Shape]) -> set[str]:
    return {"integer" if shape.integer else shape.type for shape in shapes}


def _all(types: set[str]) -> str:
    return " or ".join(sorted(types)) or "nothing"
