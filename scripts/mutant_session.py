"""A plugin of pytest: try many mutants in one process, each with the tests that reach it, the quickest first.

mutmut has a fork and a whole pytest for each mutant; here the tests are collected once, so that a mutant costs
milliseconds. Run in mutmut's folder of mutants, by scripts/mutants.py. `TRIED` names the file of results: by mutant,
the test that noticed it, or null.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import signal
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

SECONDS = 3.0
"""Of CPU, at least: a mutant whose test takes longer, and ten times as long as without it, does not end."""
trampoline = importlib.import_module("mutmut.mutation.trampoline")
_CACHE = type(functools.cache(len))
mangled = importlib.import_module("mutmut.utils.format_utils").mangled_name_from_mutant_name


class EndlessError(BaseException):
    """A test that does not end."""


class _Nothing:
    """What comes after a test: nothing that shares a fixture with it, so that all are torn down."""

    def __init__(self, session: pytest.Session) -> None:
        self.session = session

    def listchain(self) -> list[Any]:
        return [self.session]


def pytest_configure() -> None:
    trampoline.set_mutant_under_test("")
    signal.signal(signal.SIGVTALRM, _stop)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise EndlessError


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    stats = json.loads(Path("mutmut-stats.json").read_text(encoding="utf-8"))
    reach, seconds = stats["tests_by_mangled_function_name"], stats["duration_by_test"]
    items = {item.nodeid: item for item in session.items if item.nodeid in seconds}
    broken = set(_failing(session, items, seconds, sorted(items, key=seconds.__getitem__)))
    if broken:
        raise pytest.UsageError(f"without any mutant these fail: {', '.join(sorted(broken))}")
    caches = list(_caches())
    tried: dict[str, str | None] = {}
    for name in _names():
        for cache in caches:
            cache.cache_clear()
        trampoline.set_mutant_under_test(name)
        tests = sorted(reach.get(mangled(name.replace("__init__.", "")), ()), key=seconds.__getitem__)
        tried[name] = next(_failing(session, items, seconds, tests), None)
    trampoline.set_mutant_under_test("")
    Path(os.environ["TRIED"]).write_text(json.dumps(tried), encoding="utf-8")
    return True


def _names() -> Iterator[str]:
    for path in sorted(Path("deployer").rglob("*.meta")):
        yield from json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]


def _caches() -> Iterator[Any]:
    """What one mutant leaves behind would be found by the next."""
    for one in gc.get_objects():
        if isinstance(one, _CACHE) and str(getattr(one, "__module__", "")).startswith("deployer"):
            yield one


def _failing(
    session: pytest.Session, items: Mapping[str, pytest.Item], seconds: Mapping[str, float], tests: Collection[str]
) -> Iterator[str]:
    for name in tests:
        if name in items and _fails(session, items[name], max(SECONDS, 10 * seconds[name])):
            yield name


def _fails(session: pytest.Session, item: pytest.Item, most: float) -> bool:
    signal.setitimer(signal.ITIMER_VIRTUAL, most)
    try:
        reports: Iterable[pytest.TestReport] = runtestprotocol(item, log=False, nextitem=_Nothing(session))  # type: ignore[arg-type]
    except EndlessError:
        return True
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return any(report.failed for report in reports)
