"""How fast commands start: beside a bare click command, and beside `import openai`, which only a write needs.

Whole processes, in CPU: what other work takes from the machine counts for nobody. How fast this machine is at the
moment, `import openai` in the same rounds tells.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.figure import QUIET, Figure, cpu_of, told

ROOT = Path(__file__).parents[1]
RUNS = 16
HELLO = """
import click

@click.command()
def hello():
    "Say hello."
    click.echo("hello")

hello(["--help"])
"""
EXAMPLE = ("assistants.yaml", "prompts", "functions", "knowledge")
COMMANDS = {name: (name,) for name in ("validate", "plan", "drift", "outputs", "gc")}
HEAVY = ("openai", "rich", "deployer.rollback.restore", "starlette")
LOADED = f"""
import sys
from deployer import cli
code = cli.run(sys.argv[1:])
print(code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        return told(measured(example(Path(folder) / "example"), environment))


def example(folder: Path) -> Path:
    """Return a folder with the example, live on its embedded account."""
    folder.mkdir()
    for name in EXAMPLE:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    command = [sys.executable, "-m", "deployer", "apply", "--yes", "--account", "embedded"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def measured(folder: Path, environment: Mapping[str, str]) -> list[Figure]:
    ours = [sys.executable, "-m", "deployer"]
    commands = {
        "pass": [sys.executable, "-c", "pass"],
        "hello": [sys.executable, "-c", HELLO],
        "openai": [sys.executable, "-c", "import openai"],
        "--help": [*ours, "--help"],
        **{name: [*ours, *words, "--account", "embedded"] for name, words in COMMANDS.items()},
    }
    taken = medians(commands, folder, environment)
    print("CPU of whole processes:", ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in taken.items()))
    slow = taken["openai"] / QUIET
    what = "the empty plan of the example, at the speed at which `import openai` takes 0.35 s: CPU"
    return [
        Figure("deployer --help, as a multiple of a bare click hello-world", taken["--help"] / taken["hello"], 2, " x"),
        Figure(what, taken["plan"] / slow, 0.30, " s"),
        *(Figure(f"{one}, the same", taken[one] / slow, 0.30, " s") for one in ("drift", "outputs", "gc")),
        *(imports(folder, HEAVY, *words) for words in (("--help",), ("validate", "--account", "embedded"))),
        *(imports(folder, HEAVY[:3], *words, "--account", "embedded") for words in COMMANDS.values()),
    ]


def medians(commands: Mapping[str, Sequence[str]], folder: Path, environment: Mapping[str, str]) -> dict[str, float]:
    """Return the CPU seconds of each command, in interleaved rounds; the first warms the caches."""
    rounds = [{name: cpu_of(one, folder, environment) for name, one in commands.items()} for _ in range(RUNS)][1:]
    return {name: statistics.median(one[name] for one in rounds) for name in commands}


def imports(folder: Path, heavy: Sequence[str], *arguments: str) -> Figure:
    """Count the heavy packages that a command on the example loads."""
    command = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    code, _, names = done.stderr.splitlines()[-1].partition(" ")
    if code != "0":
        raise SystemExit(f"deployer {' '.join(arguments)} failed: {done.stderr}")
    count = sum(f"'{one}'" in names for one in heavy)
    return Figure(f"deployer {arguments[0]}: of {', '.join(heavy)} it imports", count, 0)


if __name__ == "__main__":
    sys.exit(main())
