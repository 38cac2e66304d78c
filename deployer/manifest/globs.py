"""Paths and globs of the manifest: inside its folder, in the disk's own spelling, without what is to be left out.

What is left out, by `exclude` and `.deployerignore`, is written in the syntax of gitignore and read by pathspec.
"""

from __future__ import annotations

import os
import posixpath
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from errno import EACCES, ELOOP
from fnmatch import fnmatchcase
from itertools import dropwhile, takewhile
from pathlib import Path, PurePosixPath
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from deployer.deadlines import Touching
from deployer.manifest.document import read_text
from deployer.model import Position, Problem

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FILE = ".deployerignore"
REMEDY = "write it as in a .gitignore"
_FOLDERS_INSIDE = re.compile(r"(!?|.*/)\*\*/ *")  # to git `x/**/` is each folder in x, to pathspec all that is in x
WILD = frozenset("*?[")
_NOT_THERE = (FileNotFoundError, NotADirectoryError)


def real(path: Path) -> Path:
    """Return the path without links; unlike Path.resolve it does not raise for links that go in a circle."""
    return Path(os.path.realpath(path))


def relative(root: Path, path: Path) -> str | None:
    """Return `path` as seen from `root`, with `/`; None when it leaves `root`, also through a link."""
    end, straight = real(path), Path(os.path.normpath(path))
    if not end.is_relative_to(root):
        return None
    return (straight if straight.is_relative_to(root) else end).relative_to(root).as_posix()


class Folders:
    """Names files as seen from `root`, as `relative` does; the way to each folder is looked at only once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._names: dict[Path, str | None] = {}

    def name(self, path: Path) -> str | None:
        folder = path.parent
        if folder not in self._names:
            self._names[folder] = relative(self.root, folder)
        name = self._names[folder]
        if name is None or path.name == ".." or path.is_symlink():
            return relative(self.root, path)
        return path.name if name == "." else f"{name}/{path.name}"


def existing(base: Path, text: str) -> Path:
    """Return the path that `text` means, part for part in the spelling of the disk where there is such a file."""
    path = base
    for part in PurePosixPath(text).parts:
        path = spelled(path, part, _names)
    return path


def matches(base: Path, pattern: str, problems: GlobProblems | None = None) -> list[Path]:
    """Return the regular files that a glob matches, sorted; `problems` take what is in the way of knowing them all.

    `**` is any depth, but it follows no link to a folder; hidden names match only a pattern that begins with the dot.
    """
    if pattern.endswith("/"):
        return []
    return sorted(set(Walk(problems or GlobProblems(real(base))).files(base, PurePosixPath(pattern).parts)))


def from_the_root(root: Path, base: str, text: str, otherwise: str) -> str:
    """Return the remedy for a path that leads nowhere from an included file, but would from the manifest's folder."""
    if base in {"", "."} or PurePosixPath(text).is_absolute() or relative(root, root / fixed_part(text)) is None:
        return otherwise
    right = posixpath.relpath(text, base)
    return f"paths are relative to this file: write {right!r}" if matches(root, text) else otherwise


def fixed_part(pattern: str) -> str:
    """Return the folders before the first wildcard: where a glob starts to look."""
    parts = PurePosixPath(pattern).parts
    wild = next((index for index, part in enumerate(parts) if WILD & set(part)), len(parts))
    return str(PurePosixPath(*parts[:wild]))


