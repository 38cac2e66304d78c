"""How fast files are hashed: a cold folder beside the machine's own rate of sha256, and one that did not change."""

from __future__ import annotations

import hashlib
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from benchmarks.figure import Figure, told
from deployer.manifest import Manifest, compile_manifest, digest

T = TypeVar("T")
MEGABYTE = 1_000_000
LARGE, LARGE_MEGABYTES = 4, 100
SMALL = 10_000
ROUNDS = 3
LONG_AGO = time.time_ns() - 3_600_000_000_000  # what changed just now would not be remembered


def main() -> int:
    """Print the figures and what they must reach; 1 when one is missed."""
    with tempfile.TemporaryDirectory() as folder:
        return told([*figures_of_large(Path(folder) / "large"), *figures_of_small(Path(folder) / "small")])


def figures_of_large(folder: Path) -> Iterator[Figure]:
    found = project(folder, [LARGE_MEGABYTES * MEGABYTE] * LARGE)
    share = max(megabytes_per_second(found) / machine_rate() for _ in range(ROUNDS))
    yield Figure(
        f"{LARGE} files of {LARGE_MEGABYTES} MB: share of the machine's sha256", share * 100, 80, " %", at_least=True
    )


def figures_of_small(folder: Path) -> Iterator[Figure]:
    chance = random.Random(1)  # noqa: S311 (sizes of files)
    found = project(folder, [chance.randint(1_000, 100_000) for _ in range(SMALL)])
    took, _ = timed(lambda: compile_manifest(folder / "assistants.yaml", None, {}, {}))
    yield Figure(f"compile a manifest of {SMALL:,} documents", took, 1, " s")
    rates = [(megabytes_per_second(found), plain_rate(found)) for _ in range(ROUNDS)]
    rate, one_by_one = (max(column) for column in zip(*rates, strict=True))
    yield Figure(f"{SMALL:,} files of 1-100 kB: beside a plain loop", rate / one_by_one, 1, " x", at_least=True)
    print(f"  ({rate:,.0f} MB/s, a loop of open, read and sha256 {one_by_one:,.0f} MB/s, {cores()} cores)")
    took, read = timed(lambda: bytes_read(found))
    yield Figure(f"{SMALL:,} unchanged files: bytes read", read, 0)
    yield Figure(f"{SMALL:,} unchanged files: time", took, 0.5, " s")


def project(folder: Path, sizes: list[int]) -> Manifest:
    (folder / "docs").mkdir(parents=True)
    block = os.urandom(MEGABYTE)
    for number, size in enumerate(sizes):
        path = folder / f"docs/{number}.md"
        with path.open("wb") as file:
            for start in range(0, size, MEGABYTE):
                file.write(block[: size - start])
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    (folder / "assistants.yaml").write_text(
        "version: 1\nproject: hashing\nvector_stores: {docs: {files: [docs/*]}}\n", encoding="utf-8"
    )
    found = compile_manifest(folder / "assistants.yaml", None, {}, {})
    assert len(found.resources[0].files) == len(sizes)
    return replace(found, problems=())


def megabytes_per_second(found: Manifest) -> float:
    """All of it is read and hashed, whatever the cache knows."""
    counts: list[int] = []
    took, _ = timed(lambda: digest(found.root, found.resources, rehash=True, read=counts.append))
    return sum(counts) / MEGABYTE / took


def machine_rate() -> float:
    """What all cores hash together when the bytes are already in memory."""
    block, times = os.urandom(256 * 1024), 800

    def work(_: int) -> None:
        sha256 = hashlib.sha256()
        for _ in range(times):
            sha256.update(block)

    with ThreadPoolExecutor(cores()) as pool:
        took, _ = timed(lambda: list(pool.map(work, range(cores()))))
    return len(block) * times * cores() / MEGABYTE / took


def plain_rate(found: Manifest) -> float:
    """What anybody would write: one file after another."""
    paths = [found.root / file.source for file in found.resources[0].files]
    took, sizes = timed(lambda: [(len(data := path.read_bytes()), hashlib.sha256(data))[0] for path in paths])
    return sum(sizes) / MEGABYTE / took


def bytes_read(found: Manifest) -> int:
    counts: list[int] = []
    digest(found.root, found.resources, read=counts.append)
    return sum(counts)


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    sys.exit(main())
