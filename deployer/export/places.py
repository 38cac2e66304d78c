"""Where documents go: paths that no name of an account can lead astray."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from unicodedata import normalize

_MOST_BYTES = 180
_LONGEST = 256
_UNFIT = re.compile(r'[\\/:*?"<>|]')
_RESERVED = ("assistants.yaml", "prompts", "functions", "schemas")


@dataclass(slots=True)
class Places:
    """Gives out paths; no two differ only in case. `_held` says what is at a path already."""

    _held: dict[str, str] = field(default_factory=dict)

    def keep(self, path: str, content: str) -> bool:
        """Take the very path, if a document may stand there; the same content may stand there twice."""
        if not is_safe(path) or self._held.get(path.casefold(), content) != content:
            return False
        self._held[path.casefold()] = content
        return True

    def find(self, folder: str, name: str, content: str) -> str:
        """Give a path for a document of an account; a second one of the name gets a folder of its own."""
        path, count = f"{folder}/{safe_name(name)}", 1
        while path.casefold() in self._held:
            count += 1
            path = f"{folder}/{count}/{safe_name(name)}"
        self._held[path.casefold()] = content
        return path


def is_safe(path: str) -> bool:
    """Tell whether a path stays inside the folder, is not hidden, and is none that we write ourselves."""
    parts = path.split("/")
    return (
        len(path) <= _LONGEST
        and all(part == safe_name(part) for part in parts)
        and parts[0].casefold() not in _RESERVED
    )


def safe_name(name: str) -> str:
    """Give what a file can be called on any system."""
    text = normalize("NFC", "".join(one if one.isprintable() else "-" for one in name))
    text = _UNFIT.sub("-", text).strip(" .\t") or "document"
    suffix = PurePosixPath(text).suffix[:20]
    stem = text.removesuffix(suffix)
    while len(f"{stem}{suffix}".encode()) > _MOST_BYTES:
        stem = stem[:-1]
    return f"{stem}{suffix}"


def as_pattern(path: str) -> str:
    """Give the glob that matches this path alone."""
    return re.sub(r"([*?\[])", r"[\1]", path)


def common(paths: Mapping[str, str], folder: str) -> bool:
    """Tell whether `folder/**` is these paths and no others of all that are written (path → whose)."""
    owners = {owner for path, owner in paths.items() if path.startswith(f"{folder}/")}
    return len(owners) == 1
