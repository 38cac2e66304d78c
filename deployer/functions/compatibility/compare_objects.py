"""Properties of an object: which the model may send, which it always sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from deployer.functions.compatibility.alternatives import Shape
from deployer.functions.compatibility.conjunction import Undecidable
from deployer.functions.compatibility.difference import Difference, Pointer, difference
from deployer.functions.values import written

_DECLARES = ("properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "dependentSchemas")


class Schemas(Protocol):
    """What compares the schemas of the properties."""

    def schemas(self, old: Any, new: Any, pointer: Pointer) -> list[Difference]: ...


def objects(inner: Schemas, old: Shape, new: Shape) -> Iterator[Difference]:
    """Differences of two object shapes, their bounds and rarer keywords aside."""
    before, after = (_mapping(side.keywords.get("properties", {})) for side in (old, new))
    _check_patterns(old, new, before.keys() == after.keys())
    sent = _names(new)
    for name in after:
        pointer = (*new.pointer, "properties", name)
        if name in before:
            yield from inner.schemas(before[name], after[name], pointer)
        else:
            yield from _added(inner, _extra(old), after[name], pointer, "always sent" if name in sent else "optional")
    yield from _required(_names(old), sent, before, after, new)
    yield from _undeclared(inner, old, new)
    yield from _order(before, after, new)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Undecidable("has properties that are no mapping")
    return value


def _names(shape: Shape) -> dict[str, None]:
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


def _added(inner: Schemas, extra: Any, schema: Any, pointer: Pointer, sent: str) -> list[Difference]:
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


def _undeclared(inner: Schemas, old: Shape, new: Shape) -> Iterator[Difference]:
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


def _fall_back(inner: Schemas, old: Shape, new: Shape, after: Any) -> Iterator[Difference]:
    """What is no longer declared may still be sent, as an undeclared property."""
    declared = new.keywords.get("properties", {})
    for name, schema in old.keywords.get("properties", {}).items():
        if name not in declared:
            yield from inner.schemas(schema, after, (*new.pointer, "properties", name))


def _order(before: Mapping[str, Any], after: Mapping[str, Any], new: Shape) -> Iterator[Difference]:
    if [name for name in before if name in after] != [name for name in after if name in before]:
        yield difference("order-changed", (*new.pointer, "properties"), "the properties stand in another order")
