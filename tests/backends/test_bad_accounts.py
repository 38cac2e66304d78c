"""An account that misbehaves gets one sentence with its name, the URL and a remedy; nothing is changed on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from deployer.engine import stamp
from deployer.model import Address
from tests.backends.customer import KEY, always, lists, manifest, sentence, tutor
from tests.backends.servers import Asked, Behaviour, Reply, page, said, serving
from tests.support.project import Project

WRONG_KEY = {
    "error": {
        "message": "Incorrect API key provided: sk-live-****************cdef. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        "type": "invalid_request_error",
        "code": "invalid_api_key",
        "param": None,
    },
    "status": 401,
}
AT_ONCE = {"retry_after_ms": "1"}  # the SDK's own wish for a short pause between its tries of a read
HTML = {"Content-Type": "text/html", "retry-after-ms": "1"}
COMMANDS = (("plan",), ("apply", "--yes"))


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAD_KEY", KEY)


REFUSALS: dict[str, tuple[Behaviour, tuple[str, ...]]] = {
    "401": (always(said(WRONG_KEY, 401)), ("answered 401: Incorrect API key", "check the account's api_key")),
    "403": (always(said({"error": {"message": "no"}}, 403)), ("answered 403: no;", "what the account's api_key may")),
    "404": (always(said({"detail": "Not Found"}, 404)), ("answered 404:", "check the account's api and base_url")),
    "429": (always(said({"error": {"message": "slow"}}, 429, **AT_ONCE)), ("429: slow; wait a little",)),
    "429 for an hour": (always(said({}, 429, Retry_After="3600")), ("429: {}; it asks to wait 3600 s",)),
    "500": (always(said({"error": {"message": "oops"}}, 500, **AT_ONCE)), ("500: oops;", "run again later")),
    "HTML 502": (
        always(Reply(b"<html><head><title>502 Bad\nGateway</title></head></html>", 502, HTML)),
        ("answered 502: an HTML page, '502 Bad Gateway';", "run again later"),
    ),
    "HTML 200": (
        always(Reply(b"<!doctype html><title>Sign in</title>", 200, HTML)),
        ("not a JSON object (text/html: an HTML page, 'Sign in')", "check the account's base_url"),
    ),
    "an empty body": (always(Reply(b"")), ("application/json: an empty body", "check the account's base_url")),
    "bytes called hex": (always(Reply(b"zz", 400, {"Content-Type": "text/x; charset=hex"})), ("answered 400: zz;",)),
    "bytes called zlib": (always(Reply(b"zz", 400, {"Content-Type": "text/x; charset=zlib"})), ("answered 400: zz;",)),
    "bytes called idna": (always(Reply(b"\xff.", 400, {"Content-Type": "x/x; charset=idna"})), ("answered 400:",)),
    "truncated JSON": (always(Reply(b'{"object": "list", "data": [{"id"')), ("is not a JSON object",)),
    "a JSON list": (always(said([{"id": "asst_1"}])), ("is not a JSON object",)),
    "not UTF-8": (always(Reply(b'{"data": "\xff\xfe"}')), ("is not a JSON object",)),
    "bottomless JSON": (always(Reply(b"[" * 100_000)), ("answered JSON that is nested deeper than 200 levels",)),
    "data missing": (always(said({"object": "list"})), ("is not a list of objects with ids",)),
    "data null": (always(page(data=None)), ("is not a list of objects with ids",)),
    "rows without ids": (always(page({"object": "assistant"})), ("is not a list of objects with ids",)),
    "ids that are numbers": (lists(tutor(id=17)), ("is not a list of objects with ids",)),
    "an id that leads elsewhere": (lists(tutor(id="../files")), ("is not a list of objects with ids",)),
    "an id of dots": (lists(tutor(id="..")), ("is not a list of objects with ids",)),
    "objects of another product": (lists(tutor(object="agent_card")), ("'agent_card', not 'assistant'",)),
    "a list without end": (lists(tutor(), has_more=True), ("repeats itself and promises more",)),
    "metadata that is a list": (lists(tutor(metadata=["x"])), ("asst_1 with a field metadata of an unknown form",)),
    "tools without a type": (lists(tutor(tools=[{}])), ("asst_1 with a field tools of an unknown form",)),
    "a function without a name": (lists(tutor(tools=[{"type": "function"}])), ("a field tools of",)),
    "tool_resources that is text": (lists(tutor(tool_resources="none")), ("a field tool_resources of",)),
    "a key said back": (
        always(said({"error": {"message": f"who is {KEY}?"}}, 400)),
        ("answered 400: who is ***?;",),
    ),
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("name", REFUSALS)
def test_it_is_told_in_one_sentence(project: Project, name: str, command: tuple[str, ...]) -> None:
    behaviour, expected = REFUSALS[name]
    with serving(behaviour) as server:
        manifest(project, server.base_url)
        line = sentence(project.run(*command, "--account", "bad"), server.base_url)
    for part in expected:
        assert part in line
    assert server.asked
    assert not server.writes()


TOLERATED: dict[str, Behaviour] = {
    "JSON called text": lambda asked: Reply(page().body, headers={"Content-Type": f"text/{asked.method}"}),
    "no content type": lambda asked: Reply(page().body, headers={"X-Path": asked.path}),
    "has_more missing": always(said({"data": []})),
    "object missing": lists({"id": "asst_9"}),
    "metadata null": lists(tutor(metadata=None)),
    "metadata of others": lists(tutor(metadata={"deployer": 7}), tutor(id="asst_2", metadata={"deployer": "a"})),
    "others' objects of any form": lists(tutor(metadata={}, tools="many", tool_resources=4, created_at="yesterday")),
}


@pytest.mark.parametrize("name", TOLERATED)
def test_what_says_enough_is_understood(project: Project, name: str) -> None:
    with serving(TOLERATED[name]) as server:
        manifest(project, server.base_url)
        result = project.run("plan", "--account", "bad", "--format", "json")
    assert result.code == 0, result.err
    assert [change["action"] for change in result.json()["changes"]] == ["create"]


ODD: dict[str, dict[str, Any]] = {
    "timestamps in milliseconds": {"created_at": 1_795_000_000_000},
    "timestamps in words": {"created_at": "2026-11-21T08:00:00Z"},
    "unknown values of enums": {"reasoning_effort": "hologram", "tools": [{"type": "hologram"}]},
    "unknown fields": {"colour": {"red": 1}},
    "nulls": {"tools": None, "tool_resources": None, "name": None, "response_format": None},
}


@pytest.mark.parametrize("name", ODD)
def test_our_own_object_is_recognized_whatever_else_it_says(project: Project, name: str) -> None:
    with serving(lists(tutor(**ODD[name]))) as server:
        manifest(project, server.base_url)
        result = project.run("plan", "--account", "bad", "--format", "json")
    assert result.code == 0, result.err
    (change,) = result.json()["changes"]
    assert (change["action"], change["id"]) == ("update", "asst_1")


MEMBERSHIPS: dict[str, dict[str, Any]] = {
    "attributes": {"attributes": ["deployer_path"]},
    "attributes/deployer_path": {"attributes": {"deployer_path": 7}},
    "chunking_strategy": {"chunking_strategy": "auto"},
    "created_at": {"created_at": "yesterday"},
    "last_error": {"last_error": "it broke"},
}


@pytest.mark.parametrize("field", MEMBERSHIPS)
def test_a_file_of_our_store_in_an_unknown_form_is_named(project: Project, field: str) -> None:
    mark = stamp.write("test", Address("vector_store", "notes"), {}, "")

    def answer(asked: Asked) -> Reply:
        if asked.collection == "/vector_stores":
            return page({"id": "vs_1", "object": "vector_store", "metadata": mark})
        return page({"id": "file-1", **MEMBERSHIPS[field]} if asked.collection.endswith("/files") else tutor())

    with serving(answer) as server:
        manifest(project, server.base_url)
        line = sentence(project.run("plan", "--account", "bad"), server.base_url)
    assert f"/vector_stores/vs_1/files gave file-1 with a field {field} of an unknown form; check the" in line


def test_a_server_that_does_not_page_is_read_once(project: Project) -> None:
    """One that ignores `after` and leaves `has_more` out would be asked for ever by the SDK's own pagination."""

    def whole_list(asked: Asked) -> Reply:
        patient = len(server.asked) < 10
        return said({"data": [tutor()] if patient and asked.collection == "/assistants" else []})

    with serving(whole_list) as server:
        manifest(project, server.base_url)
        result = project.run("plan", "--account", "bad", "--format", "json")
    assert result.code == 0, result.err
    assert [one.collection for one in server.asked].count("/assistants") == 2


