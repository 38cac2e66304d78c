"""What an export needs of account and disk: documents are fetched, and files come into a folder all together or not."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deployer.backends import contents
from deployer.backends.http.client import Client
from deployer.engine import stamp
from deployer.engine.adopt import MAX_ATTRIBUTES, lacking_room
from deployer.engine.decide import STORE
from deployer.errors import DeployerError
from deployer.kinds import Kind
from deployer.manifest.declaration import Declaration, DocumentPaths, WrittenDocument
from deployer.manifest.knowledge import unfit
from deployer.model import DesiredFile, LiveFile
from deployer.wording import listed, more

_READY = ("completed", "in_progress")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Fetcher:
    """`staging` takes the files; in `project` the documents of earlier applies may lie, which need no download."""

    client: Client
    kinds: Mapping[str, Kind]
    staging: Path
    project: Path
    places: DocumentPaths

    async def bring(self, item: Declaration) -> Declaration:
        """Return the item with its documents; DeployerError when one of ours cannot be had: it would be removed."""
        files = await self._files(item)
        if item.live.kind == STORE and item.stamp is None:
            item = replace(item, live=replace(item.live, files=tuple(files)))
        ours = [file for file in files if file.sha256 and item.stamp]
        foreign = [file for file in files if not item.stamp]
        if item.stamp and len(ours) < len(files):
            item = item.saying(f"documents that deployer did not attach stay undeclared: {len(files) - len(ours)}")
        held = await contents.described(self.client, [file.id for file in (*ours, *foreign) if not file.path])
        wanted, told = self._placed(item, [*ours, *foreign], held)
        told += await self._fetched(item, wanted)
        if told and ours:
            raise DeployerError(f"{told[0][1]} (of {len(told)})" if len(told) > 1 else told[0][1])
        gone = {file_id for file_id, _ in told}
        documents = tuple(one for one in wanted if one.file.id not in gone)
        return _remarked(replace(item, documents=documents), [why for _, why in told], len(files))

    async def _files(self, item: Declaration) -> Sequence[LiveFile]:
        """Return what it holds. A store of ours was read already; a stamp without room takes no files."""
        if item.live.kind == STORE:
            return item.live.files if item.stamp else await contents.memberships(self.client, item.live.id)
        held = self.kinds[item.live.kind].held(item.live.raw)
        if item.stamp is None and lacking_room(item.live, files=True):
            return ()
        known = [item.stamp.files.get(stamp.name_of(one)) if item.stamp else None for one in held]
        return [LiveFile(one, None, mark, "completed", None, 0) for one, mark in zip(held, known, strict=True)]

    def _placed(
        self, item: Declaration, files: Sequence[LiveFile], held: Mapping[str, contents.Held]
    ) -> tuple[list[WrittenDocument], list[tuple[str, str]]]:
        """Return each file its path, and the ids of those that cannot be declared, with the reason."""
        result, told = [], []
        for file in files:
            if file.path is None and file.id not in held:
                told.append((file.id, f"{file.id}: its File object is gone"))
            elif not item.stamp and file.status not in _READY:
                told.append((file.id, f"{held[file.id].name if file.id in held else file.path}: it is {file.status}"))
            elif not item.stamp and len(file.attributes) > MAX_ATTRIBUTES:
                told.append((file.id, f"{file.id}: it has more than {MAX_ATTRIBUTES} attributes"))
            elif file.path and self.places.keep(file.path, file.sha256 or file.id):
                result.append(WrittenDocument(file, file.path))
            elif file.path and item.stamp:
                told.append((file.id, f"{file.path} cannot be written where it was"))
            else:
                name = (file.path or held[file.id].name).rpartition("/")[2] if file.path else held[file.id].name
                result.append(WrittenDocument(file, self.places.find(item.folder, name, file.id)))
        return result, told

    async def _fetched(self, item: Declaration, documents: Sequence[WrittenDocument]) -> list[tuple[str, str]]:
        """Bring the bytes; when the account refuses the first, it is not asked for the others."""
        left = [one for one in documents if not await asyncio.to_thread(self._copied, one)]
        told = [(one.file.id, why) for one in left[:1] if (why := await self._one(item, one))]
        if told:
            return [(one.file.id, told[0][1]) for one in left]
        gate = asyncio.Semaphore(contents.CONCURRENCY)

        async def one_more(one: WrittenDocument) -> tuple[str, str]:
            async with gate:
                return one.file.id, await self._one(item, one)

        return [found for found in await asyncio.gather(*map(one_more, left[1:])) if found[1]]

    def _copied(self, document: WrittenDocument) -> bool:
        """Use what lies in the project already, if it is the very content that was applied."""
        source = self.project / document.path
        if not (document.file.path and document.file.sha256 and source.is_file()):
            return False
        with source.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != document.file.sha256:
                return False
        path = self.staging / document.path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
        return True

    async def _one(self, item: Declaration, document: WrittenDocument) -> str:
        """Return why a document cannot be had or declared; "" when it is there."""
        path = self.staging / document.path
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        if why := await contents.download(self.client, document.file.id, path):
            return f"{document.path} cannot be downloaded: {why}"
        size = (await asyncio.to_thread(path.stat)).st_size
        file = DesiredFile(document.path, size, "", source=document.path)
        wrong = next(iter(unfit(self.staging, file, item.taker)), None) if item.taker else None
        if wrong:
            await asyncio.to_thread(path.unlink)
        return wrong[0] if wrong else ""


def _remarked(item: Declaration, told: Sequence[str], count: int) -> Declaration:
    """Say beside the item what of its documents is not declared: in one line where it is all of them."""
    if told and not item.documents:
        return item.saying(f"no files: its {count} documents stay as they are, undeclared ({told[0]})")
    for why in told[:_SHOWN]:
        item = item.saying(f"stays as it is, undeclared: {why}")
    return item.saying(more(len(told) - _SHOWN)) if len(told) > _SHOWN else item


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
    """Make a folder and those above it; return those that were not there."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _move(source: Path, end: Path, moved: list[tuple[Path, Path]]) -> None:
    end.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, end)  # noqa: PTH105 (the name says that nothing in between is ever seen)
    moved.append((source, end))


@contextlib.contextmanager
def staged(target: Path) -> Iterator[Staging]:
    """Return an empty staging folder on the disk of the target; it goes away, and so do folders that stay empty."""
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
