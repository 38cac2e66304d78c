"""One file of the project: its data, and where each part of it stands."""

from __future__ import annotations

import codecs
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer.deadlines import Touching
from deployer.manifest import yaml12
from deployer.manifest.suggest import similar_file
from deployer.model import Position, Problem

MAX_BYTES = 10_000_000
MAX_STAND_IN = 1024
"""A pointer of Git LFS is smaller than 1024 bytes, by its specification."""
_LFS = (
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",
    b"version http://git-media.io/",
)
_ANNEX = re.compile(rb"/annex/objects/|(\.\./)*\.git/annex/objects/")
CRYPT, ENCRYPTED = b"\0GITCRYPT\0", ("encrypted by git-crypt", "run git-crypt unlock")


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class SourceDocument:
    """`name` is the path as the user knows it, relative to the manifest's folder.

    `sections` are the keys whose entries are resources, with their kinds: `assistants` → `assistant`.
    """

    name: str
    data: Any
    positions: yaml12.PositionTree
    sections: Mapping[str, str] = field(default_factory=dict)

    def position(self, path: Sequence[str | int] = ()) -> Position:
        """Return where the value at `path` stands, or its nearest parent that exists."""
        found = self.positions
        for part in path:
            if part not in found.inside:
                break
            found = found.inside[part]
        return Position(self.name, found.line, found.column)

    def is_blank(self, path: Sequence[str | int]) -> bool:
        """Whether a key stands there with nothing behind it, which is hardly a null that somebody meant."""
        found = self.positions
        for part in path:
            if part not in found.inside:
                return False
            found = found.inside[part]
        return found.blank

    def key_position(self, path: Sequence[str | int]) -> Position:
        """Return where the key that ends `path` stands (its value, if it is an item of a list)."""
        found = self.positions
        for part in path[:-1]:
            if part not in found.inside:
                return self.position(path)
            found = found.inside[part]
        if path and isinstance(path[-1], str) and path[-1] in found.keys:
            return Position(self.name, *found.keys[path[-1]])
        return self.position(path)

    def part(self, path: Sequence[str | int]) -> SourceDocument:
        """Return what stands at `path` as a document of its own, its places in this file."""
        data, found = self.data, self.positions
        for step in path:
            data, found = data[step], found.inside[step]
        return SourceDocument(self.name, data, found)

    def patched(self, path: Sequence[str | int], patch: SourceDocument) -> SourceDocument:
        """Return this document with a merge patch (RFC 7396) applied to the mapping at `path`."""
        tree = patch.positions if patch.name == self.name else None
        return replace(
            self,
            data=_patched(self.data, path, patch.data),
            positions=self.positions if tree is None else _grafted(self.positions, path, tree),
        )

    def address(self, path: Sequence[str | int], start: str = "") -> str:
        """Return the words by which a user knows `path`: `assistant/tutor.tools[0]`; `start` stands before it."""
        if not start and len(path) > 1 and path[0] in self.sections:
            return address(path[2:], f"{self.sections[str(path[0])]}/{path[1]}")
        return address(path, start)


def _patched(value: Any, path: Sequence[str | int], patch: Any) -> Any:
    """Return data with a patch merged at `path`; nothing of what is given is changed."""
    if path:
        return {**value, path[0]: _patched(value[path[0]], path[1:], patch)}
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, item in patch.items():
        if item is None:
            result.pop(key, None)
        else:
            result[key] = _patched(result.get(key), (), item)
    return result


def _grafted(tree: yaml12.PositionTree, path: Sequence[str | int], patch: yaml12.PositionTree) -> yaml12.PositionTree:
    """Return the places of a patched document: what the patch brings stands in the patch."""
    if path:
        return replace(tree, inside={**tree.inside, path[0]: _grafted(tree.inside[path[0]], path[1:], patch)})
    if not patch.keys:
        return patch
    inside = {
        key: _grafted(tree.inside[key], (), one) if key in tree.inside and one.keys else one
        for key, one in patch.inside.items()
    }
    return replace(tree, keys={**tree.keys, **patch.keys}, inside={**tree.inside, **inside})


def address(path: Sequence[str | int], start: str = "") -> str:
    """Return the words for a path inside what `start` names: `.tools[0]` of `assistant/tutor`."""
    text = start
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def stand_in(data: bytes, path: Path | None) -> tuple[str, str] | None:
    """Return what a file is that only stands for another one, and how to get that one; None for any other file.

    `data` is all that the file at `path` (None: behind a URL) holds. A checkout leaves such files where a filter of git
    did not run, and whoever copies it somewhere copies them.
    """
    if data.startswith(CRYPT):
        return ENCRYPTED
    if len(data) > MAX_STAND_IN:
        return None
    start = data.removeprefix(codecs.BOM_UTF8)
    if start.startswith(_LFS):
        return "a Git LFS pointer", "run git lfs pull"
    if _ANNEX.match(start):
        return "a pointer of git-annex", "run git annex get"
    if path and (target := _target(start, path)):
        return f"a link to {target} that was checked out as text", "copy the file itself, or check out with links"
    return None


def _target(data: bytes, path: Path) -> str | None:
    """Return the file that a link leads to, which git (without `core.symlinks`) has written as its path alone."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if not (text.isprintable() and ("/" in text or "." in text) and text == text.strip()):
        return None
    end = path.parent / text
    try:
        leads = end.is_file() and not end.samefile(path)
    except OSError:
        return None
    return text if leads else None


def read_text(path: Path, name: str, *, names_files: bool = False) -> str | Problem:
    """Return the text of a UTF-8 file without carriage returns and byte order mark, or the problem with it.

    A file that `names_files`, as a list of patterns does, may hold the path of one alone and still be no link to it.

    A problem with the file as a whole has no position: only whoever names the file knows a useful one.
    """
    with Touching(name):
        data = _bytes(path, name)
    return data if isinstance(data, Problem) else _decode(data, None if names_files else path, name)


def _bytes(path: Path, name: str) -> bytes | Problem:
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):  # reading a pipe would wait for ever
            what = "a folder" if stat.S_ISDIR(state.st_mode) else "not a regular file"
            return Problem(f"{name} is {what}", "name a file")
        if state.st_size > MAX_BYTES:
            return Problem(f"{name} is larger than {MAX_BYTES:,} bytes", "split it")
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            return Problem(f"{name} is a link that leads nowhere", "correct or remove it")
        return Problem(f"{name} does not exist", similar_file(path, name, "create it, or correct the path"))
    except OSError as error:
        return Problem(f"{name} cannot be read ({error.strerror})", "check its permissions and links")


def _decode(data: bytes, path: Path | None, name: str) -> str | Problem:
    if found := stand_in(data, path):
        return Problem(f"{name} is {found[0]}", found[1])
    try:
        return _unix(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        good = _unix(error.object[: error.start].decode())  # the codec has already cut a byte order mark off
        place = Position(name, *yaml12.place(good, len(good)))
        return Problem("this is not UTF-8 text", "save the file as UTF-8", position=place)


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(path: Path, name: str, sections: Mapping[str, str] | None = None) -> SourceDocument | Problem:
    """Return the data of a YAML or JSON file, or the problem with it."""
    text = read_text(path, name)
    if isinstance(text, Problem):
        return text
    try:
        data, positions = yaml12.read_json(text) if path.suffix.lower() == ".json" else yaml12.read(text)
    except yaml12.YamlError as error:
        return Problem(error.message, error.remedy, position=Position(name, error.line, error.column))
    return SourceDocument(name, data, positions, sections or {})
