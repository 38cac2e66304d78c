"""The documents that a list of files names: on disk by globs, or behind URLs; and whether they can be used."""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from unicodedata import normalize

from deployer import remote
from deployer.errors import DeployerError
from deployer.manifest import ignored
from deployer.manifest.fit import Taker, Wrong, unfit
from deployer.manifest.load import Entry
from deployer.manifest.odd import Odd
from deployer.manifest.paths import fixed_part, matches, relative, relatives
from deployer.manifest.patterns import Pattern
from deployer.manifest.suggest import similar_file
from deployer.manifest.tools import Surroundings
from deployer.model import Attrs, DesiredFile, Position, Problem
from deployer.wording import listed


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of files in the manifest: `at` is its place in its entry, `where` its address for the user."""

    entry: Entry
    at: tuple[str | int, ...]
    where: str
    items: Sequence[Any]
    taker: Taker

    @property
    def base(self) -> str:
        """The folder that its paths start from, relative to the manifest's."""
        return posixpath.dirname(self.entry.document.name)

    def problem(self, wrong: Wrong, *more: str | int) -> Problem:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in more)
        return Problem(*wrong, f"{self.where}{where}", self.position(*more))

    def position(self, *more: str | int) -> Position:
        return self.entry.position(*self.at, *more)


@dataclass(slots=True)
class _Found:
    """Documents by their paths, each with the place of the item that named it first."""

    files: dict[str, tuple[DesiredFile, int]] = field(default_factory=dict)

    def add(self, files: Sequence[DesiredFile], place: int) -> Iterator[Wrong]:
        others: dict[int, list[str]] = {}
        for file in files:
            first, where = self.files.setdefault(file.path, (file, place))
            if first.source != file.source:
                yield _one_name(first, file)
            elif _settings(first) != _settings(file):
                others.setdefault(where, []).append(file.path)
        for where, paths in others.items():
            message = f"{listed(paths, 1)}: files[{where}] names this too, with other attributes or chunking"
            yield message, "exclude it in one of the two"


def find(
    around: Surroundings, listing: Listing, chunking: Attrs | None = None
) -> tuple[tuple[DesiredFile, ...], list[Problem]]:
    """Give the files that a list names, in its order and without digests, and every problem with them.

    `chunking` is for items that say nothing of their own. Offline, of a URL only the form is looked at.
    """
    found = _Found()
    problems: list[Problem] = []
    for place, item in enumerate(listing.items):
        if item is None:
            continue  # the schema has refused it
        pattern = Pattern.of(item, chunking)
        files, wrong = _remote(around, pattern) if remote.is_url(pattern.path) else _local(around, listing, pattern)
        wrong += [
            one for file in files if file.path not in found.files for one in unfit(around.root, file, listing.taker)
        ]
        problems += [listing.problem(one, place) for one in (*wrong, *found.add(files, place))]
        for index in pattern.unreadable():
            message = f"{pattern.exclude[index]!r} is no pattern"
            problems.append(listing.problem((message, ignored.REMEDY), place, "exclude", index))
    return tuple(file for file, _ in found.files.values()), problems


def _local(around: Surroundings, listing: Listing, pattern: Pattern) -> tuple[list[DesiredFile], list[Wrong]]:
    base, text = around.root / listing.base, pattern.path
    if relative(around.root, base / fixed_part(text)) is None:
        return [], [(f"{text!r} leaves the manifest's folder", "move the documents inside, or correct the glob")]
    odd, left_out, files = Odd(around.root), _left_out(around, listing, pattern), []
    paths = matches(base, text, odd)
    for path, source in relatives(around.root, paths):
        if source is None:
            odd.leaves(path, "document")
        elif (size := _size(path, odd)) is not None and not left_out(source):
            files.append(_document(normalize("NFC", source), size, source, pattern))
    wrong = [
        (what, f"{remedy}, or exclude it")
        for path, (what, remedy) in odd.found.items()
        if not any(left_out(_name(around.root, path) + end) for end in ("", "/"))
    ]
    some = bool(paths or odd.found)
    return sorted(files, key=_path), wrong if files or wrong else [_nothing(base, text, ignored=some)]


def _left_out(around: Surroundings, listing: Listing, pattern: Pattern) -> Callable[[str], bool]:
    """Tell what is left out, by its path from the manifest's folder; a folder's ends with `/`.

    A file that is named without wildcards comes even if `.deployerignore` names it.
    """
    excluded, base = pattern.excluded(), listing.base or "."
    literal = fixed_part(pattern.path) == str(PurePosixPath(pattern.path))

    def inside(name: str) -> str:
        return posixpath.relpath(name, base) + "/" * name.endswith("/")

    def left_out(name: str) -> bool:
        return bool(excluded and excluded.match_file(inside(name))) or (not literal and around.ignored.covers(name))

    return left_out


def _name(root: Path, path: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _size(path: Path, odd: Odd) -> int | None:
    """None for a file that went away since its folder was listed."""
    try:
        return os.stat(path).st_size  # noqa: PTH116 (of ten thousand, each costs)
    except OSError as error:
        odd.failed(path, error)
        return None


def _remote(around: Surroundings, pattern: Pattern) -> tuple[list[DesiredFile], list[Wrong]]:
    wrong = remote.malformed(pattern.path)
    if wrong or around.offline:
        return [], [wrong] if wrong else []
    try:
        found = remote.listed(pattern.path)
    except DeployerError as error:
        return [], [(str(error), "")]
    excluded = pattern.excluded()
    files = [
        _document(remote.path_of(one.url), one.size, one.url, pattern)
        for one in found
        if not (excluded and excluded.match_file(one.inside))
    ]
    if files:
        return sorted(files, key=_path), []
    what = "everything that it matches is excluded" if found else "it matches no file"
    return [], [(f"{remote.shown(pattern.path)}: {what}", "correct the URL, or add the documents")]


def _document(path: str, size: int, source: str, pattern: Pattern) -> DesiredFile:
    return DesiredFile(path, size, "", pattern.chunking, source, pattern.attributes)


def _path(file: DesiredFile) -> str:
    return file.path


def _settings(file: DesiredFile) -> str:
    """What must agree where two items name one file, in a form in which `1` and `true` differ."""
    return json.dumps([file.attributes, file.chunking], sort_keys=True)


def _one_name(first: DesiredFile, second: DesiredFile) -> Wrong:
    what = f"{first.source} and {second.source}"
    if normalize("NFC", first.source) == normalize("NFC", second.source):
        what = "one composed (NFC), one decomposed"
    return f"two files are called {first.path}: {what}", "rename one"


def _nothing(base: Path, pattern: str, *, ignored: bool) -> Wrong:
    if ignored:
        return f"everything that {pattern!r} matches is left out", "correct exclude or .deployerignore"
    if (base / pattern).is_dir():
        return f"{pattern!r} is a folder", f"write {pattern.rstrip('/')}/** for all documents in it"
    otherwise = "correct the glob, or add the documents"
    return f"{pattern!r} matches no file", similar_file(base / pattern, pattern, otherwise)
