"""What is wrong and what to do, in the user's words, for each keyword that the manifest's schema uses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.manifest.suggest import nearest, one_of
from deployer.wording import cut

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}
_PATTERNS = {
    "^[a-z0-9][a-z0-9_-]{0,62}$": "use up to 63 small letters, digits, - and _, starting with a letter or digit",
    "^[A-Za-z0-9_-]{1,64}$": "use up to 64 letters, digits, - and _",
    "^[A-Za-z_][A-Za-z0-9_-]*$": "use letters, digits, - and _, starting with a letter or _",
    "^(https?://|\\$\\{env\\.)": "write it with http:// or https://",
    "^(?!deployer(_|$))": "choose another key: these are kept for deployer's stamp",
    "^(?!deployer)": "choose another key: these are kept for deployer's own attributes",
    "^(assistant|vector_store)/[a-z0-9][a-z0-9_-]{0,62}$": "write assistant/KEY or vector_store/KEY",
}
_ENVIRONMENT = "^\\$\\{env\\."
# What people bring from the API, and how it is said here.
_INSTEAD = {
    "tool_resources": "name the stores in the tool: {type: file_search, vector_stores: [KEY]}",
    "vector_store_ids": "name stores of this manifest: vector_stores: [KEY]",
    "file_ids": "put the files into a vector store: vector_stores: {KEY: {files: [GLOB]}}",
    "glob": "write path: GLOB",
    "url": "write path: URL",
    "project": "only the manifest itself has it, not what it includes",
}
_TAKEN = {13: "three are our stamp", 12: "four are our own"}  # of the pairs of metadata, and of attributes
_NESTED = ("function", "file_search", "code_interpreter")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a validator found, without its library's types."""

    keyword: str
    value: Any
    limit: Any
    path: tuple[str | int, ...]
    known: tuple[str, ...]
    about_a_key: bool


def unknown(key: str, finding: Finding) -> tuple[str, str]:
    if key in _NESTED and isinstance(finding.value[key], dict):
        return f"unknown key {key!r}", "write what is inside it beside type, without this level"
    otherwise = f"known here: {', '.join(finding.known)}"
    return f"unknown key {key!r}", _INSTEAD.get(key) or nearest(key, finding.known, otherwise)


def missing(finding: Finding) -> list[str]:
    """Give the keys that are missing, but not a name one level too deep: there the level is what is wrong."""
    nested = isinstance(finding.value.get("function"), dict)
    return [key for key in finding.limit if key not in finding.value and not (nested and key == "name")]


def explain(finding: Finding) -> tuple[str, str]:  # noqa: PLR0911 (a table of cases)
    value, limit = finding.value, finding.limit
    match finding.keyword:
        case "type":
            return _type(finding, [limit] if isinstance(limit, str) else limit)
        case "dependentRequired":
            if "base_url" in value:
                return "an account with a base_url needs an api_key", "add api_key: ${env.NAME}"
            return "an api_key without a base_url", "add the base_url; without one, an account is an embedded one"
        case "enum":
            return f"{_show(value)} is not allowed", nearest(str(value), map(str, limit), one_of(map(str, limit)))
        case "const" if limit == "auto":
            return f"{_show(value)} is not allowed", "write auto, or a mapping such as {type: json_object}"
        case "const" if limit == "none":
            return f"{_show(value)} is not allowed", "write a number, or none for no limit"
        case "const":
            return f"{_show(value)} is not allowed", f"it must be {_show(limit)}"
        case "pattern":
            return _pattern(value, limit)
        case _:
            return _limit(finding)


def second(items: Sequence[Any]) -> int:
    """Give the index of the first item that stood before."""
    return next(index for index, item in enumerate(items) if item in items[:index])


def _type(finding: Finding, names: Sequence[str]) -> tuple[str, str]:
    value, expected = finding.value, " or ".join(_TYPES[name] for name in names)
    if value is None:
        return "nothing stands here", f"it must be {expected}: fill it in, or remove it"
    if isinstance(value, dict | list):
        return f"this is {'a mapping' if isinstance(value, dict) else 'a list'}", f"it must be {expected}"
    if key := _key_around(finding.path):
        return "this is not a mapping", f"write {{{key}: {_show(value)}}}"
    if isinstance(value, str):
        return "this is text", f"it must be {expected}"
    if "string" in names:
        return "this is not text", "put it in quotes"
    return f"{_show(value)} stands here", f"it must be {expected}"


def _key_around(path: tuple[str | int, ...]) -> str | None:
    """Give the key that is missing around a value where people write the value alone."""
    match path:
        case ("variables", _):
            return "default"
        case (*_, "tools", int()):
            return "type"
    return None


def _pattern(value: str, pattern: str) -> tuple[str, str]:
    if pattern.startswith(_ENVIRONMENT):
        return "a key may stand here only as ${env.NAME}", "set that environment variable"
    return f"{_show(value)} is not allowed here", _PATTERNS.get(pattern, f"it must match {pattern}")


def _limit(finding: Finding) -> tuple[str, str]:
    value, limit = finding.value, finding.limit
    size = len(value) if isinstance(value, str | list | dict) else 0
    sentences: Mapping[str, tuple[str, str]] = {
        "maxLength": (f"{size:,} characters are too many", f"the limit is {limit:,}"),
        "minLength": ("this is empty", "write something, or remove the key"),
        "maxItems": (f"{size} items are too many", f"the limit is {limit}"),
        "minItems": ("this list is empty", "add an item, or remove the key"),
        "maxProperties": (f"{size} pairs are too many", f"the limit is {limit}: the API has 16, {_TAKEN.get(limit)}"),
        "uniqueItems": ("the same item stands before", "remove one"),
        "minimum": (f"{_show(value)} is too small", f"the least is {limit}"),
        "maximum": (f"{_show(value)} is too large", f"the most is {limit}"),
    }
    return sentences[finding.keyword]


def _show(value: Any) -> str:
    return cut(json.dumps(value, ensure_ascii=False), 60)
