"""`allOf`, `oneOf`, `anyOf` and `$ref` in the form that strict schemas allow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployer.functions.compatibility.alternatives import Reader
from deployer.functions.compatibility.conjunction import Undecidable, is_annotation, merge
from deployer.functions.strictness.fix_report import Pointer, Report
from deployer.functions.strictness.nullable import types

Schema = dict[str, Any]


def all_of(schema: Schema, pointer: Pointer, report: Report) -> Schema:
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


def one_of(schema: Schema, pointer: Pointer, report: Report, reader: Reader) -> Schema:
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


def alone(schema: Schema, pointer: Pointer, report: Report) -> Schema:
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


def _refuse_others(schema: Schema, combined: str, pointer: Pointer, report: Report) -> None:
    allowed = ("$defs", "definitions", combined)
    if others := [key for key in schema if key not in allowed and not is_annotation(key)]:
        rule = "strict-reference-alone" if combined == "$ref" else "strict-keyword"
        message = f"{' and '.join(others)} beside {combined}: both count, and strict takes only one"
        report.refuse(rule, (*pointer, combined), message, f"move the rest into what {combined} names")


def in_order(schema: Schema, key: str, result: Schema) -> Schema:
    """Give `result` in the order of `schema`; what is new stands where `key` stood."""
    new = [name for name in result if name not in schema]
    order = [name for one in schema for name in ([*new, one] if one == key else [one]) if name in result]
    return {name: result[name] for name in order}
