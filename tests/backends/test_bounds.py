"""Answers without end, too large, leading elsewhere, with numbers that no clock has: each is told and costs little."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import cache

import httpx2
import pytest

from deployer.backends.http.client import Client, connect
from deployer.backends.http.retry import Patience, asked_wait
from deployer.errors import AccountError
from deployer.model import UNLIMITED, AccountSettings
from tests.backends.customer import KEY, always, lists, manifest, sentence
from tests.backends.servers import Asked, Behaviour, Reply, page, said, serving
from tests.support.project import Project

MEGABYTE = 1_000_000
JSON = {"Content-Type": "application/json"}
SOON = Patience(connect=0.2, read=0.3, write=0.3, attempts=1, first=1, base=0.0)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAD_KEY", KEY)


def told(project: Project, behaviour: Behaviour, *arguments: str) -> str:
    with serving(behaviour) as server:
        manifest(project, server.base_url)
        return sentence(project.run(*arguments, "--account", "bad"), server.base_url)


def moved(status: int, target: str) -> Behaviour:
    return always(Reply(b"", status, {"Location": target}))


@pytest.mark.parametrize("status", (301, 302, 303, 307, 308))
@pytest.mark.parametrize("arguments", (("plan",), ("apply", "--yes"), ("destroy", "--confirm", "test")), ids=" ".join)
def test_nothing_is_sent_to_another_host(project: Project, status: int, arguments: tuple[str, ...]) -> None:
    with serving(lists()) as other:
        target = other.base_url.replace("127.0.0.1", "localhost") + "/assistants"
        text = told(project, moved(status, target), *arguments)
        assert other.asked == []
    assert f"answered {status}, a redirect to {target}, which is not followed; if that is the account" in text


@pytest.mark.parametrize("target", ("https://user:secret@example.org/v1?signature=x", "//example.org", "http://["))
def test_where_it_leads_is_told_without_secrets(project: Project, target: str) -> None:
    text = told(project, moved(307, target), "plan")
    assert "a redirect to" in text
    assert "secret" not in text
    assert "signature" not in text


def test_a_write_is_never_followed_by_another_method(project: Project) -> None:
    """A 302 turns POST and DELETE into GET: what was to be done is not, and the answer looks fine."""
    answer = lists()

    def behaviour(asked: Asked) -> Reply:
        return answer(asked) if asked.method == "GET" else Reply(b"", 302, {"Location": asked.path})

    with serving(behaviour) as server:
        manifest(project, server.base_url)
        found = project.run("apply", "--yes", "--account", "bad")
    assert found.code == 1
    assert "answered 302, a redirect to /v1/" in found.out


def test_a_redirect_within_the_account_is_followed(project: Project) -> None:
    answer = lists()

    def behaviour(asked: Asked) -> Reply:
        if "moved" in asked.path:
            return answer(Asked(asked.method, asked.path.replace("moved=1", "a=1"), asked.headers))
        mark = "&" if "?" in asked.path else "?"
        return Reply(b"", 307, {"Location": f"{asked.path}{mark}moved=1"})

    with serving(behaviour) as server:
        manifest(project, server.base_url)
        assert project.run("plan", "--account", "bad").code == 0


@cache
def packed(coding: str, count: int) -> bytes:
    pack = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    return b"".join(pack.compress(b" " * MEGABYTE) for _ in range(count)) + pack.flush()


SAID = {
    200: "answered more than 24 MB; check the account's base_url",
    404: "answered 404: an empty body; check the account's api and base_url",
    500: "answered 500: an empty body; the trouble is on the account's side",
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("status", SAID)
@pytest.mark.parametrize("coding", ("gzip", "deflate", ""))
def test_an_answer_without_end_costs_little(project: Project, coding: str, status: int) -> None:
    """A small answer that unpacks to 300 MB, and a plain one of 100 MB, as a good answer and as an error."""
    body = packed(coding, 300) if coding else b" " * (100 * MEGABYTE)
    headers = {**JSON, "retry-after-ms": "1", **({"Content-Encoding": coding} if coding else {})}
    with serving(always(Reply(body, status, headers))) as server:
        manifest(project, server.base_url)
        tracemalloc.start()
        try:
            text = sentence(project.run("plan", "--account", "bad"), server.base_url)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert SAID[status] in text
    assert peak < 100 * MEGABYTE


def test_a_list_whose_rows_are_large_is_read_few_at_a_time(project: Project) -> None:
    """A hundred of the longest instructions, in Korean or in escapes, are more than one answer may have."""
    rows = [{"id": f"asst_{number:02}", "object": "assistant", "instructions": "x" * MEGABYTE} for number in range(45)]

    def behaviour(asked: Asked) -> Reply:
        if asked.collection != "/assistants":
            return page()
        query = dict(pair.split("=") for pair in asked.path.partition("?")[2].split("&"))
        start = next((place + 1 for place, row in enumerate(rows) if row["id"] == query.get("after")), 0)
        end = start + int(query["limit"])
        return page(*rows[start:end], has_more=end < len(rows))

    with serving(behaviour) as server:
        manifest(project, server.base_url)
        assert project.run("plan", "--account", "bad").code == 0
        asked = [one.path.partition("limit=")[2].partition("&")[0] for one in server.asked if "/assistants" in one.path]
    assert asked == ["100", "10", "100", "10", "100"]


def test_large_answers_are_read_one_after_another() -> None:
    """Together they would fill the memory."""
    large, most = [0], [0]

    async def body() -> AsyncIterator[bytes]:
        for number in range(20):
            await asyncio.sleep(0)
            large[0] += number == 6
            most[0] = max(most[0], large[0])
            yield b" " * MEGABYTE
        large[0] -= 1

    async def ask() -> None:
        settings = AccountSettings("large", "assistants", "http://account.invalid/v1", limits=UNLIMITED)
        transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=body(), request=request))
        async with connect(settings, {}, transport, Patience(attempts=1, first=1)) as client:
            found = await asyncio.gather(*(client.get("/assistants") for _ in range(5)), return_exceptions=True)
        assert all("not a JSON object" in str(one) for one in found)

    asyncio.run(ask())
    assert (large, most) == ([0], [1])


class Slowly(httpx2.AsyncByteStream):
    """A body that is too large, of a connection that takes its time to close."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number in range(30):
            await asyncio.sleep(0)
            yield bytes([number]) * MEGABYTE

    async def aclose(self) -> None:
        for _ in range(100):
            await asyncio.sleep(0)


