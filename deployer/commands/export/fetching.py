"""Bring the documents of what is exported: those that the account lets be read, under paths of their own."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deployer.backends import contents
from deployer.backends.http.client import Client
from deployer.engine import stamp
from deployer.engine.adopt import MAX_ATTRIBUTES, lacking_room
from deployer.engine.decide import STORE
from deployer.errors import DeployerError
from deployer.export.items import Document, Item
from deployer.export.places import Places
from deployer.kinds import Kind
from deployer.manifest.knowledge import CODE_INTERPRETER, FILE_SEARCH, unfit
from deployer.model import DesiredFile, LiveFile
from deployer.wording import more

_READY = ("completed", "in_progress")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Fetcher:
    """`staging` takes the files; in `project` the documents of earlier applies may lie, which need no download."""

    client: Client
    kinds: Mapping[str, Kind]
    staging: Path
    project: Path
    places: Places

    async def bring(self, item: Item) -> Item:
        """Give the item with its documents; DeployerError when one of ours cannot be had: it would be removed."""
        files = await self._files(item)
        if item.live.kind == STORE and item.mark is None:
            item = replace(item, live=replace(item.live, files=tuple(files)))
        ours = [file for file in files if file.sha256 and item.mark]
        foreign = [file for file in files if not item.mark]
        if item.mark and len(ours) < len(files):
            item = item.saying(f"documents that deployer did not attach stay undeclared: {len(files) - len(ours)}")
        held = await contents.described(self.client, [file.id for file in (*ours, *foreign) if not file.path])
        wanted, told = self._placed(item, [*ours, *foreign], held)
        told += await self._fetched(wanted)
        if told and ours:
            raise DeployerError(f"{told[0][1]} (of {len(told)})" if len(told) > 1 else told[0][1])
        gone = {file_id for file_id, _ in told}
        documents = tuple(one for one in wanted if one.file.id not in gone)
        return _remarked(replace(item, documents=documents), [why for _, why in told], len(files))

    async def _files(self, item: Item) -> Sequence[LiveFile]:
        """Give what it holds. A store of ours was read already; a stamp without room takes no files."""
        if item.live.kind == STORE:
            return item.live.files if item.mark else await contents.memberships(self.client, item.live.id)
        held = self.kinds[item.live.kind].held(item.live.raw)
        if item.mark is None and lacking_room(item.live, files=True):
            return ()
        known = [item.mark.files.get(stamp.name_of(one)) if item.mark else None for one in held]
        return [LiveFile(one, None, mark, "completed", None, 0) for one, mark in zip(held, known, strict=True)]

    def _placed(
        self, item: Item, files: Sequence[LiveFile], held: Mapping[str, contents.Held]
    ) -> tuple[list[Document], list[tuple[str, str]]]:
        """Give each file its path, and the ids of those that cannot be declared, with the reason."""
        result, told = [], []
        for file in files:
            if file.path is None and file.id not in held:
                told.append((file.id, f"{file.id}: its File object is gone"))
            elif not item.mark and file.status not in _READY:
                told.append((file.id, f"{held[file.id].name if file.id in held else file.path}: it is {file.status}"))
            elif not item.mark and len(file.attributes) > MAX_ATTRIBUTES:
                told.append((file.id, f"{file.id}: it has more than {MAX_ATTRIBUTES} attributes"))
            elif file.path and self.places.keep(file.path, file.sha256 or file.id):
                result.append(Document(file, file.path))
            elif file.path and item.mark:
                told.append((file.id, f"{file.path} cannot be written where it was"))
            else:
                name = (file.path or held[file.id].name).rpartition("/")[2] if file.path else held[file.id].name
                result.append(Document(file, self.places.find(item.folder, name, file.id)))
        return result, told

    async def _fetched(self, documents: Sequence[Document]) -> list[tuple[str, str]]:
        """Bring the bytes; when the account refuses the first, it is not asked for the others."""
        left = [one for one in documents if not await asyncio.to_thread(self._copied, one)]
        told = [(one.file.id, why) for one in left[:1] if (why := await self._one(one))]
        if told:
            return [(one.file.id, told[0][1]) for one in left]
        gate = asyncio.Semaphore(contents.CONCURRENCY)

        async def one_more(one: Document) -> tuple[str, str]:
            async with gate:
                return one.file.id, await self._one(one)

        return [found for found in await asyncio.gather(*map(one_more, left[1:])) if found[1]]

    def _copied(self, document: Document) -> bool:
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

    async def _one(self, document: Document) -> str:
        """Give why a document cannot be had or declared; "" when it is there."""
        path = self.staging / document.path
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        if why := await contents.download(self.client, document.file.id, path):
            return f"{document.path} cannot be downloaded: {why}"
        size = (await asyncio.to_thread(path.stat)).st_size
        taker = CODE_INTERPRETER if document.path.startswith("data/") else FILE_SEARCH
        wrong = next(iter(unfit(self.staging, DesiredFile(document.path, size, "", source=document.path), taker)), None)
        if wrong:
            await asyncio.to_thread(path.unlink)
        return wrong[0] if wrong else ""


def _remarked(item: Item, told: Sequence[str], count: int) -> Item:
    """Say beside the item what of its documents is not declared: in one line where it is all of them."""
    if told and not item.documents:
        return item.saying(f"no files: its {count} documents stay as they are, undeclared ({told[0]})")
    for why in told[:_SHOWN]:
        item = item.saying(f"stays as it is, undeclared: {why}")
    return item.saying(more(len(told) - _SHOWN)) if len(told) > _SHOWN else item
