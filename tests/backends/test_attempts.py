"""How often a request is sent, and when an answer counts as lost."""

from __future__ import annotations

import socket
from functools import partial

import httpx2
import pytest

from deployer.backends.http.client import Answer, Client
from deployer.errors import AccountError
from tests.backends.clients import at_once, exchange, within
from tests.backends.servers import Behaviour, Reply, page, said, serving


def failing(times: int, reply: Reply) -> Behaviour:
    """Fail so many times, then answer an empty list."""
    left = [reply] * times
    return lambda _asked: left.pop() if left else page()


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


UNKNOWN = (said({}, 500), said({}, 502), said({}, 408), said({}, 409), Reply(None), Reply(b'{"id": "ag'), Reply(b""))
UNDONE = (said({}, 429), said({}, 429, Retry_After="0.001"))
REFUSED = (
    said({}, 400),
    said({}, 404),
    said({}, 501),
    said({}, 429, x_should_retry="false"),
    said({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, 429),
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


def test_a_whole_answer_that_makes_no_sense_is_asked_for_once_and_may_be_done() -> None:
    count, error = writes(said(["a", "list"]), 1, again=True)
    assert count == 1
    assert error
    assert error.lost


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
