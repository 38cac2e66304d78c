"""An empty plan of 200 assistants and 20 stores, 50 ms away: requests, how many wait for each other, and CPU.

A store's files can be asked for only when the store has come, and a page only when the one before it has, unless its
cursor is remembered: no client can be faster than the longest such chain. Its time is told beside that of the chain
alone, walked through the same client right before each plan; when the machine is busy, that says nothing.
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
CHAIN = 2
MOST_CPU = 0.15


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return told(asyncio.run(measure(folder, build(folder))))


async def measure(folder: Path, file: Path) -> list[Figure]:
    async with opened(folder, file) as (session, distant):
        await execute(session.account, await session.plan(), folder, lambda _event: None)
        await session.plan()  # the proof: where pages begin in what was just made is only guessed
        rounds = [await one(session, distant) for _ in range(ROUNDS)]
    chain, plan, cpu = (min(times) for times in list(zip(*rounds, strict=True))[:3])
    print(
        f"longest chain of pages {chain * 1000:.0f} ms; read and plan {plan * 1000:.0f} ms, {cpu * 1000:.0f} ms of CPU "
        f"(best of {ROUNDS} rounds)"
    )
    most = math.ceil(ASSISTANTS / PAGE) + math.ceil(STORES / PAGE) + STORES * math.ceil(FILES / PAGE)
    return [
        Figure(f"an empty plan of {ASSISTANTS} assistants and {STORES} stores: requests", rounds[0][3], most),
        Figure("its CPU, with that of the account", cpu, MOST_CPU, " s"),
        Figure("requests one after another", max(one[4] for one in rounds), CHAIN),
    ]


async def one(session: Session, distant: Distant) -> tuple[float, float, float, int, int]:
    chain = max(await assistants(http(session)), await files(http(session)))
    distant.begin()
    since, before = time.perf_counter(), time.process_time()
    plan = await session.plan()
    took, cpu = time.perf_counter() - since, time.process_time() - before
    if plan.pending:
        raise SystemExit(f"the plan is not empty: {plan.pending[0]}")
    return chain, took, cpu, distant.requests.total(), distant.chain


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
