"""The daily loop: a part of many, a search for secrets, rounds of watch, and what an editor is told.

`python -m benchmarks.daily_loop [ASSISTANTS] [ROUNDS]`, by default 2,000 and 1,000, in this process and on an embedded
account. What the rounds cost is measured after as many that warm the process up: in the first 1,000 it finds the size
that it keeps (tracemalloc sees 10 KB more after 800 rounds).
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, told
from deployer import cli
from deployer.manifest import leaks, schema
from deployer.project import PlanOptions, Project, StopSignal
from deployer.project.starter import TEMPLATES, Starter, write
from deployer.project.watching import Watching

ROOT = Path(__file__).parents[1]
MB = 1_000_000


def cpu(work: Callable[[], object], times: int = 3) -> float:
    """Return the least CPU seconds of several runs."""
    found = []
    for _ in range(times):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def run(*words: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = cli.run(list(words))
    assert code == 0, words


def targets(count: int) -> Figure:
    """Compare the plan of one assistant among many with the plan of all, which is empty."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        assistants = {f"a{number}": {"model": "m", "instructions": f"Number {number}."} for number in range(count)}
        Path("assistants.yaml").write_text(json.dumps({"version": 1, "project": "many", "assistants": assistants}))
        run("apply", "--yes")
        whole = cpu(lambda: run("plan"))
        part = cpu(lambda: run("plan", "--target", f"assistant/a{count // 2}"))
    return Figure(
        f"plan --target of one of {count:,}, by the empty plan ({whole:.2f} s of CPU)", part / whole, 1.5, " x"
    )


def secrets() -> list[Figure]:
    """Search 10 MB of prose, and 10 MB that are nothing but the words of the patterns."""
    chance = random.Random(7)  # noqa: S311 (the same text each time)
    words = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8").encode().split()
    prose = b" ".join(chance.choices(words, k=1_900_000))[: 10 * MB]
    worst = max((cpu(partial(leaks.found, (one * MB)[: 10 * MB]), 1), one) for _, one, _ in leaks.PATTERNS)
    return [
        Figure("search for secrets in 10 MB of prose, CPU", cpu(lambda: leaks.found(prose)), 0.2, " s"),
        Figure(f"the same in 10 MB of {worst[1].decode()!r}, the slowest word, CPU", worst[0], 2, " s"),
    ]


def rounds(count: int) -> list[Figure]:
    """Go through many rounds of the example in which nothing is to be done, after as many that are not counted."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), Starter("watched", "knowledge"))
        file = Path(folder) / "assistants.yaml"
        watching = Watching(
            lambda: Project.load(file),
            Path(folder),
            60.0,
            PlanOptions(),
            StopSignal(),
            wait=lambda _: None,
            clock=Clock(),
        )
        for one in watching.rounds():
            assert one.ok, one.why
            if one.number == count:
                gc.collect()
                begun, held, blocks = time.process_time(), resident(), sys.getallocatedblocks()
            if one.number == 2 * count:
                watching.stop.set()
    gc.collect()
    more = sys.getallocatedblocks() - blocks
    each = (time.process_time() - begun) / count
    return [
        Figure(f"CPU of an empty round of {count:,}", each, 0.05, " s"),
        Figure(f"memory that {count:,} rounds added", max(0.0, (resident() - held) / MB), 1, " MB"),
        Figure("objects in memory that they added, of 400,000", max(0, more), 1000),
    ]


class Clock:
    """Each look at it is a minute later: no time is waited."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 60.0
        return self.now


def resident() -> float:
    """Return the bytes that the process holds in memory, or the most that it did where the system does not tell."""
    with contextlib.suppress(OSError):
        return float(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def described() -> Figure:
    whole = schema.load("manifest.schema.json")
    found = list(properties(whole))
    told = [one for one in found if "description" in {**whole["$defs"].get(reference(one), {}), **one}]
    return Figure("properties of the schema with a description", 100 * len(told) / len(found), 100, " %", at_least=True)


def reference(node: dict[str, Any]) -> str:
    return str(node.get("$ref", "")).rpartition("/")[2]


def properties(node: Any) -> list[dict[str, Any]]:
    found = []
    for key, value in node.items() if isinstance(node, dict) else ():
        if key == "properties":
            found += [one for one in value.values() if isinstance(one, dict)]
            found += [more for one in value.values() for more in properties(one)]
        elif key not in {"default", "examples", "if"}:
            for one in value if isinstance(value, list) else value.values() if key == "$defs" else [value]:
                found += properties(one)
    return found


def begun() -> Figure:
    """Count the attempts until what `init` writes is valid, over all templates."""
    failed = 0
    for template in TEMPLATES:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), Starter("begun", template))
            failed += bool(Project.validate(Path(folder) / "assistants.yaml", environ={}).problems)
    return Figure("attempts from an empty folder to a valid manifest", 1 + failed, 1)


def main() -> int:
    count, many = (int(one) for one in [*sys.argv[1:], *("2000", "1000")[len(sys.argv) - 1 :]])
    return told([begun(), described(), *secrets(), *rounds(many), targets(count)])


if __name__ == "__main__":
    sys.exit(main())
