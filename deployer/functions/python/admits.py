"""Does one schema admit only what another one takes? Sure answers only: what is not understood is left alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deployer.functions.python.branches import Branch, as_list, branches, resolved, text

Misfit = tuple[tuple[str | int, ...], str]
"""Where in the schema, and what is wrong there."""

_ALL: dict[str, tuple[Any, ...]] = {"null": (None,), "boolean": (True, False)}


class Comparison:
    """Compares parts of two documents; `$ref` is looked up in the document that it stands in."""

    def __init__(self, admitting: Mapping[str, Any], taking: Mapping[str, Any]) -> None:
        self._roots = (admitting, taking)
        self._known: dict[tuple[int, int], tuple[Misfit, ...]] = {}

    def misfits(self, admitted: Any, taken: Any) -> tuple[Misfit, ...]:
        """What `admitted` admits and `taken` does not; a pair that is being compared already counts as fitting."""
        admitted, taken = resolved(admitted, self._roots[0]), resolved(taken, self._roots[1])
        key = (id(admitted), id(taken))
        if key not in self._known:
            self._known[key] = ()
            self._known[key] = tuple(self._compare(admitted, taken))
        return self._known[key]

    def _compare(self, admitted: Any, taken: Any) -> Iterator[Misfit]:
        ours, theirs = branches(admitted, self._roots[0]), branches(taken, self._roots[1])
        if None in ours or None in theirs:
            return
        takes = [branch for branch in theirs if branch is not None]
        strangers = []
        for branch in ours:
            candidates = [other for other in takes if branch is not None and _covers(other.type, branch.type)]
            if branch is not None and not candidates:
                strangers.append(branch.type)
            elif branch is not None:
                yield from self._fit(branch, candidates)
        if strangers:
            yield (), f"the schema admits {_or(strangers)}, the handler takes {_or(branch.type for branch in takes)}"

    def _fit(self, branch: Branch, candidates: list[Branch]) -> Iterator[Misfit]:
        found = [tuple(self._inside(branch, other)) for other in candidates]
        if not all(found):
            return
        if len(found) == 1:
            yield from found[0]
        elif all(other.values is not None for other in candidates):
            yield from _values(branch, tuple(value for other in candidates for value in other.values or ()))
        else:
            yield (), f"the schema admits an {branch.type} that fits none of those which the handler takes"

    def _inside(self, branch: Branch, other: Branch) -> Iterator[Misfit]:
        if other.values is not None:
            yield from _values(branch, other.values)
        elif branch.values is None and branch.type == other.type == "array":
            yield from self._items(branch.schema, other.schema)
        elif branch.values is None and branch.type == other.type == "object":
            yield from self._fields(branch.schema, other.schema)

    def _items(self, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Misfit]:
        if "items" in ours and "items" in theirs and "prefixItems" not in ours:
            yield from _under("items", self.misfits(ours["items"], theirs["items"]))

    def _fields(self, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[Misfit]:
        declared, known = _mapping(ours.get("properties")), _mapping(theirs.get("properties"))
        rest = theirs.get("additionalProperties", True)
        for name, schema in declared.items():
            if name in known or isinstance(rest, Mapping):
                found = self.misfits(schema, known.get(name, rest))
                yield from _under("properties", _under(name, found))
            elif rest is False:
                yield ("properties", name), f"the handler takes no {name!r} here"
        if isinstance(rest, Mapping) and isinstance(ours.get("additionalProperties"), Mapping):
            yield from _under("additionalProperties", self.misfits(ours["additionalProperties"], rest))
        for name in theirs.get("required", ()) if declared else ():
            if name not in as_list(ours.get("required")):
                yield (), f"the handler needs {name!r} here, which the schema does not require"


def _under(key: str, found: tuple[Misfit, ...] | Iterator[Misfit]) -> Iterator[Misfit]:
    return (((key, *path), message) for path, message in found)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _values(branch: Branch, taken: tuple[Any, ...]) -> Iterator[Misfit]:
    known = [text(value) for value in taken]
    values = _ALL.get(branch.type) if branch.values is None else branch.values
    if values is None:
        yield (), f"the schema admits every {branch.type}, the handler takes only {', '.join(known)}"
    elif strange := [value for value in map(text, values) if value not in known]:
        yield ("enum",), f"the schema admits {', '.join(strange)}, the handler takes only {', '.join(known)}"


def _covers(taken: str, admitted: str) -> bool:
    return taken in ("any", admitted) or (taken, admitted) == ("number", "integer")


def _or(types: Iterable[str]) -> str:
    distinct = [*dict.fromkeys("anything" if kind == "any" else kind for kind in types)]
    return " or ".join(distinct) or "nothing"
