"""One file with function definitions, as `functions fix` and `functions compare` see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer.errors import DeployerError
from deployer.manifest.document import Document, read
from deployer.manifest.functions import REMEDY
from deployer.manifest.functions import definitions as standing
from deployer.model import Position, Problem

Pointer = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """One function in a file; `at` leads to it. A bare schema counts as the parameters of a function."""

    document: Document
    at: Pointer
    is_schema: bool
    data: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.data.get("name", "")) if not self.is_schema else ""

    @property
    def function(self) -> Mapping[str, Any]:
        """The definition as the API has it; the parameters of a bare schema need some name."""
        return {"name": "schema", "parameters": self.data} if self.is_schema else self.data

    def position(self, pointer: Pointer) -> Position:
        """Where a path of the function stands in the file, or the nearest place that exists."""
        inside = pointer[1:] if self.is_schema and pointer[:1] == ("parameters",) else pointer
        return self.document.key_position((*self.at, *inside))


def definitions(path: Path) -> list[Definition]:
    """All functions of a YAML or JSON file; DeployerError if it cannot be read or has none."""
    document = read(path, path.as_posix())
    if isinstance(document, Problem):
        raise DeployerError(str(document))
    found = [Definition(document, at, kind == "schema", data) for at, kind, data in standing(document.data, ())]
    if not found:
        raise DeployerError(f"{path}: this is no function definition; {REMEDY}")
    return found
