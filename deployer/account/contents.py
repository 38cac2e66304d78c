"""What an account holds of documents, whoever put them there: memberships, names and sizes, and the bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unicodedata import normalize

from deployer.account import pages, shapes
from deployer.account.clean import clean
from deployer.account.client import Client
from deployer.account.failures import Failure
from deployer.account.pages import Page
from deployer.engine import age
from deployer.errors import AccountError
from deployer.kinds import vector_store
from deployer.model import LiveFile

CONCURRENCY = 16
_PAGE = 100
_NOT_FOUND = 404
_REMEDY = "check the account's api and base_url"


@dataclass(frozen=True, slots=True)
class Held:
    """A File object: `name` is composed (NFC), as the paths of a manifest are."""

    id: str
    name: str
    size: int


async def memberships(client: Client, store: str) -> tuple[LiveFile, ...]:
    """Give what a vector store holds; `read_live` does so only for stores that are ours."""
    path = f"{vector_store.PATH}/{store}/files"
    rows: list[pages.Row] = []
    try:
        await pages.walk(partial(_page, client, path), (), rows.append)
    except pages.EndlessListError as error:
        raise client.error("GET", path, Failure(f"{error}: the list cannot be read", _REMEDY)) from None
    return tuple(vector_store.live_file({**row, "created_at": age.seconds(row.get("created_at"))}) for row in rows)


async def _page(client: Client, path: str, cursor: str | None) -> Page:
    query: dict[str, Any] = {"limit": _PAGE, "order": "asc"}
    answer = await client.get(path, query if cursor is None else {**query, "after": cursor})
    data = clean(answer.data, client.settings.api_key)
    rows, more = data.get("data"), data.get("has_more")
    if not isinstance(rows, list) or not all(_is_membership(row) for row in rows):
        raise client.error("GET", path, Failure("answered something that is not a list of documents", _REMEDY))
    return Page(rows, more if isinstance(more, bool) else None)


def _is_membership(row: Any) -> bool:
    return isinstance(row, dict) and shapes.is_id(row.get("id")) and shapes.odd_membership(row) is None


async def described(client: Client, ids: Iterable[str]) -> dict[str, Held]:
    """Give name and size by the id of a File object; one that is gone is left out."""
    gate = asyncio.Semaphore(CONCURRENCY)
    found = await asyncio.gather(*(_described(client, gate, one) for one in dict.fromkeys(ids)))
    return {one.id: one for one in found if one}


async def _described(client: Client, gate: asyncio.Semaphore, file_id: str) -> Held | None:
    async with gate:
        try:
            data = clean((await client.get(f"/files/{file_id}")).data, client.settings.api_key)
        except AccountError as error:
            if error.status != _NOT_FOUND:
                raise
            return None
    name, size = data.get("filename"), data.get("bytes")
    if not isinstance(name, str) or not isinstance(size, int):
        raise client.error("GET", f"/files/{file_id}", Failure("answered no name and size", _REMEDY))
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
