"""How long a list that lags is looked at again, by a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from deployer.apply import lag
from deployer.apply.lag import Lag, SharedLook
from deployer.backends.base import Unlisted
from deployer.errors import AccountError

Found = TypeVar("Found")


class Clock:
    """A loop whose time goes only when something pauses; `paused` is how long each time."""

    def __init__(self, stop_after: int = 1_000) -> None:
        self.now, self.stop_after = 100.0, stop_after
        self.paused: list[float] = []

    async def pause(self, seconds: float) -> bool:
        self.paused.append(seconds)
        self.now += seconds
        return len(self.paused) < self.stop_after

    def run(self, work: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
        with asyncio.Runner() as runner:
            runner.get_loop().time = lambda: self.now  # type: ignore[method-assign]
            return runner.run(work())


def looked(clock: Clock, most: float, shows_at: float, since: float | None = None) -> tuple[str | None, list[Unlisted]]:
    """Look for what shows at a time; return it, and what was told of the wait."""
    told: list[Unlisted] = []

    async def look() -> str | None:
        if clock.now < shows_at - 1:
            raise AccountError("it does not answer")
        return "there" if clock.now >= shows_at else None

    async def work() -> str | None:
        return await Lag(most, told.append, clock.pause).until_shown("the store", look, since)

    return clock.run(work), told


@pytest.mark.parametrize(
    ("most", "shows_at", "since", "found", "paused"),
    (
        (60, 0, None, "there", []),
        (60, 101, None, "there", [1]),
        (60, 102, None, "there", [1, 2]),
        (60, 120, None, "there", [1, 2, 4, 8, 8]),
        (10, 900, None, None, [1, 2, 4, 3]),
        (10, 110, None, "there", [1, 2, 4, 3]),
        (0, 900, None, None, []),
        (7.5, 900, None, None, [1, 2, 4, 0.5]),
        (10, 900, 95, None, [1, 2, 2]),
        (10, 900, 80, None, []),
        (10, 0, 80, "there", []),
    ),
)
def test_what_is_missing_is_looked_for_as_long_as_a_list_may_lag(
    most: float, shows_at: float, since: float | None, found: str | None, paused: list[float]
) -> None:
    clock = Clock()
    assert looked(clock, most, shows_at, since)[0] == found
    assert clock.paused == paused


def test_a_wait_is_told_after_a_while_and_again() -> None:
    """Before a pause that goes beyond five seconds, and from then on so that no more than fifteen go by without."""
    _, told = looked(Clock(), 45, 900)
    assert told == [Unlisted("the store", waited, 45) for waited in (3, 15, 23, 31)]
    assert looked(Clock(), 5, 900)[1] == []
    assert looked(Clock(), 20, 900, since=90)[1] == [Unlisted("the store", 10, 20)]


def test_a_wait_that_is_asked_to_stop_finds_nothing() -> None:
    clock = Clock(stop_after=2)
    assert looked(clock, 60, 110) == (None, [])
    assert clock.paused == [1, 2]


def test_a_pause_waits_and_asks_nobody_to_stop() -> None:
    clock = Clock()
    assert clock.run(lambda: lag.pause(0)) is True


def test_those_who_asked_before_a_read_began_share_it() -> None:
    async def work() -> list[int]:
        began, gate = 0, asyncio.Event()

        async def read() -> int:
            nonlocal began
            began += 1
            mine = began
            await gate.wait()
            return mine

        shared = SharedLook(read)
        first = asyncio.create_task(shared.look())
        await asyncio.sleep(0)  # it has begun: who asks now may need what was written since
        late = [asyncio.create_task(shared.look()) for _ in range(3)]
        await asyncio.sleep(0)
        gate.set()
        return [await first, *(await asyncio.gather(*late)), await shared.look()]

    assert asyncio.run(work()) == [1, 2, 2, 2, 3]


def test_a_read_that_fails_is_tried_again_by_the_next() -> None:
    answers = iter((AccountError("no"), "there"))

    async def read() -> str:
        answer = next(answers)
        if isinstance(answer, AccountError):
            raise answer
        return answer

    async def work() -> tuple[str | BaseException, str | BaseException]:
        shared = SharedLook(read)
        return await asyncio.gather(shared.look(), shared.look(), return_exceptions=True)

    first, second = asyncio.run(work())
    assert isinstance(first, AccountError)
    assert second == "there"
