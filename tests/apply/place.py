"""A place of files, in a dictionary: the port of files for tests of what is asked of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

from deployer.backends.account import Account
from deployer.backends.base import Holder, NoFiles, StoredFile
from deployer.errors import AccountError
from deployer.kinds import kinds_of
from deployer.model import AccountSettings


@dataclass(frozen=True)
class Kept:
    """A File object and what it holds; None: the place does not let it be read."""

    file: StoredFile
    content: bytes | None = None


@dataclass
class Place(NoFiles):
    """`listed`: whether it lists its files. `members` are the files of each store; `asked` counts what was asked."""

    kept: list[Kept] = field(default_factory=list)
    users: list[Holder] = field(default_factory=list)
    members_of: dict[str, set[str]] = field(default_factory=dict)
    listed: bool = True
    asked: Counter[str] = field(default_factory=Counter)

    async def stored(self, *, every: bool = False) -> list[StoredFile] | None:
        self.asked["every file" if every else "files"] += 1
        return [one.file for one in self.kept] if self.listed else None

    async def described(self, ids: Iterable[str]) -> dict[str, StoredFile]:
        wanted = set(ids)
        return {one.file.id: one.file for one in self.kept if one.file.id in wanted}

    async def download(self, file_id: str) -> AsyncIterator[bytes]:
        self.asked[f"bytes of {file_id}"] += 1
        content = next(one.content for one in self.kept if one.file.id == file_id)
        if content is None:
            raise AccountError("not for you", status=400)
        yield content[:1]
        yield content[1:]

    async def holders(self) -> list[Holder]:
        self.asked["holders"] += 1
        return self.users

    async def member_ids(self, store: str) -> frozenset[str]:
        self.asked[f"list of {store}"] += 1
        return frozenset(self.members_of.get(store, ()))

    async def has_member(self, store: str, file_id: str) -> bool:
        self.asked[f"one of {store}"] += 1
        return file_id in self.members_of.get(store, ())

    async def delete(self, file_id: str) -> None:
        self.kept = [one for one in self.kept if one.file.id != file_id]


def account(place: Place) -> Account:
    """An account all of whose files are in this place."""
    backend: Any = type("Only", (), {"files": place})()
    return Account(AccountSettings("here", "assistants"), kinds_of("assistants"), {}, {"http": backend})


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
