"""The difference between live and desired, field by field, with who moved each field since the last apply.

A declared field is compared. One that was applied and is no longer declared goes back to the API's default. One that
was never declared is left alone. A field that the service does not report is known only from the stamp.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.engine import stamp
from deployer.engine.canonical import same
from deployer.model import Attrs, Effect, FieldChange, FieldPath, Origin

_UNSTAMPED = ""
_TOOLS = ("tools",)

Fields = Mapping[FieldPath, Any]


@dataclass(frozen=True, slots=True)
class Base:
    """What was last applied: the digest of each field, and what the service has in its place; by short hashes.

    Without a stamp it is empty, and only declared fields count.
    """

    digests: Mapping[str, str] = field(default_factory=dict)
    forms: stamp.Forms = field(default_factory=dict)

    def digest(self, path: FieldPath) -> str:
        return self.digests.get(stamp.name_of(path), _UNSTAMPED)

    def form(self, path: FieldPath) -> stamp.ServiceForm | None:
        return self.forms.get(stamp.name_of(path))

    def edited(self, path: FieldPath, value: Any) -> bool:
        """Whether a live value is neither what was applied nor what the service made of that."""
        form = self.form(path)
        return _moved(self.digest(path), value) and not (form and form.is_of(value))

    def settled(self, path: FieldPath, live: Any, desired: Any) -> bool:
        """Whether git declares what was applied, and the account has the service's form of it."""
        form = self.form(path)
        return bool(form and form.taken and form.is_of(live)) and not _moved(self.digest(path), desired)

    def untaken(self, path: FieldPath, live: Any, desired: Any) -> bool:
        """Whether git declares what was sent, and the service still has what it had instead."""
        form = self.form(path)
        return bool(form and not form.taken and form.is_of(live)) and not _moved(self.digest(path), desired)


def compare(live: Attrs, desired: Attrs, defaults: Attrs, resets: Attrs, base: Base) -> tuple[FieldChange, ...]:
    """Return the changes that make `live` what `desired` says, sorted by path; empty when nothing is to be done.

    `defaults`: what a field that is not set has; `resets`: what is sent so that it has it.
    """
    before, after = stamp.fields(live), stamp.fields(desired)
    changes: list[FieldChange] = []
    for path, value in after.items():
        reported = path in before or (path[0] == "metadata" and "metadata" in live)
        old = before.get(variant(path, before, after) if base.form(path) else path)
        if value is None and _unset(path, old, defaults):
            continue
        changes.extend(_declared(path, reported, old, value, base))
    for path in _released(before, after, defaults, base.digests):
        origin = Origin.BOTH if base.edited(path, before.get(path)) else Origin.MANIFEST
        changes.extend(_expand(path, before.get(path), _default(path, resets), origin))
    return tuple(sorted(changes, key=lambda change: change.name))


def variant(path: FieldPath, live: Collection[FieldPath], desired: Collection[FieldPath]) -> FieldPath:
    """Return the path by which a service knows a pair of metadata: itself, or one in another case or trimmed."""
    if path in live or path[0] != "metadata":
        return path
    folded = path[1].strip().casefold()
    others = (one for one in live if one[0] == "metadata" and one not in desired)
    return next((one for one in others if one[1].strip().casefold() == folded), path)


def place_of(name: str, values: Collection[str], declared: Collection[str]) -> str:
    """Return the name by which a service knows an attribute: itself, or one in another case or trimmed."""
    if name in values:
        return name
    folded = name.strip().casefold()
    return next((one for one in values if one not in declared and one.strip().casefold() == folded), name)


def _unset(path: FieldPath, value: Any, defaults: Attrs) -> bool:
    return value is None or same(value, _default(path, defaults))


def releases(live: Attrs, desired: Attrs, defaults: Attrs, digests: Mapping[str, str]) -> tuple[FieldPath, ...]:
    """Fields of the stamp that are no longer declared, changed or not: the stamp must forget them."""
    before, after = stamp.fields(live), stamp.fields(desired)
    gone = digests.keys() - {stamp.name_of(path) for path in after}
    known = dict.fromkeys((*((name,) for name in defaults), *before))
    return tuple(path for path in known if gone and stamp.name_of(path) in gone)


def agreed(live: Attrs, desired: Attrs, defaults: Attrs, digests: Mapping[str, str]) -> tuple[FieldPath, ...]:
    """Fields that are as declared, though not by an apply: the stamp must learn it, or later edits look like git's."""
    before, after = stamp.fields(live), stamp.fields(desired)
    same_now = (
        path
        for path, value in after.items()
        if path in before and (same(before[path], value) or (value is None and _unset(path, before[path], defaults)))
    )
    return tuple(sorted(path for path in same_now if _moved(digests.get(stamp.name_of(path), _UNSTAMPED), after[path])))


def _declared(path: FieldPath, reported: bool, old: Any, new: Any, base: Base) -> Iterator[FieldChange]:  # noqa: FBT001
    digest = base.digest(path)
    if not reported:
        if _moved(digest, new):
            yield from _expand(path, None, new, Origin.MANIFEST)
    elif not (same(old, new) or base.settled(path, old, new)):
        untaken = base.untaken(path, old, new)
        origin = Origin.MANIFEST if untaken else _origin(base, path, old, new)
        yield from (replace(one, untaken=untaken) for one in _expand(path, old, new, origin))
    elif digest and isinstance(new, dict) and _reordered(digest, new):
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


def _origin(base: Base, path: FieldPath, old: Any, new: Any) -> Origin:
    if not base.digest(path) or not base.edited(path, old):
        return Origin.MANIFEST
    return Origin.BOTH if _moved(base.digest(path), new) else Origin.ACCOUNT


def _released(before: Fields, after: Fields, defaults: Attrs, digests: Mapping[str, str]) -> Iterator[FieldPath]:
    for path, value in before.items():
        stamped = stamp.name_of(path) in digests
        if stamped and path not in after and not _unset(path, value, defaults):
            yield path


def _expand(path: FieldPath, old: Any, new: Any, origin: Origin) -> Iterator[FieldChange]:
    """Split a change of `tools` into one for each tool, so that a plan can name what changed."""
    if path != _TOOLS:
        yield FieldChange(path, old, new, origin)
        return
    old, new = old or {}, new or {}
    names = [*old, *(name for name in new if name not in old)]
    for name in names:
        if not same(old.get(name), new.get(name)):
            yield FieldChange(("tools", name), old.get(name), new.get(name), origin)


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
