"""Where the bytes of documents of then can be had: on the account, or in the working tree under whatever path."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.engine import interpreter, supply
from deployer.errors import DeployerError
from deployer.model import DesiredFile, LiveFile, LiveObject
from deployer.rollback import snapshot
from deployer.rollback.restore import Stock
from deployer.rollback.snapshot import Entry
from deployer.rollback.store import read_snapshot, store_of

if TYPE_CHECKING:
    from deployer.backends.http.client import Client
    from deployer.backends.http.pages import Row
    from deployer.kinds import Kind
    from deployer.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Place:
    """The account and the manifest whose files may have the contents."""

    client: Client
    manifest: Manifest
    kinds: Mapping[str, Kind]


async def stock(place: Place, entries: Sequence[Entry], live: Sequence[LiveObject]) -> Stock:
    """Look for all that the entries held; the content of a file is read only where nothing else tells it."""
    from deployer.apply.usage import all_files

    rows = {row["id"]: row for row in await all_files(place.client)}
    declared = [file for resource in place.manifest.resources for file in resource.files]
    tree = {file.sha256: file for file in declared}
    there = {*rows, *(file.id for one in live for file in one.files)}
    missing = _missing(entries, there, tree)
    tree |= await asyncio.to_thread(found, place.manifest.root, missing)
    contents = {supply.token(file.name, file.sha256): file for file in declared}
    spare = await _proven(place, entries, rows, contents)
    contents |= {supply.token(file.name, file.sha256): file for file in spare.values()}
    lent = [LiveFile(one, file.path, file.sha256, "completed", file.size, 0) for one, file in spare.items()]
    unknown = {file.sha256 for file in _held(place, entries) if file.sha256} - set(contents)
    return Stock(frozenset(rows), tree, contents, lent, names=_names(place, unknown))


def _names(place: Place, tokens: Collection[str]) -> dict[str, str]:
    """Give the paths of files of the code interpreter that nobody has any more, as older snapshots tell them."""
    result = dict[str, str]()
    store = store_of(place.manifest)
    for name in store.names() if tokens else ():
        with contextlib.suppress(DeployerError):  # it only tells a name
            for path, sha256, _ in snapshot.documents(read_snapshot(store, name)):
                result[supply.token(path.rpartition("/")[2], sha256)] = path
    return result


def _held(place: Place, entries: Sequence[Entry]) -> Iterator[LiveFile]:
    """Give the files of code interpreters that the entries held."""
    for entry in entries:
        if mark := entry.stamp:
            yield from interpreter.live_files(place.kinds[entry.then.kind], entry.raw or {}, mark)


def _missing(entries: Sequence[Entry], there: Collection[str], tree: Collection[str]) -> dict[str, int]:
    """Give the sha256 and the size of each document that neither the account nor the manifest has."""
    files = [file for entry in entries for file in entry.files if file.id not in there]
    return {
        file.sha256: file.size for file in files if file.sha256 and file.size is not None and file.sha256 not in tree
    }


def found(root: Path, missing: Mapping[str, int]) -> dict[str, DesiredFile]:
    """Give files below `root` with these digests (of these sizes); hidden folders are passed over."""
    sizes, result = set(missing.values()), dict[str, DesiredFile]()
    for path in _files(root) if missing else ():
        if path.stat().st_size not in sizes:
            continue
        with path.open("rb") as file:
            sha = hashlib.file_digest(file, "sha256").hexdigest()
        if sha in missing:
            result[sha] = DesiredFile(path.relative_to(root).as_posix(), missing[sha], sha)
    return result


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for name in names if (path := Path(folder, name)).is_file() and not path.is_symlink())


async def _proven(
    place: Place, entries: Sequence[Entry], rows: Mapping[str, Row], known: Collection[str]
) -> dict[str, DesiredFile]:
    """Read files of code interpreters that are still on the account, and give those that are what they were then."""
    from deployer.apply.reuse import digest

    result = {}
    for old in _held(place, entries):
        if old.sha256 is None or old.sha256 in known or old.id not in rows:
            continue
        sha, name = await digest(place.client, old.id), str(rows[old.id].get("filename"))
        if sha and supply.token(name, sha) == old.sha256:
            result[old.id] = DesiredFile(name, int(rows[old.id].get("bytes") or 0), sha)
    return result
