"""Check documents against the published JSON Schema: each finding at its place, in the user's words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.kinds.carries import LOSABLE
from deployer.manifest.document import SourceDocument
from deployer.manifest.suggest import nearest, one_of
from deployer.model import Position, Problem
from deployer.wording import cut

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

_KEY = "[a-z0-9][a-z0-9_-]{0,62}$"
_OF_THE_MANIFEST = "fragments/manifest.json"
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
    "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$": "use letters, digits and hyphens, none of these at an end",
    "^[A-Za-z_][A-Za-z0-9_-]*$": "use letters, digits, - and _, starting with a letter or _",
    "^(https?://|\\$\\{(env|file|cmd|row)\\.)": "write it with http:// or https://",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "write a day as '2027-01-31'",
    "^(?!deployer(_|$))": "choose another key: these are kept for deployer's stamp",
    "^(?!deployer)": "choose another key: these are kept for deployer's own attributes",
}
_ENVIRONMENT = "^\\$\\{(env\\."
_INSTEAD = {
    "fleet": "only the manifest itself has it, not what it includes",
    "policies": "only the manifest itself has them, not what it includes",
    "project": "only the manifest itself has it, not what it includes",
}
_TAKEN = {13: "three are our stamp", 12: "four are our own"}  # of the pairs of metadata, and of attributes
_NESTED = ("function", "file_search", "code_interpreter")
_FEW_KEYS = 6  # are named where a mapping is missing


def folder() -> Path:
    """Return where the schemas are: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent.parent / "schemas"
    return inside if inside.is_dir() else inside.parent.parent / "schemas"