def _names(folder: Path) -> list[str]:
    """A file that is named and not found is a problem to whoever named it."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 (names, not paths)
    except OSError:
        return []


class _EntryKind(Enum):
    FOLDER = auto()
    LINK = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk through folders as the parts of a glob say, which lists each folder once.

    macOS decomposes 한글 in names (NFD), an editor writes it composed (NFC): names are compared in one form.
    """

    problems: GlobProblems
    _lists: dict[Path, list[tuple[str, _EntryKind]]] = field(default_factory=dict)

    def files(self, path: Path, parts: Sequence[str]) -> Iterator[Path]:
        """Return the regular files that the parts of a glob name, from the folder `path`; some perhaps twice."""
        if not parts:
            yield from [path] if self._is_file(path) else []
        elif parts[0] == "**":
            yield from self._any_depth(path, list(dropwhile("**".__eq__, parts)) or ["*"])
        elif WILD & set(parts[0]):
            pattern = composed(parts[0])
            for name in self._names(path):
                if fnmatchcase(composed(name), pattern) and name.startswith(".") <= pattern.startswith("."):
                    yield from self.files(path / name, parts[1:])
        else:
            yield from self.files(spelled(path, parts[0], self._names), parts[1:])

    def _any_depth(self, path: Path, parts: Sequence[str]) -> Iterator[Path]:
        yield from self.files(path, parts)
        for name, kind in self._listed(path):
            if kind is _EntryKind.FOLDER and not name.startswith("."):
                yield from self._any_depth(path / name, parts)
            elif kind is _EntryKind.LINK and not name.startswith("."):
                self.problems.not_followed(path / name)

    def _is_file(self, path: Path) -> bool:
        try:
            with Touching(str(path)):
                mode = os.stat(path).st_mode  # noqa: PTH116 (of ten thousand, each costs)
        except OSError as error:
            self.problems.failed(path, error)
            return False
        if not (S_ISREG(mode) or S_ISDIR(mode)):
            self.problems.special(path)
        return S_ISREG(mode) and not self.problems.misnamed(path)

    def _names(self, folder: Path) -> Iterator[str]:
        return (name for name, _ in self._listed(folder))

    def _listed(self, folder: Path) -> list[tuple[str, _EntryKind]]:
        if folder not in self._lists:
            self._lists[folder] = self._list(folder)
        return self._lists[folder]

    def _list(self, folder: Path) -> list[tuple[str, _EntryKind]]:
        try:
            with Touching(str(folder)), os.scandir(folder) as entries:
                return sorted(((one.name, _kind(one)) for one in entries), key=lambda one: one[0])
        except (FileNotFoundError, NotADirectoryError) as error:
            self.problems.failed(folder, error)
        except OSError as error:
            self.problems.unreadable(folder, error)
        return []


def _kind(entry: os.DirEntry[str]) -> _EntryKind:
    if entry.is_symlink():
        return _EntryKind.LINK
    return _EntryKind.FOLDER if entry.is_dir(follow_symlinks=False) else _EntryKind.OTHER


def spelled(folder: Path, name: str, names: Callable[[Path], Iterable[str]]) -> Path:
    """Return the path of a name in the spelling of the disk, if there is such a file; `names` lists a folder."""
    path = folder / name
    if name.isascii() or os.path.lexists(path):
        return path
    return next((folder / other for other in names(folder) if composed(other) == composed(name)), path)


def composed(name: str) -> str:
    return normalize("NFC", name)


@dataclass(frozen=True, slots=True)
class GlobProblems:
    """What is in the way of a glob: names that cannot be documents, folders that cannot be looked into.

    `found` has what was met, by path, with what to do; `root` is the manifest's folder, without links. To pass over one
    in silence would take its documents off the account; only what has gone since it was listed is no news.
    """

    root: Path
    found: dict[Path, tuple[str, str]] = field(default_factory=dict)

    def add(self, path: Path, what: str, remedy: str) -> None:
        self.found.setdefault(path, (f"{self.shown(path)} {what}", remedy))

    def shown(self, path: Path) -> str:
        """Return the name for the user; bytes that are not UTF-8 as escapes, or no output could hold it."""
        return os.fsencode(os.path.relpath(path, self.root)).decode("utf-8", "backslashreplace")

    def failed(self, path: Path, error: OSError) -> None:
        """Add why `path` cannot be looked at, unless it is not there: then it has gone, or never was."""
        if isinstance(error, _NOT_THERE) or error.errno == ELOOP:
            if link := self._broken(path):
                self.add(link, "is a link that leads nowhere", "correct or remove it")
            return
        hidden = error.errno == EACCES and not os.path.islink(path)  # noqa: PTH114 (never raises)
        self.unreadable(path.parent if hidden else path, error)

    def unreadable(self, path: Path, error: OSError) -> None:
        self.add(path, f"cannot be read: {error.strerror}", "make it readable")

    def _broken(self, path: Path) -> Path | None:
        """Return the link, on the way to what is not there, that leads nowhere."""
        way = takewhile(self.root.__ne__, (path, *path.parents))
        return next((one for one in way if os.path.islink(one) and not os.path.exists(one)), None)  # noqa: PTH110, PTH114

    def special(self, path: Path) -> None:
        self.add(path, "is not a regular file", "remove it")

    def leaves(self, path: Path, what: str) -> None:
        self.add(path, "is a link that leaves the manifest's folder", f"copy the {what} inside")

    def not_followed(self, link: Path) -> None:
        """Add a link to a folder outside; one inside is none: what it leads to can be named by its own path."""
        if os.path.isdir(link) and not Path(os.path.realpath(link)).is_relative_to(self.root):  # noqa: PTH112
            self.leaves(link, "folder")

    def misnamed(self, path: Path) -> bool:
        """Whether no API can be sent the name; then it is added too."""
        name = str(path)[len(str(self.root)) :]
        try:
            name.encode()
        except UnicodeEncodeError:
            self.add(path, "has a name that is not UTF-8", "rename it")
            return True
        return False


