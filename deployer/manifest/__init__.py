"""From YAML to desired resources, with every problem at once, each at its place.

document    one file and the places in it (yaml12, strict_json)
load        the file and its includes → entries that know where they stand
accounts    which account, and its secrets from the environment
variables   ${var.…} replaced
schema      every document against schemas/manifest.schema.json
resources   files read, references checked → Resource
knowledge   documents found by glob or URL (patterns, ignored)
moves       renamed addresses
digests     the sha256 of documents, only when they are needed
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer.engine.data import in_order
from deployer.kinds.assistant import MAX_TOOLS
from deployer.manifest import accounts, digests, moves, resources, schema, variables
from deployer.manifest.document import KINDS
from deployer.manifest.ignored import Ignored
from deployer.manifest.load import Entry, Sources, load
from deployer.manifest.suggest import nearest
from deployer.manifest.tools import Surroundings, silenced
from deployer.model import AccountSettings, Address, Position, Problem, Resource, Severity

__all__ = ["Manifest", "compile_manifest", "digest"]

digest = digests.digest
VERSION = 1
_DEFINITIONS = {"assistant": "assistant", "vector_store": "vectorStore"}
_ITEMS = {"tools": "tool", "files": "documents"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the manifest says. `resources` are complete only when no problem is an error.

    `moved` are pairs of an address that is no longer declared and the one that it has now.
    """

    root: Path
    project: str
    settings: AccountSettings
    resources: tuple[Resource, ...]
    problems: tuple[Problem, ...]
    moved: moves.Moves = ()


def compile_manifest(  # noqa: PLR0913
    file: Path,
    account: str | None,
    values: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    import_handlers: bool = False,
    offline: bool = False,
) -> Manifest:
    """Read and check everything that can be known offline; never raises for what a user wrote.

    Code of handlers is imported only with `import_handlers`; `offline`, no account needs its secrets and no URL is
    asked for. `values` are variables from the command line (`--var`); they win over the account's, which win over
    defaults.
    """
    sources = load(file)
    settings, unset = accounts.choose(sources, account, environ, offline=offline)
    table, undeclared = _variables(sources, account, values)
    filled, unresolved = _interpolate(sources, table)
    others = _other_version(sources)
    if others:
        return Manifest(sources.root, "", settings, (), tuple(others))
    problems = _merged(sources.problems, undeclared, unresolved, _check(sources, filled), unset)
    stores = [address.name for address in sources.resources if address.kind == "vector_store"]
    around = Surroundings(sources.root, stores, settings.api, Ignored(sources.root), import_handlers, offline)
    told = [*sources.problems, *unresolved]
    found, more = _compile(around, _sound(sources, filled, problems, told))
    head = sources.main.data if sources.main else {}
    quiet = head["silence"] if isinstance(head.get("silence"), list) else []
    more = [problem for problem in more if problem.rule not in quiet or problem.severity is Severity.ERROR]
    more += silenced(sources.main, quiet) if sources.main else []
    moved, misplaced = moves.read(sources)
    more += [*around.ignored.problems, *misplaced]
    problems = list(dict.fromkeys(in_order([*problems, *more])))  # two ways to a place tell the same
    if file.parent != Path():
        found, problems = _seen_from_here(file.parent, found, problems)
    return Manifest(sources.root, str(head.get("project", "")), settings, found, tuple(problems), moved)


def _seen_from_here(
    folder: Path, found: Sequence[Resource], problems: Sequence[Problem]
) -> tuple[tuple[Resource, ...], list[Problem]]:
    """Name files as they are reached from where the user stands, so that an editor or a log can open them."""

    def seen(place: Position) -> Position:
        return replace(place, file=Path(os.path.normpath(folder / place.file)).as_posix())

    moved = (replace(one, positions={path: seen(place) for path, place in one.positions.items()}) for one in found)
    return tuple(moved), [
        replace(problem, position=seen(problem.position)) if problem.position else problem for problem in problems
    ]


