"""One account of a fleet with what is to be done there: typed, picklable, and safe to be run more than once.

An engine hands units to warm workers and gathers what they give back. A worker keeps what it compiled for the next unit
of the same files.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deployer.engine import plan_json
from deployer.errors import DeployerError
from deployer.manifest import Manifest, digest
from deployer.manifest.template import FleetRow, Template
from deployer.model import Action, Change, FileAction, Problem, Resource, Severity
from deployer.project.adoption import declared
from deployer.project.events import OnEvent, StopSignal, ignore
from deployer.project.results import ApplyResult, ApplyStatus, PlanOptions, ProjectPlan
from deployer.project.session import commit, locked, opened
from deployer.project.watching import signature

if TYPE_CHECKING:
    from deployer.project.session import Session

_NAMED = 3
_REMEMBERED = 64


class Verb(StrEnum):
    """What is done on each account; only `apply` writes."""

    VALIDATE = "validate"
    PLAN = "plan"
    APPLY = "apply"
    DRIFT = "drift"
    TEST = "test"


class UnitStatus(StrEnum):
    """How it stands with an account.

    `unchanged`: there is nothing to do, or nothing moved. `changes`: an apply would change it. `drifted`: somebody
    edited it. `done`: it was changed, and its next plan is empty. `incomplete`, `interrupted`, `refused`: as of an
    apply. `failed`: it could not be read, the manifest is wrong for it, or a test failed. `valid`: the manifest is
    right for it. `passed`: its tests did.
    """

    UNCHANGED = "unchanged"
    CHANGES = "changes"
    DRIFTED = "drifted"
    VALID = "valid"
    PASSED = "passed"
    DONE = "done"
    INCOMPLETE = "incomplete"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def ok(self) -> bool:
        """Whether the next wave may begin as far as this account goes."""
        return self not in _NOT_WELL


_NOT_WELL = frozenset((UnitStatus.INCOMPLETE, UnitStatus.INTERRUPTED, UnitStatus.REFUSED, UnitStatus.FAILED))


@dataclass(frozen=True, slots=True)
class UnitChange:
    """One change: its digest is the same on two accounts where nothing of it differs.

    `paths` are the fields and documents that it is about; `data` is JSON data for people; `outcome` says what became
    of it, "" where nothing was tried.
    """

    address: str
    action: str
    paths: tuple[str, ...]
    digest: str
    data: Mapping[str, Any] = field(repr=False)
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What became of one account: `why` is a sentence where the status needs one, `seconds` how long it took.

    `key` is the digest of what the account was to become; a run that goes on does not repeat what is done.
    """

    name: str
    number: int
    where: str
    wave: int
    status: UnitStatus
    changes: tuple[UnitChange, ...] = ()
    why: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    key: str = ""

    @property
    def ok(self) -> bool:
        return self.status.ok


@dataclass(frozen=True, slots=True)
class Unit:
    """One account, by its row, and what is to be done there. It holds no secret: those are read where it is run.

    `revision` is that of the manifest it was made from: a worker that has other files refuses. `given` are variables.
    """

    file: Path
    account: str
    row: FleetRow
    wave: int
    verb: Verb
    options: PlanOptions
    revision: str
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.account}/{self.row.name}"

    def run(
        self, environ: Mapping[str, str] | None = None, *, on_event: OnEvent = ignore, stop: StopSignal | None = None
    ) -> UnitResult:
        """Do it in this process and return what became of it; only a bug is raised.

        It may be run again, also while an earlier run is still under way where the account has `lock: true`: what is
        done is found done. `environ` resolves `${env.NAME}`: that of the process, where none is given.
        """
        try:
            shared = _warm(self, environ)
        except DeployerError as error:
            return self.ended(UnitStatus.FAILED, str(error))
        return asyncio.run(done(shared, self, on_event, stop or StopSignal()))

    def ended(self, status: UnitStatus, why: str = "", **rest: Any) -> UnitResult:
        return UnitResult(self.row.name, self.row.number, self.row.where, self.wave, status, why=why, **rest)


def run(unit: Unit) -> UnitResult:
    """Run a unit: what an engine is given, as `pool.map(run, units)`."""
    return unit.run()