def load(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((folder() / name).read_text(encoding="utf-8"))
    return schema


def of_fragments() -> dict[str, Any]:
    """Return the published schema of files that a manifest includes."""
    whole = load("manifest.schema.json")
    head = {
        "$schema": whole["$schema"],
        "$id": f"{whole['$id']}:fragment",
        "title": f"{whole['title']}: included files",
    }
    return {**head, **whole["$defs"]["fragment"], "$defs": whole["$defs"]}


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a kind brings to the manifest's schema: the schema of one entry of its section.

    Its `description` is that of the section, its `$defs` stand beside those of the manifest, which it may use
    (`metadata`, `flag`, `path`, …). `remedies` say what to write instead of keys that people bring from the API.
    """

    section: str
    kind: str
    schema: Mapping[str, Any]
    remedies: Mapping[str, str]


def assembled(fragments: Sequence[Fragment], surfaces: Sequence[str], hints: Sequence[str]) -> dict[str, Any]:
    """Return the schema of a whole manifest. `#/$defs/KIND` is an entry of a kind, `#/$defs/SECTION` all of them.

    `surfaces` are what an account can speak (`api:`), `hints` the rules that can be silenced.
    """
    result = load(_OF_THE_MANIFEST)
    definitions = result["$defs"]
    definitions["address"] = {"type": "string", "pattern": _addresses(fragments)}
    definitions["api"] = {"description": "The surface: which API the account speaks.", "enum": list(surfaces)}
    definitions["loss"] = {"enum": list(LOSABLE)}
    result["properties"]["silence"]["items"] = {"enum": list(hints)}
    for one in fragments:
        entry = dict(one.schema)
        definitions |= entry.pop("$defs", {})
        definitions[one.section] = {
            **({"description": entry.pop("description")} if "description" in entry else {}),
            "type": "object",
            "propertyNames": {"$ref": "#/$defs/key"},
            "additionalProperties": {"$ref": f"#/$defs/{one.kind}"},
        }
        definitions[one.kind] = entry
    for owner in (result, definitions["fragment"]):
        moved = owner["properties"].pop("moved")
        owner["properties"] |= {one.section: {"$ref": f"#/$defs/{one.section}"} for one in fragments}
        owner["properties"]["moved"] = moved
    return result


def _addresses(fragments: Sequence[Fragment]) -> str:
    return f"^({'|'.join(sorted(one.kind for one in fragments))})/{_KEY}"


class ManifestSchema:
    """The schema of manifests whose sections are those of `fragments`, and what to say where a document breaks it."""

    def __init__(self, fragments: Sequence[Fragment], surfaces: Sequence[str], hints: Sequence[str] = ()) -> None:
        self._fragments = fragments
        self.data = assembled(fragments, surfaces, hints)
        self._validators: dict[str, Validator] = {}
        kinds = " or ".join(f"{kind}/KEY" for kind in sorted(one.kind for one in fragments))
        self.patterns = {**_PATTERNS, _addresses(fragments): f"write {kinds}"}

    def _validator(self, definition: str) -> Validator:
        """Return a validator for data whose variables are replaced: no `${var.…}` stands for a number any more."""
        if definition not in self._validators:
            from jsonschema import Draft202012Validator
            from jsonschema.validators import extend

            schema = {**self.data, "$defs": {**self.data["$defs"], "reference": False}}
            if definition:
                schema = {name: schema[name] for name in ("$schema", "$defs")} | {"$ref": f"#/$defs/{definition}"}
            checker = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
            self._validators[definition] = checker(schema)
        return self._validators[definition]

    def check(self, document: SourceDocument, data: Any, definition: str = "", start: str = "") -> list[Problem]:
        """Return every problem of `data`, which stands (with variables replaced) in `document`.

        `definition` names a part of the schema for files that hold only that part; "" is a whole manifest. `start` is
        the address of such a file.
        """
        findings = (_finding(error) for error in self._validator(definition).iter_errors(data))
        return list(
            dict.fromkeys(
                problem for finding in findings for problem in self._problems(document, finding, definition, start)
            )
        )

    def accepted(self, kind: str, value: Any) -> dict[str, Any]:
        """Return the fields of an entry that fit the schema; in its lists, None stands for an item that does not."""
        properties = self.data["$defs"][kind]["properties"]
        fields = value.items() if isinstance(value, dict) else ()
        result: dict[str, Any] = {}
        for name, item in ((name, item) for name, item in fields if name in properties):
            rules, place = properties[name], f"{kind}/properties/{name}"
            if "items" in rules and isinstance(item, list) and len(item) <= rules.get("maxItems", len(item)):
                fits = self._validator(f"{place}/items").is_valid
                result[name] = [one if fits(one) else None for one in item]
            elif self._validator(place).is_valid(item):
                result[name] = item
        return result

    def _problems(
        self, document: SourceDocument, finding: SchemaFinding, definition: str, start: str
    ) -> Iterator[Problem]:
        """Return a problem for each key that is unknown or missing, and else one."""
        where = document.address(finding.path, start)
        if finding.keyword == "additionalProperties":
            remedies = self._remedies(finding, definition)
            for key in finding.value:
                if key not in finding.known:
                    place = document.key_position([*finding.path, key])
                    yield Problem(*_unknown(key, finding, remedies), where, place)
        elif finding.keyword == "required":
            for key in _missing(finding):
                remedy = f"add {key}: {finding.only[key]}" if key in finding.only else "add it"
                yield Problem(f"the key {key!r} is missing", remedy, where, document.key_position(finding.path))
        else:
            path = (*finding.path, str(finding.value)) if finding.about_a_key else finding.path
            place = _place(document, finding, path)
            yield Problem(*explain(finding, self.patterns), document.address(path, start), place)

    def _remedies(self, finding: SchemaFinding, definition: str) -> Mapping[str, str]:
        """Return what to write instead of keys, where the finding is in an entry or a definition of a kind."""
        whole = definition in ("", "fragment")
        for one in self._fragments:
            here = finding.path[:1] == (one.section,) if whole else definition in one.schema.get("$defs", {})
            if here:
                return {**_INSTEAD, **one.remedies}
        return _INSTEAD


def _pattern(_: Validator, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if isinstance(value, str) and not _expression(pattern).search(value):
        yield ValidationError("")


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """JSON Schema's patterns are ECMA-262, where a last `$` is the end; Python's also stands before a line end."""
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern))


def _finding(error: ValidationError) -> SchemaFinding:
    properties = error.schema.get("properties", {}) if isinstance(error.schema, Mapping) else {}
    return SchemaFinding(
        keyword=str(error.validator),
        value=error.instance,
        limit=error.validator_value,
        path=tuple(error.absolute_path),
        known=tuple(properties),
        about_a_key="propertyNames" in error.absolute_schema_path,
        only=dict(_only(properties)),
    )


def _only(properties: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Return the keys that can have but one value, with that."""
    for name, rules in properties.items():
        if not isinstance(rules, dict):
            continue
        values = [rules["const"]] if "const" in rules else rules.get("enum", ())
        if len(values) == 1:
            yield name, values[0]


def _place(document: SourceDocument, finding: SchemaFinding, path: tuple[str | int, ...]) -> Position:
    """Return where a user looks: at the value, but at its key when that is wrong or nothing stands behind it."""
    if finding.about_a_key or finding.value is None or finding.keyword == "dependentRequired":
        return document.key_position(path)
    if finding.keyword == "uniqueItems":
        return document.position((*path, _second(finding.value)))
    return document.position(path)


def misfit(name: str, data: Any) -> str | None:
    """Return what first keeps JSON data from fitting one of the published schemas; None when it fits."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(load(name)).iter_errors(data))
    return None if error is None else error.message


@dataclass(frozen=True, slots=True)
class SchemaFinding:
    """What a validator found, without its library's types."""

    keyword: str
    value: Any
    limit: Any
    path: tuple[str | int, ...]
    known: tuple[str, ...]
    about_a_key: bool
    only: Mapping[str, Any] = field(default_factory=dict)


def _unknown(key: str, finding: SchemaFinding, remedies: Mapping[str, str]) -> tuple[str, str]:
    if key in _NESTED and isinstance(finding.value[key], dict):
        return f"unknown key {key!r}", "write what is inside it beside type, without this level"
    otherwise = f"known here: {', '.join(finding.known)}"
    return f"unknown key {key!r}", remedies.get(key) or nearest(key, finding.known, otherwise)


def _missing(finding: SchemaFinding) -> list[str]:
    """Return the keys that are missing, but not a name one level too deep: there the level is what is wrong."""
    nested = isinstance(finding.value.get("function"), dict)
    return [key for key in finding.limit if key not in finding.value and not (nested and key == "name")]


def explain(finding: SchemaFinding, patterns: Mapping[str, str]) -> tuple[str, str]:  # noqa: PLR0911 (a table of cases)
    value, limit = finding.value, finding.limit
    match finding.keyword:
        case "type":
            return _type(finding, [limit] if isinstance(limit, str) else limit)
        case "dependentRequired":
            if "base_url" in value:
                return "an account with a base_url needs an api_key", "add api_key: ${env.NAME}"
            return "an api_key without a base_url", "add the base_url; without one, an account is an embedded one"
        case "enum" if finding.path[:1] == ("silence",):
            return f"{value!r} is no hint that can be silenced", nearest(str(value), limit, one_of(limit))
        case "enum" if limit == ["auto", None]:
            return f"{_show(value)} is not allowed", "write auto, or a mapping such as {type: json_object}"
        case "enum":
            words = [str(one) for one in limit if one is not None]
            return f"{_show(value)} is not allowed", nearest(str(value), words, one_of(words))
        case "const" if limit == "none":
            return f"{_show(value)} is not allowed", "write a number, or none for no limit"
        case "const":
            return f"{_show(value)} is not allowed", f"it must be {_show(limit)}"
        case "pattern":
            return _wrong_pattern(value, limit, patterns)
        case _:
            return _limit(finding)


def _second(items: Sequence[Any]) -> int:
    """Return the index of the first item that stood before."""
    seen: set[str] = set()
    for index, item in enumerate(items):
        text = json.dumps(item, sort_keys=True)
        if text in seen:
            return index
        seen.add(text)
    return 0  # equal in JSON Schema alone, as 1 and 1.0 are


def _type(finding: SchemaFinding, names: Sequence[str]) -> tuple[str, str]:
    value, expected = finding.value, " or ".join(_TYPES[name] for name in names if name != "null")
    if names == ["object"] and 0 < len(finding.known) <= _FEW_KEYS:
        expected = f"{expected} with {', '.join(finding.known)}"
    if value is None:
        return "nothing stands here", f"it must be {expected}: fill it in, or remove it"
    if isinstance(value, dict | list):
        return f"this is {'a mapping' if isinstance(value, dict) else 'a list'}", f"it must be {expected}"
    if key := _key_around(finding.path):
        is_path = key == "type" and isinstance(value, str) and ("/" in value or "." in value)
        instead = f"type: function, file: {value}" if is_path else f"{key}: {_show(value)}"
        return "this is not a mapping", f"write {{{instead}}}"
    if isinstance(value, str):
        return "this is text", f"it must be {expected}"
    if "string" in names:
        return "this is not text", "put it in quotes"
    return f"{_show(value)} stands here", f"it must be {expected}"


def _key_around(path: tuple[str | int, ...]) -> str | None:
    """Return the key that is missing around a value where people write the value alone."""
    match path:
        case ("variables", _):
            return "default"
        case (*_, "tools", int()):
            return "type"
    return None


def _wrong_pattern(value: str, pattern: str, patterns: Mapping[str, str]) -> tuple[str, str]:
    if pattern.startswith(_ENVIRONMENT):
        return (
            "a key may stand here only as ${env.NAME}, ${file.PATH} or ${cmd.COMMAND}",
            "set that environment variable",
        )
    return f"{_show(value)} is not allowed here", patterns.get(pattern, f"it must match {pattern}")


def _limit(finding: SchemaFinding) -> tuple[str, str]:
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
