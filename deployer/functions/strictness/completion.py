"""Fill arguments for a strict schema: what they leave out is null there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.functions.references import References
from deployer.functions.walk import Node


def complete(root: Mapping[str, Any], arguments: Any) -> Any:
    """Give the arguments with null for each declared property that is missing, in the order of the schema."""
    return _Completion(References(root)).value(root, arguments)


class _Completion:
    def __init__(self, references: References) -> None:
        self._references = references

    def value(self, schema: Any, value: Any) -> Any:
        schema = self._opened(schema, value)
        if isinstance(value, list):
            return [self.value(schema.get("items"), item) for item in value]
        if not isinstance(value, dict):
            return value
        declared = schema.get("properties", {})
        known = {name: self.value(inner, value.get(name)) for name, inner in declared.items()}
        return known | {name: inner for name, inner in value.items() if name not in declared}

    def _opened(self, schema: Any, value: Any) -> Mapping[str, Any]:
        """The schema itself, what it refers to, or the branch that describes the value."""
        while isinstance(schema, Mapping) and "$ref" in schema:
            target = self._references.target(Node(schema))
            schema = target.schema if isinstance(target, Node) else {}
        if not isinstance(schema, Mapping):
            return {}
        if "anyOf" not in schema or not isinstance(value, dict | list):
            return schema
        branches = [self._opened(branch, value) for branch in schema["anyOf"]]
        return next((branch for branch in branches if self._describes(branch, value)), {})

    def _describes(self, branch: Mapping[str, Any], value: dict[str, Any] | list[Any]) -> bool:
        """Whether a strict branch is of the value's type and declares what it has, with the constants that it has."""
        if isinstance(value, list):
            return "items" in branch
        declared = branch.get("properties")
        return declared is not None and all(
            name in declared and _may_be(declared[name], item) for name, item in value.items()
        )


def _may_be(schema: Any, value: Any) -> bool:
    listed = [schema["const"]] if "const" in schema else schema.get("enum", [value])
    return value in listed
