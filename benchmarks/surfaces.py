"""Surfaces: what loading a bundle costs, a plan over a thousand bundles, and the table of what is carried."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, cpu_of, told
from deployer import load_bundle
from deployer.kinds import SURFACES
from deployer.kinds.carries import TABLE
from tests.kinds.test_carries import CASES

ROUNDS = 9
BUNDLES = 1_000
_IMPORTS = {"python": "pass", "load_bundle": "from deployer import load_bundle"}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        return told([*loading(Path(folder)), *starting(Path(folder)), planning(Path(folder)), covered()])


def loading(folder: Path) -> list[Figure]:
    """Compare with `json.load` of the same file: one of 1 MB, one of 5 kB."""
    taken = {}
    for name, size in (("1 MB", 1_000_000), ("5 kB", 5_000)):
        path = folder / "one.json"
        path.write_text(json.dumps(_bundle(size)), encoding="utf-8")
        taken[name] = _both(path, 20 if size > 100_000 else 400)
    (plain, loaded), (small, small_loaded) = taken["1 MB"], taken["5 kB"]
    return [
        Figure("load_bundle of 1 MB, as a multiple of json.load", loaded / plain, 1.3, " x"),
        Figure("load_bundle of 5 kB, beyond json.load", (small_loaded - small) * 1000, 1, " ms"),
    ]


def _bundle(size: int) -> dict[str, Any]:
    field = {"type": "string", "description": "What the model shall put there."}
    function = {"type": "object", "properties": {f"field_{number}": field for number in range(20)}}
    one = {"type": "function", "name": "f", "parameters": function, "strict": False}
    count = max(1, size // len(json.dumps(one)))
    return {"bundle": 1, "id": "a", "parameters": {"model": "m", "tools": [one] * count}, "provenance": {}}


def _both(path: Path, times: int) -> tuple[float, float]:
    """Return the median seconds of each, in interleaved rounds."""

    def plain() -> object:
        with path.open("rb") as file:
            return json.load(file)

    rounds = [(_of(plain, times), _of(lambda: load_bundle(path), times)) for _ in range(ROUNDS)]
    return statistics.median(one for one, _ in rounds), statistics.median(two for _, two in rounds)


def _of(work: Callable[[], object], times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - start) / times


def starting(folder: Path) -> list[Figure]:
    """CPU of an import beyond Python's own start."""
    commands = {name: [sys.executable, "-c", code] for name, code in _IMPORTS.items()}
    rounds = [{name: cpu_of(one, folder) for name, one in commands.items()} for _ in range(ROUNDS)][1:]
    taken = {name: statistics.median(one[name] for one in rounds) for name in commands}
    return [
        Figure(
            "from deployer import load_bundle: CPU beyond Python's start",
            taken["load_bundle"] - taken["python"],
            0.05,
            " s",
        )
    ]


def planning(folder: Path) -> Figure:
    """An empty plan over a thousand bundles, beside the same on an embedded account of assistants."""
    assistants = "".join(f"  a{number}: {{model: m, instructions: Explain {number}.}}\n" for number in range(BUNDLES))
    accounts = "  bundles: {api: responses}\n  assistants: {api: assistants}\n"
    manifest = folder / "assistants.yaml"
    manifest.write_text(f"version: 1\nproject: bench\naccounts:\n{accounts}assistants:\n{assistants}", encoding="utf-8")
    taken = {}
    for account in ("assistants", "bundles"):
        command = [sys.executable, "-m", "deployer"]
        cpu_of([*command, "apply", "--yes", "--account", account], folder)
        plan = [*command, "plan", "--exit-code", "--account", account]
        taken[account] = statistics.median(cpu_of(plan, folder) for _ in range(3))
    what = f"plan over {BUNDLES:,} bundles, as a multiple of the same on assistants: CPU"
    return Figure(what, taken["bundles"] / taken["assistants"], 2, " x")


def covered() -> Figure:
    """Count the cells of the table without a case that shows what is sent."""
    missing = sum(surface not in CASES.get(field, {}) for field in TABLE for surface in SURFACES)
    return Figure(f"of {len(TABLE) * len(SURFACES)} fields on surfaces, without a case", missing, 0)


if __name__ == "__main__":
    sys.exit(main())
