"""How fast `deployer --help` starts beside a bare click command, and that it loads nothing that it does not need."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figure import Figure, told

ROOT = Path(__file__).parents[1]
RUNS = 25
HELLO = """
import click

@click.command()
def hello():
    "Say hello."
    click.echo("hello")

hello(["--help"])
"""
HEAVY = ("openai", "rich", "starlette")
LOADED = f"""
import sys
from deployer import cli
code = cli.run(sys.argv[1:])
print(code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


def main() -> int:
    bare = [sys.executable, "-c", HELLO]
    ours = [sys.executable, "-m", "deployer", "--help"]
    pairs = [(seconds(bare), seconds(ours)) for _ in range(RUNS)][1:]  # the first pair warms the caches
    hello, helped = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"bare click {hello * 1000:.0f} ms, deployer --help {helped * 1000:.0f} ms (medians of {len(pairs)} pairs)")
    ratio = Figure("deployer --help, as a multiple of a bare click hello-world", helped / hello, 2, " x")
    return told([ratio, *(imports(*arguments) for arguments in (("--help",), ("validate",)))])


def seconds(command: list[str]) -> float:
    since = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - since


def imports(*arguments: str) -> Figure:
    """Count the heavy packages that a command on the example loads."""
    command = [sys.executable, "-c", LOADED, *arguments]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stderr.splitlines()[-1]
    code, _, names = said.partition(" ")
    if code != "0":
        raise SystemExit(f"deployer {' '.join(arguments)} failed: {said}")
    return Figure(f"deployer {' '.join(arguments)}: of {', '.join(HEAVY)} it imports", names.count("'") / 2, 0)


if __name__ == "__main__":
    sys.exit(main())