def test_objects_of_another_kind_are_told_on_agents_too(project: Project) -> None:
    """LiteLLM serves a registry of its own under /v1/agents."""
    with serving(always(page({"id": "a", "object": "agent_card"}))) as server:
        manifest(project, server.base_url)
        path = project.root / "assistants.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("api: assistants", "api: agents"), encoding="utf-8")
        line = sentence(project.run("plan", "--account", "bad"), server.base_url)
    assert "objects of another kind ('agent_card'" in line


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nobody listens, reserved so that nobody will."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def test_a_refused_connection(project: Project, closed_port: int) -> None:
    base_url = f"http://127.0.0.1:{closed_port}/v1"
    manifest(project, base_url)
    line = sentence(project.run("plan", "--account", "bad"), base_url)
    assert "gave no answer (Connection refused); check base_url and the network" in line


def test_a_dropped_connection(project: Project) -> None:
    with serving(always(Reply(None))) as server:
        manifest(project, server.base_url)
        line = sentence(project.run("apply", "--yes", "--account", "bad"), server.base_url)
    assert "gave no answer (" in line
    assert "check base_url and the network" in line
    assert not server.writes()


def test_a_base_url_that_is_none(project: Project) -> None:
    manifest(project, "http://[::1/v1")
    result = project.run("plan", "--account", "bad")
    assert result.code == 1
    assert "base_url is not a URL" in result.err


