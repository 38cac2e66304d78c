"""The functions and the response format of an assistant, each by every rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from deployer.functions import check
from deployer.functions.definitions import FUNCTION, REMEDY, SCHEMA, SHAPES, Definition, Unread
from deployer.functions.definitions import read as definitions_of
from deployer.functions.rules import Finding
from deployer.manifest import handlers
from deployer.manifest.document import SourceDocument, address
from deployer.manifest.load import Context, ManifestEntry, outside
from deployer.manifest.suggest import Choices, one_of
from deployer.model import Address, Position, Problem

_BESIDE_A_FILE = ("handler", "defer_loading", "async")
OWN_KEYS = ("file", "handler", "examples", "files")
"""Keys of a tool that are the manifest's own: no API is sent them."""


@dataclass(frozen=True, slots=True)
class ToolPlace:
    """One tool of one entry: `where` is its address for the user."""

    entry: ManifestEntry
    place: int
    where: str

    def position(self, *more: str | int) -> Position:
        return self.entry.position("tools", self.place, *more)


def function_file(
    context: Context, place: ToolPlace, value: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Return the functions of a file: the one that is named, or all of them."""
    position = place.position("file")
    found = context.file(place.entry, str(value["file"]))
    if found is None:
        return [], [outside(value["file"], place.where, position)]
    document = context.read(*found)
    if isinstance(document, Problem):
        problem = context.lost(place.entry, str(value["file"]), found[0], document)
        return [], [replace(problem, address=place.where, position=problem.position or position)]
    chosen, problems = _chosen(document, place, value)
    tools = []
    for one in chosen:
        wrong = context.schema.check(one, one.data, "function", place.where)
        problems += wrong
        if not wrong:
            beside = {key: item for key, item in value.items() if key in _BESIDE_A_FILE}
            tool, wrong = function(context, place, {**one.data, "type": "function", **beside}, one, ())
            problems += wrong
            tools.append(tool)
    return tools, problems


@dataclass(frozen=True, slots=True)
class _Contents:
    """What a file holds. `is_whole`: nothing but one function, or what is to be one."""

    named: Mapping[str, Sequence[Definition]]
    definitions: Sequence[Definition]
    others: Sequence[Definition | Unread]
    is_whole: bool
    choices: Choices


_CONTENTS: WeakKeyDictionary[SourceDocument, _Contents] = WeakKeyDictionary()


def _contents(document: SourceDocument) -> _Contents:
    """Look through a file once for all tools that name a function of it."""
    if document not in _CONTENTS:
        parts = list(definitions_of(document.data))
        definitions = [one for one in parts if isinstance(one, Definition) and one.shape in (FUNCTION, SCHEMA)]
        others = [one for one in parts if not (isinstance(one, Definition) and one.shape in (FUNCTION, SCHEMA))]
        named: dict[str, list[Definition]] = {}
        for one in definitions:
            named.setdefault(one.name, []).append(one)
        is_whole = not isinstance(document.data, list) and all(not one.at for one in parts)
        choices = Choices({name: name for name in named})
        _CONTENTS[document] = _Contents(named, definitions, others, is_whole, choices)
    return _CONTENTS[document]


def _chosen(
    document: SourceDocument, place: ToolPlace, value: Mapping[str, Any]
) -> tuple[list[SourceDocument], list[Problem]]:
    """Return the parts of a file that are functions and are meant, and what is wrong with the choice."""
    found = _contents(document)
    if found.is_whole and "name" not in value and all(isinstance(one, Unread) for one in found.others):
        return [document], []  # one function, or what is to be one: the schema says what is wrong with it
    problems = [_no_function(document, place, one) for one in found.others]
    if "name" in value:
        named = found.named.get(value["name"], ())
        if not named:
            message = f"{document.name} has no function {value['name']!r}"
            otherwise = one_of(found.named) if found.named else "write it there"
            remedy = found.choices.nearest(str(value["name"]), otherwise)
            return [], [Problem(message, remedy, place.where, place.position("name"))]
        return [document.part(one.at) for one in named], []
    if "handler" in value and len(found.definitions) > 1:
        message = f"{document.name} has {len(found.definitions)} functions, and a handler is that of one"
        return [], [Problem(message, "name it beside the file: name: …", place.where, place.position("handler"))]
    return [document.part(one.at) for one in found.definitions], problems


def _no_function(document: SourceDocument, place: ToolPlace, one: Definition | Unread) -> Problem:
    if isinstance(one, Unread):
        return Problem("this is no function definition", REMEDY, place.where, document.position(one.at))
    remedy = f"convert it: deployer functions fix {document.name} --to openai --write"
    return Problem(f"this is {SHAPES[one.shape]}, not a function", remedy, place.where, document.position(one.at))


def function(
    context: Context,
    place: ToolPlace,
    definition: Mapping[str, Any],
    document: SourceDocument,
    path: Sequence[str | int],
) -> tuple[dict[str, Any], list[Problem]]:
    """Check a function, which stands in `document` at `path`, by every rule; no API gets the keys that are our own."""
    findings = [*check.check_function(definition, context.surface), *check.check_examples(definition)]
    if "handler" in definition:
        findings += handlers.check(
            context.root, definition, str(definition["handler"]), import_it=context.import_handlers
        )
    problems = placed(findings, document, path, place.where)
    return {key: item for key, item in definition.items() if key not in OWN_KEYS or key == "handler"}, problems


def placed(
    findings: Iterable[Finding], document: SourceDocument, path: Sequence[str | int], where: str
) -> list[Problem]:
    """Return findings as problems at their places in a file."""
    return [
        Problem(
            finding.message,
            finding.remedy,
            address(finding.pointer, where),
            document.position((*path, *finding.pointer)),
            finding.severity,
            finding.rule,
            finding.says or "",
        )
        for finding in findings
    ]


def together(owner: Address, entry: ManifestEntry, tools: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Check what no function can know of itself: how many there are."""
    functions = [one for one in tools if one["type"] == "function"]
    findings = [replace(finding, pointer=()) for finding in check.check_functions(functions)]
    return placed(findings, entry.document, (*entry.path, "tools"), f"{owner}.tools")


def response_format(context: Context, owner: Address, entry: ManifestEntry) -> list[Problem]:
    value = entry.value.get("response_format")
    if not isinstance(value, dict) or value["type"] != "json_schema":
        return []
    inner = value["json_schema"]
    found = check.check_response_format(inner["schema"], bool(inner.get("strict")), context.surface, inner["name"])
    path = ("response_format", "json_schema", "schema")
    return placed(found, entry.document, (*entry.path, *path), f"{owner}.{'.'.join(path)}")
