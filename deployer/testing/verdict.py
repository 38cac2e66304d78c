"""What came of the tests, weighed and counted; what no test touches. Pure, and with a published form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from deployer.conversation.transcript import Transcript
from deployer.model import Position, Problem, Resource, Target
from deployer.testing.cases import Assertion, TestCase
from deployer.testing.judges import Verdict
from deployer.wording import counted, listed

VERSION = 1
_FEW = 5


class TestStatus(StrEnum):
    """How a test ended. `error`: it could not be run, so nothing is known; that is never a pass."""

    __test__ = False
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """What an assertion came to; `turn` counts from 1, None at the end of the conversation."""

    assertion: Assertion
    verdict: Verdict
    turn: int | None = None
    inside: tuple[Check, ...] = ()


def weighed(checks: Sequence[Check], threshold: float | None) -> tuple[bool, float]:
    """Return whether checks pass together, and their score.

    Without a threshold each must pass, else the score must reach it. What
    weighs nothing is reported and decides nothing.
    """
    told = [(check.verdict, check.assertion.weight) for check in checks]
    weight = sum(share for _, share in told)
    score = sum(verdict.score * share for verdict, share in told) / weight if weight else 1.0
    if threshold is not None:
        return score >= threshold, score
    return all(verdict.passed for verdict, share in told if share), score


@dataclass(frozen=True, slots=True)
class TestResult:
    """What came of one test: its last attempt of `attempts`. `repeat` counts from 1. `why` says it in a sentence.

    `seconds` has how long each turn took.
    """

    __test__ = False
    case: TestCase
    status: TestStatus
    score: float = 0.0
    why: str = ""
    checks: tuple[Check, ...] = ()
    transcript: Transcript | None = None
    seconds: tuple[float, ...] = ()
    attempts: int = 1
    repeat: int = 1
    places: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return self.status is TestStatus.PASSED

    def to_dict(self) -> dict[str, Any]:
        shown = self.transcript if not self.ok else None
        return {
            "name": self.case.name,
            "address": self.case.address,
            "position": _position(self.case.position),
            "tags": sorted(self.case.tags),
            "status": self.status.value,
            "score": round(self.score, 6),
            "why": self.why,
            "attempts": self.attempts,
            "repeat": self.repeat,
            "seconds": [round(one, 3) for one in self.seconds],
            "checks": [_check(one) for one in self.checks],
            "transcript": shown.to_dict() if shown else None,
        }


def _position(place: Position | None) -> dict[str, Any] | None:
    return asdict(place) if place else None


def _check(one: Check) -> dict[str, Any]:
    return {
        "type": one.assertion.name,
        "metric": one.assertion.metric,
        "weight": one.assertion.weight,
        "turn": one.turn,
        "passed": one.verdict.passed,
        "score": round(one.verdict.score, 6),
        "why": one.verdict.reason,
        "position": _position(one.assertion.position),
        "checks": [_check(inner) for inner in one.inside],
    }


@dataclass(frozen=True, slots=True)
class Touched:
    """What there is of one sort, and what of it some test touches."""

    every: tuple[str, ...]
    touched: frozenset[str]

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(one for one in self.every if one not in self.touched)

    @property
    def percent(self) -> float:
        return 100.0 if not self.every else 100.0 * (len(self.every) - len(self.missing)) / len(self.every)


Coverage = Mapping[str, Touched]
"""By sort: assistants (by address), functions (by name), documents (by path)."""
SORTS = ("assistants", "functions", "documents")


def coverage(resources: Iterable[Resource], touches: Mapping[str, Iterable[str]]) -> Coverage:
    """Return what of the resources is touched; documents may be touched by their name alone."""
    given = tuple(resources)
    every = {
        "assistants": [str(one.address) for one in given if "model" in one.attrs],
        "functions": [name for one in given for name in schemas(one)],
        "documents": [file.path for one in given for file in one.files],
    }
    return {sort: _touched(tuple(dict.fromkeys(names)), touches.get(sort, ())) for sort, names in every.items()}


def _touched(every: tuple[str, ...], touches: Iterable[str]) -> Touched:
    known = frozenset(touches)
    return Touched(every, frozenset(one for one in every if one in known or one.rpartition("/")[2] in known))


def schemas(resource: Resource) -> dict[str, Any]:
    """Return the parameters of the functions of an assistant, by name."""
    tools = (one for one in resource.attrs.get("tools") or () if isinstance(one, Mapping))
    return {str(one["name"]): one.get("parameters") for one in tools if one.get("type") == "function"}


def declared_touches(cases: Iterable[TestCase]) -> dict[str, set[str]]:
    """Return what tests would touch, as far as they say it: addresses, functions by name, documents that are cited."""
    found: dict[str, set[str]] = {sort: set() for sort in SORTS}
    for case in cases:
        if case.flaws:
            continue
        found["assistants"].add(case.address)
        found["functions"] |= set(_functions(case))
        cited = [one for one in case.expectations if one.kind == "cites" and not one.negated]
        found["documents"] |= {str(path) for one in cited for path in _listed(one.value)}
    return found


def _functions(case: TestCase) -> Iterator[str]:
    yield from (call.name for turn in case.turns for call in turn.calls or ())
    yield from (str(part["call"]) for answer in case.rehearse or () for part in answer if "call" in part)
    for one in case.expectations:
        named = one.kind in ("trajectory:tool-used", "tool-call-f1") and not isinstance(one.value, dict)
        if named and not one.negated:
            yield from map(str, _listed(one.value))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def uncovered(told: Coverage, policy: Mapping[str, Any]) -> Iterator[str]:
    """Return a sentence for each sort of which less is touched than a policy wants (percent, by sort)."""
    for sort, least in policy.items():
        if (found := told.get(sort)) and found.percent < least:
            what = f"tests touch {found.percent:.0f} % of the {sort}; the policy wants {least:g} %"
            yield f"{what}: not {listed(list(found.missing), _FEW)}"


@dataclass(frozen=True, slots=True)
class TestReport:
    """What came of a run of tests on one account.

    `broken` are sentences about policies that the run does not keep; `notes` are what was not done as it stands there.
    """

    __test__ = False
    project: str
    target: Target
    results: tuple[TestResult, ...] = ()
    coverage: Coverage = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    notes: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there were tests, all passed, and every policy is kept."""
        return bool(self.results) and all(one.ok for one in self.results) and not self.broken

    @property
    def counts(self) -> dict[str, int]:
        return {status.value: sum(one.status is status for one in self.results) for status in TestStatus}

    @property
    def totals(self) -> str:
        """What came of them, in a line."""
        counts = self.counts
        told = [f"{counts['passed']} passed", f"{counts['failed']} failed", f"{counts['error']} could not be run"]
        return f"{counted(len(self.results), 'test')}: {', '.join(told)}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON data (schemas/tests.schema.json)."""
        return {
            "version": VERSION,
            "project": self.project,
            "account": asdict(self.target),
            "ok": self.ok,
            "counts": self.counts,
            "totals": self.totals,
            "tests": [one.to_dict() for one in self.results],
            "coverage": {
                sort: {"all": len(one.every), "percent": round(one.percent, 1), "missing": list(one.missing)}
                for sort, one in self.coverage.items()
            },
            "broken": list(self.broken),
            "notes": list(map(str, self.notes)),
        }
