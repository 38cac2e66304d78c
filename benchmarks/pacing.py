"""How close pacing comes to what the rate limits alone require, for files that are uploaded and attached.

Twice: 10,000 at the published limits, in time that passes at once (nothing but the pace is measured), and 1,500 against
`deployer serve --latency 30` in a process of its own, with limits four times the published ones: 67 uploads a second
take a fifth of a core, so the limits are what is waited for, also on a busy machine.
"""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, told
from deployer.backends.http.client import Client, connect
from deployer.backends.http.pacing import UPLOAD, Pace, attaching
from deployer.backends.http.uploads import send
from deployer.engine import cost
from deployer.model import AccountSettings, Limits

FILES, SERVED = 10_000, 1_500
BATCH = 500
WORKERS = 32
SCALE = 4
BAR = 1.1
PUBLISHED = Limits()
SCALED = Limits(1_000 * SCALE, 300 * SCALE, 2_000 * SCALE)


def main() -> int:
    alone, least = asyncio.run(simulated(PUBLISHED, FILES)), asyncio.run(simulated(SCALED, SERVED))
    required = cost.seconds_of(PUBLISHED, FILES, {"vs": FILES // BATCH}, FILES)
    print(f"published limits: {alone:.1f} s, where they require {required:.1f} s")
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as base_url:
        took = asyncio.run(measured(base_url))
    print(f"limits x {SCALE}: {took:.1f} s, where the pace alone takes {least:.1f} s")
    return told(
        [
            Figure("pacing at the published limits, beside what they require", alone / required, BAR, " x"),
            Figure(f"uploads and attaches at {SCALE} x the limits, beside the pace alone", took / least, BAR, " x"),
        ]
    )


async def simulated(limits: Limits, files: int) -> float:
    """Give when the last batch may go, for a client that never has to wait for anything else."""
    clock = [0.0]

    async def sleep(seconds: float) -> None:
        clock[0] += seconds

    pace = Pace(limits, clock=lambda: clock[0], sleep=sleep)
    for number in range(1, files + 1):
        await pace.admit(UPLOAD)
        if number % BATCH == 0:
            await pace.admit(attaching("vs", BATCH))
    return clock[0]


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "deployer", "serve", "--port", "0", "--latency", "30", "--data", str(folder)]
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        yield next(word for line in process.stdout for word in line.split() if word.startswith("http://"))
    finally:
        process.terminate()
        process.wait()


@dataclass
class Work:
    """Uploads by workers that take turns; a batch is attached as soon as it is full, while the uploads go on."""

    client: Client
    store: str
    numbers: Iterator[int]
    waiting: list[str]

    async def upload(self, group: asyncio.TaskGroup) -> None:
        for number in self.numbers:
            text = f"# Document {number}\n\n{'The town plan of Suwon, part by part. ' * 25}".encode()
            _, file = await send(self.client, f"{number}.md", io.BytesIO(text), len(text))
            self.waiting.append(file["id"])
            if len(self.waiting) == BATCH:
                group.create_task(self.attach(self.waiting))
                self.waiting = []

    async def attach(self, ids: list[str]) -> None:
        body: dict[str, Any] = {"files": [{"file_id": one, "attributes": {"part": "town"}} for one in ids]}
        await self.client.write(
            "POST", f"/vector_stores/{self.store}/file_batches", body, counts=attaching(self.store, len(ids))
        )


async def measured(base_url: str) -> float:
    async with connect(AccountSettings("bench", "assistants", base_url, "any", limits=SCALED), {}) as client:
        store = (await client.write("POST", "/vector_stores", {"name": "Town"})).data["id"]
        work = Work(client, store, iter(range(SERVED)), [])
        since = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(work.upload(group))
        took = time.perf_counter() - since
        assert client.requests == 1 + SERVED + SERVED // BATCH
    return took


if __name__ == "__main__":
    sys.exit(main())
