"""Paths and globs of the manifest: inside its folder, in the disk's own spelling.

macOS decomposes 한글 in names (NFD), an editor writes it composed (NFC): names are compared in one form.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import dropwhile
from pathlib import Path, PurePosixPath
from unicodedata import normalize

_WILD = frozenset("*?[")


def real(path: Path) -> Path:
    """Give the path without links; unlike Path.resolve it does not raise for links that go in a circle."""
    return Path(os.path.realpath(path))


def relative(root: Path, path: Path) -> str | None:
    """Give `path` as seen from `root`, with `/`; None when it leaves `root`, also through a link."""
    end, straight = real(path), Path(os.path.normpath(path))
    if not end.is_relative_to(root):
        return None
    return (straight if straight.is_relative_to(root) else end).relative_to(root).as_posix()


def relatives(root: Path, paths: Iterable[Path]) -> Iterator[tuple[Path, str | None]]:
    """Give each path with what `relative` says of it; the way to a folder is looked at only once."""
    folders: dict[Path, str | None] = {}
    for path in paths:
        folder = path.parent
        if folder not in folders:
            folders[folder] = relative(root, folder)
        if folders[folder] is None or path.is_symlink():
            yield path, relative(root, path)
        else:
            yield path, path.name if folders[folder] == "." else f"{folders[folder]}/{path.name}"


def existing(base: Path, text: str) -> Path:
    """Give the path that `text` means, part for part in the spelling of the disk where there is such a file."""
    path = base
    for part in PurePosixPath(text).parts:
        path = _spelled(path, part)
    return path


def matches(base: Path, pattern: str) -> list[Path]:
    """Give the regular files that a glob matches, sorted.

    `**` is any depth, but it follows no link to a folder; hidden names match only a pattern that begins with the dot.
    """
    return [] if pattern.endswith("/") else sorted(set(_walk(base, PurePosixPath(pattern).parts)))


def fixed_part(pattern: str) -> str:
    """Give the folders before the first wildcard: where a glob starts to look."""
    parts = PurePosixPath(pattern).parts
    wild = next((index for index, part in enumerate(parts) if _WILD & set(part)), len(parts))
    return str(PurePosixPath(*parts[:wild]))


def _walk(path: Path, parts: Sequence[str]) -> Iterator[Path]:
    if not parts:
        yield from [path] if os.path.isfile(path) else []  # noqa: PTH113 (never raises)
    elif parts[0] == "**":
        yield from _walk_any_depth(path, list(dropwhile("**".__eq__, parts)) or ["*"])
    elif _WILD & set(parts[0]):
        for name in _names(path):
            if fnmatchcase(_composed(name), _composed(parts[0])) and name.startswith(".") <= parts[0].startswith("."):
                yield from _walk(path / name, parts[1:])
    else:
        yield from _walk(_spelled(path, parts[0]), parts[1:])


def _walk_any_depth(path: Path, parts: Sequence[str]) -> Iterator[Path]:
    yield from _walk(path, parts)
    for name in _names(path):
        inner = path / name
        if not name.startswith(".") and inner.is_dir() and not inner.is_symlink():
            yield from _walk_any_depth(inner, parts)


def _spelled(folder: Path, name: str) -> Path:
    path = folder / name
    if name.isascii() or os.path.lexists(path):
        return path
    return next((folder / other for other in _names(folder) if _composed(other) == _composed(name)), path)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 (names, not paths)
    except OSError:
        return []


def _composed(name: str) -> str:
    return normalize("NFC", name)
