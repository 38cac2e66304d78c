"""The policy about trying again, without a network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.backends.http.failures import Failure
from deployer.backends.http.retry import Fate, Patience, Series, asked_wait

DRAWS = st.floats(0, 1, exclude_max=True)
FAILURES = st.integers(1, 2_000)


@given(DRAWS, FAILURES)
def test_a_pause_is_drawn_between_nothing_and_a_bound_that_doubles_up_to_the_cap(draw: float, failures: int) -> None:
    patience = Patience(base=0.5, cap=20, random=lambda: draw)
    bound = min(20.0, 0.5 * 2 ** min(failures - 1, 20))
    assert patience.pause(failures, None) == pytest.approx(draw * bound)


@given(DRAWS, FAILURES, st.floats(0.001, 60))
def test_what_the_account_asks_for_is_a_minimum_with_a_draw_on_top(draw: float, failures: int, wait: float) -> None:
    patience = Patience(cap=20, random=lambda: draw)
    pause = patience.pause(failures, wait)
    assert wait <= pause <= wait + 20
    assert draw < 1e-6 or pause > wait


def test_clients_that_failed_together_do_not_come_back_together() -> None:
    pauses = [Patience().pause(6, None) for _ in range(200)]
    buckets = {int(pause) for pause in pauses}
    assert len(buckets) >= 12  # of 16 seconds; all 200 in 11 of them has a chance below 1e-30


@pytest.mark.parametrize(
    ("headers", "seconds"),
    (
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "7"}, 7),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 30),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:30 -0000", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 30),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:00 GMT", "date": "Sat, 21 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "Sat, 99 Nov 2026 10:00:00 GMT"}, None),
    ),
)
def test_the_wait_that_an_answer_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(headers) == seconds


def test_a_date_without_the_accounts_own_time_is_read_by_ours() -> None:
    wait = asked_wait({"retry-after": format_datetime(datetime.now(UTC) + timedelta(seconds=40))})
    assert wait is not None
    assert 35 < wait <= 40


def failure(fate: Fate, status: int | None = None, wait: float | None = None) -> Failure:
    return Failure("failed", "run again", status, None, fate, wait)


@pytest.mark.parametrize(
    ("fate", "again", "repeated"),
    (
        (Fate.REFUSED, True, False),
        (Fate.UNDONE, False, True),
        (Fate.UNDONE, True, True),
        (Fate.UNKNOWN, False, False),
        (Fate.UNKNOWN, True, True),
    ),
)
def test_what_may_have_been_done_is_repeated_only_where_that_does_no_harm(
    fate: Fate, *, again: bool, repeated: bool
) -> None:
    series = Series(Patience(), again, count=1)
    assert (series.next(failure(fate), known=True) is not None) is repeated
    assert series.unknown is (fate is Fate.UNKNOWN)


@pytest.mark.parametrize(
    ("status", "known", "attempts"),
    (
        (500, True, 8),
        (None, True, 8),
        (500, False, 3),
        (None, False, 3),
        (409, True, 3),
        (200, True, 8),
        (200, False, 1),
    ),
)
def test_how_many_attempts_a_failure_is_worth(status: int | None, *, known: bool, attempts: int) -> None:
    series = Series(Patience(clock=lambda: 0.0), again=True)
    more = True
    while more:
        series.count += 1
        more = series.next(failure(Fate.UNKNOWN, status), known=known) is not None
    assert series.count == attempts


def test_a_wait_is_believed_up_to_a_minute() -> None:
    patience = Patience(random=lambda: 0.0)
    assert Series(patience, again=True, count=1).next(failure(Fate.UNDONE, 429, 60), known=True) == 60
    assert Series(patience, again=True, count=1).next(failure(Fate.UNDONE, 429, 61), known=True) is None


def test_after_two_minutes_nothing_is_tried_again() -> None:
    time = [100.0]
    series = Series(Patience(clock=lambda: time[0]), again=True, count=1)
    assert series.next(failure(Fate.UNKNOWN), known=True) is not None
    time[0] = 219.0
    assert series.next(failure(Fate.UNKNOWN), known=True) is not None
    time[0] = 220.0
    assert series.next(failure(Fate.UNKNOWN), known=True) is None
