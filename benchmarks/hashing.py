"""How fast files are hashed: a cold folder beside what the machine can do, and one that did not change.

Large files are measured against the rate of sha256 with the bytes in memory. Small ones have to be opened and read as
well, which no program gets for nothing: they are measured against `openssl dgst -sha256` with one process a core, the
fastest tool a machine has for it. Printed beside it: sha256 alone, and a bare loop of open, read, sha256 and close.
"""

from __future__ import annotations

import hashlib
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from benchmarks.figure import Figure, told
from deployer import cache
from deployer.manifest import Manifest, compile_manifest, digest

T = TypeVar("T")
MEGABYTE = 1_000_000
LARGE, LARGE_MEGABYTES = 4, 100
SMALL = 10_000
ROUNDS = 3
SMALL_ROUNDS = 5
Files = Sequence[tuple[str, int]]
SETTLED_SECONDS = 2.5  # what was made just now is read twice
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
    took = least_cpu(lambda: compile_manifest(folder / "assistants.yaml", None, {}, {}))
    yield Figure(f"compile a manifest of {SMALL:,} documents: CPU", took, 1, " s")
    yield share_of_small(found)
    yield Figure(f"{SMALL:,} unchanged files: bytes read", bytes_read(found), 0)
    yield Figure(f"{SMALL:,} unchanged files: CPU", least_cpu(lambda: bytes_read(found)), 0.5, " s")


def share_of_small(found: Manifest) -> Figure:
    """Print what small files cost, piece by piece, and give the share of the fastest tool that is reached with them.

    The rounds take turns, so that a busy machine is busy for all of them; the best of each counts, and CPU for the bar:
    when all cores are wanted by others, who gets them is chance. That ours uses them all the seconds tell.
    """
    files = [(f"{found.root}/{file.source}", file.size) for file in found.resources[0].files]
    ways: dict[str, Callable[[], object]] = {
        "sha256 of the same bytes in memory": lambda: over_cores(hash_only, files),
        "open, read, close": lambda: over_cores(read_only, files),
        "open, read, close and sha256": lambda: over_cores(read_and_hash, files),
        "openssl dgst, a process a core": lambda: openssl(files),
        "digest, with all that it saves for the next run": lambda: digest_cold(found),
    }
    rounds = [[(timed(way)[0], cpu_with_children(way)) for way in ways.values()] for _ in range(SMALL_ROUNDS)]
    by_clock, by_cpu = (
        dict(zip(ways, (min(one[what] for one in found) for found in zip(*rounds, strict=True)), strict=True))
        for what in (0, 1)
    )
    for name, took in by_clock.items():
        rate = sum(size for _, size in files) / MEGABYTE / took
        print(f"  ({name}: {took * 1000:,.0f} ms, {rate:,.0f} MB/s; {by_cpu[name] * 1000:,.0f} ms of CPU)")
    pure, _, loop, tool, ours = by_clock.values()
    print(f"  (digest reaches {pure / ours:.0%} of sha256 alone, {loop / ours:.0%} of a bare loop)")
    print(f"  (and {tool / ours:.0%} of openssl over {cores()} cores)")
    *_, tool, ours = by_cpu.values()
    what = f"{SMALL:,} files of 1-100 kB: CPU of openssl, a process a core, as a share of that of digest"
    return Figure(what, tool / ours * 100, 80, " %", at_least=True)


def cpu_with_children(work: Callable[[], object]) -> float:
    """Return the CPU seconds of this process and of those that have ended in it."""

    def spent() -> float:
        found = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in found)

    before = spent()
    work()
    return spent() - before


def openssl(files: Files) -> None:
    program = shutil.which("openssl")
    if program is None:
        sys.exit("openssl is needed as a measure; install it")
    running = [
        subprocess.Popen([program, "dgst", "-sha256", *paths], stdout=subprocess.DEVNULL)
        for paths in ([path for path, _ in files[start :: cores()]] for start in range(cores()))
    ]
    assert [one.wait() for one in running] == [0] * cores()


def over_cores(work: Callable[[Files], object], files: Files) -> None:
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(work, [files[start :: cores()] for start in range(cores())]))


def hash_only(files: Files) -> None:
    block = memoryview(os.urandom(MEGABYTE))
    for _, size in files:
        hashlib.sha256(block[:size]).hexdigest()


def read_only(files: Files) -> None:
    for path, size in files:
        whole(path, size)


def read_and_hash(files: Files) -> None:
    for path, size in files:
        hashlib.sha256(whole(path, size)).hexdigest()


def whole(path: str, size: int) -> bytes:
    """Read with the fewest calls there are; nothing tells whether the file changed meanwhile."""
    file = os.open(path, os.O_RDONLY)
    content = os.read(file, size)
    os.close(file)
    return content


def digest_cold(found: Manifest) -> None:
    """All that a first run does: nothing is known, and what was found is saved for the next."""
    (found.root / cache.FOLDER / "digests.json").unlink(missing_ok=True)
    digest(found.root, found.resources)


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
    time.sleep(SETTLED_SECONDS)
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


def bytes_read(found: Manifest) -> int:
    counts: list[int] = []
    digest(found.root, found.resources, read=counts.append)
    return sum(counts)


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def least_cpu(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of several runs, of all threads."""
    found = []
    for _ in range(ROUNDS):
        since = time.process_time()
        work()
        found.append(time.process_time() - since)
    return min(found)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    sys.exit(main())
