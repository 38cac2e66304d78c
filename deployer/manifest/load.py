"""Read the manifest and what it includes into one set of entries, each of which knows its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer.manifest.document import KINDS, Document, address, read
from deployer.manifest.odd import Odd
from deployer.manifest.paths import matches, real, relative
from deployer.manifest.suggest import similar_file
from deployer.model import Address, Position, Problem


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
    """Everything that was read; `resources` is keyed by address in the order of the files.

    `included` are the names of files that were read or could not be: none of them is tried twice.
    """

    root: Path
    documents: list[Document] = field(default_factory=list)
    variables: dict[str, Entry] = field(default_factory=dict)
    accounts: dict[str, Entry] = field(default_factory=dict)
    resources: dict[Address, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    included: set[str] = field(default_factory=set)

    @property
    def main(self) -> Document | None:
        return self.documents[0] if self.documents else None


def load(file: Path) -> Sources:
    """Read `file` and its includes; what cannot be read is a problem, the rest goes on."""
    path = real(file)
    sources = Sources(path.parent)
    found = read(path, file.as_posix())
    if isinstance(found, Problem) and found.position is None:
        sources.problems.append(found)  # of the file as a whole: named as the user named it
    else:
        _read(sources, path, file.name, ())
    return sources


def _read(sources: Sources, path: Path, name: str, parents: tuple[Path, ...], place: Position | None = None) -> None:
    """Read one file; `place` is where it is included, `parents` are the files on the way to it."""
    found = read(path, name)
    if isinstance(found, Problem):
        sources.problems.append(replace(found, position=found.position or place))
        return
    if not isinstance(found.data, dict):
        sources.problems.append(_not_a_mapping(found, fragment=bool(parents)))
        return
    sources.documents.append(found)
    _collect(sources, found)
    includes = found.data.get("include")
    for index, pattern in enumerate(includes if isinstance(includes, list) else ()):
        if isinstance(pattern, str) and pattern:
            _include(sources, found, index, pattern, (*parents, path))


def _not_a_mapping(document: Document, *, fragment: bool) -> Problem:
    what = "the file is empty" if document.data is None else "this is not a mapping of keys"
    remedy = "start with assistants: or vector_stores:" if fragment else "start with version: 1 and project: NAME"
    return Problem(what, remedy, position=document.position())


def _include(sources: Sources, document: Document, index: int, pattern: str, parents: tuple[Path, ...]) -> None:
    """Read what the pattern names, each file once; a file on the way to itself is a problem."""
    position = document.position(("include", index))
    base = parents[-1].parent
    odd = Odd(sources.root)
    found = matches(base, pattern, odd)
    problems = list(odd.found.values())
    if not (found or problems):
        problems.append((f"{pattern!r} matches no file", similar_file(base / pattern, pattern, "correct the path")))
    for match in found:
        path = real(match)
        name = relative(sources.root, path)
        if name is None:
            problems.append((f"{pattern!r} leaves the manifest's folder", "move the file inside"))
        elif path in parents:
            problems.append((f"{name} includes itself", "remove it from include"))
        elif name not in sources.included:
            sources.included.add(name)
            _read(sources, path, name, parents, position)
    sources.problems += [Problem(what, remedy, f"include[{index}]", position) for what, remedy in problems]


def _collect(sources: Sources, document: Document) -> None:
    for section, key, value in _items(document, ("variables", "accounts", *KINDS)):
        entry = Entry(document, (section, key), value)
        if section in KINDS:
            _add(sources, sources.resources, Address(KINDS[section], key), entry)
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
    sources.problems.append(Problem(message, "rename or remove one", address(entry.path), place))
