"""Mutation testing: does a test fail when the code says something else? Prints the score of each package and its bar.

    python scripts/mutants.py [PACKAGE ...]

mutmut changes one thing at a time in a copy of the project (.mutants/PACKAGE) and finds out which tests reach it; they
are run by scripts/mutant_session.py, all in one process. A mutant that no test notices is looked for in
tests/survivors.yaml, which says why it may live. Exit code 1: less than the bar, or one that lives and is not listed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".mutants"
LISTED = ROOT / "tests" / "survivors.yaml"
MUTMUT = str(Path(sys.executable).parent / "mutmut")
BAR = 0.9
_NONE = "no mutant"
"""What mutmut is asked to try: it makes the mutants, finds out which tests reach them, and ends."""
_COPIED = (
    "schemas",
    "scripts",
    "functions",
    "assistants.yaml",
    "prompts",
    "knowledge",
    "tests",
    "docs",
    "benchmarks",
    "README.md",
)
_CONFIGURATION = """
[tool.mutmut]
source_paths = ["deployer"]
only_mutate = [{files}]
pytest_add_cli_args_test_selection = [{tests}]
pytest_add_cli_args = ["-p", "no:randomly", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
also_copy = [{copied}]
"""
# Fast tests of each package, so that a mutant costs less than a second. The journeys notice more.
PACKAGES: Mapping[str, Sequence[str]] = {
    "rollback": (
        "tests/rollback/test_history.py",
        "tests/rollback/test_laws.py",
        "tests/rollback/test_plans.py",
        "tests/rollback/test_snapshot.py",
        "tests/rollback/test_sources.py",
        "tests/rollback/test_store.py",
    ),
    "engine": (
        "tests/engine",
        "tests/laws/test_engine_laws.py",
        "tests/rollback/test_laws.py",
        "tests/rollback/test_plans.py",
    ),
    "kinds": (
        "tests/engine",
        "tests/kinds",
        "tests/laws/test_kind_laws.py",
        "tests/rollback/test_laws.py",
        "tests/rollback/test_plans.py",
    ),
    "apply": (
        "tests/apply",
        "tests/commands/test_compare_then_set.py",
        "tests/journeys/test_lost_answers.py",
        "tests/journeys/test_still_used.py",
    ),
}


@dataclass(frozen=True)
class Mutant:
    """One change of the code: the lines of `function` that it takes away, and those that it puts in their place."""

    function: str
    was: str
    now: str


def main(packages: Sequence[str]) -> int:
    unknown = set(packages) - set(PACKAGES)
    if unknown:
        sys.exit(f"no such package: {', '.join(sorted(unknown))}; there are {', '.join(PACKAGES)}")
    return max([_tried(package) for package in packages or PACKAGES])


def _tried(package: str) -> int:
    folder = WORK / package
    shutil.rmtree(folder, ignore_errors=True)
    _copy(folder, package)
    done = _run([MUTMUT, "run", "--max-children", "1", _NONE], folder)
    if not (folder / "mutants" / "mutmut-stats.json").exists():
        sys.exit(f"{package}: mutmut ended with {done.returncode}: {done.stdout[-3000:]}")
    tried = _tried_in_one_process(folder, PACKAGES[package])
    alive = [_shown(folder, name) for name, noticed in tried.items() if not noticed]
    return _report(package, len(tried), alive)


def _tried_in_one_process(folder: Path, tests: Sequence[str]) -> dict[str, str | None]:
    """Return, for each mutant, the test that noticed it."""
    results = folder / "tried.json"
    options = ("no:randomly", "no:cacheprovider", "no:unraisableexception", "mutant_session")
    plugins = [word for option in options for word in ("-p", option)]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, "--hypothesis-seed=0", *tests]
    environment = {"PYTHONPATH": str(ROOT / "scripts"), "TRIED": str(results)}
    done = _run(command, folder / "mutants", **environment)
    if not results.exists():
        sys.exit(f"{folder.name}: pytest ended with {done.returncode}: {done.stdout[-3000:]}")
    tried: dict[str, str | None] = json.loads(results.read_text(encoding="utf-8"))
    return tried


def _run(command: Sequence[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        check=False,
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _copy(folder: Path, package: str) -> None:
    """Bring the copy up to date: what git knows of, with a configuration for this package."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    configuration = _CONFIGURATION.format(
        files=json.dumps(f"deployer/{package}/*.py"),
        tests=", ".join(map(json.dumps, PACKAGES[package])),
        copied=", ".join(map(json.dumps, _COPIED)),
    )
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(configuration)


def _shown(folder: Path, name: str) -> Mutant:
    """Return what a mutant changes, from mutmut's own diff; its number changes with the code around it."""
    shown = subprocess.run([MUTMUT, "show", name], cwd=folder, check=True, capture_output=True, text=True)
    lines = [line for line in shown.stdout.splitlines() if not line.startswith(("---", "+++"))]
    was = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
    now = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
    module, _, function = name.removeprefix("deployer.").rpartition("__mutmut_")[0].rpartition(".")
    return Mutant(f"{module}.{function.removeprefix('x').removeprefix('_').strip('ǁ').replace('ǁ', '.')}", was, now)


def _report(package: str, count: int, alive: Sequence[Mutant]) -> int:
    reasons = _listed()
    new = [mutant for mutant in alive if mutant not in reasons]
    score = 1 - len(alive) / count
    bar = "bar" if score >= BAR else "MISSED, bar"
    print(f"{package}: {count - len(alive):,} of {count:,} mutants noticed: {score:.1%} ({bar}: {BAR:.0%});", end=" ")
    print(f"{len(alive) - len(new)} that live are listed with a reason, {len(new)} are not")
    for mutant in new:
        print(yaml.safe_dump([{**mutant.__dict__, "why": ""}], allow_unicode=True, sort_keys=False, width=1000), end="")
    return int(score < BAR or bool(new))


def _listed() -> dict[Mutant, str]:
    rows: Sequence[Mapping[str, Any]] = yaml.safe_load(LISTED.read_text(encoding="utf-8")) or []
    return {Mutant(row["function"], row["was"], row["now"]): row["why"] for row in rows}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
