"""Whatever is on the account, whosever it is, on any surface: who uses a store, and who holds a File object."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from deployer.account.connection.client import Client
from deployer.account.reading.lists import rows
from deployer.account.reading.pages import Row
from deployer.errors import AccountError
from deployer.kinds import SURFACES, Kind, vector_store

_REFUSED = (*range(400, 408), *range(409, 429), 501)
"""What an account answers whose API has no such collection; a 408, a 429 or a broken answer says nothing."""


@dataclass(frozen=True, slots=True)
class Being:
    """An object as its list gives it."""

    kind: Kind
    raw: Row

    def __str__(self) -> str:
        return f"{self.kind.PATH.strip('/').removesuffix('s').replace('_', ' ')} {self.raw['id']}"

    @property
    def id(self) -> str:
        return str(self.raw["id"])

    @property
    def count(self) -> int | None:
        """How many files a store holds, as it says; None where it does not say."""
        counts = self.raw.get("file_counts")
        total = counts.get("total") if isinstance(counts, dict) else None
        return total if isinstance(total, int) else None

    @property
    def may_hold(self) -> bool:
        """Tell whether its own list has to be asked for what it holds."""
        return self.kind.PATH == vector_store.PATH and self.raw.get("status") != "expired" and self.count != 0


async def everyone(client: Client, kinds: Mapping[str, Kind], gate: asyncio.Semaphore) -> list[Being]:
    """Give every object of the account's surface, and of others where the account has them, too.

    The embedded account serves two surfaces over the same stores and files. Memberships are not read.
    """
    ours = {kind.PATH: kind for kind in kinds.values()}
    others = {kind.PATH: kind for found in SURFACES.values() for kind in found.values() if kind.PATH not in ours}
    found = await asyncio.gather(
        *(_of_kind(client, kind, gate) for kind in ours.values()),
        *(_if_there(client, kind, gate) for kind in others.values()),
    )
    return [one for group in found for one in group]


async def _of_kind(client: Client, kind: Kind, gate: asyncio.Semaphore) -> list[Being]:
    return [Being(kind, row) for row in await rows(client, kind.PATH, gate=gate)]


async def _if_there(client: Client, kind: Kind, gate: asyncio.Semaphore) -> list[Being]:
    try:
        return await _of_kind(client, kind, gate)
    except AccountError as error:
        if error.status in _REFUSED:
            return []
        raise


async def members(client: Client, stores: Iterable[Being], gate: asyncio.Semaphore) -> frozenset[str]:
    """Give the ids of the files that these stores hold."""
    paths = [f"{one.kind.PATH}/{one.id}/files" for one in stores if one.may_hold]
    found = await asyncio.gather(*(rows(client, path, gate=gate) for path in paths))
    return frozenset(row["id"] for group in found for row in group)
