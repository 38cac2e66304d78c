"""What globs leave out: `exclude` and `.deployerignore`, both in the syntax of gitignore, read by pathspec."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.manifest.document import read_text
from deployer.model import Position, Problem

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

FILE = ".deployerignore"
REMEDY = "write it as in a .gitignore"
_FOLDERS_INSIDE = re.compile(r"(!?|.*/)\*\*/ *")  # to git `x/**/` is each folder in x, to pathspec all that is in x


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
        (one.include for one in reversed(rules.patterns) if one.include is not None and _names(one, path)), None
    )


def _names(pattern: Any, path: str) -> bool:
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
        """Tell whether `path` (relative to the manifest's folder; a folder ends with `/`) is left out."""
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
        """Give the rules that hold in a folder, the nearest first, each with where their paths begin."""
        if folder not in self._specs:
            outer = self._above(folder.rpartition("/")[0]) if folder else ()
            own = self._read(f"{folder}/{FILE}" if folder else FILE)
            self._specs[folder] = ((len(folder) + bool(folder), own), *outer) if own else outer
        return self._specs[folder]

    def _read(self, name: str) -> GitIgnoreSpec | None:
        path = self._root / name
        if not os.path.lexists(path):  # a link that leads nowhere is told, not taken for nothing
            return None
        text = read_text(path, name)
        if isinstance(text, Problem):
            self.problems.append(Problem(text.message, text.remedy, position=text.position or Position(name, 1, 1)))
            return None
        lines = text.split("\n")
        wrong = [place for place, line in enumerate(lines) if not readable(line)]
        self.problems += [
            Problem(f"{lines[place]!r} is no pattern", REMEDY, position=Position(name, place + 1, 1)) for place in wrong
        ]
        return spec(line for place, line in enumerate(lines) if place not in wrong)
