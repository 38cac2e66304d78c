"""From YAML to desired resources, with every problem at once, each at its place.

load        the file and its includes → entries that know where they stand
accounts    which account, and its secrets from the environment
variables   ${var.…} replaced
schema      every document against schemas/manifest.schema.json
resources   files read, references checked → Resource
knowledge   documents found by glob; their digests (only when they are needed)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer.manifest import accounts, knowledge, resources, schema, variables
from deployer.manifest.document import Document
from deployer.manifest.load import KINDS, Entry, Sources, load
from deployer.manifest.suggest import nearest
from deployer.model import AccountSettings, Address, Problem, Resource

__all__ = ["Manifest", "compile_manifest", "digest"]

digest = knowledge.digest


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the manifest says. `resources` are complete only when no problem is an error."""

    root: Path
    project: str
    settings: AccountSettings
    resources: tuple[Resource, ...]
    problems: tuple[Problem, ...]


def compile_manifest(
    file: Path, account: str | None, values: Mapping[str, str], environ: Mapping[str, str]
) -> Manifest:
    """Read and check everything that can be known offline; never raises for what a user wrote.

    `values` are variables from the command line (`--var`); they win over the account's, which win over defaults.
    """
    sources = load(file)
    settings, problems = accounts.choose(sources, account, environ)
    table, undeclared = _variables(sources, account, values)
    entries, unresolved = _interpolate(sources, table)
    problems += undeclared + sources.problems + unresolved + _check(sources, entries)
    found, more = _compile(sources, _sound(entries, problems))
    project = sources.main.data.get("project", "") if sources.main else ""
    return Manifest(sources.root, str(project), settings, found, tuple(sorted([*problems, *more], key=_place)))


def _variables(
    sources: Sources, account: str | None, values: Mapping[str, str]
) -> tuple[dict[str, Any], list[Problem]]:
    """The value of each declared variable (None: it has none), and those that were given but not declared."""
    declared = {
        name: entry.value.get("default") if isinstance(entry.value, dict) else None
        for name, entry in sources.variables.items()
    }
    given = {**accounts.overrides(sources, account), **values}
    problems = [
        Problem(f"the variable {name!r} is not declared", nearest(name, declared, "declare it under variables:"), where)
        for name in given
        if name not in declared
        for where in ["--var" if name in values else f"accounts.{account}.variables.{name}"]
    ]
    return {**declared, **{name: value for name, value in given.items() if name in declared}}, problems


def _sound(entries: Mapping[Address, Entry], problems: Sequence[Problem]) -> dict[Address, Entry]:
    """The entries that the schema accepts: only these can be compiled, but all of them are, for their own problems."""
    broken = {re.split(r"[.\[]", problem.address, maxsplit=1)[0] for problem in problems}
    return {address: entry for address, entry in entries.items() if str(address) not in broken}


def _interpolate(sources: Sources, table: Mapping[str, Any]) -> tuple[dict[Address, Entry], list[Problem]]:
    entries, problems = {}, []
    for address, entry in sources.resources.items():
        value, wrong = variables.interpolate(entry.document, entry.path, entry.value, table, str(address))
        entries[address] = replace(entry, value=value)
        problems += wrong
    return entries, problems


def _check(sources: Sources, entries: Mapping[Address, Entry]) -> list[Problem]:
    problems = []
    for place, document in enumerate(sources.documents):
        data = _filled(document, entries)
        problems += schema.check(document, data, "fragment" if place else "")
    return problems


def _filled(document: Document, entries: Mapping[Address, Entry]) -> dict[str, Any]:
    """The document's data with variables replaced, as the schema is to see it."""
    data = dict(document.data)
    for section, kind in KINDS.items():
        if isinstance(data.get(section), dict):
            data[section] = {
                key: entries[Address(kind, key)].value if entries[Address(kind, key)].document is document else value
                for key, value in data[section].items()
            }
    return data


def _compile(sources: Sources, entries: Mapping[Address, Entry]) -> tuple[tuple[Resource, ...], list[Problem]]:
    stores = [address.name for address in sources.resources if address.kind == "vector_store"]
    found, problems = [], []
    for address, entry in entries.items():
        if address.kind == "vector_store":
            resource, wrong = resources.vector_store(sources.root, address, entry)
        else:
            resource, wrong = resources.assistant(sources.root, address, entry, stores)
        found.append(resource)
        problems += wrong
    return tuple(found), problems


def _place(problem: Problem) -> tuple[bool, str, int, int, str]:
    at = problem.position
    return (at is None, at.file, at.line, at.column, problem.address) if at else (True, "", 0, 0, problem.address)
