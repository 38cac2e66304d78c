"""Read the manifest and what it includes into one set of entries, each of which knows its file."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer.manifest.document import Document, read
from deployer.model import Address, Position, Problem

KINDS = {"vector_stores": "vector_store", "assistants": "assistant"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of the manifest and the place where it stands: `document` at `path`."""

    document: Document
    path: tuple[str | int, ...]
    value: Any

    def position(self, *more: str | int) -> Position:
        return self.document.position((*self.path, *more))


@dataclass(slots=True)
class Sources:
    """Everything that was read; `resources` is keyed by address in the order of the files."""

    root: Path
    documents: list[Document] = field(default_factory=list)
    variables: dict[str, Entry] = field(default_factory=dict)
    accounts: dict[str, Entry] = field(default_factory=dict)
    resources: dict[Address, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def main(self) -> Document | None:
        return self.documents[0] if self.documents else None


def load(file: Path) -> Sources:
    """Read `file` and its includes; what cannot be read is a problem, the rest goes on."""
    sources = Sources(file.resolve().parent)
    _read(sources, file.resolve(), file.name, ())
    return sources


def _read(sources: Sources, path: Path, name: str, parents: tuple[Path, ...]) -> None:
    found = read(path, name)
    if isinstance(found, Problem):
        sources.problems.append(found)
        return
    if not isinstance(found.data, dict):
        sources.problems.append(_not_a_mapping(found))
        return
    sources.documents.append(found)
    _collect(sources, found)
    includes = found.data.get("include")
    for place, pattern in enumerate(includes if isinstance(includes, list) else ()):
        if isinstance(pattern, str) and pattern:
            _include(sources, found, place, pattern, (*parents, path))


def _not_a_mapping(document: Document) -> Problem:
    what = "the file is empty" if document.data is None else "this is not a mapping of keys"
    return Problem(what, "start with version: 1 and project: NAME", position=document.position())


def _include(sources: Sources, document: Document, place: int, pattern: str, parents: tuple[Path, ...]) -> None:
    position = document.position(("include", place))
    base = parents[-1].parent
    matches = sorted(path for path in glob.glob(pattern, root_dir=base, recursive=True) if (base / path).is_file())
    if not matches:
        sources.problems.append(Problem(f"{pattern!r} matches no file", "correct the path", "include", position))
    for match in matches:
        path = (base / match).resolve()
        if not path.is_relative_to(sources.root):
            message = f"{match!r} leaves the manifest's folder"
            sources.problems.append(Problem(message, "move it inside", "include", position))
        elif path in parents:
            sources.problems.append(Problem(f"{match!r} includes itself", "remove it", "include", position))
        else:
            _read(sources, path, path.relative_to(sources.root).as_posix(), parents)


def _collect(sources: Sources, document: Document) -> None:
    for section, key, value in _items(document, ("variables", "accounts", *KINDS)):
        entry = Entry(document, (section, key), value)
        if section in KINDS:
            address = Address(KINDS[section], key)
            _add(sources, sources.resources, address, entry)
        else:
            table = sources.variables if section == "variables" else sources.accounts
            _add(sources, table, key, entry)


def _items(document: Document, sections: Sequence[str]) -> Iterator[tuple[str, str, Any]]:
    for section in sections:
        table = document.data.get(section)
        if isinstance(table, dict):
            yield from ((section, key, value) for key, value in table.items())


def _add(sources: Sources, table: dict[Any, Entry], key: Address | str, entry: Entry) -> None:
    if key not in table:
        table[key] = entry
        return
    first = table[key]
    place = entry.document.key_position(entry.path)
    message = f"{entry.path[1]!r} stands twice, first at {first.document.key_position(first.path)}"
    address = str(key) if isinstance(key, Address) else ".".join(map(str, entry.path))
    sources.problems.append(Problem(message, "rename or remove one", address, place))