@dataclass(slots=True)
class Shared:
    """What accounts of one manifest share: what is compiled and hashed, and the commit that their stamps name."""

    template: Template
    environ: Mapping[str, str]
    origin: str
    _sha256: dict[str, str] = field(default_factory=dict)
    _digested: dict[int, tuple[tuple[Resource, ...], tuple[Resource, ...], str]] = field(default_factory=dict)

    @classmethod
    def of(cls, template: Template, environ: Mapping[str, str]) -> Shared:
        return cls(template, environ, commit(template.sources.root))

    def manifest(self, row: FleetRow, *, offline: bool = False) -> Manifest:
        """Return the manifest for a row; `offline` it needs no secrets."""
        return self.template.compiled(row, self.environ, offline=offline)

    def digested(self, found: Manifest) -> tuple[Manifest, str]:
        """Return the manifest with the digests of its files, and the digest of all that is desired."""
        known = self._digested.get(id(found.resources))
        if known is None or known[0] is not found.resources:
            if len(self._digested) > _REMEMBERED:
                self._digested.clear()
            whole = self._hashed(found)
            known = self._digested[id(found.resources)] = (found.resources, whole, plan_json.manifest(whole))
        return replace(found, resources=known[1]), known[2]

    def _hashed(self, found: Manifest) -> tuple[Resource, ...]:
        """Read documents that no account had before."""
        if any(file.source not in self._sha256 for one in found.resources for file in one.files):
            whole = digest(found.root, found.resources)
            self._sha256 |= {file.source: file.sha256 for one in whole for file in one.files}
            return whole
        return tuple(
            replace(one, files=tuple(file.hashed(self._sha256[file.source]) for file in one.files))
            for one in found.resources
        )


def _warm(unit: Unit, environ: Mapping[str, str] | None) -> Shared:
    """Return what this process knows of the unit's files; DeployerError where they are not those it was made from."""
    given = json.dumps(dict(unit.given), sort_keys=True)
    found = _remembered(unit.file, unit.account, given, signature(unit.file.parent), os.getpid())
    if found.template.revision != unit.revision:
        raise DeployerError(f"{unit.file} is not the manifest that the fleet was read from; check out the same commit")
    found.environ = os.environ if environ is None else environ
    return found


@lru_cache(maxsize=4)
def _remembered(file: Path, account: str, given: str, _signature: int, _process: int) -> Shared:
    return Shared.of(Template.read(file, account, json.loads(given)), os.environ)


async def done(shared: Shared, unit: Unit, on_event: OnEvent, stop: StopSignal) -> UnitResult:
    """Do what a unit says; whatever is wrong with its account stands in the result."""
    began = time.monotonic()
    try:
        result = await _done(shared, unit, on_event, stop)
    except DeployerError as error:
        result = unit.ended(UnitStatus.FAILED, str(error))
    return replace(result, seconds=time.monotonic() - began)


async def _done(shared: Shared, unit: Unit, on_event: OnEvent, stop: StopSignal) -> UnitResult:
    found = shared.manifest(unit.row, offline=unit.verb is Verb.VALIDATE)
    if wrong := [one for one in found.problems if one.severity is Severity.ERROR]:
        return unit.ended(UnitStatus.FAILED, "\n".join(map(str, wrong)))
    if unit.verb is Verb.VALIDATE:
        return unit.ended(UnitStatus.VALID, warnings=_told(found.problems))
    if unit.verb is Verb.TEST:
        return await _test(found, unit, on_event)
    found, desired = shared.digested(found)
    options = replace(unit.options, targets=tuple(declared(found, str(one)).address for one in unit.options.targets))
    async with opened(found, on_event=on_event, origin=shared.origin) as session:
        result = await _VERBS[unit.verb](session, unit, options, on_event, stop)
    return replace(result, key=key_of(unit, desired), warnings=(*_told(found.problems), *result.warnings))


async def _test(found: Manifest, unit: Unit, on_event: OnEvent) -> UnitResult:
    from deployer.project import testing

    addresses = [str(one) for one in unit.options.targets]
    report = await testing.tested(found, testing.TestOptions(addresses=addresses), on_event)
    if report.ok:
        return unit.ended(UnitStatus.PASSED)
    bad = [f"{one.case.name}: {one.why}" for one in report.results if not one.ok]
    return unit.ended(UnitStatus.FAILED, "; ".join([report.totals, *bad[:_NAMED], *report.broken]))


async def _plan(session: Session, unit: Unit, options: PlanOptions, *_: Any) -> UnitResult:
    plan = await session.plan(options)
    if plan.errors:
        return unit.ended(UnitStatus.FAILED, "\n".join(map(str, plan.errors)))
    status = UnitStatus.CHANGES if plan.pending else UnitStatus.UNCHANGED
    return unit.ended(status, _refusal(plan), changes=_changes(plan), warnings=_told(plan.problems))


