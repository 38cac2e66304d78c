"""Who may call the server, what it takes of a form and for null, and what it says of what it does not have."""

from __future__ import annotations

from pathlib import Path

import click
import httpx2
import pytest
from starlette.datastructures import Headers
from starlette.testclient import TestClient

from deployer.commands.serve import _host_name
from deployer.server import BackgroundServer
from deployer.server.middleware import HostCheck, is_loopback

HERE = ("127.0.0.1", "127.0.0.1:80", "127.1.2.3", "localhost", "LOCALHOST:1", "localhost.", "a.localhost", "[::1]:80")
ELSEWHERE = (
    "evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "evil-localhost", "0.0.0.0",  # noqa: S104
    "192.0.2.1", "[::2]", "", " ", ":80", "127.0.0.1:80:80", "127.0.0.1@evil.example", "evil.example#127.0.0.1",
)  # fmt: skip


def check(hosts: HostCheck, *names: str) -> int:
    refusal = hosts.refusal(Headers(raw=[(b"host", name.encode()) for name in names]))
    return refusal.status if refusal else 200


@pytest.mark.parametrize("name", HERE)
def test_names_of_this_machine_are_served(name: str) -> None:
    assert check(HostCheck(()), name) == 200


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_name_that_leads_here_is_not_served(name: str) -> None:
    """A page whose own name leads to 127.0.0.1 could read everything: its browser sends that name."""
    assert check(HostCheck(()), name) == 403
    assert check(HostCheck(("deployer.test",)), "localhost", name) == 403


def test_other_names_can_be_allowed() -> None:
    hosts = HostCheck(("Deployer.test", "192.0.2.1"))
    assert [check(hosts, name) for name in ("deployer.test:80", "192.0.2.1", "x.deployer.test")] == [200, 200, 403]
    assert check(hosts) == 200  # HTTP/1.0 names none


def test_only_what_always_leads_here_is_loopback() -> None:
    assert not is_loopback("")
    assert not is_loopback("localhost.example")


def test_the_host_is_checked_over_a_socket_where_there_is_no_key(tmp_path: Path) -> None:
    evil = {"host": "evil.example"}
    with BackgroundServer(tmp_path) as server:
        answer = httpx2.get(f"{server.base_url}/files", headers=evil)
        assert answer.status_code == 403
        assert answer.json()["error"]["code"] == "host_not_allowed"
        assert "--allow-host" in answer.json()["error"]["message"]
        assert httpx2.get(f"{server.base_url}/files").status_code == 200
    with BackgroundServer(tmp_path, key="right") as server:  # who knows the key was meant
        given = {**evil, "authorization": "Bearer right"}
        assert httpx2.get(f"{server.base_url}/files", headers=given).status_code == 200


def form(boundary: str, *parts: tuple[str, bytes]) -> bytes:
    pieces = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + body + b"\r\n"
        for name, body in parts
    ]
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()


@pytest.mark.parametrize("path", ("/v1/files", "/v1/uploads/upload_1/parts"))
@pytest.mark.parametrize("boundary", ("a" * 257, "a" * 5000, "é", '""', "a b"))
def test_a_boundary_that_is_none_is_refused(api: TestClient, path: str, boundary: str) -> None:
    headers = {b"content-type": f"multipart/form-data; boundary={boundary}".encode("latin-1")}
    answer = api.post(path, content=b"--x--", headers=headers)
    assert 400 <= answer.status_code < 500, answer.text


def test_fields_of_a_form_are_bounded_together(api: TestClient) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    large = [(f"f{number}", b"x" * 100_000) for number in range(20)]
    many = [("f", b"")] * 200
    for parts, said in ((large, "too large"), (many, "too many parts")):
        answer = api.post("/v1/files", content=form("b", *parts), headers=headers)
        assert (answer.status_code, said in answer.json()["error"]["message"]) == (413, True)


def test_null_where_a_proxy_sends_it(api: TestClient) -> None:
    """LiteLLM sends `file_ids: null` with each store, and the real service takes it."""
    assert api.post("/v1/vector_stores", json={"name": "n", "file_ids": None}).status_code == 200
    made = api.post("/v1/assistants", json={"model": "m", "tools": None})
    assert (made.status_code, made.json()["tools"]) == (200, [])
    changed = api.post(f"/v1/assistants/{made.json()['id']}", json={"tools": None})
    assert (changed.status_code, changed.json()["tools"]) == (200, [])


@pytest.mark.parametrize("path", ("/v1/chat/completions", "/v1/embeddings", "/v1/batches/b_1"))
def test_what_is_not_built_says_so(api: TestClient, path: str) -> None:
    answer = api.post(path, json={})
    assert answer.status_code == 404
    assert "the embedded account does not" in answer.json()["error"]["message"]
    assert "embedded" not in api.post("/v1/chats", json={}).json()["error"]["message"]


@pytest.mark.parametrize(
    ("text", "name"),
    (
        ("x", "x"),
        ("x:8080", "x"),
        (" Deployer.Internal ", "Deployer.Internal"),
        ("[2001:db8::1]:80", "2001:db8::1"),
        ("2001:db8::1",) * 2,
    ),
)
def test_a_port_of_an_allowed_host_does_not_count(text: str, name: str) -> None:
    assert _host_name(text) == name


@pytest.mark.parametrize("text", ("", "*", "*.example.org", "http://x", "x/y", "x y", "a@b", "x:y"))
def test_what_no_request_can_name_is_no_allowed_host(text: str) -> None:
    """A pattern that never fits would look as if it did."""
    with pytest.raises(click.BadParameter, match="is no name of a host"):
        _host_name(text)
