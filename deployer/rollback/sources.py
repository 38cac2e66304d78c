"""Where the contents of documents can be had: on the account, or in the working tree under whatever path."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deployer.engine import held_files, uploads
from deployer.errors import DeployerError
from deployer.model import DesiredFile, LiveFile, LiveObject
from deployer.rollback import snapshot
from deployer.rollback.restore import ContentSources
from deployer.rollback.snapshot import Entry
from deployer.rollback.store import SnapshotStore

if TYPE_CHECKING:
    from deployer.backends.account import Account
    from deployer.backends.base import StoredFile


@dataclass(frozen=True, slots=True)
class ContentSearch:
    """Where to look: an account, the working tree below `root` with the files that its manifest declares, snapshots."""

    account: Account
    root: Path
    declared: Sequence[DesiredFile]
    store: SnapshotStore


async def find_contents(search: ContentSearch, entries: Sequence[Entry], live: Sequence[LiveObject]) -> ContentSources:
    """Look for all that the entries held; the content of a file is read only where nothing else tells it."""
    rows = {one.id: one for one in await search.account.files.stored() or ()}
    tree = {file.sha256: file for file in search.declared}
    there = {*rows, *(file.id for one in live for file in one.files)}
    missing = _missing(entries, there, tree)
    tree |= await asyncio.to_thread(find_files, search.root, missing)
    contents = {uploads.token(file.name, file.sha256): file for file in search.declared}
    proven = await _proven(search, entries, rows, contents)
    contents |= {uploads.token(file.name, file.sha256): file for file in proven.values()}
    lent = [LiveFile(one, file.path, file.sha256, "completed", file.size, 0) for one, file in proven.items()]
    unknown = {file.sha256 for file in _held(search, entries) if file.sha256} - set(contents)
    return ContentSources(frozenset(rows), tree, contents, lent, _names(search.store, unknown))


def _names(store: SnapshotStore, tokens: Collection[str]) -> dict[str, str]:
    """Return the paths of files of the code interpreter that are nowhere any more, as older snapshots have them."""
    result = dict[str, str]()
    for name in store.names() if tokens else ():
        with contextlib.suppress(DeployerError):  # it only tells a name
            for path, sha256, _ in snapshot.documents(store.read(name)):
                result[uploads.token(path.rpartition("/")[2], sha256)] = path
    return result


def _held(search: ContentSearch, entries: Sequence[Entry]) -> Iterator[LiveFile]:
    """Return the files of code interpreters that the entries held."""
    for entry in entries:
        if entry.stamp and not entry.foreign:
            yield from held_files.live_files(search.account.kinds[entry.previous.kind], entry.raw or {}, entry.stamp)


def _missing(entries: Sequence[Entry], there: Collection[str], tree: Collection[str]) -> dict[str, int]:
    """Return the sha256 and the size of each document that neither the account nor the manifest has."""
    files = [file for entry in entries for file in entry.files if file.id not in there]
    return {
        file.sha256: file.size for file in files if file.sha256 and file.size is not None and file.sha256 not in tree
    }


def find_files(root: Path, missing: Mapping[str, int]) -> dict[str, DesiredFile]:
    """Return files below `root` with these digests (of these sizes, in bytes); hidden folders are passed over."""
    sizes, result = set(missing.values()), dict[str, DesiredFile]()
    for path in _files(root) if missing else ():
        with contextlib.suppress(OSError):  # what cannot be read is not what is looked for
            if path.stat().st_size in sizes and (sha := _sha256(path)) in missing:
                result[sha] = DesiredFile(path.relative_to(root).as_posix(), missing[sha], sha)
    return result


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for name in names if (path := Path(folder, name)).is_file() and not path.is_symlink())


async def _proven(
    search: ContentSearch, entries: Sequence[Entry], rows: Mapping[str, StoredFile], known: Collection[str]
) -> dict[str, DesiredFile]:
    """Read files of code interpreters that are still on the account; return those that are what they were."""
    from deployer.backends.base import digest

    result = {}
    for old in _held(search, entries):
        if old.sha256 is None or old.sha256 in known or old.id not in rows:
            continue
        sha, name = await digest(search.account.files, old.id), rows[old.id].name
        if sha and uploads.token(name, sha) == old.sha256:
            result[old.id] = DesiredFile(name, max(0, rows[old.id].size), sha)
    return result
