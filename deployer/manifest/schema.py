"""Check documents against the published JSON Schema: each finding at its place, in the user's words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.manifest import sentences
from deployer.manifest.document import Document, address
from deployer.manifest.sentences import Finding
from deployer.model import Position, Problem

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator


def folder() -> Path:
    """Where the schemas are: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent.parent / "schemas"
    return inside if inside.is_dir() else inside.parent.parent / "schemas"


def load(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((folder() / name).read_text(encoding="utf-8"))
    return schema


@cache
def _validator(definition: str) -> Validator:
    """A validator for data whose variables are replaced: no `${var.…}` stands for a number any more."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    schema = load("manifest.schema.json")
    schema["$defs"]["reference"] = False
    if definition:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}
    checker = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
    validator: Validator = checker(schema)
    return validator


def _pattern(_: Validator, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if isinstance(value, str) and not _expression(pattern).search(value):
        yield ValidationError("")


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """JSON Schema's patterns are ECMA-262, where a last `$` is the end; Python's also stands before a line end."""
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))


def check(document: Document, data: Any, definition: str = "", start: str = "") -> list[Problem]:
    """Give every problem of `data`, which stands (with variables replaced) in `document`.

    `definition` names a part of the schema for files that hold only that part; "" is a whole manifest. `start` is the
    address of such a file.
    """
    findings = (_finding(error) for error in _validator(definition).iter_errors(data))
    return list(dict.fromkeys(problem for finding in findings for problem in _problems(document, finding, start)))


def _finding(error: ValidationError) -> Finding:
    properties = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    return Finding(
        keyword=str(error.validator),
        value=error.instance,
        limit=error.validator_value,
        path=tuple(error.absolute_path),
        known=tuple(properties),
        about_a_key="propertyNames" in error.absolute_schema_path,
    )


def _problems(document: Document, finding: Finding, start: str) -> Iterator[Problem]:
    """Give a problem for each key that is unknown or missing, and else one."""
    if finding.keyword == "additionalProperties":
        for key in finding.value:
            if key not in finding.known:
                place = document.key_position([*finding.path, key])
                yield Problem(*sentences.unknown(key, finding), address(finding.path, start), place)
    elif finding.keyword == "required":
        for key in sentences.missing(finding):
            place = document.key_position(finding.path)
            yield Problem(f"the key {key!r} is missing", "add it", address(finding.path, start), place)
    else:
        path = (*finding.path, str(finding.value)) if finding.about_a_key else finding.path
        yield Problem(*sentences.explain(finding), address(path, start), _place(document, finding, path))


def _place(document: Document, finding: Finding, path: tuple[str | int, ...]) -> Position:
    """Where a user looks: at the value, but at its key when it is the key that is wrong or nothing stands behind it."""
    if finding.about_a_key or finding.value is None or finding.keyword == "dependentRequired":
        return document.key_position(path)
    if finding.keyword == "uniqueItems":
        return document.position((*path, sentences.second(finding.value)))
    return document.position(path)


def misfit(name: str, data: Any) -> str | None:
    """Give what first keeps JSON data from fitting one of the published schemas; None when it fits."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(load(name)).iter_errors(data))
    return None if error is None else error.message
