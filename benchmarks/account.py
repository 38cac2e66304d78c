"""What requests cost the embedded account: search, lists and pages of a large one, and more processes that answer.

Requests are handed to the application in this process, so that nothing but its own CPU is counted. Texts are words of
a made-up language, spread as words are (Zipf), with a rare one here and there.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.figure import Figure, slowness, told
from benchmarks.peers import served_by
from deployer.server import EmbeddedAccount
from deployer.server.ingestion import MOST_JOBS, IngestOutcome, finish, index
from deployer.server.storage import Storage

PIECES, PARTS = 100_000, 10
WORDS = 60
ROUNDS = 9
REQUESTS, CLIENTS = 40, 32
SYLLABLES = [f"{one}{two}" for one in "bdfgklmnprstvz" for two in "aeiou"]


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with EmbeddedAccount(folder, workers=0):
            pass
        figures = [*filled(folder)]
        with EmbeddedAccount(folder, workers=0) as account:
            figures += asyncio.run(asked(account.app))
    return told([*figures, *beside_each_other()])


def vocabulary() -> list[str]:
    chance = random.Random(1)  # noqa: S311
    return ["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) for _ in range(20_000)]


def texts() -> Iterator[str]:
    chance, words = random.Random(2), vocabulary()  # noqa: S311
    weights = [1 / (rank + 10) for rank in range(len(words))]
    for number in range(PIECES):
        yield f"{' '.join(chance.choices(words, weights, k=WORDS))} number{number:06}"


def filled(folder: Path) -> Iterator[Figure]:
    """Put one store with all pieces into an account; yield how fast they were indexed."""
    found = [*texts()]
    storage = Storage(folder / "account.sqlite3")
    storage.open()
    with storage.write() as db:
        for store in range(2):
            db.execute(
                "INSERT INTO vector_stores (id, metadata, created_at, last_active_at) VALUES (?, '{}', 1, 1)",
                (f"vs_{store}",),
            )
        for number in range(PIECES):
            db.execute(
                "INSERT INTO files (id, filename, purpose, bytes, digest, created_at) "
                "VALUES (?, ?, 'assistants', 9, 'd', 1)",
                (f"file-{number}", f"{number}.md"),
            )
    members(storage)
    size, took, alone = sum(len(one.encode()) for one in found) / 1e6, 0.0, 0.0
    with closing(bare(folder / "bare.sqlite3")) as db, storage.read() as reader:
        jobs = reader.execute("SELECT * FROM memberships ORDER BY seq").fetchall()
        for start in range(0, PIECES, PIECES // PARTS):  # by turns, so that the machine is as busy for both
            part = slice(start, start + PIECES // PARTS)
            took += cpu(partial(indexed, storage, jobs[part], found[part]))
            alone += cpu(partial(indexed_alone, db, found[part]))
    storage.close()
    print(
        f"text indexed in a second of CPU: {size / took:.1f} MB; by SQLite's trigram index alone {size / alone:.1f} MB"
    )
    yield Figure("text that is indexed in a second of CPU", size / took * slowness(), 10, " MB", at_least=True)
    what = "its CPU, as a multiple of that of SQLite's trigram index alone, in groups of the same size"
    yield Figure(what, took / alone, 1.5, " x")


def bare(path: Path) -> sqlite3.Connection:
    """Return a database with the index alone, without texts and positions: no index of trigrams takes less."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE VIRTUAL TABLE bare USING fts5 (text, content = '', tokenize = 'trigram', detail = none)")
    return db


def indexed_alone(db: sqlite3.Connection, found: Sequence[str]) -> None:
    for start in range(0, len(found), MOST_JOBS):
        db.execute("BEGIN")
        db.executemany("INSERT INTO bare (text) VALUES (?)", [(one,) for one in found[start : start + MOST_JOBS]])
        db.execute("COMMIT")


def cpu(work: Callable[[], object]) -> float:
    since = time.process_time()
    work()
    return time.process_time() - since


def members(storage: Storage) -> None:
    with storage.write() as db:
        db.executemany(
            "INSERT INTO memberships (vector_store_id, file_id, attributes, chunk_size, chunk_overlap, created_at, "
            "status) VALUES ('vs_0', ?, '{}', 800, 400, 1, 'in_progress')",
            [(f"file-{number}",) for number in range(PIECES)],
        )


