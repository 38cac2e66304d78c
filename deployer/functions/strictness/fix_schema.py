"""Rewrite one schema into the strict subset, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.functions.compatibility.alternatives import Reader
from deployer.functions.compatibility.conjunction import Undecidable
from deployer.functions.strictness.fix_combined import Schema, all_of, alone, in_order, one_of
from deployer.functions.strictness.fix_report import Pointer, Report
from deployer.functions.strictness.nullable import nullable, types
from deployer.functions.strictness.prose import movable, sentence
from deployer.functions.values import is_integer, type_of

MOST_STEPS = 20_000
_UNFAITHFUL = (
    *("patternProperties", "propertyNames", "not", "if", "then", "else", "dependentSchemas", "dependencies"),
    *("unevaluatedProperties", "unevaluatedItems", "contains", "minContains", "maxContains", "prefixItems"),
    *("additionalItems", "contentSchema", "$dynamicRef", "$recursiveRef", "nullable"),
)
_SAY_THE_TYPE = frozenset({"type", "anyOf", "oneOf", "$ref", "allOf"})


class Rewriting:
    """The rewriting of one valid document; `report` tells about it."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._given, self._left = root, MOST_STEPS
        self._reader = Reader(root, self._spend, exact=True)
        self.report = Report()

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Undecidable("is too large to be taken apart")

    def root(self) -> Schema:
        """The whole schema, rewritten as far as it can be."""
        return self._schema(self._given, ("parameters",))

    def _schema(self, given: Any, pointer: Pointer) -> Schema:
        if not isinstance(given, Mapping):
            what = "anything" if given is True else "nothing"
            self.report.refuse("strict-type", pointer, f"admits {what}, which strict cannot say", "give it a type")
            return {}
        schema = one_of(all_of(dict(given), pointer, self.report), pointer, self.report, self._reader)
        schema = self._faithful(self._prose(schema, pointer), pointer)
        schema = self._typed(alone(schema, pointer, self.report), pointer)
        schema = {key: self._inside(key, value, (*pointer, key)) for key, value in schema.items()}
        return self._closed(schema, pointer) if "object" in types(schema) else schema

    def _inside(self, key: str, value: Any, pointer: Pointer) -> Any:
        if key in ("properties", "$defs", "definitions"):
            return {name: self._schema(inner, (*pointer, name)) for name, inner in value.items()}
        if key == "anyOf":
            return [self._schema(inner, (*pointer, index)) for index, inner in enumerate(value)]
        return self._schema(value, pointer) if key == "items" else value

    def _prose(self, schema: Schema, pointer: Pointer) -> Schema:
        moved = [key for key, value in schema.items() if movable(key, value)]
        if not moved:
            return schema
        given = schema.get("description", "")
        words = [given.rstrip(), *(sentence(key, schema[key]) for key in moved)]
        text = " ".join(word for word in words if word) + given[len(given.rstrip()) :]
        for key in moved:
            self.report.note((*pointer, key), "is said in the description now" if text else "is left out")
        ordered = in_order(schema, moved[0], {**schema, "description": text} if text else schema)
        return {key: value for key, value in ordered.items() if key not in moved}

    def _faithful(self, schema: Schema, pointer: Pointer) -> Schema:
        for key in schema:
            if key in _UNFAITHFUL:
                message = f"strict cannot say what {key} says"
                self.report.refuse("strict-keyword", (*pointer, key), message, "say it in another way, or stay without")
        return schema

    def _typed(self, schema: Schema, pointer: Pointer) -> Schema:
        if schema.keys() & _SAY_THE_TYPE:
            return schema
        values = schema["enum"] if "enum" in schema else [schema["const"]] if "const" in schema else None
        if values is None:
            self.report.refuse("strict-type", pointer, "says no type, and so admits all types", "give it a type")
            return schema
        self.report.note((*pointer, "type"), "tells now what the listed values are")
        return {"type": _types_of(values), **schema}

    def _closed(self, schema: Schema, pointer: Pointer) -> Schema:
        properties, required = schema.get("properties", {}), list(schema.get("required", []))
        self._check_object(schema, required, pointer)
        always = frozenset(required)
        optional = dict.fromkeys(name for name in properties if name not in always)
        for name in optional:
            self.report.note((*pointer, "properties", name), "was optional: is required now, null stands for left out")
        if "additionalProperties" not in schema:
            self.report.note((*pointer, "additionalProperties"), "is false now")
        said = {
            "properties": {name: nullable(inner) if name in optional else inner for name, inner in properties.items()},
            "required": [*required, *optional],
            "additionalProperties": False,
        }
        return {**schema, **said}

    def _check_object(self, schema: Schema, required: list[str], pointer: Pointer) -> None:
        free = "properties" not in schema and "additionalProperties" not in schema
        if free or schema.get("additionalProperties", False) is not False:
            place = pointer if free else (*pointer, "additionalProperties")
            message = "admits properties that are not declared, which strict cannot say"
            self.report.refuse("strict-additional-properties", place, message, "declare all properties")
        elif unknown := [name for name in required if name not in schema.get("properties", {})]:
            message = f"requires {', '.join(unknown)} without declaring it"
            self.report.refuse("strict-required", (*pointer, "required"), message, "declare it among the properties")


def _types_of(values: list[Any]) -> str | list[str]:
    numbers = [value for value in values if type_of(value) == "number"]
    number = "integer" if all(is_integer(value) for value in numbers) else "number"
    names = list(dict.fromkeys(number if type_of(value) == "number" else type_of(value) for value in values))
    return names[0] if len(names) == 1 else names
