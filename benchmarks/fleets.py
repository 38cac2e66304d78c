"""A fleet in one process: CPU and memory of 1,000 accounts, runs that are killed and resumed, and 100,000 simulated.

    python -m benchmarks.fleets [ACCOUNTS] [KILLS]

Accounts are embedded ones with the example of this repository; a bare loop over `deployer plan` took 13 s of CPU for
1,000 of them, one over `deployer apply` 56 s. Seconds are those of the quiet machine for which the bars were set.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, slowness, told
from deployer.backends.streaming import StreamingTransport
from deployer.fleet import Fleet, FleetReport, Unit, UnitResult, UnitStatus, rollout
from deployer.project.session import opened

ROOT = Path(__file__).parents[1]
SMALL, KILLED = 100, 8
SIMULATED = 100_000
ORGANISATIONS, PER_MINUTE, LATENCY = 20, 3_000, 0.25
"""Of the simulation: rate limits of so many organisations, in requests a minute, and seconds for one request."""
FLEET = """fleet:
  account: tenant
  from: tenants.csv
  waves: [{where: {tier: canary}}, {where: {region: eu}, max_parallel: 20}, {}]
"""


def build(folder: Path, count: int) -> None:
    """Write the example with a table of so many rows."""
    for name in ("prompts", "functions", "knowledge", "tests", "evals"):
        if (ROOT / name).is_dir() and name != "tests":
            shutil.copytree(ROOT / name, folder / name, dirs_exist_ok=True)
    text = (ROOT / "assistants.yaml").read_text(encoding="utf-8")
    text = text.replace("\naccounts:", f"\n{FLEET}\naccounts:\n  tenant: {{api: assistants}}", 1)
    (folder / "assistants.yaml").write_text(text, encoding="utf-8")
    rows = [f"s{place:06},{'canary' if place < 2 else 'paid'},{('us', 'eu')[place % 2]}" for place in range(count)]
    (folder / "tenants.csv").write_text("\n".join(["school,tier,region", *rows, ""]), encoding="utf-8")


def one(verb: str) -> None:
    """Do a verb on the fleet of this folder, and print its CPU seconds, peak memory (MB) and report as JSON."""
    report = Fleet.load("assistants.yaml").run(verb)
    used = os.times()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu = used.user + used.system + used.children_user + used.children_system
    print(json.dumps({"cpu": cpu, "peak": peak, "counts": report.data["counts"]}))


def measured(folder: Path, verb: str) -> dict[str, Any]:
    command = [sys.executable, "-c", f"from benchmarks.fleets import one; one({verb!r})"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def sizes(count: int) -> list[Figure]:
    """Plan and apply for many accounts; memory beside that of 100."""
    share = count / 1_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder, SMALL)
        small = measured(folder, "apply")
        shutil.rmtree(folder / ".deployer")
        build(folder, count)
        plan, slow = measured(folder, "plan"), slowness()
        apply, slower = measured(folder, "apply"), slowness()
        again = measured(folder, "plan")
    assert (plan["counts"], again["counts"]) == ({"changes": count, "left": 0}, {"unchanged": count, "left": 0})
    return [
        Figure(f"plan of {count:,} accounts, CPU", plan["cpu"] / slow, 20 * share, " s"),
        Figure(f"apply to {count:,} accounts, CPU", apply["cpu"] / slower, 75 * share, " s"),
        Figure(f"memory of an apply to {count:,}", apply["peak"], 300, " MB"),
        Figure(f"memory of it, to that of {SMALL}", apply["peak"] / small["peak"], 1.25),
    ]


def killed(times: int) -> Figure:
    """Kill an apply at random moments and resume it; count the runs that did not end as an undisturbed one."""
    chance, differ = random.Random(7), 0  # noqa: S311 (the same moments each time)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder, KILLED)
        command = [sys.executable, "-m", "deployer", "apply", "--fleet", "--yes", "--format", "json"]
        began = time.monotonic()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        whole, wanted = time.monotonic() - began, held(folder)
        for _ in range(times):
            shutil.rmtree(folder / ".deployer")
            process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(whole * chance.uniform(0.2, 1.0))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
            process.wait()
            done = subprocess.run([*command, "--resume"], cwd=folder, check=False, capture_output=True, text=True)
            left = subprocess.run(
                [sys.executable, "-m", "deployer", "plan", "--fleet", "--exit-code"],
                cwd=folder,
                check=False,
                capture_output=True,
            )
            if (done.returncode, left.returncode, held(folder)) != (0, 0, wanted):
                differ += 1
                print(done.stdout[-2000:], done.stderr[-2000:], held(folder), file=sys.stderr)
    return Figure(f"of {times} runs that were killed and resumed, unlike an undisturbed one", differ, 0)


def held(folder: Path) -> dict[str, Counter[str]]:
    """Return how many objects of each kind every account holds, and how many documents are in its stores."""
    found: dict[str, Counter[str]] = {}
    fleet = Fleet.load(folder / "assistants.yaml")
    assert fleet.template

    async def look(manifest: Any) -> Counter[str]:
        async with opened(manifest) as session:
            live = await session.account.listed()
            stores = [one for one in live if "file_counts" in one.raw]
            documents = sum(one.raw["file_counts"]["completed"] for one in stores)
            return Counter(one.kind for one in live) + Counter({"document": documents})

    for row in fleet.rows:
        found[row.name] = asyncio.run(look(fleet.template.compiled(row, os.environ)))
    return found


def requests() -> dict[str, int]:
    """Return how many requests a plan and an apply of one account send."""
    send, counts = StreamingTransport.handle_async_request, Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        build(Path(name), 1)
        for verb in ("apply", "plan"):

            async def counted(self: Any, request: Any, verb: str = verb) -> Any:
                counts[verb] += 1
                return await send(self, request)

            StreamingTransport.handle_async_request = counted  # type: ignore[method-assign]
            Fleet.load(Path(name) / "assistants.yaml").run(verb)
    StreamingTransport.handle_async_request = send  # type: ignore[method-assign]
    return dict(counts)


def simulated(count: int) -> list[Figure]:
    """Take a fleet of this size through table, waves, limits and report; accounts answer at once, and are counted.

    How long it would take follows from the requests: what organisations allow, and what is in flight at once.
    """

    async def done(_shared: object, unit: Unit, *_: object) -> UnitResult:
        return unit.ended(UnitStatus.UNCHANGED)

    rollout.done = done  # type: ignore[attr-defined,assignment]
    with tempfile.TemporaryDirectory() as name:
        build(Path(name), count)
        began = time.process_time()
        report: FleetReport = Fleet.load(Path(name) / "assistants.yaml").run("plan")
        cpu = time.process_time() - began
    assert report.data["counts"] == {"unchanged": count, "left": 0}
    status = Path("/proc/self/status").read_text(encoding="ascii")
    memory = int(status.split("VmHWM:")[1].split()[0]) / 1024
    for verb, each in requests_of_one.items():
        all_, allowed = count * each, ORGANISATIONS * PER_MINUTE
        parallel = allowed / 60 * LATENCY / 1.0
        print(
            f"simulated: {verb} of {count:,} accounts sends {all_:,} requests; {ORGANISATIONS} organisations with "
            f"{PER_MINUTE:,} a minute take {all_ / allowed / 60:.1f} h, with {parallel:.0f} requests in flight"
        )
    print(f"simulated: table, waves, limits and report of {count:,} accounts take {cpu:.1f} s of CPU, {memory:.0f} MB")
    return [Figure(f"memory of {count:,} accounts, simulated", memory, 1_000, " MB")]


requests_of_one: dict[str, int] = {}


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    times = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    requests_of_one.update(requests())
    return told([*sizes(count), killed(times), *simulated(SIMULATED)])


if __name__ == "__main__":
    sys.exit(main())
