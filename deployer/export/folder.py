"""The text files beside the manifest, by path."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(slots=True)
class Folder:
    """`taken` are the paths of documents; no two names differ only in case."""

    taken: Collection[str] = ()
    files: dict[str, str] = field(default_factory=dict)

    def add(self, stem: str, suffix: str, text: str) -> str:
        """Give the path of a file with this text: an equal one is used again, another one is left as it is."""
        held = {path.casefold(): path for path in (*self.taken, *self.files)}
        path, count = f"{stem}{suffix}", 1
        while (there := held.get(path.casefold())) is not None and self.files.get(there) != text:
            count += 1
            path = f"{stem}-{count}{suffix}"
        path = held.get(path.casefold(), path)
        self.files[path] = text
        return path
