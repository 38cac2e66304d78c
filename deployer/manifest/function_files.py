"""Files with function definitions, outside of a manifest: what is in them, where it stands, what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer.errors import DeployerError
from deployer.functions import check
from deployer.functions.definitions import FORMAT, FUNCTION, REMEDY, SCHEMA, Definition, Unread, read
from deployer.functions.rules import Finding
from deployer.functions.tree import Pointer
from deployer.manifest import document
from deployer.manifest.document import SourceDocument
from deployer.manifest.functions import placed
from deployer.model import Position, Problem

SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class FileDefinition:
    """One definition, and the file that it stands in."""

    document: SourceDocument
    definition: Definition

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def function(self) -> Mapping[str, Any]:
        return self.definition.function

    def position(self, pointer: Pointer) -> Position:
        """Return where the value at a path of the function stands, or its nearest parent that exists."""
        return self.document.position(self.definition.place(pointer))

    def key_position(self, pointer: Pointer) -> Position:
        """Return where the key that ends a path of the function stands."""
        return self.document.key_position(self.definition.place(pointer))


def files(paths: Sequence[Path]) -> Iterator[Path]:
    """Return the named files, and every YAML and JSON file of the named folders."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            yield from (Path(folder) / name for name in sorted(names) if name.endswith(SUFFIXES))


def definitions(path: Path) -> list[FileDefinition]:
    """Return all definitions of a YAML or JSON file; DeployerError if it cannot be read or holds anything else."""
    found = document.read(path, path.as_posix())
    if isinstance(found, Problem):
        raise DeployerError(str(found))
    parts = list(read(found.data))
    unread = next((one for one in parts if isinstance(one, Unread)), None)
    if not parts or unread is not None:
        where = found.position(unread.at if unread is not None else ())
        raise DeployerError(f"{where}: this is no function definition; {REMEDY}")
    return [FileDefinition(found, one) for one in parts if isinstance(one, Definition)]


def check_file(path: Path, surface: str) -> tuple[int, list[Problem]]:
    """Return how many definitions the file holds, and what is wrong with them; a file without any is wrong."""
    found = document.read(path, path.as_posix())
    if isinstance(found, Problem):
        return 0, [found]
    count, problems = 0, list[Problem]()
    for one in read(found.data):
        if isinstance(one, Unread):
            problems.append(Problem("this is no function definition", REMEDY, position=found.position(one.at)))
        else:
            count += 1
            problems += _problems(FileDefinition(found, one), surface)
    if not count and not problems:
        problems.append(Problem("there is no function definition here", REMEDY, position=found.position()))
    return count, problems


def _problems(one: FileDefinition, surface: str) -> list[Problem]:
    """Findings of a definition, each under the name of the definition and in the words of its file."""
    name = one.definition.name or Path(one.document.name).stem
    found = [
        replace(problem, position=one.position(finding.pointer))
        for finding in checked(one.definition, name, surface)
        for problem in placed(
            [replace(finding, pointer=one.definition.inside(finding.pointer))], one.document, one.definition.at, name
        )
    ]
    strays = [check.unknown_key(key) for key in one.definition.strays]
    return [*placed(strays, one.document, one.definition.at[:-1], name), *found]


def checked(one: Definition, name: str, surface: str) -> list[Finding]:
    """Check a definition by what it is; pointers go into its `function`.

    Of a bare schema, a tool of another API and an operation only the schema is checked: they have names of their own.
    """
    function = one.function
    if one.shape == FUNCTION:
        found = (*check.check_function(function, surface), *check.check_examples(function))
        return [*found, *check.check_unset_strict(function, surface)]
    if one.shape == FORMAT:
        inside = check.check_response_format(
            function["parameters"], function["strict"], surface, str(function.get("name"))
        )
        schema = [replace(finding, pointer=("parameters", *finding.pointer)) for finding in inside]
        return [*check.check_format_name(function.get("name"), surface), *schema]
    named = {"name": name if one.shape == SCHEMA else function["name"], "parameters": function["parameters"]}
    return [finding for finding in check.check_function(named, surface) if finding.pointer[:1] == ("parameters",)]
