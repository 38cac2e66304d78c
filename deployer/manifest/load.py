"""Read the manifest and what it includes into one set of entries, each of which knows its file."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from deployer.manifest.document import SourceDocument, read
from deployer.manifest.globs import Folders, GlobProblems, Ignored, existing, from_the_root, matches, real, relative
from deployer.manifest.schema import ManifestSchema
from deployer.manifest.suggest import Choices, similar_file
from deployer.model import Address, Position, Problem

_REMEMBERED = 16
_NO_MANIFEST = "create it, or correct the path (deployer init writes a first one)"
MAX_INCLUDES = 50
"""Files on the way to one that is included; each is read while those before it wait."""


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One value of the manifest and the place where it stands: `document` at `path`."""

    document: SourceDocument
    path: tuple[str | int, ...]
    value: Any

    def position(self, *more: str | int) -> Position:
        return self.document.position((*self.path, *more))


class Declared:
    """Every declared address, and what was meant by one that is not declared.

    Where a file could not be read they are not known as a whole (`whole`), and none is missing.
    """

    def __init__(self, addresses: Collection[Address], *, whole: bool = True) -> None:
        self._addresses, self._whole = addresses, whole
        self._choices: dict[str, Choices] = {}

    def __contains__(self, address: object) -> bool:
        return address in self._addresses or not self._whole

    def similar(self, address: Address, otherwise: str) -> str:
        """Return the remedy for an address that is not declared: the nearest of its kind, or else `otherwise`."""
        if address.kind not in self._choices:
            same = (one.name for one in self._addresses if one.kind == address.kind)
            self._choices[address.kind] = Choices({name: name for name in same})
        return self._choices[address.kind].nearest(address.name, otherwise)


def _remembering() -> Callable[[Path, str], SourceDocument | Problem]:
    return lru_cache(maxsize=_REMEMBERED)(read)


@dataclass(frozen=True, slots=True)
class Context:
    """What entries are compiled in: the manifest's folder, every declared address, the account's surface.

    `folders`: those of the manifest, so far as they were looked at. `ignored`: what globs leave out. `offline`: no URL
    and no service may be asked. `variables` are those declared. `read` remembers the last few files: many tools may
    stand in one.
    """

    folders: Folders
    declared: Declared
    surface: str
    schema: ManifestSchema
    ignored: Ignored
    import_handlers: bool = False
    offline: bool = False
    variables: Collection[str] = ()
    read: Callable[[Path, str], SourceDocument | Problem] = field(default_factory=_remembering)

    @property
    def root(self) -> Path:
        return self.folders.root

    def file(self, entry: ManifestEntry, text: str) -> tuple[Path, str] | None:
        """Return the file that `text` names, relative to the file it stands in, and its name for the user.

        None for one outside of the manifest's folder.
        """
        path = existing((self.root / entry.document.name).parent, text)
        name = self.folders.name(path)
        return None if name is None else (path, name)

    def lost(self, entry: ManifestEntry, text: str, path: Path, problem: Problem) -> Problem:
        """Return the problem with a file that `text` names; or how to write one that is right from the root."""
        if os.path.lexists(path):
            return problem
        base = posixpath.dirname(entry.document.name)
        return replace(problem, remedy=from_the_root(self.root, base, text, problem.remedy))


def outside(text: str, where: str, position: Position) -> Problem:
    return Problem(f"{text!r} leaves the manifest's folder", "move the file inside", where, position)


