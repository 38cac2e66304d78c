"""What GitHub answers, or what stands before it: nothing is sent elsewhere; an odd answer is a sentence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deployer.github.api import GitHubError, Repository
from tests.backends.servers import Behaviour, Reply, Server, said, serving


def repository(server: Server) -> Repository:
    return Repository(server.base_url.removesuffix("/v1"), "me/school", "token", "bot")


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    with serving(lambda _asked: said([])) as server:
        yield server


def test_the_token_goes_to_no_other_host(elsewhere: Server) -> None:
    target = elsewhere.base_url.replace("127.0.0.1", "localhost")
    with serving(lambda _asked: Reply(b"", 301, {"Location": target})) as server:
        with pytest.raises(GitHubError, match=r"GitHub refused GET issues/1/comments.* \(301\); run the job again"):
            repository(server).comment(1, "key")
        assert len(server.asked) == 1
    assert elsewhere.asked == []


def test_a_repository_that_was_renamed_is_followed() -> None:
    def behaviour(asked: object) -> Reply:
        path = str(getattr(asked, "path", ""))
        return Reply(b"", 301, {"Location": "/repositories/1/comments"}) if "me/school" in path else said([])

    with serving(behaviour) as server:
        assert repository(server).comment(1, "key") is None
        assert [one.path for one in server.asked][1:] == ["/repositories/1/comments"]


ODD: dict[str, Behaviour] = {
    "no list": lambda _asked: said({"message": "no"}),
    "no JSON": lambda _asked: Reply(b"<html>"),
    "cut": lambda _asked: Reply(b"50\r\n[]", headers={"Transfer-Encoding": "chunked"}),
    "a header that is none": lambda _asked: Reply(b"[]", headers={"X" * 70_000: "y"}),
    "closed": lambda _asked: Reply(None),
    "busy": lambda _asked: said({}, 503),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_answer_is_a_sentence(name: str) -> None:
    with serving(ODD[name]) as server, pytest.raises(GitHubError, match=r"^GitHub "):
        repository(server).comment(1, "key")


@pytest.mark.parametrize(
    "row", ({}, {"body": 7, "user": "x"}, {"id": "1", "number": None, "user": None}, {"merged_at": 1})
)
def test_odd_rows_are_left_out(row: object) -> None:
    with serving(lambda _asked: said([row])) as server:
        assert repository(server).comment(1, "key") is None
        assert repository(server).issue("drift", "key") is None
        assert repository(server).merged_as("") == []
