"""What a team has agreed on (`policies:`): each rule is checked of every resource, and what breaks one is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from deployer.manifest.load import Sources
from deployer.model import Problem, Resource
from deployer.wording import listed

_SHOWN = 5
RULE = "policy"


@dataclass(frozen=True, slots=True)
class Policies:
    """The rules of a manifest, as far as they have the right form: the schema reports the rest."""

    told: Mapping[str, Any]

    @classmethod
    def of(cls, sources: Sources) -> Policies:
        found = sources.main.data.get("policies") if sources.main else None
        return cls(found if isinstance(found, dict) else {})

    @property
    def coverage(self) -> Mapping[str, float]:
        """How much of what is declared tests must touch, in percent by sort."""
        found = self.told.get("coverage")
        return {
            str(sort): float(one)
            for sort, one in (found.items() if isinstance(found, dict) else ())
            if isinstance(one, int | float) and not isinstance(one, bool)
        }

    def broken(self, resource: Resource, *, metadata: bool) -> Iterator[Problem]:
        """Return what a resource breaks, at its place; `metadata`: its kind can have some."""
        attrs = resource.attrs
        yield from self._model(resource, attrs.get("model"))
        if metadata:
            yield from self._metadata(resource, attrs.get("metadata") or {})
        yield from self._instructions(resource, attrs.get("instructions"))
        yield from self._temperature(resource, attrs.get("temperature"))
        tools = [one for one in attrs.get("tools") or () if isinstance(one, dict)]
        yield from self._functions(resource, tools)
        yield from self._forbidden(resource, tools)

    def _texts(self, name: str, of: Mapping[str, Any] | None = None) -> Sequence[str]:
        found = (self.told if of is None else of).get(name)
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    def _number(self, name: str) -> float | None:
        found = self.told.get(name)
        return found if isinstance(found, int | float) and not isinstance(found, bool) else None

    def _model(self, resource: Resource, model: Any) -> Iterator[Problem]:
        allowed = self._texts("allowed_models")
        if allowed and isinstance(model, str) and not any(fnmatchcase(model, one) for one in allowed):
            remedy = f"use one of {listed(allowed, _SHOWN)}"
            yield _problem(resource, "model", f"the model {model!r} is not allowed", remedy)

    def _metadata(self, resource: Resource, pairs: Mapping[str, Any]) -> Iterator[Problem]:
        if lacking := [one for one in self._texts("required_metadata") if not pairs.get(one)]:
            yield _problem(resource, "metadata", f"metadata lacks {listed(lacking, _SHOWN)}", "add it")

    def _instructions(self, resource: Resource, text: Any) -> Iterator[Problem]:
        most = self._number("max_instructions")
        if most is not None and isinstance(text, str) and len(text) > most:
            what = f"the instructions have {len(text):,} characters; at most {most:,} are allowed"
            yield _problem(resource, "instructions", what, "shorten them")

    def _temperature(self, resource: Resource, value: Any) -> Iterator[Problem]:
        most = self._number("max_temperature")
        if most is not None and isinstance(value, int | float) and value > most:
            what = f"the temperature {value} is higher than the allowed {most}"
            yield _problem(resource, "temperature", what, "lower it")

    def _functions(self, resource: Resource, tools: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
        if self.told.get("strict_functions") is not True:
            return
        for tool in tools:
            if tool.get("type") == "function" and tool.get("strict") is not True:
                what = f"the function {tool.get('name')!r} is not strict"
                yield _problem(resource, f"tools/{tool.get('name')}", what, "deployer functions fix makes it so")

    def _forbidden(self, resource: Resource, tools: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
        told = self.told.get("forbidden")
        told = told if isinstance(told, dict) else {}
        types = self._texts("tools", told)
        for tool in tools:
            if tool.get("type") in types:
                yield _problem(resource, f"tools/{tool['type']}", f"the tool {tool['type']} is forbidden", "remove it")
        texts = self._texts("texts", told)
        for field, value in resource.attrs.items() if texts else ():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            if found := [one for one in texts if re.search(re.escape(one), text, re.IGNORECASE)]:
                yield _problem(resource, field, f"the text {listed(found, _SHOWN)} is forbidden", "write it otherwise")


def _problem(resource: Resource, field: str, what: str, remedy: str) -> Problem:
    where = resource.position(field if field in resource.positions else field.partition("/")[0])
    shown = field.partition("/")[0]
    return Problem(f"policy: {what}", remedy, f"{resource.address}.{shown}", where, rule=RULE)
