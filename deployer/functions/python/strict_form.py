"""A generated schema in the strict subset: narrower than what the callable takes, never wider."""

from __future__ import annotations

import json
from typing import Any

from deployer.errors import DeployerError
from deployer.functions.python.tidy import mapped, ordered

Schema = dict[str, Any]

# public docs, guide "Structured outputs": supported properties and formats
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
_KEPT = (
    *("type", "description", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const"),
    *("$ref", "$defs", "pattern", "format", "minLength", "maxLength", "minItems", "maxItems"),
    *("multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
)
_UNKEPT = ("oneOf", "allOf", "not", "if", "then", "else", "patternProperties", "dependentSchemas", "contains")


def strict_form(schema: Schema, of: str) -> Schema:
    """Require everything and close every object; what the subset cannot say goes into the description.

    A parameter with a default is always sent then, since the callable takes no null for it; the description tells the
    model what the default is. DeployerError, beginning with `of`, where nothing faithful is left.
    """
    try:
        strict: Schema = mapped(schema, _strict)
    except _Impossible as error:
        raise DeployerError(f"{of}: {error}") from None
    return strict


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
    words = [_words(key, value) for key, value in lost.items() if value is not None]
    kept = {key: value for key, value in schema.items() if key not in lost}
    said = str(schema.get("description", "")).rstrip()
    if words and said and "\n" not in said and said[-1] not in ".!?":
        said += "."
    description = ("\n\n" if "\n" in said else " ").join(filter(None, [said, " ".join(words)]))
    return ordered({**kept, "description": description} if description else kept)


def _keeps(key: str, value: Any) -> bool:
    return value in _FORMATS if key == "format" else key in _KEPT


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
