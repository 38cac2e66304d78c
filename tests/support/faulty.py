"""Applies to an embedded account that has a bad day, and what is on it afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from deployer.apply.execute import execute
from deployer.apply.execution import Waits
from deployer.backends.base import Unlisted
from deployer.backends.http.client import PATIENT
from deployer.errors import DeployerError
from deployer.model import LIST_LAG, OnDrift, Outcome, Plan, Status
from deployer.project import ApplyResult, PlanOptions, ProjectEvent
from deployer.project.applying import GUARDS, ApplyOptions, applied, refused
from deployer.project.session import Session
from deployer.server import EmbeddedAccount, read_faults
from tests.backends import virtual
from tests.support.live import QUICK, Wire, session
from tests.support.whole import Whole, whole

Result = TypeVar("Result")
WAITS = Waits(ingestion=900.0, poll=0.02)
_LAG = 0.5
Fault = dict[str, Any]
BAD_DAY: tuple[Fault, ...] = (
    {"on": "*", "rate": 0.05, "status": 429, "retry_after_ms": 20},
    {"on": "*", "rate": 0.02, "status": 500},
    {"on": "*", "rate": 0.01, "drop": "after"},
    {"ingest": "*", "rate": 0.01, "fail": "server_error", "times": 1},
)
PRUNE = PlanOptions(prune=True, on_drift=OnDrift.OVERWRITE)


@dataclass
class Day:
    """An open account with faults, the project in `root`, a log of what was asked, and what was told of waits.

    With a `clock` time is virtual: a wait costs nothing, and lists may lag as long as those of real accounts.
    """

    folder: Path
    wire: Wire
    root: Path
    api: str
    options: Mapping[str, Any]
    clock: virtual.Clock | None = None
    waits: Waits = QUICK
    told: list[str] = field(default_factory=list)

    def apply(self, wishes: PlanOptions = PRUNE) -> tuple[Outcome, ...]:
        """Plan and apply once, as a run of its own."""
        return self.run(lambda one: self.applied(one, wishes))

    async def applied(self, one: Session, wishes: PlanOptions = PRUNE) -> tuple[Outcome, ...]:
        plan = await one.plan(wishes)
        return await execute(one.account, plan, self.root, self.note, waits=self.waits)

    def whole_run(self, wishes: PlanOptions = PRUNE) -> ApplyResult:
        """Apply as the library does: plan, carry out, prove."""

        async def work(one: Session) -> ApplyResult:
            options = ApplyOptions(one.again(wishes), force=GUARDS, on_event=self.note)
            try:
                return await applied(one, await one.plan(wishes), options)
            except DeployerError as error:
                return refused(error)

        return self.run(work)

    def killed(self, when: Callable[[], bool]) -> None:
        """Apply, and end it in the middle of its requests as soon as something is so."""

        async def work(one: Session) -> None:
            task = asyncio.create_task(self.applied(one))
            while not when() and not task.done():  # noqa: ASYNC110 (a predicate has no event)
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        self.run(work)

    def note(self, event: ProjectEvent) -> None:
        if isinstance(event, Unlisted):
            self.told.append(str(event))

    def plan(self, wishes: PlanOptions = PRUNE) -> Plan:
        return self.run(lambda one: one.plan(wishes))

    def run(self, work: Callable[[Session], Awaitable[Result]]) -> Result:
        """Do something with a session that is opened for it."""

        async def within() -> Result:
            lag, patience = (LIST_LAG, virtual.patience()) if self.clock else (_LAG, PATIENT)
            async with session(self.root, self.api, self.wire, lag=lag, patience=patience, on_event=self.note) as one:
                return await work(one)

        return virtual.run(within(), self.clock) if self.clock else asyncio.run(within())

    def later(self, seconds: float) -> None:
        """Let so many seconds pass."""
        assert self.clock
        self.clock.selector.skipped += seconds

    def converge(self, wishes: PlanOptions = PRUNE) -> list[str]:
        """Apply once; everything must be done, and nothing left. Gives the writes."""
        before = len(self.wire.writes)
        assert undone(self.apply(wishes)) == []
        writes = self.wire.writes[before:]
        assert self.plan(wishes).pending == ()
        return writes

    @property
    def whole(self) -> Whole:
        """Everything on the account, read where no fault strikes."""
        with EmbeddedAccount(self.folder, workers=0, **self.options) as calm:
            return whole(calm)


def undone(outcomes: tuple[Outcome, ...]) -> list[tuple[str, str]]:
    return [(str(one.address), one.why) for one in outcomes if one.status is not Status.DONE]


@contextmanager
def day(
    root: Path,
    *faults: Fault,
    seed: int = 0,
    api: str = "assistants",
    folder: Path | None = None,
    at_once: bool = False,
    **options: Any,
) -> Iterator[Day]:
    """Open an account with these faults, in a new folder beside the project `root` unless one is given.

    `at_once`: time is virtual.
    """
    found = read_faults({"seed": seed, "faults": list(faults)})
    number = sum(1 for _ in root.parent.glob(f"{root.name}-account-*"))
    folder = folder or root.parent / f"{root.name}-account-{number}"
    clock = virtual.Clock() if at_once else None
    options = {"clock": clock or time.time, **options}
    with EmbeddedAccount(folder, faults=found, **options) as account:
        yield Day(folder, Wire(account.app), root, api, options, clock, WAITS if at_once else QUICK)


def write(root: Path, manifest: str, files: Mapping[str, str], *, keep: bool = False) -> Path:
    """Write a project; what is there already and not named goes, unless it is to be kept: with what was noted there."""
    for path in () if keep else sorted(root.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    for name, content in {**files, "assistants.yaml": f"version: 1\nproject: test\n{manifest}"}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root
