"""Compile the tools of an assistant: references to stores, functions from files, and the rules of their schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer.functions import check
from deployer.functions.rules import RULES, Finding
from deployer.manifest import handlers, schema
from deployer.manifest.document import Document, address, read
from deployer.manifest.ignored import Ignored
from deployer.manifest.load import Entry
from deployer.manifest.paths import existing, relative
from deployer.manifest.suggest import nearest, one_of
from deployer.model import Address, Position, Problem

HINTS = tuple(rule.id for rule in RULES.values() if rule.strictness == "hint")
_OURS = ("file", "handler", "examples", "files")  # keys of a tool that no API is sent


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What entries are compiled in: the manifest's folder, the keys of all its stores, the account's surface.

    `ignored`: what globs leave out. `offline`: nobody may be asked.
    """

    root: Path
    stores: Sequence[str]
    surface: str
    ignored: Ignored
    import_handlers: bool = False
    offline: bool = False


def silenced(document: Document, rules: Sequence[Any]) -> list[Problem]:
    """Check the manifest's `silence`: only a hint may be silenced, and it must exist."""
    problems = []
    for place, rule in enumerate(rules):
        if rule not in HINTS:
            remedy = nearest(str(rule), HINTS, one_of(HINTS))
            where = document.position(("silence", place))
            problems.append(Problem(f"{rule!r} is no hint that can be silenced", remedy, f"silence[{place}]", where))
    return problems


@dataclass(frozen=True, slots=True)
class Spot:
    """One tool of one entry: `where` is its address for the user."""

    entry: Entry
    place: int
    where: str

    def position(self, *more: str | int) -> Position:
        return self.entry.position("tools", self.place, *more)


def tool(around: Surroundings, spot: Spot, value: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Give the tool as attrs hold it, None when it cannot be read, and its problems."""
    if value["type"] == "file_search":
        return _file_search(around, spot, value)
    if value["type"] != "function":
        return {key: item for key, item in value.items() if key not in _OURS}, []
    if "file" in value:
        return _function_file(around, spot, value)
    return _function(around, spot, value, spot.entry.document, (*spot.entry.path, "tools", spot.place))


def _file_search(around: Surroundings, spot: Spot, value: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    names = value.get("vector_stores", ())
    problems = [
        Problem(
            f"there is no vector store {name!r}",
            nearest(name, around.stores, "declare it under vector_stores:"),
            f"{spot.where}.vector_stores[{index}]",
            spot.position("vector_stores", index),
        )
        for index, name in enumerate(names)
        if name not in around.stores
    ]
    addresses = [str(Address("vector_store", name)) for name in names]
    return {**value, **({"vector_stores": addresses} if addresses else {})}, problems


def _function_file(
    around: Surroundings, spot: Spot, value: Mapping[str, Any]
) -> tuple[dict[str, Any] | None, list[Problem]]:
    position = spot.position("file")
    found = named_file(around.root, spot.entry, str(value["file"]))
    if found is None:
        return None, [leaves(value["file"], spot.where, position)]
    document = read(*found)
    if isinstance(document, Problem):
        return None, [replace(document, address=spot.where, position=document.position or position)]
    problems = schema.check(document, document.data, "function", spot.where)
    if problems:
        return None, problems
    beside = {key: item for key, item in value.items() if key == "handler"}
    return _function(around, spot, {**document.data, "type": "function", **beside}, document, ())


def _function(
    around: Surroundings,
    spot: Spot,
    definition: Mapping[str, Any],
    document: Document,
    path: Sequence[str | int],
) -> tuple[dict[str, Any], list[Problem]]:
    """Check a function, which stands in `document` at `path`, by every rule; no API gets the keys that are ours."""
    findings = [*check.check_function(definition, around.surface), *check.check_examples(definition)]
    if "handler" in definition:
        findings += handlers.check(
            around.root, definition, str(definition["handler"]), import_it=around.import_handlers
        )
    problems = placed(findings, document, path, spot.where)
    return {key: item for key, item in definition.items() if key not in _OURS}, problems


def placed(findings: Iterable[Finding], document: Document, path: Sequence[str | int], where: str) -> list[Problem]:
    """Give findings their places in a file."""
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


def together(around: Surroundings, owner: Address, entry: Entry, tools: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Check what no function can know of itself: how many there are."""
    del around
    functions = [one for one in tools if one["type"] == "function"]
    findings = [replace(finding, pointer=()) for finding in check.check_functions(functions)]
    return placed(findings, entry.document, (*entry.path, "tools"), f"{owner}.tools")


def response_format(around: Surroundings, owner: Address, entry: Entry) -> list[Problem]:
    value = entry.value.get("response_format")
    if not isinstance(value, dict) or value["type"] != "json_schema":
        return []
    inner = value["json_schema"]
    found = check.check_response_format(inner["schema"], bool(inner.get("strict")), around.surface, inner["name"])
    path = ("response_format", "json_schema", "schema")
    return placed(found, entry.document, (*entry.path, *path), f"{owner}.{'.'.join(path)}")


def named_file(root: Path, entry: Entry, text: str) -> tuple[Path, str] | None:
    """Give the file that `text` names, relative to the file it stands in, and its name for the user; None outside."""
    path = existing((root / entry.document.name).parent, text)
    name = relative(root, path)
    return None if name is None else (path, name)


def leaves(text: str, where: str, position: Position) -> Problem:
    return Problem(f"{text!r} leaves the manifest's folder", "move the file inside", where, position)
