"""Continuous reconciliation: round after round the account is made as the manifest says, under the guards of apply.

A round begins when the interval is over or a file of the manifest's folder changed. The manifest and its secrets are
read anew each time, so that what was rotated counts. After a round that did not end well the next one waits longer.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer.errors import DeployerError
from deployer.project.events import OnEvent, StopSignal, ignore
from deployer.project.project import Project
from deployer.project.results import ApplyResult, ApplyStatus, PlanOptions

_LONGEST = 300.0
_STALLED = 900.0
_POLL = 1.0
_SHARE = 50
"""A look at the files may take one part in so many of the time."""
_APART = frozenset(("node_modules", "__pycache__"))


@dataclass(frozen=True, slots=True)
class Round:
    """One round: what began it (`start`, `interval`, `files`), how it ended, and after how many seconds the next comes.

    `changes` counts what was done, by action; `why` says what went wrong.
    """

    number: int
    trigger: str
    status: ApplyStatus
    began: float
    seconds: float
    pause: float
    project: str = ""
    account: str = ""
    changes: dict[str, int] = field(default_factory=dict)
    why: str = ""

    @property
    def ok(self) -> bool:
        return self.status in {ApplyStatus.UNCHANGED, ApplyStatus.DONE}

    def line(self) -> str:
        """Return the round as one line of JSON."""
        began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.began))
        told: dict[str, Any] = {
            "time": began,
            "round": self.number,
            "trigger": self.trigger,
            "status": self.status.value,
        }
        told |= {"project": self.project, "account": self.account, "changes": self.changes}
        told |= {"seconds": round(self.seconds, 3), "next_in_seconds": round(self.pause, 1)}
        return json.dumps({**told, **({"why": self.why} if self.why else {})}, ensure_ascii=False)


@dataclass(slots=True)
class Standing:
    """What is known of all rounds so far, for health and metrics; read from another thread."""

    rounds: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    last: Round | None = None
    succeeded: float = 0.0
    busy_since: float | None = None

    def take(self, one: Round) -> None:
        self.rounds[one.status.value] += 1
        self.changes.update(one.changes)
        self.failures = 0 if one.ok else self.failures + 1
        self.succeeded = one.began + one.seconds if one.ok else self.succeeded
        self.last = one

    def healthy(self, now: float) -> bool:
        """Whether rounds go on; an account that is down is no fault of this process."""
        since = self.busy_since
        return since is None or now - since < _STALLED

    def metrics(self) -> str:
        """Return the figures as Prometheus reads them."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        last = self.last
        yield from _told("deployer_rounds_total", "counter", "Rounds, by how they ended.", "status", self.rounds)
        yield from _told(
            "deployer_changes_total", "counter", "Changes that were done, by action.", "action", self.changes
        )
        gauges = (
            ("deployer_in_sync", "Whether the last round left the account as declared.", int(bool(last and last.ok))),
            ("deployer_consecutive_failures", "Rounds since the last one that ended well.", self.failures),
            ("deployer_round_seconds", "How long the last round took.", round(last.seconds, 3) if last else 0),
            ("deployer_last_round_timestamp_seconds", "When the last round began.", last.began if last else 0),
            ("deployer_last_success_timestamp_seconds", "When a round last ended well.", self.succeeded),
        )
        for name, text, value in gauges:
            yield from (f"# HELP {name} {text}", f"# TYPE {name} gauge", f"{name} {value}")


def _told(name: str, sort: str, text: str, label: str, values: Counter[str]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {sort}"
    for key, count in sorted(values.items()):
        yield f'{name}{{{label}="{key}"}} {count}'


@dataclass(slots=True)
class Watching:
    """Rounds of one project, which `load` reads anew; `interval` is in seconds, `clock` and `wait` are the process's.

    `wait(seconds)` returns early when the rounds are to end. `apart` are files that the rounds themselves write,
    such as a log, by device and inode: they begin no round.
    """

    load: Callable[[], Project]
    root: Path
    interval: float
    options: PlanOptions
    stop: StopSignal
    on_event: OnEvent = ignore
    clock: Callable[[], float] = time.time
    wait: Callable[[float], object] | None = None
    standing: Standing = field(default_factory=Standing)
    apart: Collection[tuple[int, int]] = ()

    def rounds(self) -> Iterator[Round]:
        """Return the rounds, each when it has ended, until `stop` is set."""
        trigger = "start"
        while not self.stop.is_set():
            seen = signature(self.root, self.apart)
            one = self._round(trigger)
            yield one
            trigger = self._waited(one.pause, seen)

    def _round(self, trigger: str) -> Round:
        began = self.standing.busy_since = self.clock()
        name, account, result = "", "", ApplyResult.refusal("")
        try:
            project = self.load()
            name, account = project.name, project.target.name
            result = project.apply(**self.options.keywords(), on_event=self.on_event, stop=self.stop)
        except DeployerError as error:
            result = ApplyResult.refusal(str(error))
        done = Counter(one.action.value for one in result.outcomes if one.status.value == "done")
        failures = 0 if result.ok else self.standing.failures + 1
        one = Round(
            sum(self.standing.rounds.values()) + 1,
            trigger,
            result.status,
            began,
            self.clock() - began,
            self.pause(failures),
            name,
            account,
            dict(sorted(done.items())),
            result.why or _unsaid(result),
        )
        self.standing.busy_since = None
        self.standing.take(one)
        return one

    def pause(self, failures: int) -> float:
        """Return how long to wait after so many rounds in a row that did not end well: twice as long each time."""
        return min(self.interval * 2.0 ** min(failures, 20), max(self.interval, _LONGEST))

    def _waited(self, seconds: float, seen: int) -> str:
        """Wait for the next round and return what begins it; files that change begin it at once."""
        wait = self.wait or _Waiter(self.stop)
        end = self.clock() + seconds
        look = _POLL
        while (left := end - self.clock()) > 0 and not self.stop.is_set():
            wait(min(left, look))
            begun = time.thread_time()
            if signature(self.root, self.apart) != seen:
                return "files"
            look = max(_POLL, _SHARE * (time.thread_time() - begun))
        return "interval"


def _unsaid(result: ApplyResult) -> str:
    """Say what failed where the result has no sentence of its own."""
    failed = [f"{one.address}: {one.why}" for one in result.outcomes if one.why]
    return "" if result.ok else "; ".join(failed[:3])


class _Waiter:
    """Waits in short steps, so that a signal is heard at once."""

    def __init__(self, stop: StopSignal) -> None:
        self._stop, self._event = stop, threading.Event()

    def __call__(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._stop.is_set() and (left := end - time.monotonic()) > 0:
            self._event.wait(min(left, 0.2))


def signature(root: Path, apart: Collection[tuple[int, int]] = ()) -> int:
    """Return a number that is another one when a file below the folder changed; hidden ones do not count.

    Nor do those `apart`, by device and inode.
    """
    found = 0
    ahead = [os.fspath(root)]
    while ahead:
        try:
            with os.scandir(ahead.pop()) as entries:
                for one in entries:
                    if one.name.startswith(".") or one.name in _APART:
                        continue
                    if one.is_dir(follow_symlinks=False):
                        ahead.append(one.path)
                    else:
                        stat = one.stat()
                        if not apart or (stat.st_dev, stat.st_ino) not in apart:
                            found ^= hash((one.path, stat.st_mtime_ns, stat.st_size, stat.st_ino))
        except OSError:
            continue  # it went while we looked: the next look is another one
    return found
