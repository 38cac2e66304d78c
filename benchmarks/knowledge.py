"""A library of 10,000 documents on an account that is 30 ms away: first apply, empty plan, one document changed.

`deployer serve` and each phase are processes of their own. The account's limits are lifted: at the published 1,000
uploads a minute they alone would take ten minutes (`benchmarks/pacing.py` measures what pacing costs). One after
another is measured on 200 documents and scaled: upload, attach, ask until it is searchable.

`python -m benchmarks.knowledge 1000` takes another number of documents.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.figure import Figure, told
from benchmarks.library import BATCH, MANIFEST, Served, build, change, phase, served
from deployer import manifest
from deployer.apply.execute import execute
from deployer.backends.http import uploads
from deployer.backends.http.client import Client
from deployer.model import DesiredFile, Status
from deployer.project.session import Session, opened
from tests.support.live import http

FILES = 10_000
SAMPLE = 200
LATENCY = "30"
SLACK = 20
FASTER = 10
MEGABYTES = 200
POLL = "GET /v1/vector_stores/*/file_batches/*"
ONE = {
    "POST /v1/files": 1,
    "POST /v1/vector_stores/*/file_batches": 1,
    "DELETE /v1/vector_stores/*/files/*": 1,
    "DELETE /v1/files/*": 1,
}


def main(files: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = build(folder, files)
        print(f"{files:,} documents, {size / 1e6:.0f} MB, on an account that is {LATENCY} ms away")
        with served(folder / "served", "--latency", LATENCY) as account:
            (folder / "assistants.yaml").write_text(MANIFEST.format(url=account.url), encoding="utf-8")
            return told([*_first(folder, account, files), *_empty(folder, account), *_changed(folder, account, files)])


def _first(folder: Path, account: Served, files: int) -> list[Figure]:
    one_by_one = phase("benchmarks.knowledge", "one-by-one", str(folder))["seconds"] / SAMPLE * files
    account.asked()
    found = phase("benchmarks.knowledge", "apply", str(folder))
    asked = account.asked()
    batches = math.ceil(files / BATCH)
    most = files + batches + asked[POLL] + SLACK
    print(
        f"first apply {found['seconds']:.1f} s (of which hashing {found['hashing']:.1f} s, planning "
        f"{found['planning']:.1f} s; {found['cpu']:.1f} s of CPU), {asked.total():,} requests, {asked[POLL]} of them "
        f"polls; one after another {one_by_one:,.0f} s (scaled from {SAMPLE})"
    )
    return [
        Figure("first apply: changes left", found["left"], 0),
        Figure("first apply: requests", asked.total(), most),
        Figure("first apply: times faster than one by one", one_by_one / found["seconds"], FASTER, " x", at_least=True),
        _memory("first apply", found),
    ]


def _empty(folder: Path, account: Served) -> list[Figure]:
    found = phase("benchmarks.knowledge", "apply", str(folder))
    asked = account.asked()
    print(f"empty plan {found['seconds']:.2f} s, {asked.total()} requests, {found['cpu']:.2f} s of CPU")
    return [
        Figure("empty plan: writes", sum(count for name, count in asked.items() if not name.startswith("GET")), 0),
        Figure("empty plan: bytes read from documents", found["read"], 0),
        _memory("empty plan", found),
    ]


def _changed(folder: Path, account: Served, files: int) -> list[Figure]:
    change(folder, files // 2)
    found = phase("benchmarks.knowledge", "apply", str(folder))
    asked = account.asked()
    writes = {name: count for name, count in asked.items() if not name.startswith("GET")}
    print(f"one document changed {found['seconds']:.2f} s, {asked.total()} requests, writes {writes}")
    return [
        *(Figure(f"one changed: {name}", writes.pop(name, 0), most) for name, most in ONE.items()),
        Figure("one changed: other writes", sum(writes.values()), 0),
        _memory("one changed", found),
    ]


def _memory(name: str, found: dict[str, float]) -> Figure:
    return Figure(f"{name}: peak memory", found["megabytes"], MEGABYTES, " MB")


async def apply(folder: Path) -> dict[str, float]:
    """Plan and apply, as `deployer apply` would; `left` counts the changes that were not done."""
    since, read = time.perf_counter(), [0]
    found = manifest.compile_manifest(folder / "assistants.yaml", "served", {}, os.environ)
    resources = manifest.digest(found.root, found.resources, read=lambda count: read.append(read.pop() + count))
    hashed = time.perf_counter()
    async with opened(replace(found, resources=resources)) as session:
        plan = await session.plan()
        planned = time.perf_counter()
        outcomes = await execute(session.account, plan, folder, lambda _event: None)
    left = [outcome.why for outcome in outcomes if outcome.status is not Status.DONE]
    for why in left:
        print(f"left: {why}", file=sys.stderr)
    times = {"seconds": time.perf_counter() - since, "hashing": hashed - since, "planning": planned - hashed}
    return {**times, "read": read[0], "left": len(left)}


async def one_by_one(folder: Path) -> dict[str, float]:
    """Upload, attach and wait, document by document; what it makes is deleted again."""
    found = manifest.compile_manifest(folder / "assistants.yaml", "served", {}, os.environ)
    async with opened(found) as session:
        (library,) = session.manifest.resources
        sample = library.files[:: max(1, len(library.files) // SAMPLE)][:SAMPLE]
        store = (await http(session).write("POST", "/vector_stores", {"name": "sample"})).data["id"]
        since = time.perf_counter()
        ids = [await _attached(session, store, file) for file in sample]
        took = time.perf_counter() - since
        await http(session).write("DELETE", f"/vector_stores/{store}")
        await asyncio.gather(*(http(session).write("DELETE", f"/files/{one}") for one in ids))
    return {"seconds": took / len(sample) * SAMPLE}


async def _attached(session: Session, store: str, file: DesiredFile) -> str:
    client: Client = http(session)
    with (session.manifest.root / file.path).open("rb") as content:
        _, answer = await uploads.send(client, file.name, content, file.size)
    await client.write("POST", f"/vector_stores/{store}/files", {"file_id": answer["id"]})
    while True:
        shown = await client.get(f"/vector_stores/{store}/files/{answer['id']}")
        if shown.data["status"] != "in_progress":
            return str(answer["id"])
        await asyncio.sleep(shown.poll_after or 1.0)


def run(arguments: Sequence[str]) -> int:
    if len(arguments) < 2:
        return main(int(arguments[0]) if arguments else FILES)
    work = {"apply": apply, "one-by-one": one_by_one}[arguments[0]]
    measured = asyncio.run(work(Path(arguments[1])))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({**measured, "megabytes": usage.ru_maxrss / 1024, "cpu": usage.ru_utime + usage.ru_stime}))
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
