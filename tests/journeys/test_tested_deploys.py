"""A deploy that is tested takes itself back, and copies leave nothing behind, also when the tool is killed.

A sample here; every request in `benchmarks/tests.py`, and with `--nightly`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.killed import AFTER, BEFORE, Door, served
from tests.support.tested_deploys import BACK, BOTH, CANARY, FAILS, PASSES, Deploys, spread
from tests.support.tool import Tool

SAMPLE = 1
SAMPLED = ("taken back",)
CASES = {
    "taken back": (BACK, FAILS),
    "passed": (BACK, PASSES),
    "canary refused": (CANARY, FAILS),
    "canary promoted": (CANARY, PASSES),
    "both": (BOTH, PASSES),
}


ROWS = [(name, api) for api in ("assistants", "agents", "responses") for name in CASES]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "api"),
    [
        pytest.param(*row, marks=[] if row[0] in SAMPLED and row[1] == "assistants" else [pytest.mark.nightly])
        for row in ROWS
    ],
)
def test_killed_at_a_request_the_same_command_goes_on(
    started: Tool, tmp_path: Path, request: pytest.FixtureRequest, name: str, api: str
) -> None:
    words, text = CASES[name]
    door = Door()
    with served(door) as base_url:
        deploys = Deploys(started, door, tmp_path, api, base_url, words, text)
        before, after, requests = deploys.prepare()
        assert (before.told == after.told) is (text == FAILS)
        assert not after.unheld
        whole = request.config.getoption("--nightly")
        at = range(1, requests + 1) if whole else spread(requests, SAMPLE)
        ways = (BEFORE, AFTER) if whole else None
        flaws = [
            flaw
            for number, one in enumerate(at)
            for way in ways or ((BEFORE, AFTER)[number % 2],)
            for flaw in deploys.flaws(one, way, after)
        ]
    assert flaws == []