def test_a_password_in_the_base_url_is_not_shown(project: Project) -> None:
    with serving(always(said({}, 404))) as server:
        manifest(project, server.base_url.replace("127", "user:hunter2@127"))
        line = sentence(project.run("plan", "--account", "bad"), server.base_url)
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("key", "what"),
    (
        (KEY + "\n", "a line break?"),
        (f"{KEY}é", "one that is not ASCII"),
        (f"{KEY}\r\nX-Evil: 1", "a line break?"),
        (f"{KEY} ", "a blank at an end"),
    ),
)
def test_a_key_that_no_header_can_carry_is_refused_unseen(
    project: Project, monkeypatch: pytest.MonkeyPatch, key: str, what: str
) -> None:
    monkeypatch.setenv("BAD_KEY", key)
    with serving(always(page())) as server:
        manifest(project, server.base_url)
        result = project.run("plan", "--account", "bad")
    assert result.code == 1
    assert result.err == f"account bad: api_key holds a character that cannot be sent ({what}); set it again\n"
    assert not server.asked


def test_a_create_whose_answer_has_no_id_fails_that_change_only(project: Project) -> None:
    def forgetful(asked: Asked) -> Reply:
        return page() if asked.method == "GET" else said({"object": "assistant"})

    with serving(forgetful) as server:
        manifest(project, server.base_url)
        result = project.run("apply", "--yes", "--account", "bad")
    assert result.code == 1
    assert f"account bad: POST {server.base_url}/assistants answered without an id" in " ".join(result.out.split())
    assert len(server.writes()) == 1
