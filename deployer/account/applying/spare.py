"""File objects that nobody holds: what an earlier run sent and did not live to attach is used, not sent again.

A File object has no checksum, so what has the same name and size is read back; an account that does not let its files
be read proves nothing, and then the bytes are sent again (and `gc` finds what is left over).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from deployer.account.connection.client import Client
from deployer.account.reading import lists
from deployer.account.reading.pages import Row
from deployer.errors import AccountError
from deployer.model import DesiredFile

_PAGE = 10_000
_OURS: Mapping[str, Any] = MappingProxyType({"purpose": "assistants"})
_NO_SUCH_LIST = (404, 405, 501)


async def _nobody(_file_id: str) -> None:
    return None


@dataclass(slots=True)
class Spare:
    """`held` are the ids that are known to be held, `shas` what is known of others.

    The account is asked when a file is first looked for; `holder` names who else holds a file that would fit.
    """

    client: Client
    held: Collection[str]
    holder: Callable[[str], Awaitable[str | None]] = _nobody
    shas: dict[str, str | None] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    _free: dict[tuple[str, int], list[str]] = field(default_factory=lambda: defaultdict(list))
    _listing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _turns: dict[tuple[str, int], asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _listed: bool = False

    async def ids(self) -> set[str] | None:
        """Give the ids of all File objects, whatever they are for; None where the account does not list them."""
        rows = await self._rows({})
        return None if rows is None else {row["id"] for row in rows}

    async def take(self, file: DesiredFile) -> str | None:
        """Give the id of a File object with the very bytes of `file`; it is nobody else's from now on."""
        async with self._listing:
            if not self._listed:
                await self._list()
        return await self._proven(file, self._free[file.name, file.size])

    async def appeared(self, file: DesiredFile, *, alone: bool) -> str | None:
        """Look for a file whose upload had no answer. `alone`: nothing else of its name and size is being sent."""
        known = {*self.seen, *self.held}
        fits = [row["id"] for row in await self._rows(_OURS) or () if row["id"] not in known and _is(file, row)]
        found = await self._proven(file, fits)
        if found is None and alone and len(fits) == 1 and self.shas.get(fits[0]) is None:
            found = str(fits[0])
        if found:
            self.seen.add(found)
        return found

    async def _list(self) -> None:
        self._listed = True
        for row in await self._rows(_OURS) or ():
            self.seen.add(row["id"])
            if row["id"] not in self.held:
                self._free[str(row.get("filename")), _size(row)].append(row["id"])

    async def _rows(self, query: Mapping[str, Any]) -> list[Row] | None:
        """Give File objects, all of them or those that are meant; None where the account does not list files."""
        try:
            return await lists.rows(self.client, "/files", {"limit": _PAGE, **query})
        except AccountError as error:
            if error.status in _NO_SUCH_LIST:
                return None
            raise

    async def _proven(self, file: DesiredFile, ids: list[str]) -> str | None:
        async with self._turns[file.name, file.size]:
            for one in list(ids):
                if await self._sha(one) != file.sha256:
                    continue
                ids.remove(one)
                if not await self.holder(one):
                    return one
        return None

    async def _sha(self, file_id: str) -> str | None:
        if file_id not in self.shas:
            self.shas[file_id] = await digest(self.client, file_id)
        return self.shas[file_id]


def _is(file: DesiredFile, row: Row) -> bool:
    return row.get("filename") == file.name and _size(row) == file.size


def _size(row: Row) -> int:
    size = row.get("bytes")
    return size if isinstance(size, int) else -1


async def digest(client: Client, file_id: str) -> str | None:
    """Give the sha256 of what a File object holds, read piece by piece; None when the account does not show it."""
    sha = hashlib.sha256()
    try:
        async for piece in client.download(f"/files/{file_id}/content"):
            sha.update(piece)
    except AccountError:
        return None
    return sha.hexdigest()
