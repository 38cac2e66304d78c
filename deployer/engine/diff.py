"""The difference between live and desired, field by field, with who moved each field since the last apply.

A declared field is compared. One that was applied and is no longer declared goes back to the API's default. One that
was never declared is left alone. A field that the service does not report is known only from the stamp.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployer.engine import stamp
from deployer.engine.canonical import same
from deployer.model import Attrs, Effect, FieldChange, FieldPath, Origin

_UNSTAMPED = ""
_TOOLS = ("tools",)

Fields = Mapping[FieldPath, Any]


def compare(live: Attrs, desired: Attrs, defaults: Attrs, digests: Mapping[str, str]) -> tuple[FieldChange, ...]:
    """Return the changes that make `live` what `desired` says, sorted by path; empty when nothing is to be done.

    `digests` are the stamp's; without a stamp they are empty and only declared fields count.
    """
    before, after = stamp.fields(live), stamp.fields(desired)
    changes: list[FieldChange] = []
    for path, value in after.items():
        base = digests.get(stamp.name_of(path), _UNSTAMPED)
        reported = path in before or (path[0] == "metadata" and "metadata" in live)
        changes.extend(_declared(path, reported, before.get(path), value, base))
    for path in _released(before, after, defaults, digests):
        edited = _moved(digests[stamp.name_of(path)], before.get(path))
        origin = Origin.BOTH if edited else Origin.MANIFEST
        changes.extend(_expand(path, before.get(path), _default(path, defaults), origin))
    return tuple(sorted(changes, key=lambda change: change.name))


def releases(live: Attrs, desired: Attrs, defaults: Attrs, digests: Mapping[str, str]) -> tuple[FieldPath, ...]:
    """Fields of the stamp that are no longer declared, changed or not: the stamp must forget them."""
    before, after = stamp.fields(live), stamp.fields(desired)
    gone = digests.keys() - {stamp.name_of(path) for path in after}
    known = dict.fromkeys((*((name,) for name in defaults), *before))
    return tuple(path for path in known if gone and stamp.name_of(path) in gone)


def agreed(live: Attrs, desired: Attrs, digests: Mapping[str, str]) -> tuple[FieldPath, ...]:
    """Fields that are as declared, though not by an apply: the stamp must learn it, or later edits look like git's."""
    before, after = stamp.fields(live), stamp.fields(desired)
    same_now = (path for path, value in after.items() if path in before and same(before[path], value))
    return tuple(sorted(path for path in same_now if _moved(digests.get(stamp.name_of(path), _UNSTAMPED), after[path])))


def _declared(path: FieldPath, reported: bool, old: Any, new: Any, base: str) -> Iterator[FieldChange]:  # noqa: FBT001
    if not reported:
        if _moved(base, new):
            yield from _expand(path, None, new, Origin.MANIFEST)
    elif not same(old, new):
        yield from _expand(path, old, new, _origin(base, old, new))
    elif base and isinstance(new, dict) and _reordered(base, new):
        yield FieldChange(path, old, new, Origin.MANIFEST)


def _default(path: FieldPath, defaults: Attrs) -> Any:
    """A pair of metadata has none."""
    return defaults.get(path[0]) if len(path) == 1 else None


def _moved(base: str, value: Any) -> bool:
    """Whether `value` is other than what was applied; what was never applied has moved."""
    return not base or not stamp.same_content(base, value)


def _reordered(base: str, value: Any) -> bool:
    """Whether git has moved nothing but the order of keys."""
    return not stamp.same_order(base, value) and stamp.same_content(base, value)


def _origin(base: str, old: Any, new: Any) -> Origin:
    if not base or not _moved(base, old):
        return Origin.MANIFEST
    return Origin.BOTH if _moved(base, new) else Origin.ACCOUNT


def _released(before: Fields, after: Fields, defaults: Attrs, digests: Mapping[str, str]) -> Iterator[FieldPath]:
    for path, value in before.items():
        stamped = stamp.name_of(path) in digests
        if stamped and path not in after and not same(value, _default(path, defaults)):
            yield path


def _expand(path: FieldPath, old: Any, new: Any, origin: Origin) -> Iterator[FieldChange]:
    """Split a change of `tools` into one for each tool, so that a plan can name what changed."""
    if path != _TOOLS:
        yield FieldChange(path, old, new, origin)
        return
    old, new = old or {}, new or {}
    names = [*old, *(name for name in new if name not in old)]
    different = [name for name in names if not same(old.get(name), new.get(name))]
    for name in different:
        yield FieldChange(("tools", name), old.get(name), new.get(name), origin)
    if not different and list(old) != list(new):
        yield FieldChange(_TOOLS, list(old), list(new), origin)


def with_compatibility(fields: Sequence[FieldChange], live: Attrs, desired: Attrs) -> tuple[FieldChange, ...]:
    """Return the field changes, those of functions with what they mean for the application behind them."""
    if not any(field.path[0] == "tools" for field in fields):
        return tuple(fields)
    from deployer.functions.compatibility.compare import compare_all  # most plans change no function

    effects: dict[FieldPath, list[Effect]] = defaultdict(list)
    for found in compare_all(_functions(live), _functions(desired)):
        effect = Effect(tuple(found.pointer[1:]), found.what, found.breaking, found.kind)
        effects["tools", str(found.pointer[0])].append(effect)
    return tuple(replace(field, effects=tuple(effects.get(field.path, ()))) for field in fields)


def _functions(attrs: Attrs) -> Mapping[str, Mapping[str, Any]]:
    tools: Mapping[str, Mapping[str, Any]] = attrs.get("tools") or {}
    return {name: tool for name, tool in tools.items() if tool["type"] == "function"}
