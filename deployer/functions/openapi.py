"""Operations of an OpenAPI document (3.x, and Swagger 2) as functions: parameters and body become one object."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.functions.tree import Pointer

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_OF_PARAMETER = ("name", "in", "required", "description", "schema", "content", "style", "explode", "allowEmptyValue")
_MOST_HOPS = 20
_SCHEMAS = (("components", "schemas"), ("definitions",))


@dataclass(frozen=True, slots=True)
class Operation:
    """`places` lead from parts of `function` to where they stand in the document."""

    at: Pointer
    data: Mapping[str, Any]
    function: Mapping[str, Any]
    places: tuple[tuple[Pointer, Pointer], ...]


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Return each operation of the paths, in their order."""
    for path, item in document["paths"].items():
        for method in _METHODS if isinstance(item, dict) else ():
            if isinstance(item.get(method), dict):
                yield _Documents(document, ("paths", path), method).operation(path, item)


def operation(data: Mapping[str, Any]) -> Operation:
    """Return an operation that stands alone; its `$ref`s into a document lead nowhere."""
    return _Documents(data, (), "operation").described((), data, {})


@dataclass(slots=True)
class _Documents:
    """Reads one operation."""

    document: Mapping[str, Any]
    path: Pointer
    method: str
    properties: dict[str, Any] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    definitions: dict[str, Any] = field(default_factory=dict)
    places: list[tuple[Pointer, Pointer]] = field(default_factory=list)

    def operation(self, path: str, item: Mapping[str, Any]) -> Operation:
        return self.described((*self.path, self.method), item[self.method], item, f"{self.method}_{path}")

    def described(
        self, at: Pointer, data: Mapping[str, Any], item: Mapping[str, Any], name: str = "operation"
    ) -> Operation:
        for source, place in ((item, self.path), (data, at)):
            for index, value in enumerate(_list(source.get("parameters"))):
                self._parameter(*self._resolved(value, (*place, "parameters", index)))
        self._body(data, at)
        name = data.get("operationId") or name
        description = data.get("description") or data.get("summary") or ""
        function = {
            "name": re.sub("[^A-Za-z0-9-]+", "_", str(name)).strip("_")[:64],
            **({"description": str(description)} if description else {}),
            "parameters": self._parameters(),
        }
        return Operation(at, data, function, (((), at), (("parameters",), at), *self.places))

    def _parameters(self) -> dict[str, Any]:
        parameters: dict[str, Any] = {"type": "object", "properties": self.properties}
        if self.required:
            parameters["required"] = self.required
        return {**parameters, "$defs": self.definitions} if self.definitions else parameters

    def _parameter(self, value: Any, place: Pointer) -> None:
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            return
        if value.get("in") == "body":  # Swagger 2
            self._merged(value.get("schema"), (*place, "schema"), required=value.get("required") is True)
        elif isinstance(value.get("schema"), dict):
            schema = {**value["schema"], **_described(value)}
            self._property(value["name"], schema, (*place, "schema"), required=value.get("required") is True)
        else:  # Swagger 2 has the schema beside the name
            schema = {key: item for key, item in value.items() if key not in _OF_PARAMETER} | _described(value)
            self._property(value["name"], schema, place, required=value.get("required") is True)

    def _body(self, data: Mapping[str, Any], at: Pointer) -> None:
        body, place = self._resolved(data.get("requestBody"), (*at, "requestBody"))
        content = body.get("content") if isinstance(body, dict) else None
        for kind, media in content.items() if isinstance(content, dict) else ():
            if "json" in kind and isinstance(media, dict):
                path = (*place, "content", kind, "schema")
                self._merged(media.get("schema"), path, required=body.get("required") is True)
                return

    def _merged(self, schema: Any, place: Pointer, *, required: bool) -> None:
        """The properties of an object become parameters; what is no such object is one parameter, `body`."""
        inner, where = self._resolved(schema, place)
        properties = inner.get("properties") if isinstance(inner, dict) else None
        plain = isinstance(properties, dict) and not inner.keys() & {"allOf", "anyOf", "oneOf"}
        if isinstance(properties, dict) and plain and not properties.keys() & self.properties.keys():
            for name, one in properties.items():
                always = required and name in _list(inner.get("required"))
                self._property(name, one, (*where, "properties", name), required=always)
        elif schema is not None:
            self._property("body", schema, place, required=required)

    def _property(self, name: str, schema: Any, place: Pointer, *, required: bool) -> None:
        self.properties[name] = self._translated(schema)
        self.places.append((("parameters", "properties", name), place))
        if required and name not in self.required:
            self.required.append(name)

    def _translated(self, value: Any) -> Any:
        """Write `$ref`s to the document's schemas as `$defs`, and `nullable` of OpenAPI 3.0 as a type."""
        if isinstance(value, list):
            return [self._translated(item) for item in value]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("$ref"), str):
            return {**value, "$ref": self._definition(value["$ref"])}
        said = {key: self._translated(item) for key, item in value.items() if key != "nullable"}
        if value.get("nullable") is True and isinstance(value.get("type"), str):
            said["type"] = [value["type"], "null"]
            if isinstance(said.get("enum"), list) and None not in said["enum"]:
                said["enum"] = [*said["enum"], None]
        return said

    def _definition(self, ref: str) -> str:
        for start in _SCHEMAS:
            prefix = f"#/{'/'.join(start)}/"
            name = ref.removeprefix(prefix)
            if ref.startswith(prefix) and "/" not in name:
                if name not in self.definitions:
                    self.definitions[name] = {}  # it may refer to itself
                    target, _ = self._resolved({"$ref": ref}, ())
                    self.definitions[name] = self._translated(target)
                    self.places.append((("parameters", "$defs", name), (*start, name)))
                return f"#/$defs/{name}"
        return ref

    def _resolved(self, value: Any, place: Pointer) -> tuple[Any, Pointer]:
        """Follow the `$ref` of a parameter, a body or a schema; what leads nowhere stays."""
        for _ in range(_MOST_HOPS):
            ref = value.get("$ref") if isinstance(value, dict) else None
            if not isinstance(ref, str) or not ref.startswith("#/"):
                break
            steps = tuple(part.replace("~1", "/").replace("~0", "~") for part in ref[2:].split("/"))
            target: Any = self.document
            for step in steps:
                target = target.get(step) if isinstance(target, dict) else None
            if target is None:
                break
            value, place = target, steps
        return value, place


def _described(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": value["description"]} if value.get("description") else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
