"""Make a function strict without changing what its schema means, or say why that cannot be done.

What stays the same: arguments that were valid before and have no undeclared property are valid after, once the optional
properties that they leave out are null. A function is made strict as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deployer.functions.check import check_function
from deployer.functions.checks.always import format_of
from deployer.functions.checks.keywords import meant
from deployer.functions.compatibility.shapes import Reader, Undecidable, is_annotation, merge
from deployer.functions.rules import Finding
from deployer.functions.strictness.prose import joined, movable, said
from deployer.functions.tree import Node, References
from deployer.functions.values import is_integer, type_of
from deployer.model import Severity

_NULL = {"type": "null"}


def admits_null(schema: Mapping[str, Any]) -> bool:
    """Whether a strict schema admits null already; not known of a `$ref`."""
    if "anyOf" in schema:
        return any(admits_null(branch) for branch in schema["anyOf"])
    if "null" not in types(schema):
        return False
    return schema.get("const") is None and None in schema.get("enum", [None])


def types(schema: Mapping[str, Any]) -> list[str]:
    """The value of `type` as a list."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a strict schema that admits null and what the given one admits; keys keep their order."""
    if admits_null(schema):
        return dict(schema)
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], _NULL]}
    if "$ref" in schema:
        return {"anyOf": [dict(schema), _NULL]}
    result: dict[str, Any] = {}
    for key, value in schema.items():
        result.update(_with_null(key, value, schema))
    return result


