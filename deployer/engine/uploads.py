"""Where the bytes of documents come from, and which File objects become unreferenced.

The same bytes under the same file name are one File object, however many stores and assistants hold it; but a store
holds a File object only once, so two such documents in one store are two.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from deployer.engine import canonical
from deployer.model import DeleteFile, DesiredFile, LiveFile, Upload

_TOKEN = 12
MISSING = "missing"
"""The status of a membership whose File object is gone."""


def token(name: str, sha256: str) -> str:
    """Return the short name of a content: its file name and its bytes."""
    return canonical.sha256([name, sha256])[:_TOKEN]


def of_membership(file: LiveFile) -> str | None:
    """Return the token of a document that deployer attached; None on a foreign one, or when its File is gone."""
    if file.path is None or not file.sha256 or file.status == MISSING:
        return None
    return token(file.path.rpartition("/")[2], file.sha256)


@dataclass(frozen=True, slots=True)
class Source:
    """Where one document comes from: a File object of the account (`live`), or an upload whose key is `key`."""

    key: str
    live: bool


@dataclass(slots=True)
class Supply:
    """Finds each document its source; each upload goes to the one who needs it first. `pool`: token → File ids."""

    pool: Mapping[str, Sequence[str]]
    _made: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def sources(
        self, files: Iterable[DesiredFile], busy: Collection[str]
    ) -> tuple[dict[str, Source], dict[str, Upload]]:
        """Return the source of each file by its path, and the uploads that are new; `busy` are ids held already."""
        taken, counts = set(busy), Counter[str]()
        offered: dict[str, Iterator[str]] = {}  # what was taken once stays so: each id is looked at once
        sources: dict[str, Source] = {}
        uploads: dict[str, Upload] = {}
        for file in files:
            mark = token(file.name, file.sha256)
            offers = offered.setdefault(mark, iter(self.pool.get(mark, ())))
            found = next((one for one in offers if one not in taken), None)
            if found:
                taken.add(found)
                self.used.add(found)
                sources[file.path] = Source(found, live=True)
                continue
            key = f"file {mark} {counts[mark]}"
            counts[mark] += 1
            sources[file.path] = Source(key, live=False)
            if key not in self._made:
                self._made.add(key)
                uploads[file.path] = Upload(file, key)
        return sources, uploads


@dataclass(slots=True)
class Releases:
    """Collects who lets go of which File object; when one becomes unreferenced, the last to let go deletes it."""

    _keys: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _last: dict[str, str] = field(default_factory=dict)
    _attached: set[str] = field(default_factory=set)

    def add(self, file_id: str, holder: str, key: str, *, attached: bool = True) -> None:
        """Note that `holder` lets go of a file; it has done so when `key` is known.

        Only a file that deployer attached somewhere (`attached`) is ever deleted.
        """
        self._keys[file_id].append(key)
        self._last[file_id] = holder
        if attached:
            self._attached.add(file_id)

    def deletes(self, holders: Mapping[str, int], used: Collection[str]) -> dict[str, list[DeleteFile]]:
        """Return the deletes by holder. `holders` counts who holds each file today, `used` are files attached anew."""
        result: dict[str, list[DeleteFile]] = defaultdict(list)
        going = self._attached - set(used)  # once: made for each file it took 22 s of 32,000 documents
        for file_id, keys in self._keys.items():
            if file_id in going and len(keys) >= holders.get(file_id, 0):
                result[self._last[file_id]].append(DeleteFile(file_id, tuple(keys)))
        return result
