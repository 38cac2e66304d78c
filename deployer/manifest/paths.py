"""Paths and globs of the manifest: inside its folder, in the disk's own spelling."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from deployer.manifest.odd import Odd
from deployer.manifest.walk import WILD, Walk, spelled


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
        path = spelled(path, part, _names)
    return path


def matches(base: Path, pattern: str, odd: Odd | None = None) -> list[Path]:
    """Give the regular files that a glob matches, sorted; `odd` takes what is in the way of knowing them all.

    `**` is any depth, but it follows no link to a folder; hidden names match only a pattern that begins with the dot.
    """
    if pattern.endswith("/"):
        return []
    return sorted(set(Walk(odd or Odd(real(base))).files(base, PurePosixPath(pattern).parts)))


def fixed_part(pattern: str) -> str:
    """Give the folders before the first wildcard: where a glob starts to look."""
    parts = PurePosixPath(pattern).parts
    wild = next((index for index, part in enumerate(parts) if WILD & set(part)), len(parts))
    return str(PurePosixPath(*parts[:wild]))


def _names(folder: Path) -> list[str]:
    """A file that is named and not found is a problem to whoever named it."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 (names, not paths)
    except OSError:
        return []
