"""The form of a generated schema: readable, such that an API takes it, and on request in the strict subset."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from deployer.errors import DeployerError
from deployer.functions.checks.strict import FORMATS
from deployer.functions.python.agreement import NOT_REQUIRED
from deployer.functions.strictness.fix import nullable
from deployer.functions.strictness.prose import joined, tells_default

Schema = dict[str, Any]

_ONE = ("items", "additionalProperties", "propertyNames", "contains", "not")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs")
_SCALARS = ("string", "integer", "number", "boolean")
_FIXED = {"enum", "const"}
_OF_PYTHON = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}


def tidy(schema: Schema) -> Schema:
    """Without titles and indirections that are used once; nullable scalars short; every array has items."""
    return _inlined(mapped(schema, _tidy))


def mapped(schema: Any, change: Callable[[Schema], Schema]) -> Any:
    """Apply `change` to a schema and all schemas inside of it, the inner ones first."""
    if not isinstance(schema, dict):
        return schema  # true, false
    return change({key: _inside(key, value, change) for key, value in schema.items()})


def _inside(key: str, value: Any, change: Callable[[Schema], Schema]) -> Any:
    if key in _NAMED and isinstance(value, dict):
        return {name: mapped(schema, change) for name, schema in value.items()}
    if key in _MANY and isinstance(value, list):
        return [mapped(schema, change) for schema in value]
    return mapped(value, change) if key in _ONE else value


def ordered(schema: Schema) -> Schema:
    """Put what a reader looks for first in front, and the default last."""
    front = {key: schema[key] for key in ("type", "description") if key in schema}
    last = {"default": schema["default"]} if "default" in schema else {}
    return front | {key: value for key, value in schema.items() if key != "default"} | last


def _tidy(schema: Schema) -> Schema:
    result = {key: value for key, value in schema.items() if key not in ("title", "discriminator", NOT_REQUIRED)}
    if "discriminator" in schema and "oneOf" in result:  # OpenAPI's word; the constants tell the branches apart
        result["anyOf"] = result.pop("oneOf")
    if {} in result.get("anyOf", []):  # Any | None
        del result["anyOf"]
    if "enum" in result and "type" not in result:
        types = list(dict.fromkeys(_OF_PYTHON[type(value)] for value in result["enum"] if type(value) in _OF_PYTHON))
        result["type"] = types if len(types) > 1 else types[0]
    if result.get("type") == "array" and "items" not in result:  # without it the API refuses, also beside prefixItems
        result["items"] = _any_of(result.get("prefixItems", []))
    return ordered(_short_null(result))


def _any_of(schemas: list[Schema]) -> Schema:
    """Return one schema that admits what any of these admits."""
    plain = [{key: value for key, value in schema.items() if key != "default"} for schema in schemas]
    distinct = [schema for place, schema in enumerate(plain) if schema not in plain[:place]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct} if distinct else {}


def _short_null(schema: Schema) -> Schema:
    """`anyOf: [{type: string}, {type: null}]` is `type: [string, null]`."""
    match schema.get("anyOf"):
        case [{"type": str(kind)} as branch, {"type": "null"}] if kind in _SCALARS and not _FIXED & branch.keys():
            rest = {key: value for key, value in schema.items() if key != "anyOf"}
            return {**branch, **rest, "type": [kind, "null"]}
    return schema


def _inlined(root: Schema) -> Schema:
    """Put a definition where it is used, if that is one place; what contains itself is always used twice."""
    definitions = root.get("$defs", {})
    uses = Counter[str]()
    mapped(root, lambda schema: uses.update(_used(schema)) or schema)
    once = {name for name in definitions if uses[name] == 1}

    def put(schema: Schema) -> Schema:
        name, *_ = *_used(schema), ""
        if name not in once:
            return schema
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return ordered({**mapped(definitions[name], put), **rest})

    body = mapped({key: value for key, value in root.items() if key != "$defs"}, put)
    kept = {name: mapped(schema, put) for name, schema in definitions.items() if name not in once and uses[name]}
    return {**body, "$defs": kept} if kept else dict(body)


def _used(schema: Schema) -> list[str]:
    return [str(schema["$ref"]).removeprefix("#/$defs/")] if "$ref" in schema else []


# public docs, guide "Structured outputs": supported properties and formats
_KEPT = (
    *("type", "description", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const"),
    *("$ref", "$defs", "pattern", "format", "minLength", "maxLength", "minItems", "maxItems"),
    *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
)
_UNKEPT = ("oneOf", "allOf", "not", "if", "then", "else", "patternProperties", "dependentSchemas", "contains")


def strict_form(schema: Schema, of: str) -> Schema:
    """Require everything and close every object; what the subset cannot say goes into the description.

    A parameter with a default is always sent, since the callable takes no null for it; the description tells the
    model what the default is. DeployerError, beginning with `of`, where nothing faithful is left.
    """
    try:
        strict: Schema = mapped(schema, _strict)
    except _Impossible as error:
        raise DeployerError(f"{of}: {error}") from None
    return strict


def optional_as_null(schema: Schema) -> Schema:
    """Let null stand for the keys that a TypedDict may lack: strict requires everything."""
    changed: Schema = mapped(schema, lambda one: _unmarked(nullable(one)) if NOT_REQUIRED in one else one)
    return changed


def _unmarked(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != NOT_REQUIRED}


class _Impossible(Exception):  # noqa: N818 (never leaves this module)
    pass


def _strict(schema: Schema) -> Schema:
    for keyword in _UNKEPT:
        if keyword in schema:
            raise _Impossible(f"strict schemas know no {keyword}; choose a simpler type, or leave --strict out")
    if not {"type", "anyOf", "$ref"} & schema.keys():
        raise _Impossible("any value is taken here, but strict wants a type; annotate it precisely")
    if "object" in _types(schema):
        schema = _closed(schema)
    schema = {key: value for key, value in schema.items() if key != "prefixItems"}  # `items` admits them all
    return _alone(_told(schema))


def _types(schema: Schema) -> list[str]:
    types = schema.get("type", [])
    return types if isinstance(types, list) else [types]


def _closed(schema: Schema) -> Schema:
    if "properties" not in schema:
        raise _Impossible("strict has no objects with free keys; use a TypedDict or dataclass, or a list of pairs")
    return {**schema, "required": [*schema["properties"]], "additionalProperties": False}


def _told(schema: Schema) -> Schema:
    """Move what is not supported into the description, where a model reads it too."""
    lost = {key: value for key, value in schema.items() if not _keeps(key, value)}
    said = str(schema.get("description", "")).rstrip()
    words = [_words(key, value) for key, value in lost.items() if value is not None and not _is_said(said, key, value)]
    kept = {key: value for key, value in schema.items() if key not in lost}
    description = f"{said}\n\n{' '.join(words)}" if words and "\n" in said else joined(said, words)
    return ordered({**kept, "description": description} if description else kept)


def _is_said(description: str, key: str, value: Any) -> bool:
    return key == "default" and tells_default(description, value)


def _keeps(key: str, value: Any) -> bool:
    return value in FORMATS if key == "format" else key in _KEPT


def _words(key: str, value: Any) -> str:
    if key == "uniqueItems":
        return "No item occurs twice."
    return f"{key.capitalize()}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}."


def _alone(schema: Schema) -> Schema:
    """A `$ref` of a strict schema has no neighbours (the SDK's own helper, `_ensure_strict_json_schema`)."""
    if "$ref" not in schema or len(schema) == 1:
        return schema
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**rest, "anyOf": [{"$ref": schema["$ref"]}]}
