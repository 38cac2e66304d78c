"""A plugin of pytest: try many mutants, each in a fork of one process that has everything imported and collected.

The tests are run once as they are, which says how long each takes and which lines it reaches. A mutant then runs only
the tests that reach its lines, the quickest first, and no further than the first that fails. Run by scripts/mutants.py,
which says in `MUTANTS` (JSON) what to try; each result is a line of `results`, written at once, so that a run can be
cut.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import random
import resource
import select
import signal
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from coverage import Coverage
from mutant_making import Change, Mutant, changes, statements

SECONDS = 2.0
"""Of CPU, at least: a mutant with which a test takes longer, and ten times as long as without, does not end."""
WAITING = 60.0
"""By the clock, at least: a mutant that waits for what does not come."""
MEMORY = 2 << 30
IMPORTED = "as the module is imported"
ENDLESS = "it does not end"
_CACHE = type(functools.cache(len))


@dataclass(frozen=True)
class Order:
    """What to try: modules as in `engine.diff`, all their mutants or a sample of so many of each."""

    modules: Sequence[str]
    results: str
    digest: str
    sample: int | None = None
    seed: int = 0
    only: Sequence[str] = ()
    """Functions, of these modules: for whoever writes their tests."""


@dataclass
class _Tests:
    """The tests, as they are without any mutant."""

    items: dict[str, pytest.Item]
    seconds: dict[str, float] = field(default_factory=dict)
    reaching: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    """By file and line."""
    recent: dict[str, list[str]] = field(default_factory=dict)
    """By function, the tests that noticed a mutant of it, the latest first: likely to notice the next."""

    caches: Sequence[Any] = ()
    cost: list[float] = field(default_factory=lambda: [0.0])
    """Seconds of CPU of each mutant so far."""

    def of(self, change: Change, path: Path, around: Mapping[int, range], likely: str | None) -> list[str]:
        """Return the tests that reach what a mutant changes: the likely ones first, then by their time."""
        lines = {other for line in change.lines for other in around.get(line, (line,))}
        at = self.reaching.get(str(path), {})
        reached = {name for line in lines for name in at.get(line, ())}
        first = [
            name for name in dict.fromkeys([likely, *self.recent.get(change.mutant.function, ())]) if name in reached
        ]
        return [*filter(None, first), *sorted(reached.difference(first), key=lambda name: (self.seconds[name], name))]


class _Nothing:
    """What comes after a test: nothing that shares a fixture with it, so that all are torn down."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session

    def listchain(self) -> list[Any]:
        return [self.session]


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    order = Order(**json.loads(os.environ["MUTANTS"]))
    files = {module: Path(importlib.import_module(_dotted(module)).__file__ or "") for module in order.modules}
    known, hints = _earlier(order)
    todo = {module: _chosen(order, changes(module, path)) for module, path in files.items()}
    around = {module: statements(path) for module, path in files.items()}  # now: a file may be edited meanwhile
    with Path(order.results).open("a", encoding="utf-8") as results:
        _write(
            results,
            {"digest": order.digest, "chosen": {name: [asdict(one.mutant) for one in todo[name]] for name in todo}},
        )
        if all(one.mutant in known for each in todo.values() for one in each):
            return True
        tests = _measured(session, files.values())
        noticing: set[str] = set()
        for module, path in files.items():
            for change in todo[module]:
                if change.mutant not in known:
                    names = tests.of(change, path, around[module], hints.get(change.mutant))
                    noticed = _tried(session, tests, change, names)
                    if noticed in tests.items:
                        noticing.add(noticed)
                        recent = tests.recent.setdefault(change.mutant.function, [])
                        recent[:] = [noticed, *(name for name in recent if name != noticed)]
                    row = {
                        "digest": order.digest,
                        "mutant": asdict(change.mutant),
                        "noticed": noticed,
                        "reach": len(names),
                        "cpu": round(tests.cost[-1], 3),
                    }
                    _write(results, row)
    _check(session, tests, noticing, Path(order.results))
    return True


def _check(session: pytest.Session, tests: _Tests, noticing: Collection[str], results: Path) -> None:
    """Forget what was noticed by tests that fail without any mutant, too, when they are run again in a fork.

    Raises UsageError where there are any.
    """
    names, broken = sorted(noticing), list[str]()
    while found := _tried(session, tests, None, names):
        broken.append(found)
        names = names[names.index(found) + 1 :] if found in names else []
    if broken:
        kept = [row for row in rows(results) if row.get("noticed") not in broken]
        results.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept), encoding="utf-8")
        raise pytest.UsageError(f"these fail without any mutant, too, when they are run again: {', '.join(broken)}")


