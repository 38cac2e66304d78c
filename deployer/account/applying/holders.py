"""Does somebody else hold a File object? Asked before it is deleted: a store of another project may use it too."""

from __future__ import annotations

import asyncio
from typing import Any

from deployer.account.applying.run import Run
from deployer.account.reading import lists
from deployer.errors import AccountError
from deployer.kinds import vector_store
from deployer.model import DeleteFile, LiveObject

_NOT_FOUND = 404
_PAGE = 100


async def elsewhere(run: Run, file_id: str) -> str | None:
    """Give the id of a store of somebody else that holds the file; None when there is none."""
    for store in run.plan.live:
        if _may_hold(run, store) and await _holds(run, store, file_id):
            return store.id
    return None


def _may_hold(run: Run, store: LiveObject) -> bool:
    """Ours were read for the plan, which knows what they hold."""
    if store.kind != "vector_store" or store.files or store.id in run.plan.known.values():
        return False
    return store.raw.get("status") != "expired" and _count(store) != 0


def _count(store: LiveObject) -> int | None:
    counts: Any = store.raw.get("file_counts")
    return counts.get("total") if isinstance(counts, dict) else None


async def _holds(run: Run, store: LiveObject, file_id: str) -> bool:
    """Ask for each file, or once for the whole list, whichever is less."""
    steps = (step for change in run.plan.pending for step in change.steps)
    if sum(isinstance(step, DeleteFile) for step in steps) * _PAGE <= (_count(store) or 0):
        return await _answers(run, store.id, file_id)
    if store.id not in run.listings:
        run.listings[store.id] = asyncio.create_task(_listed(run, store.id))
    return file_id in await run.listings[store.id]


async def _answers(run: Run, store: str, file_id: str) -> bool:
    try:
        async with run.turn():
            await run.client.get(f"{vector_store.PATH}/{store}/files/{file_id}")
    except AccountError as error:
        if error.status != _NOT_FOUND:
            raise
        return False
    return True


async def _listed(run: Run, store: str) -> frozenset[str]:
    found = await lists.rows(run.client, f"{vector_store.PATH}/{store}/files", gate=run.gate)
    return frozenset(row["id"] for row in found)
