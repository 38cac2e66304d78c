"""One item of a list of files: a path, glob or URL, alone or with settings for what it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer.manifest import ignored
from deployer.model import Attrs

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class Pattern:
    """`attributes` and `chunking` are what every file that it names is given."""

    path: str
    exclude: tuple[str, ...]
    attributes: Mapping[str, str | float | bool]
    chunking: Attrs | None

    @classmethod
    def of(cls, item: str | Mapping[str, Any], chunking: Attrs | None) -> Pattern:
        """Read an item that the schema accepts; `chunking` is that of the whole list."""
        settings: Mapping[str, Any] = {"path": item} if isinstance(item, str) else item
        own = settings.get("chunking", chunking)
        return cls(
            path=settings["path"],
            exclude=tuple(settings.get("exclude", ())),
            attributes=dict(settings.get("attributes", {})),
            chunking=None if own is None else dict(own),
        )

    def unreadable(self) -> list[int]:
        """Give the places of excludes that are no patterns."""
        return [place for place, line in enumerate(self.exclude) if not ignored.readable(line)]

    def excluded(self) -> GitIgnoreSpec | None:
        good = [line for line in self.exclude if ignored.readable(line)]
        return ignored.spec(good) if good else None