def _dotted(module: str) -> str:
    return f"deployer.{module}".removesuffix(".__init__")


def _chosen(order: Order, every: Sequence[Change]) -> Sequence[Change]:
    if order.only:
        return [one for one in every if one.mutant.function in order.only]
    if order.sample is None or order.sample >= len(every):
        return every
    numbers = list(range(len(every)))
    random.Random(order.seed).shuffle(numbers)  # noqa: S311  the same each time
    chosen = set(numbers[: order.sample])  # a larger sample has the smaller one in it
    return [one for index, one in enumerate(every) if index in chosen]


def _earlier(order: Order) -> tuple[dict[Mutant, str | None], dict[Mutant, str | None]]:
    """Return what is known of this very tree, and which test noticed a mutant in any tree: it is asked first."""
    known, hints = {}, {}
    for row in rows(Path(order.results)):
        if "mutant" in row:
            mutant = Mutant(**row["mutant"])
            hints[mutant] = row["noticed"]
            if row["digest"] == order.digest:
                known[mutant] = row["noticed"]
    return known, hints


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file of results; the last may have been cut."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def _write(results: Any, row: Mapping[str, Any]) -> None:
    results.write(json.dumps(row, ensure_ascii=False) + "\n")
    results.flush()


def _measured(session: pytest.Session, files: Any) -> _Tests:
    tests = _Tests({item.nodeid: item for item in session.items})
    coverage = Coverage(data_file=None, config_file=False, include=[str(path) for path in files])
    coverage.start()
    for name in list(tests.items):
        coverage.switch_context(name)
        start = time.process_time()
        reports = _reports(session, tests.items[name])
        tests.seconds[name] = time.process_time() - start
        if any(report.failed for report in reports):
            raise pytest.UsageError(f"without any mutant this fails: {name}")
        if any(report.skipped for report in reports):
            del tests.items[name]
    coverage.stop()
    data = coverage.get_data()
    for path in data.measured_files():
        lines = data.contexts_by_lineno(path)
        tests.reaching[path] = {line: {name for name in lines[line] if name in tests.items} for line in lines}
    gc.unfreeze()  # else no cache is found
    gc.collect()
    tests.caches = [one for one in gc.get_objects() if isinstance(one, _CACHE) and _ours(one)]
    gc.freeze()
    return tests


def _tried(session: pytest.Session, tests: _Tests, change: Change | None, names: Sequence[str]) -> str | None:
    """Return the test that notices a change, or `IMPORTED` or `ENDLESS`; None: no test does."""
    if not names:
        return None
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(session, tests, change, names, writing)
    os.close(writing)
    most = WAITING + 20 * sum(tests.seconds[name] for name in names)
    ready, *_ = select.select([reading], [], [], most)
    answer = os.read(reading, 1 << 16).decode() if ready else ""
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # it, and what it started
    *_, used = os.wait4(child, 0)
    tests.cost.append(used.ru_utime + used.ru_stime)
    return json.loads(answer) if answer else ENDLESS


def _child(session: pytest.Session, tests: _Tests, change: Change | None, names: Sequence[str], writing: int) -> None:
    """Run the tests with a change until one fails, say which, and end; also at the limits of this process."""
    answer: str | None = None
    try:
        os.setsid()
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, used + MEMORY))
        answer = IMPORTED
        if change:
            change.apply()
        for cache in tests.caches:
            cache.cache_clear()  # what the code said before
        for name in names:
            answer = name
            signal.setitimer(signal.ITIMER_PROF, max(SECONDS, 10 * tests.seconds[name]))
            if any(report.failed for report in _reports(session, tests.items[name])):
                break
        else:
            answer = None
    finally:
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)


def _ours(cache: Any) -> bool:
    return str(getattr(cache, "__module__", "")).startswith("deployer")


def _reports(session: pytest.Session, item: pytest.Item) -> Sequence[pytest.TestReport]:
    sys.stdout.flush()
    return runtestprotocol(item, log=False, nextitem=_Nothing(session))  # type: ignore[arg-type]