def _with_null(key: str, value: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    if key == "const":
        return {"enum": [value, None]} if value is not None else {key: value}
    if key == "enum":
        return {key: value if None in value else [*value, None]}
    if key == "type" and "null" not in types(schema):
        return {key: [*types(schema), "null"]}
    return {key: value}


Pointer = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """What was changed; `pointer` is a path in the given or the changed function."""

    pointer: Pointer
    message: str


class RewriteReport:
    """Gathers notes and refusals, in the order of the schema."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.refusals: list[Finding] = []

    def note(self, pointer: Pointer, message: str) -> None:
        self.notes.append(Note(pointer, message))

    def refuse(self, rule: str, pointer: Pointer, message: str, remedy: str) -> None:
        """Say what cannot be done faithfully; `rule` is what the schema would still break."""
        self.refusals.append(Finding(rule, pointer, message, remedy))


Schema = dict[str, Any]


def all_of(schema: Schema, pointer: Pointer, report: RewriteReport) -> Schema:
    """Merge `allOf` into the schema that it stands in; what stands outside has the last word in annotations."""
    if "allOf" not in schema:
        return schema
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    try:
        for part in schema["allOf"]:
            merged = {**_annotations(part), **merge(merged, part)}
    except Undecidable as reason:
        report.refuse("strict-keyword", (*pointer, "allOf"), f"the schema {reason}", "write it as one schema")
        return schema
    report.note((*pointer, "allOf"), "is merged into the schema that it stood in")
    return all_of(in_order(schema, "allOf", merged), pointer, report)


def _annotations(part: Any) -> Schema:
    return {key: value for key, value in part.items() if is_annotation(key)} if isinstance(part, Mapping) else {}


def one_of(schema: Schema, pointer: Pointer, report: RewriteReport, reader: Reader) -> Schema:
    """Make `oneOf` an `anyOf` where no value can match two branches."""
    if "oneOf" not in schema:
        return schema
    place = (*pointer, "oneOf")
    if "anyOf" in schema:
        report.refuse("strict-keyword", place, "oneOf stands beside anyOf", "write it as one anyOf")
        return schema
    try:
        reader.shapes({"oneOf": schema["oneOf"]}, place)
    except Undecidable as reason:
        remedy = "give the branches different types, or a required property with different constants"
        report.refuse("strict-keyword", place, f"the schema {reason}", remedy)
        return schema
    report.note((*pointer, "anyOf"), "was oneOf; its branches exclude each other anyway")
    return {"anyOf" if key == "oneOf" else key: value for key, value in schema.items()}


def alone(schema: Schema, pointer: Pointer, report: RewriteReport) -> Schema:
    """Leave only annotations beside `anyOf`, and nothing beside `$ref`."""
    combined = next((key for key in ("$ref", "anyOf") if key in schema), None)
    if combined is None:
        return schema
    if combined == "anyOf" and _implied(schema, pointer):
        report.note((*pointer, "type"), "is left out beside anyOf, whose branches say it")
        schema = {key: value for key, value in schema.items() if key != "type"}
    _refuse_others(schema, combined, pointer, report)
    if combined == "anyOf" or len(schema) == 1:
        return schema
    report.note((*pointer, "$ref"), "stands in an anyOf now, since nothing may stand beside it")
    wrapped = {"anyOf": [{"$ref": schema["$ref"]}]}
    return dict(pair for key, value in schema.items() for pair in (wrapped if key == "$ref" else {key: value}).items())


def _implied(schema: Schema, pointer: Pointer) -> bool:
    """Whether all branches are of the types that stand beside them; the root must say its type in any case."""
    if "type" not in schema or len(pointer) == 1:
        return False
    named = [types(branch) if isinstance(branch, Mapping) else [] for branch in schema["anyOf"]]
    return all(names and {*names} <= {*types(schema)} for names in named)


def _refuse_others(schema: Schema, combined: str, pointer: Pointer, report: RewriteReport) -> None:
    allowed = ("$defs", "definitions", combined)
    if others := [key for key in schema if key not in allowed and not is_annotation(key)]:
        rule = "strict-reference-alone" if combined == "$ref" else "strict-keyword"
        message = f"{' and '.join(others)} beside {combined}: both count, and strict takes only one"
        report.refuse(rule, (*pointer, combined), message, f"move the rest into what {combined} names")


def in_order(schema: Schema, key: str, result: Schema) -> Schema:
    """Return `result` in the order of `schema`; what is new stands where `key` stood."""
    new = [name for name in result if name not in schema]
    order = [name for one in schema for name in ([*new, one] if one == key else [one]) if name in result]
    return {name: result[name] for name in order}


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
        self.report = RewriteReport()

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
        schema = self._faithful(self._prose(self._patterned(schema, pointer), pointer), pointer)
        schema = self._typed(alone(schema, pointer, self.report), pointer)
        schema = {key: self._inside(key, value, (*pointer, key)) for key, value in schema.items()}
        return self._closed(schema, pointer) if "object" in types(schema) else schema

    def _inside(self, key: str, value: Any, pointer: Pointer) -> Any:
        if key in ("properties", "$defs", "definitions"):
            return {name: self._schema(inner, (*pointer, name)) for name, inner in value.items()}
        if key == "anyOf":
            return [self._schema(inner, (*pointer, index)) for index, inner in enumerate(value)]
        return self._schema(value, pointer) if key == "items" else value

    def _patterned(self, schema: Schema, pointer: Pointer) -> Schema:
        """A pattern that a library made for a format becomes that format: strict has no lookaround."""
        form = format_of(schema["pattern"]) if isinstance(schema.get("pattern"), str) else None
        if form is None or schema.get("format", form) != form:
            return schema
        self.report.note((*pointer, "format"), "stands for the pattern now")
        kept = {key: value for key, value in schema.items() if key != "format"}
        return {
            "format" if key == "pattern" else key: form if key == "pattern" else value for key, value in kept.items()
        }

    def _prose(self, schema: Schema, pointer: Pointer) -> Schema:
        moved = [key for key, value in schema.items() if movable(key, value)]
        if not moved:
            return schema
        given = schema.get("description", "")
        words = {key: said(given, key, schema[key]) for key in moved}
        text = joined(given, list(words.values()))
        for key, word in words.items():
            self.report.note((*pointer, key), "is said in the description now" if word else "is left out")
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


def complete(root: Mapping[str, Any], arguments: Any) -> Any:
    """Return the arguments with null for each declared property that is missing, in the order of the schema."""
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


_SURFACE = "assistants"  # `strict` is a field there; agents have none


@dataclass(frozen=True, slots=True)
class Fixed:
    """`function` is the given one where there are refusals; `notes` say what was changed, and where it now stands."""

    function: dict[str, Any]
    notes: tuple[Note, ...]
    refusals: tuple[Finding, ...]


def make_strict(function: Mapping[str, Any]) -> Fixed:
    """Return the function with `strict: true` and a schema in the strict subset; keys keep their order."""
    given, start = dict(function), _with_properties(function)
    if broken := _unfixable({**start, "strict": False}):
        return Fixed(given, (), broken)
    rewriting = Rewriting(start["parameters"])
    parameters = rewriting.root()
    if rewriting.report.refusals:
        return Fixed(given, (), tuple(rewriting.report.refusals))
    result = {**start, "parameters": parameters, "strict": True}
    if isinstance(result.get("examples"), list):
        result["examples"] = [complete(parameters, example) for example in result["examples"]]
    if left := _errors(result):
        return Fixed(given, (), _as_given(left, start))
    notes = [] if function.get("strict") is True else [Note(("strict",), "is true now")]
    return Fixed(result, (*notes, *rewriting.report.notes), ())


def _as_given(left: Sequence[Finding], start: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return what is left to mend by hand, at its place in the given function: people look there, as the check does."""
    places = {(one.rule, one.message): one.pointer for one in _errors({**start, "strict": True})}
    return tuple(replace(one, pointer=places.get((one.rule, one.message), one.pointer)) for one in left)


def _with_properties(function: Mapping[str, Any]) -> dict[str, Any]:
    """An object that says nothing about properties has none to send: the API wants it said."""
    given = function.get("parameters")
    if isinstance(given, Mapping) and given.keys() <= {"type", "description", "title"}:
        given = {**given, "properties": {}}
    return {**function, "parameters": given}


def _unfixable(function: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What must be mended by hand: errors, no parameters at all, and what means something else than it says."""
    found = check_function(function, _SURFACE)
    broken = tuple(one for one in found if one.severity is Severity.ERROR or _means_something_else(one))
    if function.get("parameters") is not None or broken:
        return broken
    remedy = "write `parameters: {type: object, properties: {}}` if it takes none"
    return (Finding("parameters-required", (), "the function has no parameters", remedy),)


def _means_something_else(finding: Finding) -> bool:
    misspelt = finding.rule == "unknown-keyword" and meant(str(finding.pointer[-1])) is not None
    return misspelt or finding.rule == "no-value"


def _errors(function: Mapping[str, Any]) -> tuple[Finding, ...]:
    return tuple(_only_errors(check_function(function, _SURFACE)))


def _only_errors(findings: Iterable[Finding]) -> Iterable[Finding]:
    return (finding for finding in findings if finding.severity is Severity.ERROR)
