"""One file of the project: its data, and where each part of it stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.manifest import yaml12
from deployer.model import Position, Problem

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


def read_text(path: Path, name: str) -> str | Problem:
    """Give the text of a UTF-8 file with `\\n` line ends and no byte order mark, or the problem with it.

    A problem with the file as a whole has no position: only whoever names the file knows a useful one.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            return Problem(f"{name} is larger than {MAX_BYTES:,} bytes", "split it")
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError:
        return Problem(f"{name} does not exist", "create it, or correct the path")
    except IsADirectoryError:
        return Problem(f"{name} is a folder", "name the file inside it")
    except UnicodeDecodeError as error:
        return Problem(f"{name} is not UTF-8 text (byte {error.start})", "save it as UTF-8")
    except OSError as error:
        return Problem(f"{name} cannot be read ({error.strerror})", "check its permissions")


def read(path: Path, name: str) -> Document | Problem:
    """Read a YAML or JSON file, or tell the problem with it."""
    text = read_text(path, name)
    if isinstance(text, Problem):
        return text
    if path.suffix == ".json" and (problem := _json_problem(text, name)):
        return problem
    try:
        data, mark = yaml12.read(text)
    except yaml12.YamlError as error:
        return Problem(error.message, error.remedy, position=Position(name, error.line, error.column))
    return Document(name, data, mark)


def _json_problem(text: str, name: str) -> Problem | None:
    """JSON is YAML, but not the other way round: what calls itself JSON must be that."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        place = Position(name, error.lineno, error.colno)
        return Problem(f"this is not valid JSON ({error.msg.lower()})", "mend the syntax", position=place)
    except (RecursionError, ValueError) as error:
        return Problem(f"this JSON cannot be read ({error})", "simplify it", position=Position(name, 1, 1))
    return None