def spec(lines: Iterable[str]) -> GitIgnoreSpec:
    """Compile lines of gitignore's syntax; ValueError when one of them cannot be read."""
    from pathspec import GitIgnoreSpec

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of `re`, for odd classes of characters
        try:
            return GitIgnoreSpec.from_lines(map(_as_git_means, lines))
        except re.error as error:
            raise ValueError(str(error)) from None


def _as_git_means(line: str) -> str:
    return f"{line.rstrip(' ')}*/" if _FOLDERS_INSIDE.fullmatch(line) else line


def readable(line: str) -> bool:
    try:
        spec([line])
    except ValueError:
        return False
    return True


def _verdict(rules: GitIgnoreSpec, path: str) -> bool | None:
    """As git does: the last pattern that names `path` itself decides."""
    return next(
        (one.include for one in reversed(rules.patterns) if one.include is not None and _names_itself(one, path)), None
    )


def _names_itself(pattern: Any, path: str) -> bool:
    """A pattern of pathspec also matches what is in a folder; then its group `ps_d` is the slash after the folder.

    That of `*/` is any slash at all, and the first one is found first.
    """
    found = pattern.match_file(path)
    if found is None:
        return False
    if found.match.groupdict().get("ps_d"):
        return any(one.end("ps_d") == len(path) for one in pattern.regex.finditer(path))
    return not path.endswith("/") or pattern.match_file(path[:-1]) is not None


class Ignored:
    """What the `.deployerignore` files of the manifest's folder, and of the folders in it, name.

    As in git: a deeper file has the last word, but nothing comes back out of a folder that is left out. `problems` are
    those of the files that were read so far.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._specs: dict[str, tuple[tuple[int, GitIgnoreSpec], ...]] = {}
        self._folders: dict[str, bool] = {"": False}
        self.problems: list[Problem] = []

    def covers(self, path: str) -> bool:
        """Whether `path` (relative to the manifest's folder; a folder ends with `/`) is left out."""
        folder = path.rstrip("/").rpartition("/")[0]
        if folder not in self._folders:
            self._folders[folder] = self.covers(f"{folder}/")
        return self._folders[folder] or self._named(folder, path)

    def _named(self, folder: str, path: str) -> bool:
        for start, rules in self._above(folder):
            verdict = _verdict(rules, path[start:])
            if verdict is not None:
                return verdict
        return False

    def _above(self, folder: str) -> tuple[tuple[int, GitIgnoreSpec], ...]:
        """Return the rules that hold in a folder, the nearest first, each with where their paths begin."""
        if folder not in self._specs:
            outer = self._above(folder.rpartition("/")[0]) if folder else ()
            own = self._read(f"{folder}/{FILE}" if folder else FILE)
            self._specs[folder] = ((len(folder) + bool(folder), own), *outer) if own else outer
        return self._specs[folder]

    def _read(self, name: str) -> GitIgnoreSpec | None:
        path = self._root / name
        if not os.path.lexists(path):  # a link that leads nowhere is told, not taken for nothing
            return None
        text = read_text(path, name, names_files=True)
        if isinstance(text, Problem):
            self.problems.append(Problem(text.message, text.remedy, position=text.position or Position(name, 1, 1)))
            return None
        lines = text.split("\n")
        wrong = [place for place, line in enumerate(lines) if not readable(line)]
        self.problems += [
            Problem(f"{lines[place]!r} is no pattern", REMEDY, position=Position(name, place + 1, 1)) for place in wrong
        ]
        return spec(line for place, line in enumerate(lines) if place not in wrong)
