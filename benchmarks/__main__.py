"""Run every benchmark, each in a process of its own, so that none pays for another's imports; exit 1 if one misses.

`--quick` runs those of seconds, `--write` writes what was measured to results.md. Names run only these. Two that would
take most of the time are sampled; with `--all` they are whole.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.figure import RESULTS

NAMES = (
    "house",
    "startup",
    "daily_loop",
    "validate_speed",
    "growth",
    "hashing",
    "plan_latency",
    "apply_latency",
    "peers",
    "account",
    "no_ops",
    "listing",
    "pacing",
    "knowledge",
    "bad_day",
    "kill_matrix",
    "any_service",
    "upload_memory",
    "replay_agreement",
    "conversations",
    "tests",
    "playground",
    "surfaces",
    "function_schemas",
    "python_callables",
)
QUICK = ("house", "startup", "validate_speed", "growth", "plan_latency", "no_ops", "replay_agreement")
SAMPLED = {"kill_matrix": ("4",), "tests": ("--each=12", "--many=200"), "any_service": ("--each=4",)}
WRITTEN = Path(__file__).with_name("results.md")
PACKAGES = ("openai", "httpx2", "starlette", "jsonschema", "pyyaml")
Row = Sequence[str | bool]


def main(arguments: Sequence[str]) -> int:
    flags = [one for one in arguments if one.startswith("--")]
    names = [one for one in arguments if one not in flags] or (QUICK if "--quick" in flags else NAMES)
    since, began = time.monotonic(), _state()
    results: dict[str, list[Row]] = {}
    missed = []
    for name in names:
        code, results[name] = _run(name, flags)
        missed += [name] if code else []
    if "--write" in flags:
        ended = f"{(time.monotonic() - since) / 60:.0f} minutes; load at the end {_load()}"
        WRITTEN.write_text(_page(results, [*began, ended]), encoding="utf-8")
    print(f"\nmissed: {', '.join(missed)}" if missed else f"\nall {len(names)} benchmarks reach their bars")
    return 1 if missed else 0


def _run(name: str, flags: Sequence[str]) -> tuple[int, list[Row]]:
    """Return the exit code, and the figures in their order."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as file:
        sample = () if "--all" in flags else SAMPLED.get(name, ())
        command = [sys.executable, "-m", f"benchmarks.{name}", *sample, *(flags if name == "growth" else ())]
        done = subprocess.run(command, env={**os.environ, RESULTS: file.name}, check=False)
        return done.returncode, [json.loads(line) for line in file]


def _state() -> list[str]:
    """Say on what machine this runs, and with what."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{one} {version(one)}" for one in PACKAGES)
    return [
        f"{datetime.now(UTC):%Y-%m-%d}",
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}; load {_load()}",
        f"Python {platform.python_version()}, {versions}",
    ]


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _page(results: Mapping[str, Sequence[Row]], state: Sequence[str]) -> str:
    lines = [
        "# What was measured",
        "",
        "Written by `python -m benchmarks --write`.",
        "",
        *(f"- {one}" for one in state),
    ]
    for name, rows in results.items():
        lines += ["", f"## {name}", "", "| figure | result | bar | |", "|---|---|---|---|"]
        lines += [
            f"| {what} | {result} | {bar} | {'' if reached else 'missed'} |" for what, result, bar, reached in rows
        ]
        if not rows:
            lines.append("| nothing was measured | | | |")
    if "growth" in results:
        lines += ["", "![CPU and memory over the number of objects](growth.svg)"]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
