"""Function definitions outside a manifest: in files and folders, in each of the shapes that people keep them in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from deployer.functions import check
from deployer.functions.rules import Finding
from deployer.manifest.document import Document, read
from deployer.manifest.tools import placed
from deployer.model import Problem

SUFFIXES = (".yaml", ".yml", ".json")
_SCHEMA_KEYS = ("$schema", "properties", "$ref", "type", "anyOf")
REMEDY = "write a mapping with name and parameters, a list of such, or a bare JSON Schema"


def files(paths: Sequence[Path]) -> Iterator[Path]:
    """Return the named files, and every YAML and JSON file of the named folders."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            yield from (Path(folder) / name for name in sorted(names) if name.endswith(SUFFIXES))


def check_file(path: Path, surface: str) -> tuple[int, list[Problem]]:
    """Return how many definitions the file holds, and what is wrong with them."""
    document = read(path, path.as_posix())
    if isinstance(document, Problem):
        return 0, [document]
    found = list(definitions(document.data, ()))
    if not found:
        return 0, [Problem("this is no function definition", REMEDY, position=document.position())]
    return len(found), [problem for at, kind, data in found for problem in _check(document, at, kind, data, surface)]


def definitions(data: Any, at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, dict[str, Any]]]:
    """Return each definition: where it stands, whether it is a `function` or a bare `schema`, and itself."""
    if isinstance(data, list):
        for place, item in enumerate(data):
            yield from definitions(item, (*at, place))
    elif isinstance(data, dict) and isinstance(data.get("function"), dict):
        yield (*at, "function"), "function", data["function"]
    elif isinstance(data, dict) and ("name" in data and not isinstance(data.get("properties"), dict)):
        yield at, "function", data
    elif isinstance(data, dict) and any(key in data for key in _SCHEMA_KEYS):
        yield at, "schema", data


def _check(
    document: Document, at: tuple[str | int, ...], kind: str, data: dict[str, Any], surface: str
) -> list[Problem]:
    if kind == "function":
        found = [*check.check_function(data, surface), *check.check_examples(data)]
        return placed(found, document, at, str(data.get("name", "")))
    name = Path(document.name).stem
    return placed(_of_schema(check.check_function({"name": name, "parameters": data}, surface)), document, at, name)


def _of_schema(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Keep what is said of the schema itself: nobody knows its function's name and description."""
    for finding in findings:
        if finding.pointer[:1] == ("parameters",):
            yield replace(finding, pointer=finding.pointer[1:])
