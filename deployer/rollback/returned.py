"""What one object of a snapshot is to be again: its fields of then, and those of its documents that can be had."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.engine import interpreter, stamp, supply
from deployer.engine.canonical import same
from deployer.engine.decide import STORE, Owned
from deployer.kinds import Kind
from deployer.model import Address, Attrs, DesiredFile, LiveFile, Resource
from deployer.rollback.snapshot import Entry

_USABLE = ("completed", "in_progress")


@dataclass(frozen=True, slots=True)
class Stock:
    """Where the bytes of documents can be had.

    `there`: ids of the account's File objects; `tree`: files of the working tree by their sha256; `contents`: what is
    behind the token of a file of the code interpreter; `spare`: such files that are on the account, held or not.
    `pool`: the tokens of all documents that are on the account. `names`: what older snapshots call a content, by token.
    """

    there: Collection[str] = ()
    tree: Mapping[str, DesiredFile] = field(default_factory=dict)
    contents: Mapping[str, DesiredFile] = field(default_factory=dict)
    spare: Sequence[LiveFile] = ()
    pool: Collection[str] = ()
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lacking:
    """A document whose bytes are nowhere to be had; `commit` had them (or ""), with `+` if there was more than it."""

    address: Address
    name: str
    commit: str

    @property
    def remedy(self) -> str:
        if not self.commit:
            return "bring the file back"
        uncommitted = " (and what was not committed then)" if self.commit.endswith("+") else ""
        return f"check out commit {self.commit.rstrip('+')}{uncommitted}, or only this file of it"


@dataclass(frozen=True, slots=True)
class Returned:
    """One object as it is to be.

    `kept` are the ids, with tokens, of files of the code interpreter that stay: nobody here knows what is in them.
    """

    resource: Resource
    kept: Mapping[str, str]
    lacking: tuple[Lacking, ...]


def returned(kind: Kind, entry: Entry, found: Owned | None, ids: Mapping[str, str], stock: Stock) -> Returned:
    """Give what is to be again. `ids` are the addresses of then by their ids."""
    mark = entry.stamp
    assert mark  # noqa: S101 (what carries no stamp does not come here)
    attrs = attributes(kind, entry, ids, {*mark.digests, *found.stamp.digests} if found else None)
    if entry.then.kind == STORE:
        files, lacking = _documents(entry, found, stock)
        kept: dict[str, str] = {}
    else:
        files, kept, lacking = _held(kind, entry, mark, found, stock)
    origin = (entry.raw or {}).get("metadata", {}).get(stamp.ORIGIN, "")
    resource = Resource(entry.then, attrs, tuple(files), protect=mark.protected)
    return Returned(resource, kept, tuple(Lacking(entry.then, name, origin) for name in lacking))


def attributes(kind: Kind, entry: Entry, ids: Mapping[str, str], known: Collection[str] | None) -> Attrs:
    """Give the fields of then; of an object that still is there, only those that were declared, then or since."""
    found = dict(kind.canonical(entry.raw or {}, ids))
    found["metadata"] = stamp.without(found.get("metadata"))
    values = stamp.fields(found)
    if known is None:
        values = {path: value for path, value in values.items() if not same(value, kind.DEFAULTS.get(path))}
    else:
        values = {path: value for path, value in values.items() if stamp.name_of(path) in known}
    result: dict[str, Any] = {path: value for path, value in values.items() if not path.startswith("metadata/")}
    if "tools" in result:
        result["tools"] = list(result["tools"].values())
    return {**result, "metadata": _pairs(values)}


def _pairs(values: Mapping[str, Any]) -> dict[str, Any]:
    start = "metadata/"
    return {path.removeprefix(start): value for path, value in values.items() if path.startswith(start)}


def _documents(entry: Entry, found: Owned | None, stock: Stock) -> tuple[list[DesiredFile], list[str]]:
    """Give the documents of then. One that cannot be had leaves what is at its path now where it is."""
    files: list[DesiredFile] = []
    lacking: list[str] = []
    now = _by_path(found.files if found else ())
    for path, copies in _by_path(entry.files).items():
        old = min(copies, key=_rank)
        here = now.get(path, [])
        mark = supply.of_membership(old)
        if old.status in _USABLE and mark and (mark in stock.pool or old.sha256 in stock.tree):
            staying = [one for one in here if one.sha256 == old.sha256]
            files.append(_document(old, stock.tree.get(old.sha256 or ""), whole=not staying))
            continue
        if old.status in _USABLE:
            lacking.append(path)
        if here:
            now_there = min(here, key=_rank)
            files.append(replace(_document(now_there, None, whole=False), declared=now_there.declared))
    return files, lacking


def _by_path(files: Iterable[LiveFile]) -> dict[str, list[LiveFile]]:
    """Group the documents that deployer attached; what others attached is none of ours, then or now."""
    result: dict[str, list[LiveFile]] = defaultdict(list)
    for file in files:
        if file.path is not None:
            result[file.path].append(file)
    return result


def _rank(file: LiveFile) -> tuple[bool, int, str]:
    return file.status not in _USABLE, file.created_at, file.id


def _document(old: LiveFile, source: DesiredFile | None, *, whole: bool) -> DesiredFile:
    """What is still there keeps the attributes that nobody declared; what is attached anew gets all of then."""
    names = {name: value for name, value in old.attributes.items() if whole or stamp.name_of(name) in old.declared}
    where = source.source or source.path if source else ""
    return DesiredFile(old.path or "", old.size or 0, old.sha256 or "", old.chunking, where, names, _declared(old))


def _declared(old: LiveFile) -> dict[str, str]:
    names = {stamp.name_of(name) for name in old.attributes}
    return {name: digest for name, digest in old.declared.items() if name in names}


def _held(
    kind: Kind, entry: Entry, mark: stamp.Stamp, found: Owned | None, stock: Stock
) -> tuple[list[DesiredFile], dict[str, str], list[str]]:
    """Give the files of then. Where one cannot be had, those of now stay: which of them it became, nobody knows."""
    files: list[DesiredFile] = []
    kept: dict[str, str] = {}
    lacking: list[str] = []
    now = {file.id: file.sha256 for file in found.files} if found else {}
    then = interpreter.live_files(kind, entry.raw or {}, mark)
    for old in then:
        if old.sha256 is None:
            continue
        if content := stock.contents.get(old.sha256):
            files.append(content)
        elif old.id in now:
            kept[old.id] = old.sha256
        else:
            lacking.append(stock.names.get(old.sha256) or f"the code interpreter's file {old.id}")
    if lacking:
        kept |= {one: token for one, token in now.items() if token and token not in {old.sha256 for old in then}}
    return files, kept, lacking
