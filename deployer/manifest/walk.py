"""Go through folders as the parts of a glob say.

macOS decomposes 한글 in names (NFD), an editor writes it composed (NFC): names are compared in one form.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from fnmatch import fnmatchcase
from itertools import dropwhile
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from unicodedata import normalize

from deployer.manifest.odd import Odd

WILD = frozenset("*?[")


class _Kind(Enum):
    FOLDER = auto()
    LINK = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk, which lists each folder once; what is in its way goes to `odd`."""

    odd: Odd
    _lists: dict[Path, list[tuple[str, _Kind]]] = field(default_factory=dict)

    def files(self, path: Path, parts: Sequence[str]) -> Iterator[Path]:
        """Give the regular files that the parts of a glob name, from the folder `path`; some perhaps twice."""
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
            if kind is _Kind.FOLDER and not name.startswith("."):
                yield from self._any_depth(path / name, parts)
            elif kind is _Kind.LINK and not name.startswith("."):
                self.odd.not_followed(path / name)

    def _is_file(self, path: Path) -> bool:
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116 (of ten thousand, each costs)
        except OSError as error:
            self.odd.failed(path, error)
            return False
        if not (S_ISREG(mode) or S_ISDIR(mode)):
            self.odd.special(path)
        return S_ISREG(mode) and not self.odd.misnamed(path)

    def _names(self, folder: Path) -> Iterator[str]:
        return (name for name, _ in self._listed(folder))

    def _listed(self, folder: Path) -> list[tuple[str, _Kind]]:
        if folder not in self._lists:
            self._lists[folder] = self._list(folder)
        return self._lists[folder]

    def _list(self, folder: Path) -> list[tuple[str, _Kind]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(((one.name, _kind(one)) for one in entries), key=lambda one: one[0])
        except (FileNotFoundError, NotADirectoryError) as error:
            self.odd.failed(folder, error)
        except OSError as error:
            self.odd.unreadable(folder, error)
        return []


def _kind(entry: os.DirEntry[str]) -> _Kind:
    if entry.is_symlink():
        return _Kind.LINK
    return _Kind.FOLDER if entry.is_dir(follow_symlinks=False) else _Kind.OTHER


def spelled(folder: Path, name: str, names: Callable[[Path], Iterable[str]]) -> Path:
    """Give the path of a name in the spelling of the disk, if there is such a file; `names` lists a folder."""
    path = folder / name
    if name.isascii() or os.path.lexists(path):
        return path
    return next((folder / other for other in names(folder) if composed(other) == composed(name)), path)


def composed(name: str) -> str:
    return normalize("NFC", name)
