"""A folder of many documents, `deployer serve` as its own process for them, and a log of what was asked there."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LARGEST, SMALLEST = 100_000, 1_000
BATCH = 500
MANIFEST = """version: 1
project: library
accounts:
  served:
    api: assistants
    base_url: {url}
    api_key: ${{env.LIBRARY_KEY}}
    limits: {{uploads_per_minute: none, attaches_per_minute: none, files_per_minute: none}}
vector_stores:
  library: {{files: [library/**]}}
"""
WORDS = (
    "수원",
    "도시계획",
    "공원",
    "도로",
    "the",
    "plan",
    "of",
    "a",
    "city",
    "with",
    "many",
    "parks",
    "and",
    "streets",
)


def build(folder: Path, count: int) -> int:
    """Write the documents, 1-100 kB each, as many small ones as large ones by order of magnitude; give their bytes."""
    chance, total = random.Random(7), 0  # noqa: S311 (no secrets: the same library each time)
    block = " ".join(chance.choices(WORDS, k=60_000)).encode()
    for number in range(count):
        path = folder / f"library/{number // 500}/{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = int(SMALLEST * (LARGEST / SMALLEST) ** chance.random())
        content = f"# {number}\n".encode() + block[:size].decode(errors="ignore").encode()
        path.write_bytes(content)
        os.utime(path, (1_600_000_000, 1_600_000_000))  # long ago: a file of this second is read again next time
        total += len(content)
    return total


def change(folder: Path, number: int) -> None:
    """Give one document other content."""
    path = folder / f"library/{number // 500}/{number}.md"
    path.write_text(f"# {number}, changed\n", encoding="utf-8")


@dataclass
class Served:
    """The account's address, and its log."""

    url: str
    log: Path
    _read: int = 0

    def asked(self) -> Counter[str]:
        """Count the requests since the last time, by method and path, whatever the ids."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        fresh, self._read = lines[self._read :], len(lines)
        found = (json.loads(line) for line in fresh)
        return Counter(re.sub(r"(?<=/)(vs_|vsfb_|file-)\w+", "*", f"{one['method']} {one['path']}") for one in found)


@contextmanager
def served(folder: Path, *options: str) -> Iterator[Served]:
    """Serve an account in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "requests.jsonl"
    log.touch()
    command = [sys.executable, "-m", "deployer", "serve", "--port", "0", "--data", str(folder / "account")]
    command += ["--log", str(log), *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        try:
            assert process.stdout
            found = re.search(r"http://\S+/v1", process.stdout.readline())
            assert found
            yield Served(found[0], log)
        finally:
            process.terminate()


def phase(module: str, *arguments: str) -> dict[str, float]:
    """Run a phase of a benchmark in a process of its own; give what it measured."""
    command: Sequence[str] = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "LIBRARY_KEY": "any"}
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured
