"""Names of types that other languages and vendors use, and what JSON Schema calls them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

TYPES = ("null", "boolean", "object", "array", "number", "string", "integer")

# JSON Schema's name (None: any value, so no `type`), then the other names for it
_ALSO = (
    ("object", ("dict", "dictionary", "map", "hashmap", "record", "struct", "json", "mapping")),
    ("number", ("float", "double", "decimal", "real", "float32", "float64", "numeric")),
    ("integer", ("int", "long", "short", "byte", "bigint", "int32", "int64", "uint")),
    ("boolean", ("bool",)),
    ("string", ("str", "text", "char", "varchar", "date", "datetime", "date-time", "time", "uuid", "uri", "url")),
    ("string", ("email", "file", "enum", "bytes")),
    ("array", ("list", "tuple", "set", "arraylist", "sequence", "vector")),
    ("null", ("none", "nil", "void", "undefined", "nonetype")),
    (None, ("any", "mixed", "unknown", "variant")),
)
_NAMES: Mapping[str, str | None] = MappingProxyType({other: name for name, others in _ALSO for other in others})
_FORMATS = MappingProxyType({"datetime": "date-time"} | {name: name for name in ("date", "date-time", "time", "uuid")})


def meant(name: str) -> str | None:
    """Return the type that a name means: itself when it is right or unknown, None when it stands for any value."""
    if name in TYPES:
        return name
    plain = name.strip().lower()
    return plain if plain in TYPES else _NAMES.get(plain, name)


def foreign(name: Any) -> bool:
    """Whether the name belongs to another dialect (and not: is merely unknown)."""
    if not isinstance(name, str) or name in TYPES:
        return False
    plain = name.strip().lower()
    return plain in TYPES or plain in _NAMES


def correction(name: str) -> str:
    """Return what to write instead of a foreign name."""
    right = meant(name)
    if right is None:
        return "leave `type` out (any value is taken then), or list the types that can occur"
    form = _FORMATS.get(name.strip().lower())
    return f"write `type: {right}`" + (f" with `format: {form}`" if form else "")


def types(schema: Any) -> tuple[str, ...]:
    """Return the types that a schema names, in JSON Schema's words; what is no name is passed over."""
    said = schema.get("type") if isinstance(schema, dict) else None
    names = said if isinstance(said, list) else [said]
    return tuple(right for name in names if isinstance(name, str) and (right := meant(name)) is not None)
