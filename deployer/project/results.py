"""What the library gives back: plain values, which can be pickled and compared, and written as JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer.model import Address, Begun, OnDrift, Outcome, Plan, Problem, Severity

if TYPE_CHECKING:
    from deployer.apply.usage import Unreferenced
    from deployer.backends.base import Lease
    from deployer.engine.drift import Moved
    from deployer.testing.verdict import TestReport

__all__ = [
    "USUAL",
    "ApplyResult",
    "ApplyStatus",
    "Begun",
    "Collected",
    "Drift",
    "Exported",
    "Lease",
    "Moved",
    "Outputs",
    "PlanOptions",
    "ProjectPlan",
    "Unreferenced",
    "Validation",
]


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a plan is made with.

    `prune`: delete what is owned and no longer declared. `on_drift`: what becomes of fields that somebody edited on the
    account. `check_files`: also look for documents whose File object is gone. `origin`: the git commit that stamps
    name, None for that of the manifest's folder. `targets`: declared addresses; what they do not need is neither
    compared nor changed. `strict_surface`: what the surface cannot carry is an error.
    """

    prune: bool = False
    on_drift: OnDrift = OnDrift.FAIL
    check_files: bool = False
    origin: str | None = None
    targets: tuple[Address, ...] = ()
    strict_surface: bool = False

    def keywords(self) -> dict[str, Any]:
        """Return them as `Project.plan` and `Project.apply` take them: targets as texts, and no origin."""
        given = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "origin"}
        return {**given, "targets": [str(one) for one in self.targets]}


USUAL = PlanOptions()


