"""Killed or interrupted at any request, the next run brings the account to where the undisturbed run brought it.

A sample here; every request of the journey in `benchmarks/kill_matrix.py`, and with `--nightly`.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from deployer.errors import EXIT_INTERRUPTED
from tests.support.killed import AFTER, BEFORE, Door, Journey, Stage, served
from tests.support.tool import tool
from tests.support.whole import PROJECT

SAMPLE = 3
LEAST = {"assistants": 150, "agents": 100, "foundry": 150}
IN_FLIGHT = 24


NIGHTLY = tuple(pytest.param(api, marks=pytest.mark.nightly) for api in ("agents", "foundry"))


@pytest.fixture(scope="module", params=("assistants", *NIGHTLY))
def walked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Journey, list[Stage]]]:
    door = Door()
    with tool() as started, served(door) as base_url:
        url = base_url.replace("/v1", PROJECT) if request.param == "foundry" else base_url
        journey = Journey(started, door, tmp_path_factory.mktemp("journey"), request.param, url)
        yield journey, journey.walk()


def spread(stages: list[Stage], number: int) -> list[tuple[Stage, int]]:
    """Give so many requests of the journey, evenly, always the same ones."""
    every = [(stage, at) for stage in stages for at in range(1, stage.requests + 1)]
    return [every[place * len(every) // number + len(every) // number // 2] for place in range(number)]


def flaws(journey: Journey, at: list[tuple[Stage, int]], way: str) -> list[str]:
    """Tell the flaws; every other time, the next run is on another machine."""
    result = []
    for number, (stage, request) in enumerate(at):
        with journey.disturbed(stage, request, way, signal.SIGKILL) as case:
            ended = journey.door.count < request  # it had fewer polls to send than the undisturbed run
            assert case.code == -signal.SIGKILL or ended, case.said
            result += [
                f"step {stage.number}, killed {way} request {request}: {flaw}"
                for flaw in case.flaws(elsewhere=number % 2 == 1)
            ]
    return result


def test_the_journey_is_long_enough(walked: tuple[Journey, list[Stage]]) -> None:
    journey, stages = walked
    assert sum(stage.requests for stage in stages) >= LEAST[journey.api]
    assert not stages[-1].after.told


@pytest.mark.parametrize("way", (BEFORE, AFTER))
def test_killed_at_a_request(walked: tuple[Journey, list[Stage]], way: str) -> None:
    journey, stages = walked
    assert flaws(journey, spread(stages, SAMPLE), way) == []


@pytest.mark.nightly
@pytest.mark.parametrize("way", (BEFORE, AFTER))
def test_killed_at_every_request(walked: tuple[Journey, list[Stage]], way: str) -> None:
    journey, stages = walked
    assert flaws(journey, [(stage, at) for stage in stages for at in range(1, stage.requests + 1)], way) == []


@pytest.mark.parametrize("share", (0.3, 0.6))
def test_interrupted_it_stops_after_the_requests_in_flight_and_says_what_is_left(
    walked: tuple[Journey, list[Stage]], share: float
) -> None:
    journey, stages = walked
    stage = stages[1]
    with journey.disturbed(stage, int(stage.requests * share), AFTER, signal.SIGINT) as case:
        assert case.code == EXIT_INTERRUPTED, case.said
        assert "stopping after the requests in flight" in case.said
        assert "Left: " in case.said
        assert journey.door.late <= IN_FLIGHT
        assert case.flaws() == []


def test_interrupted_before_the_first_write_nothing_is_sent(walked: tuple[Journey, list[Stage]]) -> None:
    journey, stages = walked
    with journey.disturbed(stages[1], 1, AFTER, signal.SIGINT) as case:
        assert case.code == EXIT_INTERRUPTED, case.said
        assert "interrupted" in case.said
        assert journey.door.writes == []
        assert case.flaws() == []
