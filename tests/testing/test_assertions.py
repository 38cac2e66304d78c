"""The table of assertions: what each makes of a conversation, as data; what is wrong with a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.conversation import Citation, FunctionCall, Happening, MessageSaid, StepDone, TurnEnded
from deployer.testing.assertions import RULES, judged
from deployer.testing.cases import Assertion
from deployer.testing.observation import Observation

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "assertions.yaml").read_text(encoding="utf-8"))


def seen(case: dict[str, Any]) -> Observation:
    calls = [FunctionCall("c", name, args) for name, args in case.get("calls", ())]
    steps = [StepDone(kind, {}) for kind in case.get("steps", ())]
    said = MessageSaid("assistant", case.get("said", ""), tuple(map(Citation, case.get("cited", ()))))
    end = TurnEnded(*case.get("end", ["completed"]))
    happened: tuple[Happening, ...] = (MessageSaid("user", "hello"), *calls, *steps, said, end)
    return Observation(happened, tuple(case.get("seconds", ())), case.get("schemas", {}))


def told(case: dict[str, Any]) -> Assertion:
    name = str(case["type"])
    kind = name.removeprefix("not-")
    return Assertion(kind, case.get("value"), name != kind, case.get("threshold"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['type']} {case.get('value', '')}"[:60])
def test_it_judges(case: dict[str, Any]) -> None:
    one = told(case)
    assert RULES[one.kind].flaw(one) == ""
    for number, good in enumerate(case["good"]):
        found = judged(one, seen(good))
        assert (number, found.passed) == (number, True), found.reason
    for number, bad in enumerate(case["bad"]):
        found = judged(one, seen(bad))
        assert (number, found.passed) == (number, False), found.reason
        assert found.reason


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['type']} {case.get('value', '')}"[:60])
def test_not_turns_it_around(case: dict[str, Any]) -> None:
    one = told(case)
    other = Assertion(one.kind, one.value, not one.negated, one.threshold)
    for example in (*case["good"], *case["bad"]):
        observed = seen(example)
        first, second = judged(one, observed), judged(other, observed)
        assert first.passed is not second.passed
        assert first.score == pytest.approx(1 - second.score)


def test_every_assertion_that_is_judged_here_has_cases() -> None:
    assert {case["type"].removeprefix("not-") for case in CASES} >= {
        kind for kind, rule in RULES.items() if rule.judge and not kind.startswith("is-valid-")
    }


def test_scores_say_how_much_is_so() -> None:
    observed = seen({"said": "a b", "calls": [["f", "{}"], ["g", "{}"]]})
    assert judged(Assertion("contains-all", ["a", "b", "c", "d"]), observed).score == 0.5
    assert judged(Assertion("tool-call-f1", ["f"]), observed).score == pytest.approx(2 / 3)
