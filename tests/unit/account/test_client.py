"""One exchange: who is calling, how often it is sent, how long it is waited for."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from itertools import pairwise
from typing import Any

import httpx2
import pytest

from deployer.account import Client, Patience, connect
from deployer.account.client import Answer
from deployer.account.exchange import Content
from deployer.errors import AccountError
from deployer.model import UNLIMITED, AccountSettings, Limits
from tests.unit.account import virtual
from tests.unit.account.servers import Asked, Behaviour, Reply, page, said, serving

HEADERS = {"/agents": {"OpenAI-Beta": "agents=v1"}}


def settings(base_url: str, **fields: Any) -> AccountSettings:
    return AccountSettings("bad", "agents", base_url, **{"api_key": "sk-ours", **fields})


def exchange(base_url: str, send: Callable[[Client], Awaitable[Answer]], **options: Any) -> Answer:
    async def run() -> Answer:
        patience = options.pop("patience", Patience())
        async with connect(settings(base_url, **options), HEADERS, patience=patience) as client:
            return await send(client)

    return asyncio.run(run())


def failing(times: int, reply: Reply) -> Behaviour:
    """Fail so many times, then answer an empty list."""
    left = [reply] * times
    return lambda _asked: left.pop() if left else page()


def test_no_variable_of_the_environment_changes_who_calls_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/elsewhere")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-stray")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-stray-admin")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-stray")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-stray")
    monkeypatch.setenv(
        "OPENAI_CUSTOM_HEADERS",
        "authorization: Bearer stray\nOpenAI-Organization: stray\nopenai-project: stray\nX-Gateway: kept",
    )
    with serving(lambda _asked: page()) as server:
        exchange(server.base_url, lambda client: client.get("/agents"))
    (asked,) = server.asked
    assert asked.path == "/v1/agents"
    names = [name.lower() for name in asked.headers]
    assert names.count("authorization") == 1
    sent = {name.lower(): value for name, value in asked.headers.items()}
    assert sent["authorization"] == "Bearer sk-ours"
    assert sent["openai-beta"] == "agents=v1"
    assert sent["x-gateway"] == "kept"
    assert not {"openai-organization", "openai-project"} & sent.keys()


def test_organization_and_query_of_the_account_are_sent() -> None:
    with serving(lambda _asked: page()) as server:
        fields: dict[str, Any] = {"organization": "org-ours", "query": {"api-version": "v1"}}
        exchange(server.base_url, lambda client: client.get("/agents", {"limit": 100}), **fields)
    (asked,) = server.asked
    assert asked.path in {"/v1/agents?api-version=v1&limit=100", "/v1/agents?limit=100&api-version=v1"}
    assert {name.lower(): value for name, value in asked.headers.items()}["openai-organization"] == "org-ours"


def at_once(**fields: Any) -> Patience:
    """Patience whose pauses take no time that anybody notices."""
    return Patience(**{"base": 0.001, "cap": 0.002, **fields})


@pytest.mark.parametrize(
    "reply", (said({}, 408), said({}, 409), said({}, 429), said({}, 500), said({}, 503), Reply(None)), ids=str
)
def test_a_read_is_tried_three_times_at_an_account_that_never_answered(reply: Reply) -> None:
    with serving(failing(2, reply)) as server:
        assert exchange(server.base_url, lambda client: client.get("/agents"), patience=at_once()).data["data"] == []
    assert len(server.asked) == 3
    with (
        serving(failing(3, reply)) as server,
        pytest.raises(AccountError, match="/agents, after 3 attempts, ") as caught,
    ):
        exchange(server.base_url, lambda client: client.get("/agents"), patience=at_once())
    assert len(server.asked) == 3
    assert not caught.value.lost


BROKEN = Reply(b'{"object": "list", "data": [{"id"')


@pytest.mark.parametrize("reply", (said({}, 500), said({}, 429), Reply(None), BROKEN), ids=str)
def test_an_account_that_has_answered_before_is_given_more_time(reply: Reply) -> None:
    replies = [*[reply] * 7, page()]

    async def twice(client: Client) -> Answer:
        await client.get("/agents")
        return await client.get("/agents")

    with serving(lambda _asked: replies.pop()) as server:
        replies.insert(0, page())
        assert exchange(server.base_url, twice, patience=at_once()).data["data"] == []
    assert len(server.asked) == 9


def writes(reply: Reply, times: int, *, again: bool, method: str = "POST") -> tuple[int, AccountError | None]:
    """Let a write fail so often; give how often it was sent, and how it ended."""
    left = [reply] * times
    with serving(lambda _asked: left.pop() if left else said({"id": "agent_1"})) as server:
        send = partial(Client.write, method=method, path="/agents", body={"model": "m"}, again=again)
        try:
            exchange(server.base_url, send, patience=at_once())
        except AccountError as error:
            return len(server.asked), error
        return len(server.asked), None


UNKNOWN = (said({}, 500), said({}, 502), said({}, 408), Reply(None), Reply(b'{"id": "ag'), Reply(b""))
UNDONE = (said({}, 429), said({}, 409), said({}, 429, Retry_After="0.001"))
REFUSED = (
    said({}, 400),
    said({}, 404),
    said({}, 501),
    said({}, 429, x_should_retry="false"),
    said({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, 429),
    said(["a", "list"]),
)


@pytest.mark.parametrize("reply", UNKNOWN, ids=str)
@pytest.mark.parametrize("method", ("POST", "DELETE"))
def test_what_may_have_been_done_is_not_done_again(method: str, reply: Reply) -> None:
    """Repeating a create whose answer was lost would make a second object."""
    count, error = writes(reply, 1, again=False, method=method)
    assert count == 1
    assert error
    assert error.lost


@pytest.mark.parametrize("reply", [one for one in UNKNOWN if one.status >= 400 or one.body is None], ids=str)
def test_what_does_no_harm_is_done_again(reply: Reply) -> None:
    assert writes(reply, 2, again=True) == (3, None)
    count, error = writes(reply, 3, again=True)
    assert count == 3
    assert error
    assert error.lost


@pytest.mark.parametrize("reply", UNDONE, ids=str)
@pytest.mark.parametrize("again", (True, False))
def test_what_was_not_done_is_tried_again(reply: Reply, *, again: bool) -> None:
    assert writes(reply, 2, again=again) == (3, None)
    count, error = writes(reply, 3, again=again)
    assert count == 3
    assert error
    assert not error.lost


@pytest.mark.parametrize("reply", REFUSED, ids=str)
def test_a_no_is_taken_for_an_answer(reply: Reply) -> None:
    count, error = writes(reply, 1, again=True)
    assert count == 1
    assert error
    assert not error.lost


def test_a_refusal_after_an_answer_that_was_lost_leaves_it_open() -> None:
    replies = [said({}, 400), said({}, 500)]
    with serving(lambda _asked: replies.pop()) as server, pytest.raises(AccountError) as caught:
        exchange(server.base_url, lambda client: client.write("POST", "/x", {}, again=True), patience=at_once())
    assert caught.value.status == 400
    assert caught.value.lost


def test_a_create_that_never_left_is_tried_again_and_is_not_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        base_url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
    with pytest.raises(AccountError, match="/agents, after 3 attempts, gave no answer") as caught:
        exchange(base_url, lambda client: client.write("POST", "/agents", {}), patience=at_once())
    assert not caught.value.lost


SENT = (
    httpx2.ReadError,
    httpx2.ReadTimeout,
    httpx2.WriteError,
    httpx2.WriteTimeout,
    httpx2.CloseError,
    httpx2.RemoteProtocolError,
    ConnectionResetError,
    ConnectionAbortedError,
)
UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


@pytest.mark.parametrize("kind", (*SENT, *UNSENT))
def test_every_error_of_the_transport_tells_whether_the_request_left(kind: type[Exception]) -> None:
    def broken(_request: httpx2.Request) -> httpx2.Response:
        raise kind("it broke")

    with pytest.raises(AccountError) as caught:
        within(broken, lambda client: client.write("POST", "/agents", {}))
    assert caught.value.lost is (kind in SENT)
    assert caught.value.status is None


def test_a_connection_that_is_not_made_is_told_with_its_own_time() -> None:
    def slow(_request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectTimeout("")

    with pytest.raises(AccountError, match="gave no answer within 5 s"):
        within(slow, lambda client: client.get("/agents"))


def test_the_key_is_masked_whoever_repeats_it() -> None:
    echo = said({"error": {"message": "who is sk-ours-1234?"}}, 500)
    with serving(lambda _asked: echo) as server, pytest.raises(AccountError) as caught:
        exchange(server.base_url, lambda client: client.get("/x"), patience=at_once(), api_key="sk-ours-1234")
    assert "after 3 attempts, answered 500: who is ***?; " in str(caught.value)


Respond = (
    Callable[[httpx2.Request], httpx2.Response] | Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]
)


def within(respond: Respond, send: Callable[[Client], Awaitable[Any]], **fields: Any) -> Any:
    """Let a client talk to a function, in time that passes at once."""

    async def main() -> Any:
        limits = fields.pop("limits", UNLIMITED)
        transport = httpx2.MockTransport(respond)
        one = settings("http://account.invalid/v1", limits=limits)
        async with connect(one, HEADERS, transport, virtual.patience(**fields)) as client:
            return await send(client)

    return virtual.run(main())


def ok(_request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json={"id": "x"})


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


def upload(client: Client) -> Awaitable[Answer]:
    return client.send_file("/files", Content("file", "a.md", io.BytesIO(b"a")), {"purpose": "assistants"})


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


def test_good_answers_bring_the_pace_back() -> None:
    """Without that, what is left after the one refusal would take eight minutes."""
    refusals = [httpx2.Response(429)]

    async def work(client: Client) -> float:
        await asyncio.gather(*(upload(client) for _ in range(400)))
        return virtual.now()

    took = within(lambda request: refusals.pop() if refusals else ok(request), work, limits=Limits(100, None, None))
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


def test_a_download_goes_on_where_it_broke() -> None:
    whole = bytes(range(256)) * 1_000
    asked: list[int] = []

    async def body(end: int) -> AsyncIterator[bytes]:
        for start in range(0, end, 1_000):
            yield whole[start : start + 1_000]
        if end < len(whole):
            raise httpx2.ReadError("it broke")

    def respond(request: httpx2.Request) -> httpx2.Response:
        asked.append(len(asked))
        end = (50_000, 20_000, 150_500, len(whole))[len(asked) - 1]
        return httpx2.Response(200, content=body(end), request=request)

    async def download(client: Client) -> bytes:
        client.brake.known = True
        return b"".join([piece async for piece in client.download("/files/file_1/content")])

    assert within(respond, download) == whole
    assert len(asked) == 4


def test_a_download_that_is_refused_is_an_error() -> None:
    async def download(client: Client) -> bytes:
        return b"".join([piece async for piece in client.download("/files/file_1/content")])

    refusal = {"error": {"message": "Not allowed to download files of purpose: assistants"}}
    with pytest.raises(AccountError, match="answered 400: Not allowed to download") as caught:
        within(lambda _request: httpx2.Response(400, json=refusal), download)
    assert caught.value.status == 400


def test_patience_ends() -> None:
    done = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), 5)
        writer.close()
        await writer.wait_closed()

    async def run() -> None:
        async with await asyncio.start_server(never, "127.0.0.1", 0) as server:
            base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            patience = Patience(read=0.05, write=0.1, attempts=1)
            async with connect(settings(base_url), HEADERS, patience=patience) as client:
                with pytest.raises(AccountError, match=rf"bad: GET {base_url}/agents gave no answer within 0.05 s; "):
                    await client.get("/agents")
                with pytest.raises(AccountError, match=rf"bad: POST {base_url}/agents gave no answer within 0.1 s; "):
                    await client.write("POST", "/agents", {})
            done.set()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("header", "seconds"),
    (("250", 0.25), ("0", None), ("-5", None), ("soon", None), ("nan", None), ("inf", None), ("999999999", None)),
)
def test_the_account_says_how_long_to_wait_between_polls(header: str, seconds: float | None) -> None:
    with serving(lambda _asked: said({}, openai_poll_after_ms=header)) as server:
        assert exchange(server.base_url, lambda client: client.get("/agents")).poll_after == seconds


def test_an_answer_that_ends_too_early_is_no_answer() -> None:
    short = Reply(b'{"data"', headers={"Content-Length": "100"})
    with (
        serving(lambda _asked: short) as server,
        pytest.raises(AccountError, match=r"gave no answer \(.+\); check base_url and the network"),
    ):
        exchange(server.base_url, lambda client: client.get("/agents"), patience=Patience(attempts=1))


def test_the_error_carries_status_and_code() -> None:
    body = {"error": {"message": "No agent", "code": "not_found_error", "type": "invalid_request_error"}}
    with serving(lambda _asked: said(body, 404)) as server, pytest.raises(AccountError) as caught:
        exchange(server.base_url, lambda client: client.write("DELETE", "/agents/agent_1"))
    assert (caught.value.status, caught.value.code) == (404, "not_found_error")


def test_requests_are_counted() -> None:
    async def run(base_url: str) -> int:
        async with connect(settings(base_url), HEADERS) as client:
            await asyncio.gather(client.get("/agents"), client.write("POST", "/agents", {}))
            return client.requests

    def answer(asked: Asked) -> Reply:
        return said({"id": asked.method})

    with serving(answer) as server:
        assert asyncio.run(run(server.base_url)) == len(server.asked) == 2