@dataclass(slots=True)
class Sources:
    """Everything that was read; `resources` is keyed by address in the order of the files.

    `sections` are the keys whose entries are resources, with their kinds. `included` are the names of files that were
    read or could not be: none of them is tried twice. `whole` is False where one could not be: what is not declared may
    be declared there, so nothing is said of it.
    """

    root: Path
    sections: Mapping[str, str]
    documents: list[SourceDocument] = field(default_factory=list)
    variables: dict[str, ManifestEntry] = field(default_factory=dict)
    accounts: dict[str, ManifestEntry] = field(default_factory=dict)
    resources: dict[Address, ManifestEntry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    included: set[str] = field(default_factory=set)
    whole: bool = True

    @property
    def main(self) -> SourceDocument | None:
        return self.documents[0] if self.documents else None


def load(file: Path, sections: Mapping[str, str] | None = None) -> Sources:
    """Read `file` and its includes; what cannot be read is a problem, the rest goes on."""
    path = real(file)
    sources = Sources(path.parent, sections or {})
    found = read(path, file.as_posix())
    if isinstance(found, Problem) and found.position is None:
        remedy = (
            found.remedy if path.exists() or path.is_symlink() else similar_file(path, file.as_posix(), _NO_MANIFEST)
        )
        sources.whole = False
        sources.problems.append(replace(found, remedy=remedy))  # of the file as a whole: named as the user named it
    else:
        _read(sources, path, file.name, ())
    return sources


def _read(sources: Sources, path: Path, name: str, parents: tuple[Path, ...], place: Position | None = None) -> None:
    """Read one file; `place` is where it is included, `parents` are the files on the way to it."""
    found = read(path, name, sources.sections)
    if isinstance(found, Problem):
        sources.whole = False
        sources.problems.append(replace(found, position=found.position or place))
        return
    if not isinstance(found.data, dict):
        sources.whole = False
        sources.problems.append(_not_a_mapping(found, fragment=bool(parents)))
        return
    sources.documents.append(found)
    _collect(sources, found)
    includes = found.data.get("include")
    for index, pattern in enumerate(includes if isinstance(includes, list) else ()):
        if isinstance(pattern, str) and pattern:
            _include(sources, found, index, pattern, (*parents, path))


def _not_a_mapping(document: SourceDocument, *, fragment: bool) -> Problem:
    what = "the file is empty" if document.data is None else "this is not a mapping of keys"
    remedy = "start with assistants: or vector_stores:" if fragment else "start with version: 1 and project: NAME"
    return Problem(what, remedy, position=document.position())


def _include(sources: Sources, document: SourceDocument, index: int, pattern: str, parents: tuple[Path, ...]) -> None:
    """Read what the pattern names, each file once; a file on the way to itself is a problem."""
    position = document.position(("include", index))
    base = parents[-1].parent
    wrong = GlobProblems(sources.root)
    found = matches(base, pattern, wrong)
    problems = list(wrong.found.values())
    if not (found or problems):
        remedy = similar_file(base / pattern, pattern, "correct the path")
        here = posixpath.dirname(document.name)
        problems.append((f"{pattern!r} matches no file", from_the_root(sources.root, here, pattern, remedy)))
    for match in found:
        path = real(match)
        name = relative(sources.root, path)
        if name is None:
            problems.append((f"{pattern!r} leaves the manifest's folder", "move the file inside"))
        elif path in parents:
            problems.append((f"{name} includes itself", "remove it from include"))
        elif len(parents) > MAX_INCLUDES:
            problems.append((f"{name} is included through {MAX_INCLUDES} files", "include it nearer to the manifest"))
        elif name not in sources.included:
            sources.included.add(name)
            _read(sources, path, name, parents, position)
    sources.problems += [Problem(what, remedy, f"include[{index}]", position) for what, remedy in problems]


def _collect(sources: Sources, document: SourceDocument) -> None:
    for section, key, value in _items(document, ("variables", "accounts", *sources.sections)):
        entry = ManifestEntry(document, (section, key), value)
        if section in sources.sections:
            _add(sources, sources.resources, Address(sources.sections[section], key), entry)
        else:
            table = sources.variables if section == "variables" else sources.accounts
            _add(sources, table, key, entry)


def _items(document: SourceDocument, sections: Sequence[str]) -> Iterator[tuple[str, str, Any]]:
    for section in sections:
        table = document.data.get(section)
        if isinstance(table, dict):
            yield from ((section, key, value) for key, value in table.items())


def _add(sources: Sources, table: dict[Any, ManifestEntry], key: Address | str, entry: ManifestEntry) -> None:
    if key not in table:
        table[key] = entry
        return
    first = table[key]
    place = entry.document.key_position(entry.path)
    message = f"{entry.path[1]!r} stands twice, first at {first.document.key_position(first.path)}"
    sources.problems.append(Problem(message, "rename or remove one", entry.document.address(entry.path), place))


Moves = tuple[tuple[Address, Address], ...]


@dataclass(frozen=True, slots=True)
class _Move:
    document: SourceDocument
    place: int
    old: Address
    new: Address

    def problem(self, key: str, message: str, remedy: str) -> Problem:
        position = self.document.position(("moved", self.place, key))
        return Problem(message, remedy, f"moved[{self.place}].{key}", position)


def read_moves(sources: Sources) -> tuple[Moves, list[Problem]]:
    """Return the old and the new address of each move, and every problem. Moves of moves are followed to the end."""
    moves: dict[Address, _Move] = {}
    problems = []
    for move in _moves(sources):
        first = moves.setdefault(move.old, move)
        if first is not move:
            where = first.document.position(("moved", first.place))
            problems.append(move.problem("from", f"{move.old} moves twice, first at {where}", "keep one of them"))
    ends, declared = _ends(moves), Declared(sources.resources.keys())
    for old, move in moves.items():
        problems += _wrong(move, ends[old], declared, whole=sources.whole)
    return tuple((old, end) for old, end in ends.items() if end is not None), problems


def _moves(sources: Sources) -> Iterator[_Move]:
    """Return what can be read; the schema reports the rest."""
    for document in sources.documents:
        items = document.data.get("moved")
        for place, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict):
                old, new = _address(item.get("from")), _address(item.get("to"))
                if old and new:
                    yield _Move(document, place, old, new)


def _address(text: object) -> Address | None:
    try:
        return Address.parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _ends(moves: Mapping[Address, _Move]) -> dict[Address, Address | None]:
    """Follow moves to the last address, each step once; None for those that end in a circle."""
    ends: dict[Address, Address | None] = {}
    for here in moves:
        way: dict[Address, None] = {}
        while here in moves and here not in ends and here not in way:
            way[here] = None
            here = moves[here].new  # noqa: PLW2901 (goes on along the moves)
        end = ends.get(here, None if here in way else here)
        ends |= dict.fromkeys(way, end)
    return ends


def _wrong(move: _Move, end: Address | None, declared: Declared, *, whole: bool) -> Iterator[Problem]:
    if move.old.kind != move.new.kind:
        yield move.problem("to", f"{move.old} cannot become {move.new}", "a move keeps the kind")
    elif end is None:
        yield move.problem("to", f"{move.old} moves in a circle", "remove one of the moves")
    elif move.old in declared:
        yield move.problem("from", f"{move.old} is still declared", "remove it, or this move")
    elif whole and move.new == end and end not in declared:
        yield move.problem("to", f"there is no {end}", declared.similar(end, "declare it, or remove this move"))
