"""Files that come into a folder all together, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deployer.errors import DeployerError
from deployer.wording import listed

_SHOWN = 5


@dataclass(slots=True)
class Staging:
    """A hidden folder inside `target`, in which everything is made first."""

    target: Path
    folder: Path
    texts: set[str] = field(default_factory=set)
    made: list[Path] = field(default_factory=list)

    def write(self, files: Mapping[str, str]) -> None:
        """Write text files, instead of those of the last time."""
        for name in self.texts - files.keys():
            (self.folder / name).unlink()
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        self.texts = set(files)

    def check(self, names: Collection[str]) -> None:
        """Raise when one of them is in the target already."""
        there = [name for name in sorted(names) if os.path.lexists(self.target / name)]
        if there:
            raise DeployerError(
                f"{listed(there, _SHOWN)} exist in {self.target}; name another folder, or add --force overwrite"
            )

    def place(self, names: Collection[str]) -> None:
        """Move files to the target; when one cannot be moved, everything is put back as it was."""
        aside = self.folder / ".before"
        moved: list[tuple[Path, Path]] = []
        try:
            for name in sorted(names):
                if os.path.lexists(self.target / name):
                    _move(self.target / name, aside / name, moved)
                self.made += make((self.target / name).parent)
                _move(self.folder / name, self.target / name, moved)
        except OSError:
            for source, end in reversed(moved):
                source.parent.mkdir(parents=True, exist_ok=True)
                os.replace(end, source)  # noqa: PTH105 (as below)
            raise


def make(folder: Path) -> list[Path]:
    """Make a folder and those above it; give those that were not there."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _move(source: Path, end: Path, moved: list[tuple[Path, Path]]) -> None:
    end.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, end)  # noqa: PTH105 (the name says that nothing in between is ever seen)
    moved.append((source, end))


@contextlib.contextmanager
def staged(target: Path) -> Iterator[Staging]:
    """Give an empty staging folder on the same disk as the target; it goes away, and so do folders that stay empty."""
    made = make(target)
    folder = Path(tempfile.mkdtemp(prefix=".deployer-export-", dir=target))
    staging = Staging(target, folder, made=made)
    try:
        yield staging
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for one in reversed(staging.made):
            with contextlib.suppress(OSError):  # what was meant to be there is in it
                one.rmdir()
