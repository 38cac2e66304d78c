"""A library of 10,000 documents on a bad day: how often apply must be run, and what is on the account then.

5 % of requests answer 429, 2 % 500, 1 % drop the connection after the work was done; 1 % of ingestions fail once.
`deployer serve --faults` is a process of its own. Afterwards it is served once more without faults, and read.

`python -m benchmarks.bad_day 2000` takes another number of documents.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.figure import Figure, told
from benchmarks.library import MANIFEST, build, phase, served
from deployer import manifest
from deployer.project.session import opened
from tests.support.live import http

FILES = 10_000
APPLIES = 2
FAULTS = """seed: 11
faults:
  - {on: "*", rate: 0.05, status: 429, retry_after_ms: 100}
  - {on: "*", rate: 0.02, status: 500}
  - {on: "*", rate: 0.01, drop: after}
  - {ingest: "*", rate: 0.01, fail: server_error, times: 1}
"""


def main(files: int = FILES) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder, files)
        (folder / "faults.yaml").write_text(FAULTS, encoding="utf-8")
        applies = _applied(folder)
        with served(folder / "served") as account:
            (folder / "assistants.yaml").write_text(MANIFEST.format(url=account.url), encoding="utf-8")
            found = asyncio.run(_found(folder))
    return told(
        [
            Figure("applies until everything was done", applies, APPLIES),
            Figure("changes that the next plan has", found["pending"], 0),
            Figure("documents beyond one for each file", found["documents"] - files, 0),
            Figure("documents that are not searchable", files - found["completed"], 0),
            Figure("File objects beyond one for each file", found["files"] - files, 0),
        ]
    )


def _applied(folder: Path) -> int:
    """Apply until nothing is left; give how often."""
    with served(folder / "served", "--faults", str(folder / "faults.yaml")) as account:
        (folder / "assistants.yaml").write_text(MANIFEST.format(url=account.url), encoding="utf-8")
        for count in range(1, 6):
            took = phase("benchmarks.knowledge", "apply", str(folder))
            asked = account.asked()
            print(
                f"apply {count}: {took['seconds']:.0f} s, {asked.total():,} requests, {took['left']:.0f} changes left"
            )
            if not took["left"]:
                return count
    return count


async def _found(folder: Path) -> Counter[str]:
    """Count what is on the account."""
    found = manifest.compile_manifest(folder / "assistants.yaml", "served", {}, {**os.environ, "LIBRARY_KEY": "any"})
    async with opened(found) as session:
        plan = await session.plan()
        listed = (await http(session).get("/files", {"limit": 10_000})).data
        rows = [file for one in plan.live for file in one.files]
    return Counter(
        pending=len(plan.pending),
        documents=len(rows),
        completed=sum(file.status == "completed" for file in rows),
        files=len(listed["data"]) + bool(listed["has_more"]),
    )


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
