"""Check documents against the published JSON Schema, and say what is wrong in the user's words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.manifest.document import Document
from deployer.manifest.suggest import nearest, one_of
from deployer.model import Problem

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, ValidationError

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "nothing",
}
_KINDS = {"vector_stores": "vector_store", "assistants": "assistant"}
_PATTERNS = {
    "^[a-z0-9][a-z0-9_-]{0,62}$": "use up to 63 small letters, digits, - and _, starting with a letter or digit",
    "^[A-Za-z0-9_-]{1,64}$": "use up to 64 letters, digits, - and _",
    "^[A-Za-z_][A-Za-z0-9_-]*$": "use letters, digits, - and _, starting with a letter",
    "^(https?://|\\$\\{env\\.)": "write it with http:// or https://",
    "^(?!deployer(_|$))": "choose another key: these are kept for deployer's stamp",
}
_SECRET = "^\\$\\{env\\."


def folder() -> Path:
    """Where the schemas are: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent.parent / "schemas"
    return inside if inside.is_dir() else inside.parent.parent / "schemas"


def load(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((folder() / name).read_text(encoding="utf-8"))
    return schema


@cache
def _validator(definition: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    schema = load("manifest.schema.json")
    if definition:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}
    return Draft202012Validator(schema)


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a validator found, without its library's types."""

    keyword: str
    value: Any
    limit: Any
    path: tuple[str | int, ...]
    known: tuple[str, ...]
    about_a_key: bool


def check(document: Document, data: Any, definition: str = "", address: str = "") -> list[Problem]:
    """Give every problem of `data`, which stands (perhaps with variables replaced) in `document`.

    `definition` names a part of the schema for files that hold only that part; "" is a whole manifest.
    """
    findings = (_finding(error) for error in _validator(definition).iter_errors(data))
    return [problem for finding in findings for problem in _problems(document, finding, address)]


def _finding(error: ValidationError) -> _Finding:
    properties = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    return _Finding(
        keyword=str(error.validator),
        value=error.instance,
        limit=error.validator_value,
        path=tuple(error.absolute_path),
        known=tuple(properties),
        about_a_key="propertyNames" in error.absolute_schema_path,
    )


def _problems(document: Document, finding: _Finding, address: str) -> Iterator[Problem]:
    where = _address(finding.path, address)
    if finding.keyword == "additionalProperties":
        for key in finding.value:
            if key not in finding.known:
                place = document.key_position([*finding.path, key])
                yield Problem(f"unknown key {key!r}", _key_remedy(key, finding.known), where, place)
        return
    message, remedy = _explain(finding)
    at = [*finding.path, str(finding.value)]
    place = document.key_position(at) if finding.about_a_key else document.position(finding.path)
    yield Problem(message, remedy, where, place)


def _key_remedy(key: str, known: Sequence[str]) -> str:
    if key == "function" and "parameters" in known:
        return "write the function's name, description and parameters beside type, without this level"
    return nearest(key, known, f"known here: {', '.join(known)}")


def _address(path: Sequence[str | int], start: str) -> str:
    parts = list(path)
    if not start and len(parts) > 1 and parts[0] in _KINDS:
        start = f"{_KINDS[str(parts[0])]}/{parts[1]}"
        parts = parts[2:]
    text = start
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _explain(finding: _Finding) -> tuple[str, str]:
    """What is wrong and what to do, for each keyword that the manifest's schema uses."""
    value, limit = finding.value, finding.limit
    match finding.keyword:
        case "type":
            return f"this is {_kind(value)}", f"it must be {_type_names(limit)}"
        case "required":
            return f"the key {next(key for key in limit if key not in value)!r} is missing", "add it"
        case "dependentRequired":
            return "an account with a base_url needs an api_key", "add api_key: ${env.NAME}"
        case "enum":
            return f"{_show(value)} is not allowed", nearest(str(value), map(str, limit), one_of(map(str, limit)))
        case "const":
            return f"{_show(value)} is not allowed", f"it must be {_show(limit)}"
        case "pattern":
            return _pattern(value, limit)
        case _:
            return _limit(finding)


def _pattern(value: str, pattern: str) -> tuple[str, str]:
    if pattern.startswith(_SECRET):
        return "a secret stands here as text", "write ${env.NAME} and set that environment variable"
    return f"{_show(value)} is not allowed here", _PATTERNS.get(pattern, f"it must match {pattern}")


def _limit(finding: _Finding) -> tuple[str, str]:
    value, limit = finding.value, finding.limit
    sentences = {
        "maxLength": (f"{_length(value)} characters are too many", f"the limit is {limit}"),
        "minLength": ("this is empty", "write something, or remove the key"),
        "maxItems": (f"{_length(value)} items are too many", f"the limit is {limit}"),
        "minItems": ("this list is empty", "add an item, or remove the key"),
        "maxProperties": (f"{_length(value)} pairs are too many", f"the limit is {limit}"),
        "uniqueItems": ("an item stands twice", "remove one"),
        "minimum": (f"{_show(value)} is too small", f"the least is {limit}"),
        "maximum": (f"{_show(value)} is too large", f"the most is {limit}"),
    }
    return sentences[finding.keyword]


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, dict)) else 0


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    names: Mapping[type, str] = {dict: "a mapping", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(value), "a number")


def _type_names(names: str | Sequence[str]) -> str:
    chosen = [names] if isinstance(names, str) else names
    return " or ".join(_TYPES[name] for name in chosen)


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