def indexed(storage: Storage, jobs: Sequence[sqlite3.Row], found: Sequence[str]) -> None:
    """Finish jobs, as ingestion does with small files."""
    for start in range(0, len(jobs), MOST_JOBS):
        with storage.write() as db:
            group = zip(jobs[start : start + MOST_JOBS], found[start : start + MOST_JOBS], strict=True)
            texts = [text for job, one in group for text in finish(db, job, IngestOutcome(one, len(one)))]
            index(db, texts)


async def asked(app: Any) -> list[Figure]:
    words, slow = vocabulary(), slowness()
    queries = {"one frequent word": words[3], "one rare word": "number054321", "ten words": " ".join(words[30:1000:97])}
    figures = []
    for name, query in queries.items():
        took = await median(app, "POST", "/v1/vector_stores/vs_0/search", {"query": query})
        figures.append(Figure(f"search among {PIECES:,} pieces of text, {name}: CPU", took * 1000 / slow, 20, " ms"))
    took = await median(app, "GET", "/v1/vector_stores")
    figures.append(Figure(f"list of stores, one with {PIECES:,} files: CPU", took * 1000 / slow, 5, " ms"))
    took = await median(app, "GET", "/v1/files?limit=10000&order=asc")
    figures.append(Figure("page of 10,000 files: CPU", took * 1000 / slow, 10, " ms"))
    return figures


async def median(app: Any, method: str, path: str, body: Any = None) -> float:
    taken = []
    for _ in range(ROUNDS):
        since = time.process_time()
        await request(app, method, path, body)
        taken.append(time.process_time() - since)
    return statistics.median(taken[1:])


async def request(app: Any, method: str, target: str, body: Any) -> None:
    path, _, query = target.partition("?")
    sent = json.dumps(body).encode() if body is not None else b""
    messages = [{"type": "http.request", "body": sent, "more_body": False}]
    status = []

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        status.append(message.get("status"))

    scope = {
        "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await app(scope, receive, send)
    if status[0] != 200:
        raise SystemExit(f"{method} {target} answered {status[0]}")


def beside_each_other() -> Iterator[Figure]:
    """What two processes can answer, beside one: requests by the CPU of the process that has most to do."""
    can: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        served = {
            count: stack.enter_context(served_by(Path(name) / f"{count}", "--workers", f"{count}")) for count in can
        }
        made = {
            count: httpx2.post(f"{url}/assistants", json={"model": "m"}).json()["id"]
            for count, (_, url) in served.items()
        }
        for count in (*can, *can, *can):
            process, url = served[count]
            before = [cpu_of_process(number) for number in family(process)]
            answered = load(f"{url}/assistants/{made[count]}")
            spent = (cpu_of_process(number) for number in family(process))
            can[count].append(answered / max(now - was for now, was in zip(spent, before, strict=True)))
    one, two = (statistics.median(found) for found in can.values())
    print(f"GET of one object: one process answers {one:.0f} in a second of its CPU, two {two:.0f}")
    yield Figure("requests that two processes can answer, as a multiple of one", two / one, 1.3, " x", at_least=True)


def family(process: int) -> list[int]:
    tasks = sorted(Path(f"/proc/{process}/task").iterdir())
    return [process, *(int(one) for task in tasks for one in (task / "children").read_text().split())]


def cpu_of_process(number: int) -> float:
    """Return its seconds of CPU (proc(5): utime and stime, in ticks)."""
    fields = Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


LOAD = """
import asyncio, sys, httpx2
async def main(url, requests, clients):
    async def one():
        async with httpx2.AsyncClient(timeout=60) as client:
            for _ in range(requests):
                (await client.get(url)).raise_for_status()
    await asyncio.gather(*(one() for _ in range(clients)))
asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


def load(url: str) -> int:
    """Send requests by many connections; return how many."""
    subprocess.run([sys.executable, "-c", LOAD, url, str(REQUESTS), str(CLIENTS)], check=True)
    return REQUESTS * CLIENTS


if __name__ == "__main__":
    sys.exit(main())
