"""The metadata of stores names their documents where memberships carry no attributes: it is written here."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from deployer.backends.account import Account
from deployer.engine import document_map, stamp
from deployer.errors import AccountError, DeployerError
from deployer.model import Address, LiveObject


@dataclass(slots=True)
class StoreNames:
    """What the metadata of each store says, by its id: the token of a document by the short hash of its File's id."""

    account: Account
    entries: dict[str, dict[str, str]] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    @classmethod
    def of(cls, account: Account, live: Iterable[LiveObject]) -> StoreNames:
        marks = ((one, stamp.of(one.raw)) for one in live if one.files)
        found = {one.id: document_map.entries(one.files, mark.files) for one, mark in marks if mark and mark.files}
        return cls(account, found)

    @asynccontextmanager
    async def alone(self, store: str) -> AsyncIterator[None]:
        """Wait until no other write of the metadata of an object is under way."""
        async with self._turns[store]:
            yield

    def merged(self, store: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the body of an update with the names of now, whatever they were when it was planned."""
        found = self.entries.get(store)
        if not found or "metadata" not in body:
            return body
        others = {key: value for key, value in body["metadata"].items() if not stamp.is_of_files(key)}
        return {**body, "metadata": {**others, **stamp.file_pairs(found)}}

    def forget(self, store: str, file_id: str) -> None:
        """Note that a document is out; the next write says so."""
        self.entries.get(store, {}).pop(stamp.name_of(file_id), None)

    async def add(self, address: Address, store: str, tokens: Mapping[str, str]) -> None:
        """Let the metadata of a store name documents (tokens by file id) before they are attached.

        Raises DeployerError when it cannot.
        """
        async with self.alone(store):
            before = self.entries.get(store, {})
            found = {**before, **{stamp.name_of(one): token for one, token in tokens.items()}}
            if found != before:
                await self._write(address, store, found)
                self.entries[store] = found

    async def _write(self, address: Address, store: str, found: Mapping[str, str]) -> None:
        backend, name = self.account.of(address.kind), self.account.settings.name
        try:
            metadata = (await backend.get(address.kind, store)).get("metadata") or {}
            most = document_map.room(metadata)
            if len(found) > most:
                raise DeployerError(
                    f"account {name} keeps no attributes of documents, so the metadata of {address} names them: {most} "
                    f"at most, not {len(found)}; split the store"
                )
            others = {key: value for key, value in metadata.items() if not stamp.is_of_files(key)}
            pairs = {**others, **stamp.file_pairs(found)}
            answer = await backend.update(address.kind, store, {"metadata": pairs})
        except AccountError as error:
            raise DeployerError(f"the metadata of {address} cannot name its documents: {error}") from None
        if stamp.files_of(answer.get("metadata") or pairs) != found:
            raise DeployerError(f"account {name} does not keep the metadata of {address} that names its documents")
