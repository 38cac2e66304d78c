"""The sections of a manifest whose entries are resources: one row for each kind that a manifest can declare.

A kind brings the schema of its entries: a file of `schemas/fragments/` that is called as it, or a mapping. How an entry
is compiled it brings only where there is something to read or to check; plainly, its fields are its attrs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from deployer.errors import DeployerError
from deployer.functions.rules import RULES
from deployer.kinds import SURFACES
from deployer.manifest import declaration, resources
from deployer.manifest.declaration import Declaration, TextFiles
from deployer.manifest.knowledge import CODE_INTERPRETER, FILE_SEARCH, Taker
from deployer.manifest.load import Context, ManifestEntry
from deployer.manifest.schema import Fragment, ManifestSchema, load
from deployer.model import Address, Problem, Resource

HINTS = tuple(rule.id for rule in RULES.values() if rule.strictness == "hint")
"""Rules that can be silenced."""
Compile = Callable[[Context, Address, ManifestEntry], tuple[Resource, list[Problem]]]
Declare = Callable[[Declaration, TextFiles], dict[str, Any]]
_LIST_OF_FILES = {"glob": "write path: GLOB", "url": "write path: URL"}


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """How the entries of one kind are checked, compiled and written.

    `taker` takes the files that belong to such an object, if any can. `fragment` is the schema of an entry (None: the
    file that is called as the kind); `remedies` say what to write instead of keys that people bring from the API.
    """

    kind: str
    compile: Compile = resources.plain
    declare: Declare = declaration.plainly
    taker: Taker | None = None
    fragment: Mapping[str, Any] | None = None
    remedies: Mapping[str, str] = field(default_factory=dict)


SECTIONS: dict[str, Section] = {
    "vector_stores": Section(
        "vector_store",
        compile=resources.vector_store,
        declare=declaration.store,
        taker=FILE_SEARCH,
        remedies={
            **_LIST_OF_FILES,
            "file_ids": "name the files themselves: files: [GLOB]",
        },
    ),
    "assistants": Section(
        "assistant",
        compile=resources.assistant,
        declare=declaration.assistant,
        taker=CODE_INTERPRETER,
        remedies={
            **_LIST_OF_FILES,
            "tool_resources": "name the stores in the tool: {type: file_search, vector_stores: [KEY]}",
            "vector_store_ids": "name stores of this manifest: vector_stores: [KEY]",
            "file_ids": "put the files into a vector store: vector_stores: {KEY: {files: [GLOB]}}",
            "verbosity": "write text: {verbosity: …}",
            "server_url": "write transport: {type: http, server_url: …}",
            "format": "write response_format beside it",
        },
    ),
}


def kinds() -> dict[str, str]:
    """Return the kind of each section."""
    return {name: section.kind for name, section in SECTIONS.items()}


def of_kind(kind: str) -> Section:
    """Return the section of a kind; DeployerError for one that no manifest can declare."""
    for section in SECTIONS.values():
        if section.kind == kind:
            return section
    raise DeployerError(f"a manifest has no section for the kind {kind!r}; known: {', '.join(kinds().values())}")


def manifest_schema() -> ManifestSchema:
    return _schema(tuple(SECTIONS.items()), tuple(SURFACES), tuple(HINTS))


@cache
def _schema(
    table: tuple[tuple[str, Section], ...], surfaces: tuple[str, ...], hints: tuple[str, ...]
) -> ManifestSchema:
    fragments = [
        Fragment(
            name,
            section.kind,
            load(f"fragments/{section.kind}.json") if section.fragment is None else section.fragment,
            section.remedies,
        )
        for name, section in table
    ]
    return ManifestSchema(fragments, surfaces, hints)
