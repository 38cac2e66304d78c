"""The sha256 of every file. What was read before and has not changed since is not read again.

A file is known by its place, size, times and inode, as in git's index; one that changed in the last two seconds is read
again next time, since it may change once more within the same tick of its clock. Documents behind URLs are known by
what their service says of them. The cache has one text a file: `<sha256> <identity>`.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from deployer import cache, remote
from deployer.deadlines import Reading, Touching, beside, supervised
from deployer.errors import DeployerError, Interrupted
from deployer.manifest.document import CRYPT, ENCRYPTED, MAX_STAND_IN, stand_in
from deployer.model import Resource
from deployer.remote import READ, check_regular, readable

NAME = "digests"
_VERSION = 2
_RACY_NS = 2_000_000_000
_BUFFER = 256 * 1024
_BATCH_FILES = 32
_BATCH_BYTES = 16 * 1024 * 1024
_MOST = 100_000
_ENTRY = re.compile(r"([0-9a-f]{64}) (.+)", re.DOTALL)

Identity = str
"""What tells whether a file is still the one that was read."""


_Stop = Callable[[], bool]


class _Digest(NamedTuple):
    """`identity` is None where it could not be trusted the next time; `read` counts bytes, 0 for what was known."""

    sha256: str
    identity: Identity | None
    read: int


def digest(
    root: Path,
    resources: Sequence[Resource],
    *,
    rehash: bool = False,
    read: Callable[[int], object] | None = None,
    stop: _Stop = lambda: False,
) -> tuple[Resource, ...]:
    """Return the resources with the sha256 of every file; each is read once, in several threads.

    `rehash` reads all of them, whatever the cache knows. `read` is told how many bytes of each file were read. Once
    `stop` says so, the reading ends with Interrupted, amid a file.
    """
    sizes = {file.source: file.size for resource in resources for file in resource.files}
    folder = root / cache.FOLDER
    saved = _saved(folder)
    found = _digests(root, sizes, {} if rehash else saved, stop)
    if read:
        for one in found.values():
            read(one.read)
    _save(folder, saved, found)
    return tuple(
        replace(one, files=tuple(file.hashed(found[file.source].sha256) for file in one.files)) for one in resources
    )


def differs_in_line_ends(root: Path, source: str, sha256: str) -> bool:
    """Whether a file would have this digest, did its lines end as on another system; False where it cannot be read."""
    try:
        data = (root / source).read_bytes()
    except OSError:
        return False
    unix = data.replace(b"\r\n", b"\n")
    others = (unix, unix.replace(b"\n", b"\r\n"))
    return any(hashlib.sha256(one).hexdigest() == sha256 for one in others if one != data)


def _digests(root: Path, sizes: Mapping[str, int], saved: Mapping[str, Any], stop: _Stop) -> dict[str, _Digest]:
    """What is known of files is found in one thread: for a look at each of them, others only get in the way."""
    known = supervised(lambda: _known_before(root, sizes, saved))
    rest = {source: size for source, size in sizes.items() if source not in known}
    return known | _read(root, rest, saved, stop)


def _known_before(root: Path, sizes: Mapping[str, int], saved: Mapping[str, Any]) -> dict[str, _Digest]:
    local = {source: _unchanged(root, source, saved[source]) for source in sizes if source in saved}
    return {source: one for source, one in local.items() if one}


def _read(root: Path, sizes: Mapping[str, int], saved: Mapping[str, Any], stop: _Stop) -> dict[str, _Digest]:
    """Each thread takes the next batch by itself: to hand them out and back costs more than a small file."""
    folder = f"{root}/"
    batches = deque(_batches(sizes))

    def work(reading: Reading) -> dict[str, _Digest]:
        found: dict[str, _Digest] = {}
        try:
            while batch := _next(batches):
                if remote.is_url(batch[0]):
                    found[batch[0]] = _url(batch[0], saved, stop, reading)
                else:
                    found.update((one, _file(folder, one, sizes[one], stop, reading)) for one in batch)
        finally:
            batches.clear()  # nothing is left, or what failed ends it for all
        return found

    works = [work] * min(_cores(), len(batches))
    parts = beside(works, check=lambda: _go_on(stop))
    return {source: one for found in parts for source, one in found.items()}


def _next(batches: deque[list[str]]) -> list[str] | None:
    try:
        return batches.popleft()
    except IndexError:
        return None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _batches(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Large files first and alone, so that no thread is left with one at the end; small ones many at a time."""
    urls = [source for source in sizes if remote.is_url(source)]
    yield from ([source] for source in urls)
    batch: list[str] = []
    total = 0
    for source in sorted(sizes.keys() - urls, key=sizes.__getitem__, reverse=True):
        batch.append(source)
        total += sizes[source]
        if len(batch) == _BATCH_FILES or total >= _BATCH_BYTES:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def _unchanged(root: Path, source: str, entry: Any) -> _Digest | None:
    if remote.is_url(source):
        return None
    try:
        with Touching(source):
            return _known(entry, _identity(os.stat(f"{root}/{source}")))  # noqa: PTH116 (of ten thousand, each costs)
    except OSError:
        return None  # it is told when it is read