async def _drift(session: Session, unit: Unit, options: PlanOptions, *_: Any) -> UnitResult:
    from deployer.engine.drift import moved

    plan = await session.plan(replace(options, check_files=True))
    if plan.errors:
        return unit.ended(UnitStatus.FAILED, "\n".join(map(str, plan.errors)))
    found = tuple(_moved(one) for one in plan_json.drift_data(plan)["moved"])
    absent = [str(one.address) for one in plan.changes if one.action is Action.CREATE]
    warnings = (f"not on the account, never applied or deleted there: {', '.join(absent)}",) if absent else ()
    status = UnitStatus.DRIFTED if moved(plan) else UnitStatus.UNCHANGED
    return unit.ended(status, changes=found, warnings=warnings)


async def _apply(session: Session, unit: Unit, options: PlanOptions, on_event: OnEvent, stop: StopSignal) -> UnitResult:
    from deployer.project.applying import ApplyOptions, applied

    async with locked(session) as hold:
        plan = await session.plan(options)
        wanted = ApplyOptions(session.again(options), hold=hold, on_event=on_event, stop=stop)
        result = await applied(session, plan, wanted)
    outcomes = {str(one.address): one.status.value for one in result.outcomes}
    changes = tuple(replace(one, outcome=outcomes.get(one.address, "")) for one in _changes(plan))
    return unit.ended(UnitStatus(result.status.value), _why(result), changes=changes, warnings=_told(plan.problems))


_VERBS: Mapping[Verb, Callable[..., Coroutine[Any, Any, UnitResult]]] = {
    Verb.PLAN: _plan,
    Verb.APPLY: _apply,
    Verb.DRIFT: _drift,
}


def key_of(unit: Unit, desired: str) -> str:
    """Return the digest of what an account is to become: its row, all that is desired, and how the plan is made."""
    options = unit.options
    how = [options.prune, options.on_drift.value, options.check_files, list(map(str, options.targets))]
    told = [unit.name, sorted(unit.row.values.items()), desired, how]
    return sha256(json.dumps(told, default=str).encode()).hexdigest()


def host_of(shared: Shared, row: FleetRow) -> str:
    """Return the host behind which the account of a row is; "" for an embedded one."""
    entry = shared.template.filled(row)[0]
    try:
        return urlsplit(str(entry.value.get("base_url", ""))).hostname or ""
    except ValueError:
        return ""


def _told(problems: tuple[Problem, ...]) -> tuple[str, ...]:
    return tuple(str(one) for one in problems if one.severity is not Severity.ERROR)


def _refusal(plan: ProjectPlan) -> str:
    from deployer.engine import review

    told = review.of(plan).refusal if plan.pending else ""
    return f"apply will refuse: {told}" if told else ""


def _why(result: ApplyResult) -> str:
    """Say what failed where the result has no sentence of its own."""
    if result.ok or result.why:
        return result.why
    if result.status is ApplyStatus.INTERRUPTED:
        return "interrupted after the requests in flight"
    told = [f"{one.address}: {one.why}" for one in result.outcomes if one.why]
    return "; ".join(told[:_NAMED]) or "the next plan is not empty"


def _changes(plan: ProjectPlan) -> tuple[UnitChange, ...]:
    return tuple(_change(one) for one in plan.pending)


def _change(change: Change) -> UnitChange:
    fields = [{"path": one.name, "old": one.old, "new": one.new} for one in change.fields]
    files = {
        action.value: sorted(one.path for one in change.files if one.action is action)
        for action in FileAction
        if any(one.action is action for one in change.files)
    }
    content = [[one.path, one.desired.sha256] for one in change.files if one.desired]
    data = {"reason": str(change.reason), "fields": fields, "files": files}
    paths = (*(one.name for one in change.fields), *(one.path for one in change.files))
    return _identified(str(change.address), change.action.value, paths, data, content)


def _moved(data: Mapping[str, Any]) -> UnitChange:
    fields = [{"path": one["path"], "old": one["declared"], "new": one["live"]} for one in data["fields"]]
    files = {"moved": [f"{one['path']}: {one['what']}" for one in data["documents"]]} if data["documents"] else {}
    paths = (*(one["path"] for one in fields), *(one["path"] for one in data["documents"]))
    told = {"reason": data["what"], "fields": fields, "files": files}
    return _identified(data["address"], "drift", paths, told, [])


def _identified(address: str, action: str, paths: tuple[str, ...], data: Mapping[str, Any], beside: Any) -> UnitChange:
    text = json.dumps([address, action, data, beside], sort_keys=True, default=str)
    return UnitChange(address, action, paths, sha256(text.encode()).hexdigest(), data)