class ProjectPlan(Plan):
    """A plan with its published form."""

    __slots__ = ()

    @classmethod
    def of(cls, plan: Plan) -> ProjectPlan:
        """Return the same plan as one of these."""
        return plan if isinstance(plan, cls) else cls(**{one.name: getattr(plan, one.name) for one in fields(plan)})

    @property
    def summary(self) -> dict[str, int]:
        """How many changes there are of each action: `{"create": 2, "update": 0, …, "no-op": 5}`."""
        from deployer.engine.plan_json import summary

        return summary(self)

    @property
    def fingerprint(self) -> str:
        """The sha256 (hex) of `to_dict` without itself: the same for the same changes."""
        from deployer.engine import plan_json

        return plan_json.fingerprint(self)

    @property
    def failed(self) -> tuple[str, ...]:
        """A sentence for each gate that `gated` found closed."""
        return self.review.failed if self.review else ()

    @property
    def verdict(self) -> tuple[str, ...]:
        """What stands at the end of the plan as text: why apply will refuse it, and the gates that it does not pass."""
        from deployer.engine import review

        refusal = review.of(self).refusal
        return (*([f"apply will refuse: {refusal}"] if refusal else []), *(f"failed: {one}" for one in self.failed))

    def gated(self, gates: Collection[str], beside: Sequence[str] = ()) -> ProjectPlan:
        """Return the plan with the gates that it does not pass, which every format then shows.

        `gates` are of `breaking` (a function changes in a way that breaks its handler), `conflict` (an edit on the
        account would be changed), `delete` (an object or a document goes). `beside` are sentences of other gates.
        """
        from deployer.engine import review

        told = review.reviewed(self)
        return ProjectPlan.of(review.reviewed(told, [*review.failed(told, gates), *beside]))

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON data (schemas/plan.schema.json); it holds no secrets."""
        from deployer.engine import plan_json

        return plan_json.published(self)


class ApplyStatus(StrEnum):
    """How a run that may write ended.

    `unchanged`: there was nothing to do. `done`: every change is done, and the next plan is empty where one was made.
    `incomplete`: a change failed or was skipped, or the next plan is not empty. `interrupted`: it was asked to stop.
    `refused`: nothing was written.
    """

    UNCHANGED = "unchanged"
    DONE = "done"
    INCOMPLETE = "incomplete"
    INTERRUPTED = "interrupted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of a run.

    `plan` is what it set out to do, None where no plan could be made; `outcomes` has one entry for each change of it
    that was pending, and `begun` says how far those came that are not done. `left` is the plan that was made afterwards
    to prove that nothing is left, None where none was made. `why` is a sentence (or several lines) where the status
    needs one. `snapshot` is the name under which the state before the run is kept. `tests` is what came of the tests of
    a run that was tested, `taken_back` what became of taking it back: each None where that was not done.
    """

    status: ApplyStatus
    plan: ProjectPlan | None = None
    outcomes: tuple[Outcome, ...] = ()
    left: ProjectPlan | None = None
    why: str = ""
    snapshot: str | None = None
    begun: tuple[Begun, ...] = ()
    tests: TestReport | None = None
    taken_back: ApplyResult | None = None

    @property
    def ok(self) -> bool:
        """Whether the account is as it was to become, and its tests, if there were some, have passed."""
        done = self.status in {ApplyStatus.UNCHANGED, ApplyStatus.DONE}
        return done and (self.tests is None or self.tests.ok)

    @classmethod
    def refusal(cls, why: str, plan: ProjectPlan | None = None) -> ApplyResult:
        """Return the result of a run that has written nothing."""
        return cls(ApplyStatus.REFUSED, plan, why=why)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON data (schemas/apply.schema.json), as `deployer apply --format json` prints it."""
        from deployer.engine import plan_json

        return plan_json.applied(
            self.plan,
            self.outcomes,
            self.begun,
            status=self.status.value,
            why=self.why,
            snapshot=self.snapshot,
            left=len(self.left.pending) if self.left else None,
            **({"tests": self.tests.to_dict()} if self.tests else {}),
            **({"taken_back": self.taken_back.to_dict()} if self.taken_back else {}),
        )


@dataclass(frozen=True, slots=True)
class Validation:
    """What can be known of a manifest offline. `resources` counts what it declares.

    `shutdowns`: by resource, its model and the day on which that shuts down or did, where the table knows one.
    """

    project: str
    resources: int
    problems: tuple[Problem, ...]
    shutdowns: Mapping[Address, tuple[str, date]] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(one for one in self.problems if one.severity is Severity.ERROR)

    @property
    def ok(self) -> bool:
        return not self.errors

    def to_dict(self) -> dict[str, Any]:
        """Return the problems as JSON data, as `deployer validate --format json` prints them."""
        from deployer.engine.plan_json import problem_data

        return {"version": 1, "problems": [problem_data(problem) for problem in self.problems]}


@dataclass(frozen=True, slots=True)
class Drift:
    """What moved on the account since the last apply; `absent` is declared and not there at all."""

    plan: ProjectPlan
    moved: tuple[Moved, ...]
    absent: tuple[Address, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what moved as JSON data (schemas/drift.schema.json)."""
        from deployer.engine.plan_json import drift_data

        return drift_data(self.plan)


@dataclass(frozen=True, slots=True)
class Outputs:
    """The live ids of what the manifest declares (the paths of bundles), and the addresses of what is not live yet."""

    ids: Mapping[Address, str]
    missing: tuple[Address, ...] = ()

    def __getitem__(self, address: str) -> str:
        """Return the id of an address such as `assistant/math-tutor`; KeyError when it is not live."""
        return self.to_dict()[address]

    def only(self, address: Address) -> Outputs:
        """Return what is said of one address."""
        ids = {one: live_id for one, live_id in self.ids.items() if one == address}
        return Outputs(ids, tuple(one for one in self.missing if one == address))

    def to_dict(self) -> dict[str, str]:
        return {str(address): live_id for address, live_id in self.ids.items()}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written from a live account.

    `notes` tell what is left out or undeclared. `foreign` is not owned yet: an apply would create copies of it.
    `adopted` says what became of the adoption, `left` is the next plan: each None where it was not asked for.
    """

    manifest: Path
    addresses: tuple[Address, ...]
    notes: tuple[str, ...] = ()
    foreign: tuple[Address, ...] = ()
    adopted: ApplyResult | None = None
    left: ProjectPlan | None = None


@dataclass(frozen=True, slots=True)
class Collected:
    """Uploaded files of the project that nothing refers to, and whether they were deleted.

    `problems` are errors about what else was seen: an address that two objects carry.
    """

    files: tuple[Unreferenced, ...]
    deleted: bool
    problems: tuple[Problem, ...] = ()
