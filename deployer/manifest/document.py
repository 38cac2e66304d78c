"""One file of the project: its data, and where each part of it stands."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.manifest import strict_json, yaml12
from deployer.manifest.suggest import similar_file
from deployer.model import Position, Problem

KINDS = {"vector_stores": "vector_store", "assistants": "assistant"}
MAX_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Document:
    """`name` is the path as the user knows it, relative to the manifest's folder."""

    name: str
    data: Any
    mark: yaml12.Mark

    def position(self, path: Sequence[str | int] = ()) -> Position:
        """Where the value at `path` stands, or its nearest parent that exists."""
        mark = self.mark
        for part in path:
            if part not in mark.inside:
                break
            mark = mark.inside[part]
        return Position(self.name, mark.line, mark.column)

    def key_position(self, path: Sequence[str | int]) -> Position:
        """Where the key that ends `path` stands (its value, if it is an item of a list)."""
        mark = self.mark
        for part in path[:-1]:
            if part not in mark.inside:
                return self.position(path)
            mark = mark.inside[part]
        if path and isinstance(path[-1], str) and path[-1] in mark.keys:
            return Position(self.name, *mark.keys[path[-1]])
        return self.position(path)


def address(path: Sequence[str | int], start: str = "") -> str:
    """Give the words by which a user knows `path`: `assistant/tutor.tools[0]`; `start` replaces the beginning."""
    parts = list(path)
    if not start and len(parts) > 1 and parts[0] in KINDS:
        start = f"{KINDS[str(parts[0])]}/{parts[1]}"
        parts = parts[2:]
    text = start
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def read_text(path: Path, name: str) -> str | Problem:
    """Give the text of a UTF-8 file without carriage returns and byte order mark, or the problem with it.

    A problem with the file as a whole has no position: only whoever names the file knows a useful one.
    """
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):  # reading a pipe would wait for ever
            what = "a folder" if stat.S_ISDIR(state.st_mode) else "not a regular file"
            return Problem(f"{name} is {what}", "name a file")
        if state.st_size > MAX_BYTES:
            return Problem(f"{name} is larger than {MAX_BYTES:,} bytes", "split it")
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            return Problem(f"{name} is a link that leads nowhere", "correct or remove it")
        return Problem(f"{name} does not exist", similar_file(path, name, "create it, or correct the path"))
    except OSError as error:
        return Problem(f"{name} cannot be read ({error.strerror})", "check its permissions and links")
    return _decode(data, name)


def _decode(data: bytes, name: str) -> str | Problem:
    try:
        return _unix(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        good = _unix(error.object[: error.start].decode())  # the codec has already cut a byte order mark off
        place = Position(name, *yaml12.place(good, len(good)))
        return Problem("this is not UTF-8 text", "save the file as UTF-8", position=place)


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(path: Path, name: str) -> Document | Problem:
    """Read a YAML or JSON file, or tell the problem with it."""
    text = read_text(path, name)
    if isinstance(text, Problem):
        return text
    try:
        data, mark = strict_json.read(text) if path.suffix.lower() == ".json" else yaml12.read(text)
    except yaml12.YamlError as error:
        return Problem(error.message, error.remedy, position=Position(name, error.line, error.column))
    return Document(name, data, mark)