def _file(folder: str, source: str, size: int, stop: _Stop, reading: Reading) -> _Digest:
    reading.begin(source)
    try:
        return _hashed(folder, source, size, stop, reading)
    except OSError:
        with readable(source):
            raise


def _hashed(folder: str, source: str, size: int, stop: _Stop, reading: Reading) -> _Digest:
    """Bare calls of the system, as few as will do: of ten thousand small files, each costs.

    An inode that has been as it is for a while was so all the time that it was read; any other is read once more.
    """
    now = time.time_ns()
    file = os.open(folder + source, READ)
    try:
        sha256, total = _content(file, source, size, stop, reading)
        stat = os.fstat(file)
        check_regular(source, stat)
        if total == stat.st_size and now - stat.st_ctime_ns > _RACY_NS < now - stat.st_mtime_ns:
            return _Digest(sha256, _identity(stat), total)
        os.lseek(file, 0, os.SEEK_SET)
        sha256, total = _content(file, source, stat.st_size, stop, reading)
        identity = _identity(os.fstat(file))
    finally:
        os.close(file)
    steady = identity == _identity(stat) and now - stat.st_mtime_ns > _RACY_NS
    return _Digest(sha256, identity if steady else None, total)


def _content(file: int, source: str, size: int, stop: _Stop, reading: Reading) -> tuple[str, int]:
    """Nothing asks for the end of a file of the promised size: one that grew meanwhile has another identity."""
    block = os.read(file, min(size, _BUFFER) or _BUFFER)
    if block.startswith(CRYPT):  # however long it is, which is not looked for where nothing is read
        raise DeployerError(f"{source} is {ENCRYPTED[0]}; {ENCRYPTED[1]}")
    sha256, total = hashlib.sha256(block), len(block)
    while block and total != size:
        _go_on(stop)
        reading.got(len(block))
        block = os.read(file, min(size - total, _BUFFER) if total < size else _BUFFER)
        sha256.update(block)
        total += len(block)
    return sha256.hexdigest(), total


def _go_on(stop: _Stop) -> None:
    if stop():
        raise Interrupted("interrupted while documents were read")


def _identity(stat: os.stat_result) -> Identity:
    """The time of the last change of the inode cannot be set back, as that of the content can."""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


def _url(source: str, saved: Mapping[str, Any], stop: _Stop, reading: Reading) -> _Digest:
    reading.begin(remote.shown(source))
    identity = remote.mark(source)
    known = _known(saved.get(source), identity)
    if known:
        return known
    sha256, total, start = hashlib.sha256(), 0, b""
    for block in remote.blocks(source):
        _go_on(stop)
        reading.got(len(block))
        sha256.update(block)
        total += len(block)
        start += block[: MAX_STAND_IN + 1 - len(start)]
    if found := stand_in(start, None):
        raise DeployerError(f"{remote.shown(source)} is {found[0]}; {found[1]} where it was copied from")
    return _Digest(sha256.hexdigest(), identity, total)


def _known(entry: Any, identity: Identity | None) -> _Digest | None:
    """Believe only an entry of our own form, of the very same file."""
    match = _ENTRY.fullmatch(entry) if identity is not None and isinstance(entry, str) else None
    return _Digest(match[1], identity, 0) if match and match[2] == identity else None


def _saved(folder: Path) -> dict[str, Any]:
    data = cache.load(folder, NAME)
    files = data.get("files") if data.get("version") == _VERSION else None
    return files if isinstance(files, dict) else {}


def _save(folder: Path, saved: Mapping[str, Any], found: Mapping[str, _Digest]) -> None:
    """Another manifest of the folder keeps what is its own, unless that grows without end."""
    fresh = {source: f"{one.sha256} {one.identity}" for source, one in found.items() if one.identity is not None}
    files = {source: entry for source, entry in saved.items() if source not in found} | fresh
    if len(files) > _MOST:
        files = fresh
    if files != saved:
        cache.save(folder, NAME, {"version": _VERSION, "files": files})
