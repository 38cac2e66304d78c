"""Rate limits: no minute sees more than the limit, nobody waits longer than that takes, and a 429 slows down."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.backends.http.backend import HttpBackend
from deployer.backends.http.client import Client
from deployer.backends.http.pacing import UPLOAD, Bucket, Counts, Pace, attaching
from deployer.backends.http.pages import of_account
from deployer.engine import cost
from deployer.model import UNLIMITED, Limits, Member
from tests.backends.clients import ok, within
from tests.backends.virtual import now, run

ARRIVALS = st.lists(st.tuples(st.floats(0, 90), st.integers(1, 40)), min_size=1, max_size=120)


def sent(bucket: Bucket, arrivals: Iterable[tuple[float, int]]) -> list[tuple[float, int]]:
    """Let them come so many seconds after each other; give when each goes, and how many it counts."""
    clock, result = 0.0, []
    for gap, count in arrivals:
        clock += gap
        due = bucket.due(count, clock)
        bucket.take(count, due)
        assert due >= clock
        result.append((due, count))
    return result


def most_in_a_minute(gone: list[tuple[float, int]]) -> int:
    """Both ends of a minute belong to it."""
    most = inside = first = 0
    for when, count in gone:
        inside += count
        while gone[first][0] < when - 60:
            inside -= gone[first][1]
            first += 1
        most = max(most, inside)
    return most


@given(st.integers(40, 400), ARRIVALS)
def test_no_minute_sees_more_than_the_limit(limit: int, arrivals: list[tuple[float, int]]) -> None:
    gone = sent(Bucket(limit), arrivals)
    assert most_in_a_minute(gone) <= limit
    assert [when for when, _ in gone] == sorted(when for when, _ in gone), "first come first served"


@given(st.integers(1, 39), ARRIVALS)
def test_a_batch_larger_than_the_limit_has_a_minute_for_itself(limit: int, arrivals: list[tuple[float, int]]) -> None:
    gone = sent(Bucket(limit), arrivals)
    assert most_in_a_minute(gone) <= max(limit, *(count for _, count in arrivals))


@pytest.mark.parametrize("limit", (10, 300, 1_000, 2_000))
def test_a_backlog_goes_at_94_per_cent_of_the_limit(limit: int) -> None:
    gone = sent(Bucket(limit), [(0.0, 1)] * limit * 5)
    assert gone[0][0] == 0
    assert gone[-1][0] <= 5 * 60 / 0.94
    assert most_in_a_minute(gone) <= limit


def test_batches_that_exceed_a_burst_go_when_it_is_their_time() -> None:
    gone = sent(Bucket(2_000), [(0.0, 500)] * 20)
    assert gone[0][0] == 0
    assert most_in_a_minute(gone) == 2_000
    assert gone[-1][0] <= 1.1 * 60 * 10_000 / 2_000


def test_who_comes_after_a_rest_waits_for_nothing() -> None:
    bucket = Bucket(1_000)
    sent(bucket, [(0.0, 1)] * 100)
    assert bucket.due(1, 500.0) == 500.0


def test_after_a_429_it_stops_and_goes_on_at_half_the_rate() -> None:
    bucket = Bucket(600)  # 9.4 a second
    sent(bucket, [(0.0, 1)] * 36)
    bucket.slower(10.0, 5.0)
    gone = [bucket.due(1, 10.0)]
    for _ in range(20):
        bucket.take(1, gone[-1])
        gone.append(bucket.due(1, 10.0))
    assert gone[0] >= 15.0
    assert (gone[-1] - gone[0]) / 20 == pytest.approx(2 / 9.4)


def test_good_answers_bring_the_rate_back_within_a_minute() -> None:
    def spacing(bucket: Bucket, at: float) -> float:
        for _ in range(100):
            bucket.take(1, bucket.due(1, at))
        first = bucket.due(1, at)
        bucket.take(1, first)
        return bucket.due(1, at) - first

    bucket = Bucket(600)
    bucket.slower(0.0, 0.0)
    slow = spacing(bucket, 0.0)
    bucket.faster(15.0)
    better = spacing(bucket, 1_000.0)
    bucket.faster(1_060.0)
    assert slow == pytest.approx(2 / 9.4)
    assert better == pytest.approx(1 / 9.4 / 0.75)
    assert spacing(bucket, 3_000.0) == pytest.approx(1 / 9.4)


def test_however_often_it_is_refused_it_goes_on() -> None:
    bucket = Bucket(600)
    for number in range(50):
        bucket.slower(20.0 * number, 1.0)
    assert bucket.due(1, 980.0) == pytest.approx(981.0 + 8 / 9.4)


def test_refusals_soon_after_each_other_count_once() -> None:
    bucket = Bucket(600)
    bucket.slower(0.0, 1.0)
    bucket.slower(10.9, 30.0)
    assert bucket.due(1, 0.0) == pytest.approx(1.0 + 2 / 9.4)
    bucket.slower(11.0, 1.0)
    assert bucket.due(1, 0.0) == pytest.approx(12.0 + 4 / 9.4)


def times(limits: Limits, requests: list[Counts], **events: float) -> list[float]:
    """Let all requests come at once; give when each was let go. `refused`: when a 429 comes for the first."""

    async def main() -> list[float]:
        pace = Pace(limits, clock=now)

        async def one(request: Counts) -> float:
            await pace.admit(request)
            return now()

        async def refused() -> float:
            paid = await pace.admit(requests[0])
            await asyncio.sleep(events["refused"])
            pace.slower(paid, 30.0)
            pace.slower(paid, 30.0)  # of the same trouble: no news
            return now()

        first = [refused()] if "refused" in events else []
        return (await asyncio.gather(*first, *map(one, requests)))[len(first) :]

    return run(main())


def test_waiters_go_in_the_order_in_which_they_came() -> None:
    gone = times(Limits(100, None, None), [UPLOAD] * 250)
    assert gone == sorted(gone)
    assert len(set(gone)) >= 240  # a burst of six, and again when that is a minute old; the others each by itself
    assert gone[-1] <= 1.1 * cost.seconds_of(Limits(100, None, None), 250, {}, 0)


def test_a_429_stops_those_who_wait_as_well() -> None:
    gone = times(Limits(100, None, None), [UPLOAD] * 150, refused=2.0)
    early = [other - when for when, other in zip(gone, sorted(gone), strict=True)]
    assert max(map(abs, early)) < 5, "only who was due at the same moment may change places"
    assert not [when for when in gone if 2.0 < when <= 32.0]
    after = [when for when in gone if when > 32.0]
    assert len(after) > 130
    assert (after[-1] - after[0]) / (len(after) - 1) == pytest.approx(2 * 60 / 94)


def test_a_request_goes_when_all_of_its_limits_let_it() -> None:
    attach = [attaching(f"vs_{number % 2}", 7) for number in range(20)]
    assert times(Limits(None, 60, None), attach)[-1] == pytest.approx(10 / 0.94 - 3.6 / 0.94, abs=1.1)
    assert times(Limits(None, None, 140), attach)[-1] == pytest.approx(60 * 20 * 7 / 140 / 0.94, rel=0.1)
    assert times(Limits(None, 60, 140), attach)[-1] == pytest.approx(60 * 20 * 7 / 140 / 0.94, rel=0.1)


def test_without_limits_nobody_waits() -> None:
    assert set(times(UNLIMITED, [UPLOAD, attaching("vs_1", 7)] * 500)) == {0.0}


def test_the_forecast_is_what_the_tightest_limit_requires() -> None:
    limits = Limits(1_000, 300, 2_000)
    assert cost.seconds_of(limits, 10_000, {"a": 20}, 10_000) == 600
    assert cost.seconds_of(limits, 100, {"a": 20, "b": 900}, 10_000) == 300
    assert cost.seconds_of(limits, 100, {"a": 20, "b": 1_800}, 0) == 360
    assert cost.seconds_of(limits, 0, {}, 0) == 0
    assert cost.seconds_of(UNLIMITED, 10_000, {"a": 20}, 10_000) == 0


Do = Callable[[HttpBackend], Awaitable[object]]


async def upload(backend: HttpBackend) -> None:
    await backend.files.upload("a.md", io.BytesIO(b"a"), 1)


async def attach(backend: HttpBackend) -> None:
    member = Member("file_1", "a.md", {}, None, "ready", live=True)
    await backend.files.attach("vs_1", {f"file_{number}": member for number in range(10)})


async def other(backend: HttpBackend) -> None:
    await backend.create("assistant", {})
    await backend.files.update_member("vs_1", "file_1", {})
    await backend.files.detach("vs_1", "file_1")


@pytest.mark.parametrize(
    ("do", "limits", "seconds"),
    (
        (upload, Limits(60, None, None), 60 / 0.94),
        (upload, Limits(None, 1, 1), 0),
        (attach, Limits(None, 60, None), 60 / 0.94),
        (attach, Limits(None, None, 600), 60 / 0.94),
        (attach, Limits(1, None, None), 0),
        (other, Limits(1, 1, 1), 0),
    ),
)
def test_what_the_limits_count(do: Do, limits: Limits, seconds: float) -> None:
    """Sixty-four at sixty a minute take a minute, but for the burst of four; what no limit counts takes no time."""

    async def work(client: Client) -> float:
        backend = HttpBackend(client, of_account(None, client.settings))
        await asyncio.gather(*(do(backend) for _ in range(64)))
        return now()

    assert within(ok, work, limits=limits) == pytest.approx(seconds, rel=0.15)
