"""An empty plan of 200 assistants and 20 stores, 50 ms away: how many requests, and how long beside its longest chain.

A page can be asked for only when the one before it has come, and a store's files only when the store has: no client can
be faster than the longest such chain. It is walked in the same run, through the same client, right before each plan;
the least of all rounds counts on both sides, since what else the machine does only adds to it.
"""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figure import Figure, told
from benchmarks.school import ASSISTANTS, FILES, STORES, Distant, build, opened
from deployer.apply.execute import execute
from deployer.backends.http.client import Client
from deployer.backends.http.pages import PAGE
from deployer.project.session import Session
from tests.support.live import http

ROUNDS = 9
BAR = 1.5


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return told(asyncio.run(measure(folder, build(folder))))


async def measure(folder: Path, file: Path) -> list[Figure]:
    async with opened(folder, file) as (session, distant):
        await execute(session.account, await session.plan(), folder, lambda _event: None)
        rounds = [await one(session, distant) for _ in range(ROUNDS)]
    chain, plan = (min(times) for times in list(zip(*rounds, strict=True))[:2])
    print(f"longest chain of pages {chain * 1000:.0f} ms, read and plan {plan * 1000:.0f} ms (best of {ROUNDS} rounds)")
    most = math.ceil(ASSISTANTS / PAGE) + math.ceil(STORES / PAGE) + STORES * math.ceil(FILES / PAGE)
    return [
        Figure(f"an empty plan of {ASSISTANTS} assistants and {STORES} stores: requests", rounds[0][2], most),
        Figure("its time, as a multiple of the longest chain of pages", plan / chain, BAR, " x"),
    ]


async def one(session: Session, distant: Distant) -> tuple[float, float, int]:
    chain = max(await assistants(http(session)), await files(http(session)))
    distant.requests.clear()
    since = time.perf_counter()
    plan = await session.plan()
    took = time.perf_counter() - since
    if plan.pending:
        raise SystemExit(f"the plan is not empty: {plan.pending[0]}")
    return chain, took, distant.requests.total()


async def assistants(client: Client) -> float:
    """Walk the pages of the longest list, one after another; give the seconds that it took."""
    since = time.perf_counter()
    page = (await client.get("/assistants", {"limit": PAGE})).data
    while page["has_more"]:
        page = (await client.get("/assistants", {"limit": PAGE, "after": page["last_id"]})).data
    return time.perf_counter() - since


async def files(client: Client) -> float:
    """Walk the other chain: the stores, then the files of one."""
    since = time.perf_counter()
    stores = (await client.get("/vector_stores", {"limit": PAGE})).data
    await client.get(f"/vector_stores/{stores['data'][0]['id']}/files", {"limit": PAGE})
    return time.perf_counter() - since


if __name__ == "__main__":
    sys.exit(main())
