"""One exchange: who is calling, how long it is waited for, what is told of it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from deployer.backends.http.client import Answer, Client, Patience, connect
from deployer.errors import AccountError
from tests.backends.clients import HEADERS, exchange, settings, within
from tests.backends.servers import Asked, Reply, page, said, serving


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
        client.circuit.known = True
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


def test_only_a_write_loads_the_sdk() -> None:
    """It takes longer to import than the rest of a short command altogether."""
    script = """
import asyncio, sys
from tests.backends.clients import HEADERS, settings
from deployer.backends.http.client import connect

async def main():
    async with connect(settings(sys.argv[1]), HEADERS) as client:
        await client.get("/agents")
        print("openai" in sys.modules)
        await client.write("POST", "/agents", {})
        print("openai" in sys.modules)

asyncio.run(main())
"""
    with serving(lambda _asked: said({"id": "x"})) as server:
        command = [sys.executable, "-c", script, server.base_url]
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["False", "True"]


def test_reads_and_writes_go_by_the_same_connections_with_the_same_headers() -> None:
    async def both(client: Client) -> Answer:
        await client.get("/agents")
        return await client.write("POST", "/agents", {})

    with serving(lambda _asked: said({"id": "x"})) as server:
        exchange(server.base_url, both, organization="org-ours", query={"api-version": "v1"})
    read, written = ({name.lower(): value for name, value in asked.headers.items()} for asked in server.asked)
    same = ("authorization", "accept", "accept-encoding", "host", "openai-beta", "openai-organization")
    assert [read[name] for name in same] == [written[name] for name in same]
    assert [asked.path for asked in server.asked] == ["/v1/agents?api-version=v1"] * 2
