"""Does anybody else use a store or hold a File object? Asked right before it is deleted, not when it was planned."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from deployer.account.connection.client import Client
from deployer.account.reading.everyone import Being, everyone, members
from deployer.errors import AccountError
from deployer.kinds import Kind

_NOT_FOUND = 404
_PAGE = 100
_FRESH = 30.0
"""Seconds for which what was read is good enough: a run that deletes thousands does not list the account for each."""


@dataclass(slots=True)
class Others:
    """Everybody but us. `ours` gives the ids of what this run knows better than a list does."""

    client: Client
    kinds: Mapping[str, Kind]
    gate: asyncio.Semaphore
    ours: Callable[[], Collection[str]]
    _read: float | None = None
    _found: asyncio.Task[list[Being]] | None = None
    _members: dict[str, asyncio.Task[frozenset[str]]] = field(default_factory=dict)
    _asked: Counter[str] = field(default_factory=Counter)

    async def holder(self, file_id: str) -> str | None:
        """Name who else holds a file; None when nobody does."""
        for one in await self._everyone():
            if file_id in one.kind.held(one.raw) or (one.may_hold and await self._holds(one, file_id)):
                return str(one)
        return None

    async def user(self, store: str) -> str | None:
        """Name who else refers to a store; None when nobody does."""
        return next((str(one) for one in await self._everyone() if store in one.kind.references(one.raw)), None)

    async def _everyone(self) -> list[Being]:
        now = time.monotonic()
        if self._found is None or self._read is None or now - self._read > _FRESH:
            self._read, self._found = now, asyncio.create_task(everyone(self.client, self.kinds, self.gate))
            self._members.clear()
            self._asked.clear()
        ours = self.ours()
        return [one for one in await self._found if one.id not in ours]

    async def _holds(self, store: Being, file_id: str) -> bool:
        """Ask for one file after another, until the whole list would have been less."""
        self._asked[store.id] += 1
        if store.id not in self._members and self._asked[store.id] * _PAGE <= (store.count or 0):
            return await self._answers(store, file_id)
        if store.id not in self._members:
            self._members[store.id] = asyncio.create_task(members(self.client, [store], self.gate))
        return file_id in await self._members[store.id]

    async def _answers(self, store: Being, file_id: str) -> bool:
        try:
            async with self.gate:
                await self.client.get(f"{store.kind.PATH}/{store.id}/files/{file_id}")
        except AccountError as error:
            if error.status != _NOT_FOUND:
                raise
            return False
        return True
