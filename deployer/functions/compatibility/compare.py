"""Whether the application that handles the calls of a function would notice a change of its definition.

The producer of arguments is the model, their consumer is the handler. A change is *compatible* if every call that the
new definition admits was admitted by the old one, and *breaking* if not or if that cannot be shown. So it is compatible
to narrow, and breaking to widen: the other way round than for an API that takes requests.

- Undeclared properties count as refused: an object without `additionalProperties` is closed, on both sides. So a new
  property is breaking, even an optional one (the handler may not know it), and it is compatible to remove an optional
  one. `additionalProperties: true` or a schema on the old side says that the handler takes undeclared properties.
- `type: object` alone, which says nothing about properties, is filled by the model with what it likes. As the new
  schema it is open, as the old one closed: only two of them, or an open old object, are compatible.
- The same holds for whole functions: to remove one is compatible, as it is called no more; to add or rename one is not.
- `format` counts as a constraint. Patterns are never run: a pattern that changes is breaking.
- `not`, `if`, `dependentSchemas`, unknown keywords and combinations that cannot be taken apart may stay what they are;
  where they change it cannot be shown that the change is compatible.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from deployer.functions.compatibility.constraints import finite, from_values, limits
from deployer.functions.compatibility.difference import Difference, Pointer, difference
from deployer.functions.compatibility.shapes import Reader, Shape, Undecidable, is_annotation
from deployer.functions.values import written
from deployer.json_text import deeper_than

_DECLARES = ("properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "dependentSchemas")


def objects(inner: SchemaComparison, old: Shape, new: Shape) -> Iterator[Difference]:
    """Differences of two object shapes, their bounds and rarer keywords aside."""
    before, after = (_mapping(side.keywords.get("properties", {})) for side in (old, new))
    _check_patterns(old, new, before.keys() == after.keys())
    sent = _sent_names(new)
    for name in after:
        pointer = (*new.pointer, "properties", name)
        if name in before:
            yield from inner.schemas(before[name], after[name], pointer)
        else:
            yield from _added(inner, _extra(old), after[name], pointer, "always sent" if name in sent else "optional")
    yield from _required(_sent_names(old), sent, before, after, new)
    yield from _undeclared(inner, old, new)
    yield from _order(before, after, new)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Undecidable("has properties that are no mapping")
    return value


def _sent_names(shape: Shape) -> dict[str, None]:
    names = shape.keywords.get("required", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Undecidable("has a required that is no list")
    return dict.fromkeys(names)


def _check_patterns(old: Shape, new: Shape, same_names: bool) -> None:  # noqa: FBT001
    """A pattern may speak about any name: it is not run, so that it may only stay what it is."""
    texts = [written(side.keywords.get("patternProperties", {})) for side in (old, new)]
    if texts[0] != texts[1] or (texts[0] != "{}" and (not same_names or '"$ref"' in texts[0])):
        raise Undecidable("has patternProperties")


def _free(shape: Shape) -> bool:
    """`type: object` that says nothing about properties: the model sends what it likes."""
    return not any(key in shape.keywords for key in _DECLARES)


def _extra(shape: Shape) -> Any:
    """The schema of undeclared properties; they are refused where nothing else is said."""
    return shape.keywords.get("additionalProperties", False)


def _added(inner: SchemaComparison, extra: Any, schema: Any, pointer: Pointer, sent: str) -> list[Difference]:
    if extra is not False:
        return inner.schemas(extra, schema, pointer)
    return [difference("property-added", pointer, f"is a new property ({sent}) that the handler may not know")]


def _required(
    was: Mapping[str, None], now: Mapping[str, None], before: Mapping[str, Any], after: Mapping[str, Any], new: Shape
) -> Iterator[Difference]:
    closed = _extra(new) is False and not _free(new)
    for name in dict.fromkeys([*before, *was]):
        pointer = (*new.pointer, "properties", name)
        if name in before and name not in after and closed:
            kind = "property-removed-required" if name in was else "property-removed"
            yield difference(kind, pointer, f"is gone, and was {'always sent' if name in was else 'optional'}")
        elif name in was and name not in now:
            yield difference("required-dropped", pointer, "may be left out now, and was always sent")
        elif name in now and name not in was:
            yield difference("required-added", pointer, "is always sent now, and was optional")


def _undeclared(inner: SchemaComparison, old: Shape, new: Shape) -> Iterator[Difference]:
    before, after = _extra(old), True if _free(new) else _extra(new)
    pointer = (*new.pointer, "additionalProperties") if "additionalProperties" in new.keywords else new.pointer
    if _free(old) and _free(new):
        return
    if after is False:
        if before is not False:
            yield difference("additional-properties-closed", new.pointer, "admits no undeclared properties now")
    elif before is False:
        yield difference("additional-properties-opened", pointer, "admits undeclared properties now")
    else:
        yield from inner.schemas(before, after, pointer)
        yield from _fall_back(inner, old, new, after)


def _fall_back(inner: SchemaComparison, old: Shape, new: Shape, after: Any) -> Iterator[Difference]:
    """What is no longer declared may still be sent, as an undeclared property."""
    declared = new.keywords.get("properties", {})
    for name, schema in old.keywords.get("properties", {}).items():
        if name not in declared:
            yield from inner.schemas(schema, after, (*new.pointer, "properties", name))


def _order(before: Mapping[str, Any], after: Mapping[str, Any], new: Shape) -> Iterator[Difference]:
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield difference("order-changed", (*new.pointer, "properties"), "the properties stand in another order")


MOST_STEPS = 20_000
MOST_PARTS_WITHIN_PARTS = 50  # of the described data; by `$ref`s a schema of few levels can describe many
_REF = re.compile(r'"\$ref": "(?!#/(?:\$defs|definitions)/)')


class TooMuch(Exception):  # noqa: N818 (an answer, not an error)
    """The comparison takes too long; what is not compared counts as breaking."""


class SchemaComparison:
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
                found += objects(self, old, new)
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
    before, after = (_type_names(side) for side in (olds, news))
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


def _type_names(shapes: list[Shape]) -> set[str]:
    return {"integer" if shape.integer else shape.type for shape in shapes}


def _all(types: set[str]) -> str:
    return " or ".join(sorted(types)) or "nothing"


__all__ = ["Difference", "compare", "compare_all"]

MOST_LEVELS = 100
_NO_ARGUMENTS: Mapping[str, Any] = {"type": "object", "properties": {}}
_SETTINGS = ("async", "defer_loading")


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return all differences of two definitions; other keys than those that reach the API do not count."""
    return tuple(dict.fromkeys((*_head(old, new), *_parameters(old, new), *_settings(old, new))))