@pytest.mark.parametrize("method", ("GET", "POST"))
def test_what_was_read_in_vain_is_let_go_of_before_the_next(method: str) -> None:
    """Errors of writes are kept for a minute: while what they may have made is looked for."""

    async def several() -> int:
        settings = AccountSettings("large", "assistants", "http://account.invalid/v1", limits=UNLIMITED)
        transport = httpx2.MockTransport(lambda request: httpx2.Response(200, stream=Slowly(), request=request))
        async with connect(settings, {}, transport, Patience(attempts=1, first=1)) as client:

            def one() -> Awaitable[object]:
                return client.get("/assistants") if method == "GET" else client.write(method, "/assistants", {})

            await asyncio.gather(one(), return_exceptions=True)  # imports
            tracemalloc.start()
            try:
                kept = await asyncio.gather(*(one() for _ in range(5)), return_exceptions=True)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
        assert all("answered more than 24 MB" in str(error) for error in kept)
        return peak

    peak = asyncio.run(several())
    assert peak < 50 * MEGABYTE


@pytest.mark.parametrize("coding", ("gzip", "x-gzip", "deflate"))
def test_packed_answers_are_read(project: Project, coding: str) -> None:
    answer = lists()

    def behaviour(asked: Asked) -> Reply:
        plain = answer(asked)
        body = zlib.compress(plain.body or b"") if coding == "deflate" else gzip.compress(plain.body or b"")
        return Reply(body, plain.status, {**plain.headers, "Content-Encoding": coding})

    with serving(behaviour) as server:
        manifest(project, server.base_url)
        assert project.run("plan", "--account", "bad").code == 0


def test_what_cannot_be_unpacked_is_told(project: Project) -> None:
    assert told(project, always(Reply(b"no gzip", 200, {**JSON, "Content-Encoding": "gzip"})), "plan")


@asynccontextmanager
async def dripping(before: bytes) -> AsyncIterator[Client]:
    """An account that sends one byte after the other, for ever."""
    at_work: list[asyncio.Task[None] | None] = []

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(before)
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = AccountSettings("slow", "assistants", f"http://127.0.0.1:{port}/v1", limits=UNLIMITED)
    try:
        async with connect(settings, {}, patience=SOON) as client:
            yield client
    finally:
        server.close()
        for task in filter(None, at_work):
            task.cancel()
            await task


@pytest.mark.parametrize("status", (200, 500))
def test_a_body_that_drips_ends(status: int) -> None:
    """Each byte comes in time; the whole never does."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"

    async def ask() -> None:
        async with dripping(head.encode()) as client:
            await client.get("/assistants")

    with pytest.raises(AccountError, match=r"gave no whole answer within 0.5 s; check base_url and the network"):
        asyncio.run(ask())


DIGITS = "9" * 5000
TIMES = (
    "Mon, 01 Jan 99999999999 00:00:00 GMT",
    "Mon, 01 Jan 2026 99:99:99 GMT",
    "Mon, 01 Jan 2026 00:00:00 +999999999",
    "Mon, 01 Jan 0000 00:00:00 GMT",
    "Mon, 32 Foo -1 00:00:00 GMT",
    DIGITS,
    f"-{DIGITS}",
    f"0.{DIGITS}",
    "1e26",
    "NaN",
    "Infinity",
    "\u0663",
    "0x10",
    "",
)


@pytest.mark.parametrize("text", TIMES, ids=lambda text: text[:20])
@pytest.mark.parametrize("header", ("retry-after", "retry-after-ms", "date"))
def test_a_wait_is_a_number_of_seconds_or_none(header: str, text: str) -> None:
    wait = asked_wait({"retry-after": "Mon, 01 Jan 2026 00:00:00 GMT", header: text})
    assert wait is None or 0 < wait <= 10**9


@pytest.mark.parametrize("headers", ({"retry-after": TIMES[0]}, {"retry-after": DIGITS}, {"date": TIMES[0]}), ids=str)
def test_no_number_of_an_answer_is_a_bug(project: Project, headers: dict[str, str]) -> None:
    behaviour = always(said({"error": {"message": "no"}}, 503, retry_after_ms="1", **headers))
    assert "answered 503: no;" in told(project, behaviour, "plan")
