"""What an account holds of documents, whoever put them there: memberships, names and sizes, and the bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from deployer.backends import validate
from deployer.backends.http import pages
from deployer.backends.http.client import Client
from deployer.backends.http.pages import Row
from deployer.backends.http.redact import redacted
from deployer.engine import age
from deployer.errors import AccountError
from deployer.kinds import vector_store
from deployer.model import LiveFile

CONCURRENCY = 16
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Held:
    """A File object: `name` is composed (NFC), as the paths of a manifest are."""

    id: str
    name: str
    size: int


async def memberships(client: Client, store: str) -> tuple[LiveFile, ...]:
    """Give what a vector store holds; `read_live` does so only for stores that are ours."""
    path = f"{vector_store.PATH}/{store}/files"
    return tuple(membership(client, path, row) for row in await pages.rows(client, path))


def membership(client: Client, path: str, row: Row) -> LiveFile:
    """Read one of the rows below `path`; raises AccountError for one that makes no sense."""
    if odd := validate.odd_membership(row):
        raise pages.odd_answer(client, path, f"gave {row['id']} with {odd}")
    return vector_store.live_file({**row, "created_at": age.seconds(row.get("created_at"))})


async def described(client: Client, ids: Iterable[str]) -> dict[str, Held]:
    """Give name and size by the id of a File object; one that is gone is left out."""
    gate = asyncio.Semaphore(CONCURRENCY)
    found = await asyncio.gather(*(_described(client, gate, one) for one in dict.fromkeys(ids)))
    return {one.id: one for one in found if one}


async def _described(client: Client, gate: asyncio.Semaphore, file_id: str) -> Held | None:
    async with gate:
        try:
            data = redacted((await client.get(f"/files/{file_id}")).data, client.settings.api_key)
        except AccountError as error:
            if error.status != _NOT_FOUND:
                raise
            return None
    name, size = data.get("filename"), data.get("bytes")
    if not isinstance(name, str) or not isinstance(size, int):
        raise pages.odd_answer(client, f"/files/{file_id}", "answered no name and size")
    return Held(file_id, normalize("NFC", name), size)


async def download(client: Client, file_id: str, path: Path) -> str:
    """Write what a File object holds to `path`; give "" when done, else why the account does not show it."""
    try:
        with await asyncio.to_thread(path.open, "wb") as file:
            async for piece in client.download(f"/files/{file_id}/content"):
                file.write(piece)
    except AccountError as error:
        await asyncio.to_thread(path.unlink)
        if error.status is None or error.status not in range(400, 500):
            raise
        return str(error)
    return ""