def _variables(
    sources: Sources, account: str | None, values: Mapping[str, str]
) -> tuple[dict[str, Any], list[Problem]]:
    """The value of each declared variable (None: it has none), and those that were given but not declared."""
    declared = {
        name: entry.value.get("default") if isinstance(entry.value, dict) else None
        for name, entry in sources.variables.items()
    }
    chosen, problems = accounts.overrides(sources, account), []
    for name in {**chosen, **values}:
        if name not in declared:
            remedy = nearest(name, declared, "declare it under variables:")
            where, place = ("--var", None) if name in values else accounts.override_place(sources, account, name)
            problems.append(Problem(f"the variable {name!r} is not declared", remedy, where, place))
    table = {**declared, **{name: value for name, value in chosen.items() if name in declared}}
    typed = {name: variables.typed(text, table[name]) for name, text in values.items() if name in declared}
    return {**table, **typed}, problems


def _other_version(sources: Sources) -> list[Problem]:
    """A manifest of another version cannot be judged by this one's rules."""
    version = sources.main.data.get("version") if sources.main else None
    if sources.main is None or not isinstance(version, int) or version == VERSION:
        return []
    where = sources.main.position(("version",))
    message = f"this is a manifest of version {version}; this deployer reads version {VERSION}"
    return [Problem(message, "use the deployer that it was written for", "version", where)]


def _interpolate(sources: Sources, table: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The data of each document, by its name, with the variables of its resources replaced."""
    filled, problems = {}, []
    for document in sources.documents:
        data = filled[document.name] = dict(document.data)
        for section in KINDS:
            if section in data:
                data[section], wrong = variables.interpolate(document, (section,), data[section], table)
                problems += wrong
    return filled, problems


def _check(sources: Sources, filled: Mapping[str, Any]) -> list[Problem]:
    problems = []
    for place, document in enumerate(sources.documents):
        problems += schema.check(document, filled[document.name], "fragment" if place else "")
    return problems


def _merged(*groups: Sequence[Problem]) -> list[Problem]:
    """All problems, but of one value only what the first group says: the others follow from it."""
    result: list[Problem] = []
    for group in groups:
        told = {(problem.position, problem.address) for problem in result}
        result += [problem for problem in group if (problem.position, problem.address) not in told]
    return result


def _sound(
    sources: Sources, filled: Mapping[str, Any], problems: Sequence[Problem], told: Sequence[Problem]
) -> dict[Address, Entry]:
    """What can be compiled: whole entries, and of those that the schema refuses, the parts that it accepts.

    So one mistake does not hide the next. What has other problems (`told`) is left out: they would be told twice.
    """
    broken, unfit = _owners(problems), _owners(told)
    result = {}
    for address, entry in sources.resources.items():
        if str(address) in unfit:
            continue
        whole = replace(entry, value=filled[entry.document.name][entry.path[0]][entry.path[1]])
        result[address] = replace(whole, value=_accepted(address, whole)) if str(address) in broken else whole
    return result


def _owners(problems: Sequence[Problem]) -> set[str]:
    """Every address that a problem could belong to: its own and those before each dot or bracket."""
    return {problem.address[: end.start()] for problem in problems for end in re.finditer(r"[.\[]|$", problem.address)}


def _accepted(address: Address, entry: Entry) -> dict[str, Any]:
    """The fields of an entry that the schema accepts; in its lists, None stands for an item that it refuses."""
    result: dict[str, Any] = {}
    if not isinstance(entry.value, dict):
        return result
    required = {"model": "m"} if address.kind == "assistant" else {}
    for field, value in entry.value.items():
        if field in _ITEMS and isinstance(value, list) and len(value) <= MAX_TOOLS:
            refused = [bool(schema.check(entry.document, item, _ITEMS[field])) for item in value]
            result[field] = [None if wrong else item for item, wrong in zip(value, refused, strict=True)]
        elif not schema.check(entry.document, {**required, field: value}, _DEFINITIONS[address.kind]):
            result[field] = value
    return result


def _compile(around: Surroundings, entries: Mapping[Address, Entry]) -> tuple[tuple[Resource, ...], list[Problem]]:
    found, problems = [], []
    for address, entry in entries.items():
        if address.kind == "vector_store":
            resource, wrong = resources.vector_store(around, address, entry)
        else:
            resource, wrong = resources.assistant(around, address, entry)
        found.append(resource)
        problems += wrong
    return tuple(found), problems