def compare_all(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> tuple[Difference, ...]:
    """Return all differences of an assistant's functions, by name; each pointer begins with the (new) name.

    A function that is gone and one of another name with the same parameters are one that was renamed.
    """
    renamed = _renamed(old, new)
    found: list[Difference] = []
    for name, definition in new.items():
        before = old.get(renamed.get(name, name))
        if before is None:
            found.append(difference("function-added", (name,), "is a new function that the application may not handle"))
        else:
            pair = {**before, "name": renamed.get(name, name)}, {**definition, "name": name}
            found += [replace(item, pointer=(name, *item.pointer)) for item in compare(*pair)]
    gone = old.keys() - new.keys() - set(renamed.values())
    return (*found, *(difference("function-removed", (name,), "is gone") for name in old if name in gone))


def _renamed(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """New names by which functions are called that had another name."""
    gone = [name for name in old if name not in new]
    found: dict[str, str] = {}
    for name, definition in new.items():
        alike = [one for one in gone if written(_schema(old[one])) == written(_schema(definition))]
        if name not in old and alike:
            found[name] = alike[0]
            gone.remove(alike[0])
    return found


def _schema(definition: Mapping[str, Any]) -> Any:
    given = definition.get("parameters")
    return _NO_ARGUMENTS if given is None else given


def _head(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    if old.get("name") != new.get("name"):
        yield difference("function-renamed", ("name",), f"name was {old.get('name')}, is {new.get('name')} now")
    if (old.get("description") or "") != (new.get("description") or ""):
        yield difference("annotation-changed", ("description",), "description changed")
    strict = [side.get("strict") is True for side in (old, new)]
    if strict == [True, False]:
        yield difference(
            "strict-dropped", ("strict",), "strict is no longer true: nothing holds the model to the schema"
        )
    elif strict == [False, True]:
        yield difference("strict-added", ("strict",), "strict is true now: the API holds the model to the schema")


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for key in _SETTINGS:
        if bool(old.get(key)) != bool(new.get(key)):
            yield difference("setting-changed", (key,), f"{key} changed")


def _parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    before, after = _schema(old), _schema(new)
    pointer: Pointer = ("parameters",)
    if deeper_than(before, MOST_LEVELS) or deeper_than(after, MOST_LEVELS):
        return [difference("undecidable", pointer, f"nests deeper than {MOST_LEVELS} levels, and is not compared")]
    try:
        return SchemaComparison(before, after).schemas(before, after, pointer)
    except TooMuch:
        return [difference("undecidable", pointer, "is too large to be compared")]
