"""Mutation testing: does a test fail when the code says something else? Prints the score of each module and the bar.

    python scripts/mutants.py [--sample N [--seed S]] [PACKAGE | MODULE | FUNCTION ...]

mutmut says what to change, one thing at a time; scripts/mutant_session.py finds out which tests notice. A mutant that
none notices is looked for in tests/survivors.yaml, which says why it may live. `engine` is a package, `engine.diff` a
module, `engine.diff.compare` a function. What was tried is kept in .mutants, so that a run that was cut goes on.
Exit code 1: less than the bar, or one that lives and is not listed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from mutant_making import Mutant
from mutant_session import Order, rows

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".mutants"
LISTED = ROOT / "tests" / "survivors.yaml"
BAR = 0.9
_ENGINE = ("tests/engine", "--deselect=tests/engine/test_growth.py")
# Fast tests of each package. The journeys notice more, for more time.
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
        *_ENGINE,
        "tests/laws/test_engine_laws.py",
        "tests/rollback/test_laws.py",
        "tests/rollback/test_plans.py",
    ),
    "kinds": (
        *_ENGINE,
        "tests/kinds",
        "tests/laws/test_kind_laws.py",
        "tests/rollback/test_laws.py",
        "tests/rollback/test_plans.py",
    ),
    "apply": (
        "tests/apply",
        "tests/backends/test_attach_forms.py",
        "tests/commands/test_apply_report.py",
        "tests/commands/test_compare_then_set.py",
        "tests/commands/test_lag.py",
        "tests/journeys/test_lost_answers.py",
        "tests/journeys/test_still_used.py",
    ),
}
_NOT_FOR_THIS = ("tests/survivors.yaml",)


@dataclass(frozen=True)
class Reasons:
    """Why mutants may live: by what a mutant changes, or for all that put one text in the place of another."""

    listed: Mapping[Mutant, str]
    everywhere: Mapping[tuple[str, str], str]

    @classmethod
    def read(cls) -> Reasons:
        rows: Sequence[Mapping[str, Any]] = yaml.safe_load(LISTED.read_text(encoding="utf-8")) or []
        single = [row for row in rows if "function" in row]
        listed = {Mutant(row["function"], row["was"], row["now"], row.get("nth", 1)): row["why"] for row in single}
        return cls(listed, {(row["was"], row["now"]): row["why"] for row in rows if "function" not in row})

    def of(self, mutant: Mutant) -> str | None:
        general = (why for (was, now), why in self.everywhere.items() if _is_replaced(mutant, was, now))
        return self.listed.get(mutant) or next(general, None)


def _is_replaced(mutant: Mutant, was: str, now: str) -> bool:
    parts = mutant.was.split(was)
    pairs = ((was.join(parts[:index]), was.join(parts[index:])) for index in range(1, len(parts)))
    return any(mutant.now == f"{before}{now}{after}" for before, after in pairs)


@dataclass(frozen=True)
class Result:
    """What came of the mutants of a package: by mutant, the test that noticed it, or None."""

    sample: str
    tried: Mapping[Mutant, str | None]
    reach: Mapping[Mutant, int]

    @cached_property
    def alive(self) -> Sequence[Mutant]:
        return [mutant for mutant, noticed in self.tried.items() if noticed is None]

    @cached_property
    def score(self) -> float:
        return 1 - len(self.alive) / max(len(self.tried), 1)

    def of(self, module: str) -> Result:
        return Result(self.sample, {one: self.tried[one] for one in self.tried if one.module == module}, self.reach)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument(
        "--sample", type=int, metavar="N", help="so many mutants of each module, chosen by a fixed seed"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the sample; another one has mutants that nobody looked at"
    )
    parser.add_argument("what", nargs="*", help=f"packages, modules or functions of {', '.join(PACKAGES)}")
    options = parser.parse_args(arguments)
    chosen: dict[str, list[str]] = {}
    for one in options.what or PACKAGES:
        chosen.setdefault(one.partition(".")[0], []).append(one)
    if unknown := set(chosen) - set(PACKAGES):
        sys.exit(f"no such package: {', '.join(sorted(unknown))}; there are {', '.join(PACKAGES)}")
    return max([_report(package, _tried(package, what, options)) for package, what in chosen.items()])


def _tried(package: str, what: Sequence[str], options: argparse.Namespace) -> Result:
    results = WORK / f"{package}.jsonl"
    WORK.mkdir(exist_ok=True)
    every = sorted(f"{package}.{path.stem}" for path in (ROOT / "deployer" / package).glob("*.py"))
    asked = dict.fromkeys(".".join(one.split(".")[:2]) for one in what if "." in one)
    if unknown := set(asked).difference(every):
        sys.exit(f"no such module: {', '.join(sorted(unknown))}")
    functions = [one for one in what if one.count(".") > 1]
    order = Order(list(asked) or every, str(results), _digest(), options.sample, options.seed, functions)
    done = _pytest(PACKAGES[package], order)
    last = [row for row in rows(results) if row["digest"] == order.digest]
    if done.returncode or not last:
        sys.exit(f"{package}: pytest ended with {done.returncode}: {done.stdout[-3000:]}")
    found = {Mutant(**row["mutant"]): row for row in last if "mutant" in row}
    latest = [row["chosen"] for row in last if "chosen" in row][-1]
    mutants = [Mutant(**one) for module in latest for one in latest[module]]
    if not mutants:
        sys.exit(f"there is nothing to change in {', '.join(what)}")
    sample = f", a sample of {options.sample} of each module (seed {options.seed})" if options.sample else ""
    return Result(
        sample, {one: found[one]["noticed"] for one in mutants}, {one: found[one]["reach"] for one in mutants}
    )


def _pytest(tests: Sequence[str], order: Order) -> subprocess.CompletedProcess[str]:
    options = ("no:randomly", "no:cacheprovider", "no:unraisableexception", "mutant_session")
    plugins = [word for option in options for word in ("-p", option)]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, "--hypothesis-seed=0", *tests]
    environment = {"PYTHONPATH": str(ROOT / "scripts"), "MUTANTS": json.dumps(asdict(order))}
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
        text=True,
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _digest() -> str:
    """Return a digest of all that a result depends on: what git knows of, but for documents."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    digest = hashlib.sha256()
    for name in sorted(set(listed)):
        path = ROOT / name
        if name and name not in _NOT_FOR_THIS and path.suffix != ".md" and path.is_file():
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def _report(package: str, result: Result) -> int:
    reasons = Reasons.read()
    new = [mutant for mutant in result.alive if not reasons.of(mutant)]
    for module in dict.fromkeys(mutant.module for mutant in result.tried):
        part = result.of(module)
        print(f"  {_counted(module, part)}: {part.score:.1%}")
    bar = "bar" if result.score >= BAR else "MISSED, bar"
    print(f"{_counted(package + result.sample, result)}: {result.score:.1%} ({bar}: {BAR:.0%});", end=" ")
    print(f"{len(result.alive) - len(new)} that live are listed with a reason, {len(new)} are not")
    for mutant in new:
        row = {key: value for key, value in asdict(mutant).items() if (key, value) != ("nth", 1)} | {"why": ""}
        print(yaml.safe_dump([row], allow_unicode=True, sort_keys=False, width=1000), end="")
    return int(result.score < BAR or bool(new))


def _counted(what: str, result: Result) -> str:
    return f"{what}: {len(result.tried) - len(result.alive):,} of {len(result.tried):,} mutants noticed"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
