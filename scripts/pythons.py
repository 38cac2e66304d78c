"""Run the suite on every supported version of Python that this machine has, each in an environment of its own.

    python3 scripts/pythons.py [--slow-once]

A version is looked for as `python3.N` on the PATH, then among pyenv's. `--slow-once`: tests marked `slow` run on the
oldest version only. Exits with 1 when one version fails, or when none was found.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINORS = (11, 12, 13, 14)
_SUMMARY = re.compile(r"\d+ (passed|failed|error).* in [\d.]+s")
_QUICK = '-m "not slow"'


@dataclass(frozen=True, slots=True)
class Interpreter:
    minor: int
    path: Path
    version: str

    @property
    def environment(self) -> str:
        return f".venv-3.{self.minor}"


def found() -> list[Interpreter]:
    """Return the interpreters of this machine, the oldest first."""
    return [one for minor in MINORS if (one := _first(minor)) is not None]


def _first(minor: int) -> Interpreter | None:
    """Return the first that runs: a name on the PATH may be pyenv's stand-in for a version that is not chosen."""
    for path in _candidates(minor):
        code = "import sys; print(*sys.version_info[:3], sep='.')"
        try:
            done = subprocess.run([path, "-c", code], check=False, capture_output=True, text=True)
        except OSError:
            continue
        if done.returncode == 0 and done.stdout.startswith(f"3.{minor}."):
            return Interpreter(minor, path, done.stdout.strip())
    return None


def _candidates(minor: int) -> Iterator[Path]:
    name = f"python3.{minor}"
    yield from (Path(folder) / name for folder in os.get_exec_path())
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(versions.glob(f"3.{minor}.*/bin/{name}"), key=_patch, reverse=True)


def _patch(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.parent.parent.name)]


def _make(interpreter: Interpreter, *arguments: str) -> list[str]:
    folder = interpreter.environment
    return ["make", "--no-print-directory", f"PYTHON={interpreter.path}", f"VENV={folder}", *arguments]


def set_up(interpreters: Sequence[Interpreter]) -> None:
    """Make all environments first: a test compares what each Python says. What fails here fails again in its run."""
    for one in interpreters:
        subprocess.run(_make(one, f"{one.environment}/.ready"), cwd=ROOT, check=False)


def run(interpreter: Interpreter, options: str) -> tuple[bool, str]:
    """Run the suite and show its output; return whether it passed, and its closing line."""
    command = _make(interpreter, "test", f"TESTS={options}")
    print(f"\n== Python {interpreter.version} ({interpreter.path})", flush=True)
    closing = "no tests ran"
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if _SUMMARY.search(line):
                closing = line.strip("= \n")
    return process.returncode == 0, closing


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--slow-once", action="store_true")
    slow_once: bool = parser.parse_args().slow_once
    rows, failed = [], False
    set_up(interpreters := found())
    for number, one in enumerate(interpreters):
        options = _QUICK if slow_once and number else ""
        start = time.monotonic()
        passed, closing = run(one, options)
        failed |= not passed
        verdict = "passed" if passed else "FAILED"
        rows.append(f"{one.version:<9} {verdict:<7} {time.monotonic() - start:5.0f} s  {closing}  {options}".rstrip())
    absent = [f"3.{minor}" for minor in MINORS if minor not in {one.minor for one in interpreters}]
    print("\nPython    suite   with setup", *rows, *(f"{name:<9} not on this machine" for name in absent), sep="\n")
    return 1 if failed or not interpreters else 0


if __name__ == "__main__":
    sys.exit(main())
