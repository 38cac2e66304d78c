"""An apply beside the best that a script of one's own does: the same creates, the same files, and nothing else.

1,000 assistants, 50 ms away, beside `asyncio` with httpx2, 16 requests at once: no plan, no stamps, no proof. 2,000
files, 30 ms away, beside `file_batches.upload_and_poll` of the `openai` package with 16 at once. Each is a whole
process, in interleaved rounds, and has a served account of its own; the least of the rounds counts, since what else
the machine does only adds to it. One request after another is only told, and the script with as many requests at once
as apply sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from benchmarks.figure import Figure, told

ASSISTANTS, DISTANCE = 1_000, 50
FILES, NEAR = 2_000, 30
ROUNDS = 3
AT_ONCE, CONCURRENCY = 16, 32
"""Requests of the peers, and of apply (deployer/apply/execute.py), which the processes of peers must not pay for."""
TEXT = "Answer briefly, with an example, and never invent a source. " * 20


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds by the clock, and of CPU."""

    seconds: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s ({self.cpu:.1f} s of CPU)"


def main() -> int:
    return told([*assistants(), *files()])


def assistants() -> Iterator[Figure]:
    rounds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            script = [sys.executable, "-m", "benchmarks.peers", "create", f"{AT_ONCE}"]
            both = compared(folder, DISTANCE, creates(folder), script)
            with served(folder / "wide", DISTANCE) as base_url:
                wide = cost([*script[:-1], f"{CONCURRENCY}", base_url], folder)
            rounds.append((*both, cost(deployer("validate"), folder), wide))
    ours, peer, validate, wide = map(least, zip(*rounds, strict=True))
    print(
        f"{ASSISTANTS:,} creates: apply {ours}; a script, {AT_ONCE} at once, {peer}; {CONCURRENCY} at once, as apply, "
        f"{wide}; validate {validate}; one after another at least {ASSISTANTS * DISTANCE / 1000:.0f} s"
    )
    what = f"apply of {ASSISTANTS:,} assistants, as a multiple of a script with asyncio and httpx2:"
    yield Figure(f"{what} time", ours.seconds / peer.seconds, 1.5, " x")
    yield Figure(f"{what} CPU, with validate", ours.cpu / (peer.cpu + validate.cpu), 2, " x")


def files() -> Iterator[Figure]:
    rounds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            rounds.append(
                compared(folder, NEAR, documents(folder), [sys.executable, "-m", "benchmarks.peers", "upload"])
            )
    ours, peer = map(least, zip(*rounds, strict=True))
    print(f"{FILES:,} files: apply {ours}; upload_and_poll with {AT_ONCE} at once {peer}")
    what = f"apply of {FILES:,} files, as a multiple of upload_and_poll with {AT_ONCE} at once: time"
    yield Figure(what, ours.seconds / peer.seconds, 1, " x")


def least(found: Iterable[Cost]) -> Cost:
    costs = [*found]
    return Cost(min(one.seconds for one in costs), min(one.cpu for one in costs))


def compared(folder: Path, latency: int, manifest: str, script: Sequence[str]) -> tuple[Cost, Cost]:
    """Return what an apply takes, and what the script does, each on an empty account."""
    found = []
    for name, command in (("ours", deployer("apply", "--yes", "--account", "served")), ("peer", script)):
        with served(folder / name, latency) as base_url:
            (folder / "assistants.yaml").write_text(manifest.replace("BASE_URL", base_url), encoding="utf-8")
            found.append(cost([*command, *([] if name == "ours" else [base_url])], folder))
    return found[0], found[1]


def deployer(*words: str) -> list[str]:
    return [sys.executable, "-m", "deployer", *words]


def cost(command: Sequence[str], folder: Path) -> Cost:
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "DEPLOYER_ACCOUNT": "served", "PEERS_KEY": "any"}
    since = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(time.perf_counter() - since, usage.ru_utime + usage.ru_stime)


@contextlib.contextmanager
def served(folder: Path, latency: int) -> Iterator[str]:
    with served_by(folder, "--latency", str(latency)) as (_, base_url):
        yield base_url


@contextlib.contextmanager
def served_by(folder: Path, *options: str) -> Iterator[tuple[int, str]]:
    """Serve an account by processes of their own; yield the number of the first one, and the base URL."""
    command = deployer("serve", "--port", "0", "--data", str(folder), *options)
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            yield process.pid, process.stdout.readline().split(" is at ")[1].split(" ")[0]
        finally:
            process.terminate()


HEAD = """version: 1
project: peers
accounts:
  served:
    api: assistants
    base_url: BASE_URL
    api_key: ${env.PEERS_KEY}
    limits: {uploads_per_minute: none, attaches_per_minute: none, files_per_minute: none}
"""


def creates(_folder: Path) -> str:
    lines = [
        f"  a{number}: {{name: Assistant {number}, model: m, instructions: {TEXT}}}" for number in range(ASSISTANTS)
    ]
    return "\n".join([HEAD, "assistants:", *(line.replace(f": {TEXT}", f": '{TEXT}'") for line in lines), ""])


def documents(folder: Path) -> str:
    (folder / "docs").mkdir()
    for number in range(FILES):
        (folder / f"docs/{number}.md").write_text(f"# {number}\n\n{TEXT}\n", encoding="utf-8")
    return f"{HEAD}vector_stores: {{docs: {{files: [docs/**]}}}}\n"


async def create(at_once: int, base_url: str) -> None:
    """Create them as a script does that knows nothing else."""
    gate = asyncio.Semaphore(at_once)
    headers = {"Authorization": "Bearer any", "OpenAI-Beta": "assistants=v2"}
    async with httpx2.AsyncClient(base_url=base_url, headers=headers, timeout=60) as client:

        async def one(number: int) -> None:
            body = {"name": f"Assistant {number}", "model": "m", "instructions": TEXT}
            async with gate:
                (await client.post("/assistants", json=body)).raise_for_status()

        await asyncio.gather(*map(one, range(ASSISTANTS)))


def upload(base_url: str) -> None:
    from openai import OpenAI  # noqa: PLC0415 (only here: the other processes must not pay for it)

    client = OpenAI(base_url=base_url, api_key="any", max_retries=0)
    store = client.vector_stores.create(name="docs")
    paths = sorted(Path("docs").iterdir())
    batch = client.vector_stores.file_batches.upload_and_poll(
        vector_store_id=store.id, files=paths, max_concurrency=AT_ONCE
    )
    if batch.file_counts.completed != FILES:
        raise SystemExit(f"only {batch.file_counts}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["create"]:
        asyncio.run(create(int(sys.argv[2]), sys.argv[3]))
    elif sys.argv[1:2] == ["upload"]:
        upload(sys.argv[2])
    else:
        sys.exit(main())
