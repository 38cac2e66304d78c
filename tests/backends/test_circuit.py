"""All requests of a client together: no stampede, no needless wait, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from itertools import pairwise

import httpx2
import pytest

from deployer.backends.http.client import Answer, Client
from deployer.backends.http.exchange import Content
from deployer.backends.http.pacing import UPLOAD
from deployer.errors import AccountError
from deployer.model import Limits
from tests.backends import virtual
from tests.backends.clients import ok, within


async def workers(client: Client, count: int, seen: Callable[[], object] = lambda: None) -> list[AccountError]:
    """Send so many requests, sixteen at a time."""
    failures, numbers = [], iter(range(count))

    async def work() -> None:
        for _ in numbers:
            try:
                await client.get("/agents")
                await asyncio.sleep(0.05)
            except AccountError as error:
                failures.append(error)
            seen()

    await asyncio.gather(*(work() for _ in range(16)))
    return failures


@pytest.mark.slow
def test_no_stampede_during_an_outage_nor_after_it() -> None:
    """From second 2 to second 40 nothing works; every answer takes 50 ms."""
    sent: list[float] = []

    async def respond(request: httpx2.Request) -> httpx2.Response:
        sent.append(virtual.now())
        down = 2 <= virtual.now() < 40
        await asyncio.sleep(0.05)
        return httpx2.Response(503) if down else ok(request)

    assert within(respond, lambda client: workers(client, 3_000)) == []
    assert len([when for when in sent if 2 <= when < 40]) <= 16 + 20  # in the air, then one at a time, ever more seldom
    after = [when for when in sent if when >= 40]
    assert after[0] < 60
    rounds = [len([when for when in after if 0 <= when - after[0] - 0.05 * number < 0.0499]) for number in range(4)]
    assert rounds[0] == 1
    assert rounds[1] <= 2
    assert rounds[2] <= 4
    assert len(sent) > 3_000


def test_what_failed_together_counts_once() -> None:
    """All sixteen in the air fail when the account stumbles for a moment: that must not make a long pause."""
    sent: list[float] = []

    async def respond(request: httpx2.Request) -> httpx2.Response:
        sent.append(virtual.now())
        down = 2 <= virtual.now() < 2.1
        await asyncio.sleep(0.05)
        return httpx2.Response(503) if down else ok(request)

    assert within(respond, lambda client: workers(client, 1_000), random=lambda: 1.0) == []
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert 0.4 < max(gaps) < 1.1


@pytest.mark.slow
def test_an_account_that_stays_away_is_given_up_by_all() -> None:
    sent: list[float] = []
    ended: list[float] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        sent.append(virtual.now())
        return ok(request) if virtual.now() < 2 else httpx2.Response(503)

    failures = within(respond, lambda client: workers(client, 3_000, lambda: ended.append(virtual.now())))
    assert len(failures) > 2_000
    assert len([when for when in sent if when >= 2]) < 100
    assert ended[-1] < 200
    assert "was not sent: for 120 s the account answered 503: an empty body; " in str(failures[-1])
    assert not failures[-1].lost


def test_one_failure_amid_good_answers_holds_nobody_up() -> None:
    count = [0]

    def respond(request: httpx2.Request) -> httpx2.Response:
        count[0] += 1
        return httpx2.Response(500) if count[0] % 20 == 0 else ok(request)

    async def timed(client: Client) -> float:
        assert await workers(client, 2_000) == []
        return virtual.now()

    assert within(respond, timed) < 2 * 2_000 / 16 * 0.05


def test_a_wait_that_the_account_asks_for_is_kept_by_all() -> None:
    sent: list[float] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        sent.append(virtual.now())
        return httpx2.Response(429, headers={"Retry-After": "30"}) if 2 <= virtual.now() < 20 else ok(request)

    assert within(respond, lambda client: workers(client, 1_000)) == []
    first = next(when for when in sent if when >= 2)
    assert len([when for when in sent if first <= when < first + 30]) <= 16
    assert not [when for when in sent if first + 1 < when < first + 30]


def upload(client: Client) -> Coroutine[None, None, Answer]:
    return client.send_file(
        "/files", Content("file", "a.md", io.BytesIO(b"a")), {"purpose": "assistants"}, counts=UPLOAD
    )


def test_uploads_keep_to_their_limit_and_stop_when_refused() -> None:
    sent: list[float] = []
    refused: list[float] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        if virtual.now() > 10 and not refused:
            refused.append(virtual.now())
            return httpx2.Response(429, headers={"Retry-After": "20"})
        sent.append(virtual.now())
        return ok(request)

    async def work(client: Client) -> None:
        await asyncio.gather(*(upload(client) for _ in range(100)))

    within(respond, work, limits=Limits(100, None, None))
    assert len(sent) == 100
    assert len([when for when in sent if when == 0]) == 6
    assert not [when for when in sent if refused[0] < when < refused[0] + 20]


@pytest.mark.parametrize("first", (1, 400))
def test_good_answers_bring_the_pace_back(first: int) -> None:
    """Without that, what is left after the one refusal would take eight minutes, whoever was in the line by then."""
    refused = asyncio.Event()

    def respond(request: httpx2.Request) -> httpx2.Response:
        if refused.is_set():
            return ok(request)
        refused.set()
        return httpx2.Response(429)

    async def work(client: Client) -> float:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(first):
                tasks.create_task(upload(client))
            await refused.wait()
            await asyncio.sleep(0.001)
            for _ in range(400 - first):
                tasks.create_task(upload(client))
        return virtual.now()

    took = within(respond, work, limits=Limits(100, None, None))
    assert 240 < took < 300


def test_who_waits_for_his_turn_learns_too_that_the_account_stays_away() -> None:
    """A thousand uploads at a hundred a minute would take ten minutes."""

    def respond(request: httpx2.Request) -> httpx2.Response:
        return ok(request) if virtual.now() < 30 else httpx2.Response(503)

    async def work(client: Client) -> float:
        slots = asyncio.Semaphore(16)

        async def one() -> Answer:
            async with slots:
                return await upload(client)

        results = await asyncio.gather(*(one() for _ in range(1_000)), return_exceptions=True)
        assert 40 < len([one for one in results if isinstance(one, Answer)]) < 60
        assert all(isinstance(one, Answer | AccountError) for one in results)
        return virtual.now()

    assert within(respond, work, limits=Limits(100, None, None)) < 250


def test_a_wait_that_nobody_keeps_does_not_stop_the_others() -> None:
    refusals = [httpx2.Response(429, headers={"Retry-After": "3600"})]

    async def work(client: Client) -> float:
        with pytest.raises(AccountError, match="answered 429: an empty body; it asks to wait 3600 s: run again then"):
            await upload(client)
        await upload(client)
        return virtual.now()

    assert within(lambda request: refusals.pop() if refusals else ok(request), work, limits=Limits(100)) < 1


def test_each_pause_is_told_with_its_cause_its_beginning_and_its_length() -> None:
    """Two outages; whoever listens can tell them apart."""
    told: list[tuple[str, float, float, float]] = []

    async def respond(request: httpx2.Request) -> httpx2.Response:
        down = 2 <= virtual.now() < 20 or 60 <= virtual.now() < 75
        await asyncio.sleep(0.5)
        return httpx2.Response(503) if down else ok(request)

    async def work(client: Client) -> None:
        client.circuit.told = lambda failure, since, pause: told.append((failure.what, since, virtual.now(), pause))
        await workers(client, 5)
        assert told == [], "nothing is wrong"
        assert await workers(client, 1_500) == []

    within(respond, work, random=lambda: 0.5)
    assert {what for what, *_ in told} == {"answered 503: an empty body"}
    first, second = sorted({since for _, since, *_ in told})
    assert 2 <= first < 3.1
    assert 60 <= second < 61.1
    for since in (first, second):
        pauses = [(now, pause) for _, began, now, pause in told if began == since]
        assert [pause for _, pause in pauses] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0][: len(pauses)]
        assert all(earlier + pause <= later for (earlier, pause), (later, _) in pairwise(pauses))


def test_one_failure_amid_good_answers_is_told_to_nobody() -> None:
    count = [0]

    def respond(request: httpx2.Request) -> httpx2.Response:
        count[0] += 1
        return httpx2.Response(500) if count[0] % 20 == 0 else ok(request)

    async def work(client: Client) -> None:
        client.circuit.told = lambda *_told: pytest.fail("nobody waits")
        assert await workers(client, 200) == []

    within(respond, work)
