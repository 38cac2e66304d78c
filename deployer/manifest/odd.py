"""What is in the way of a glob: names that cannot be documents, folders that cannot be looked into.

To pass over one in silence would take its documents off the account; only what has gone since it was listed is no news.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from errno import EACCES, ELOOP
from itertools import takewhile
from pathlib import Path

from deployer.manifest.fit import Wrong

_NOT_THERE = (FileNotFoundError, NotADirectoryError)


@dataclass(frozen=True, slots=True)
class Odd:
    """What was met, by path, with what to do; `root` is the manifest's folder, without links."""

    root: Path
    found: dict[Path, Wrong] = field(default_factory=dict)

    def add(self, path: Path, what: str, remedy: str) -> None:
        self.found.setdefault(path, (f"{self.shown(path)} {what}", remedy))

    def shown(self, path: Path) -> str:
        """Give the name for the user; bytes that are not UTF-8 as escapes, or no output could hold it."""
        return os.fsencode(os.path.relpath(path, self.root)).decode("utf-8", "backslashreplace")

    def failed(self, path: Path, error: OSError) -> None:
        """Tell why `path` cannot be looked at, unless it is not there: then it has gone, or never was."""
        if isinstance(error, _NOT_THERE) or error.errno == ELOOP:
            if link := self._broken(path):
                self.add(link, "is a link that leads nowhere", "correct or remove it")
            return
        hidden = error.errno == EACCES and not os.path.islink(path)  # noqa: PTH114 (never raises)
        self.unreadable(path.parent if hidden else path, error)

    def unreadable(self, path: Path, error: OSError) -> None:
        self.add(path, f"cannot be read: {error.strerror}", "make it readable")

    def _broken(self, path: Path) -> Path | None:
        """Give the link, on the way to what is not there, that leads nowhere."""
        way = takewhile(self.root.__ne__, (path, *path.parents))
        return next((one for one in way if os.path.islink(one) and not os.path.exists(one)), None)  # noqa: PTH110, PTH114

    def special(self, path: Path) -> None:
        self.add(path, "is not a regular file", "remove it")

    def leaves(self, path: Path, what: str) -> None:
        self.add(path, "is a link that leaves the manifest's folder", f"copy the {what} inside")

    def not_followed(self, link: Path) -> None:
        """Tell of a link to a folder outside; one inside is none: what it leads to can be named by its own path."""
        if os.path.isdir(link) and not Path(os.path.realpath(link)).is_relative_to(self.root):  # noqa: PTH112
            self.leaves(link, "folder")

    def misnamed(self, path: Path) -> bool:
        """Tell whether no API can be sent the name; then that is told too."""
        name = str(path)[len(str(self.root)) :]
        try:
            name.encode()
        except UnicodeEncodeError:
            self.add(path, "has a name that is not UTF-8", "rename it")
            return True
        return False
