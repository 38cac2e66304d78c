"""Small JSON files that only save work: whatever is wrong with one, it counts as empty."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployer import json_text

FOLDER = Path(".deployer") / "cache"
"""Where the caches of a project are, beside its manifest."""


def load(folder: Path | None, name: str) -> dict[str, Any]:
    """Return what was saved under `name`; {} when there is nothing, or nothing that can be read."""
    if folder is None:
        return {}
    try:
        file = _file(folder, name)
        data = json_text.loads(file.read_bytes() if file.is_file() else b"")  # to read a pipe would wait for ever
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def save(folder: Path | None, name: str, data: Mapping[str, Any]) -> None:
    """Keep `data` (JSON) under `name`, whole or not at all; a folder that cannot be written to is no problem.

    Two processes may save at once: the later one wins, and a reader sees one of both.
    """
    if folder is None:
        return
    text = json.dumps(data, separators=(",", ":"))
    try:
        prepare(folder)
        _replace(_file(folder, name), text)
    except OSError:
        return


def prepare(folder: Path) -> None:
    """Make the folder, which is no source; raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitignore").write_bytes(b"*\n")


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _replace(path: Path, text: str) -> None:
    import tempfile

    handle, temporary = tempfile.mkstemp(prefix=f"{path.stem}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
