"""Reading a store of 10,000 files, 30 ms away: pages beside each other from remembered cursors, or one after another.

`deployer serve --latency 30` runs in a process of its own; the account is filled in another one, so that the peak
memory told here is that of reading alone. How many requests were made one after another has the bar; the time of both
ways, by turns, is told.
"""

from __future__ import annotations

import asyncio
import io
import math
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import httpx2

from benchmarks.figure import Figure, told
from benchmarks.pacing import serving
from deployer.backends.http.backend import open_backend
from deployer.backends.http.client import Client, connect
from deployer.backends.http.routes import HEADERS
from deployer.backends.http.uploads import send
from deployer.engine import stamp
from deployer.kinds import kinds_of
from deployer.model import UNLIMITED, AccountSettings, Address, LiveFile
from deployer.server import EmbeddedAccount
from tests.support.live import account_of

FILES = 10_000
BATCH = 500
WORKERS = 16
PAGE = 100
ROUNDS = 3
CHAIN = 8
MEMORY = 200
KINDS = kinds_of("assistants")


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        filling = multiprocessing.get_context("spawn").Process(target=fill, args=(folder / "account",))
        filling.start()
        filling.join()
        if filling.exitcode:
            return 1
        with serving(folder / "account") as base_url:
            return told(asyncio.run(measured(base_url, folder / "cache")))


def fill(folder: Path) -> None:
    asyncio.run(_fill(folder))


async def _fill(folder: Path) -> None:
    with EmbeddedAccount(folder) as account:
        settings = AccountSettings("bench", "assistants", "http://embedded.invalid/v1", limits=UNLIMITED)
        async with connect(settings, HEADERS, httpx2.ASGITransport(app=account.app)) as client:
            mark = stamp.write("bench", Address("vector_store", "all"), {}, "")
            store = (await client.write("POST", "/vector_stores", {"metadata": mark})).data["id"]
            gate = asyncio.Semaphore(WORKERS)
            ids = await asyncio.gather(*(_uploaded(client, gate, number) for number in range(FILES)))
            for start in range(0, FILES, BATCH):
                body = {"file_ids": ids[start : start + BATCH]}
                await client.write("POST", f"/vector_stores/{store}/file_batches", body)


async def _uploaded(client: Client, gate: asyncio.Semaphore, number: int) -> str:
    async with gate:
        content = b"%d" % number
        return str((await send(client, f"{number:05}.txt", io.BytesIO(content), len(content)))[1]["id"])


class Chain(httpx2.AsyncHTTPTransport):
    """A connection; `length` is how many requests each began when the one before it had been answered."""

    length = answered = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        place = self.answered + 1
        self.length = max(self.length, place)
        response = await super().handle_async_request(request)
        self.answered = max(self.answered, place)
        return response


async def measured(base_url: str, cache: Path) -> list[Figure]:
    settings = AccountSettings("bench", "assistants", base_url)
    await timed(settings, cache)
    rounds = [(await timed(settings, None), await timed(settings, cache)) for _ in range(ROUNDS)]
    if len({tuple(file.id for file in files) for pair in rounds for *_, files in pair}) != 1:
        raise SystemExit("the two ways do not read the same files")
    plain, beside = (min(one[way][0] for one in rounds) for way in (0, 1))
    print(f"one after another {plain:.2f} s, beside each other {beside:.2f} s (best of {ROUNDS} rounds)")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        Figure(f"listing {FILES:,} memberships: requests", rounds[0][1][1], math.ceil(FILES / PAGE) + len(KINDS)),
        Figure("of these one after another", max(beside[2] for _, beside in rounds), CHAIN),
        Figure("peak memory of reading", peak, MEMORY, " MB"),
    ]


async def timed(settings: AccountSettings, cache: Path | None) -> tuple[float, int, int, tuple[LiveFile, ...]]:
    """Read the account; return the seconds, requests and requests one after another that it took, and the files."""
    chain = Chain()
    async with open_backend(settings, cache, transport=chain) as http:
        await http.client.get("/vector_stores", {"limit": 1})  # the connection is there
        chain.length = chain.answered = 0
        since, before = time.perf_counter(), http.client.requests
        live = await account_of(http).read(lambda raw: stamp.of(raw) is not None)
        took = time.perf_counter() - since
        asked = http.client.requests - before
    (files,) = (one.files for one in live)
    if len(files) != FILES:
        raise SystemExit(f"{len(files)} files, not {FILES}")
    return took, asked, chain.length, files


if __name__ == "__main__":
    sys.exit(main())
