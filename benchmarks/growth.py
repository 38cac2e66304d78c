"""How the costs of a command grow with what there is: CPU and peak memory of whole processes.

Assistants with prompts of 20 kB, on an embedded account: `validate`, the first plan, its apply, the plan after it, and
the rollback of it. Exponents are those between the two larger sizes, less what one object costs; each figure is the
least of some runs, since what else the machine does only adds to it. `--write` draws them (growth.svg). That nothing
grows faster than its input is tested by counting (tests/*/test_growth.py); here it is only seen. And the largest:
20,000 prompts, 32,000 documents that go, 2,000 objects to bring back.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import Figure, told
from deployer.engine import plan
from tests.support.memory import Story, assistant, document, store, using

RUNS = {1: 3, 200: 1, 800: 3, 3_200: 2}
"""Sizes, and how often each is measured: a small difference of small figures needs more of them."""
QUICK = {1: 1, 200: 1}
LARGEST = 20_000
RULE = "Answer briefly, with an example, and never invent a source.\n"
PROMPT = RULE * (20_000 // len(RULE))
MEGABYTE = 1_000_000
PICTURE = Path(__file__).with_name("growth.svg")
STEPS = {
    "validate": ("validate",),
    "plan": ("plan",),
    "apply": ("apply", "--yes"),
    "plan, nothing to do": ("plan",),
    "rollback": ("rollback", "--yes", "--force", "prune-limit"),
}


@dataclass(frozen=True)
class Used:
    """What one process took: seconds of CPU, and megabytes at its peak."""

    cpu: float
    memory: float


Table = Mapping[str, Mapping[int, Used]]


def main() -> int:
    quick = "--quick" in sys.argv
    table = measured(QUICK if quick else RUNS)
    show(table)
    if "--write" in sys.argv:
        PICTURE.write_text(drawn(table), encoding="utf-8")
    return told([*planned()] if quick else [*exponents(table), *planned(), *largest()])


def measured(runs: Mapping[int, int]) -> Table:
    """Return the least that each step took, of interleaved runs."""
    taken: dict[str, dict[int, list[Used]]] = {step: {size: [] for size in runs} for step in STEPS}
    for run in range(max(runs.values())):
        for size in (size for size, count in runs.items() if run < count):
            with tempfile.TemporaryDirectory() as name:
                build(Path(name), size)
                for step, words in STEPS.items():
                    taken[step][size].append(used(Path(name), *words))
    return {step: {size: least(found) for size, found in row.items()} for step, row in taken.items()}


def least(found: Sequence[Used]) -> Used:
    return Used(min(one.cpu for one in found), min(one.memory for one in found))


def build(folder: Path, size: int) -> int:
    """Write a project; return the bytes of its prompts."""
    lines = ["version: 1", "project: growth", "assistants:"]
    for number in range(size):
        (folder / f"{number}.md").write_text(f"{number}: {PROMPT}", encoding="utf-8")
        lines.append(f"  a{number}: {{model: gpt-6-luna, instructions: {{file: {number}.md}}}}")
    (folder / "assistants.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sum((folder / f"{number}.md").stat().st_size for number in range(size))


def used(folder: Path, *words: str) -> Used:
    command = [sys.executable, "-m", "deployer", *words]
    environment = {**os.environ, "DEPLOYER_ACCOUNT": "embedded"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"deployer {' '.join(words)} ended with {process.returncode}")
    return Used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / MEGABYTE)


def show(table: Table) -> None:
    sizes = [*next(iter(table.values()))]
    print(f"{'N':24}" + "".join(f"{size:>18,}" for size in sizes))
    for step, row in table.items():
        print(f"{step:24}" + "".join(f"{one.cpu:>9.2f} s {one.memory:>4.0f} MB" for one in row.values()))


def exponents(table: Table) -> Iterator[Figure]:
    for step, row in table.items():
        least, *_, small, large = row
        one = row[least].cpu
        grown = math.log((row[large].cpu - one) / (row[small].cpu - one)) / math.log(large / small)
        yield Figure(f"{step}: exponent of CPU from {small:,} to {large:,} objects", grown, 1.1)


def largest() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        one, many = Path(name) / "one", Path(name) / "many"
        for folder, size in ((one, 1), (many, LARGEST)):
            folder.mkdir()
            bytes_ = build(folder, size) / MEGABYTE
        started = [used(one, word) for word in ("validate", "plan")]
        validate, wanted = (used(many, word) for word in ("validate", "plan"))
    what = f"plan of {LARGEST:,} prompts ({bytes_:.0f} MB)"
    ratio = (wanted.cpu - started[1].cpu) / (validate.cpu - started[0].cpu)
    yield Figure(f"{what}: CPU", wanted.cpu, 50, " s")
    yield Figure(f"{what}: CPU, as a multiple of validate, both less their start", ratio, 2, " x")
    yield Figure(f"{what}: peak memory", wanted.memory, min(700, 1.5 * bytes_ + 60), " MB")


def planned() -> Iterator[Figure]:
    """What used to be quadratic: plans alone, on an account in memory."""
    many = Story()
    many.apply(store("docs", *(document(f"docs/{number}.md", f"{number}") for number in range(32_000))))
    scope, live = many.scope(), many.account.live()
    took = cpu(lambda: plan.build(scope, [store("docs")], live))
    yield Figure("plan that removes 32,000 documents: CPU", took, 0.5, " s")
    gone = Story()
    stores = [store(f"s{number}", document(f"docs/{number}.md", f"{number}")) for number in range(1_000)]
    gone.tree = [file for one in stores for file in one.files]
    gone.apply(*stores, *(assistant(f"a{number}", tools=using(f"s{number}")) for number in range(1_000)))
    gone.apply()
    yield Figure("plan that brings 2,000 destroyed objects back: CPU", cpu(gone.plan_back), 3, " s")
    same = Story()
    same.apply(store("docs", *(document(f"old/{number}.md", "same") for number in range(8_000))))
    renamed = store("docs", *(document(f"new/{number}.md", "same") for number in range(8_000)))
    yield Figure("plan of a renamed folder with 8,000 equal files: CPU", cpu(lambda: same.plan(renamed)), 2, " s")


def cpu(work: Callable[[], object]) -> float:
    since = time.process_time()
    work()
    return time.process_time() - since


WIDTH, HEIGHT, MARGIN = 420, 280, 50
COLOURS = ("#1b6ac9", "#c2410c", "#15803d", "#7c3aed", "#525252")


def drawn(table: Table) -> str:
    """Return both plots, CPU and memory over the number of objects, on logarithmic scales."""
    size = f'width="{2 * WIDTH}" height="{HEIGHT}" viewBox="0 0 {2 * WIDTH} {HEIGHT}"'
    plots = [plot(table, "seconds of CPU", 0, lambda one: one.cpu), plot(table, "MB", WIDTH, lambda one: one.memory)]
    style = "text {font: 11px sans-serif; fill: #444} .axis {stroke: #999; stroke-width: 1}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>',
            *plots,
            "</svg>\n",
        ]
    )


def plot(table: Table, unit: str, left: int, value: Callable[[Used], float]) -> str:
    sizes = [size for size in next(iter(table.values())) if size > 1]
    values = [value(row[size]) for row in table.values() for size in sizes]
    across, up = scale(sizes, left + MARGIN, left + WIDTH - 110), scale(values, HEIGHT - MARGIN, 30)
    base = HEIGHT - MARGIN
    lines = [f'<text x="{left + MARGIN}" y="18">{unit}</text>']
    lines += [f'<text x="{across(one):.0f}" y="{base + 18}" text-anchor="middle">{one:,}</text>' for one in sizes]
    for one in (min(values), max(values)):
        lines.append(f'<text x="{left + MARGIN - 6}" y="{up(one) + 4:.0f}" text-anchor="end">{one:.3g}</text>')
    lines.append(f'<path class="axis" fill="none" d="M{left + MARGIN} 30V{base}H{left + WIDTH - 100}"/>')
    for (step, row), colour in zip(table.items(), COLOURS, strict=True):
        points = " ".join(f"{across(one):.1f},{up(value(row[one])):.1f}" for one in sizes)
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>')
        end = up(value(row[sizes[-1]])) + 4
        lines.append(f'<text x="{left + WIDTH - 104}" y="{end:.0f}" style="fill:{colour}">{step}</text>')
    return "\n".join(lines)


def scale(values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    low, high = math.log(min(values)), math.log(max(values))
    return lambda value: start + (math.log(value) - low) / (high - low) * (end - start)


if __name__ == "__main__":
    sys.exit(main())
