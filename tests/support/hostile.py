"""An account that is broken, slow, huge, lying, lagging, normalising or forgetting: the modes as a table of data.

Each mode says what it does to which requests, down to the bytes on the wire. The embedded account behind it is sound,
so what really happened can be read there afterwards.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import count
from typing import Any
from unicodedata import normalize

import httpx2

MEGABYTE = 1_000_000
Json = Any
JSON = {"Content-Type": "application/json"}
_FOR_EVER = 3600.0
_PARTS = re.compile(r"/v1/(?P<collection>[^/?]+)(?:/(?P<id>[^/?]+)(?:/(?P<inside>[^/?]+)(?:/(?P<member>[^/?]+))?)?)?")


@dataclass(frozen=True)
class Asked:
    """A request, whole."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def sort(self) -> str:
        """What is asked for: list, get, create, update, delete, members, upload, attach, poll, or other."""
        found = _PARTS.match(self.path)
        if found is None:
            return "other"
        if found["collection"] in ("files", "uploads"):
            return {"POST": "upload", "DELETE": "delete"}.get(self.method, "get" if found["id"] else "list")
        if found["inside"]:
            if self.method == "GET":
                return "poll" if found["member"] or found["inside"] == "file_batches" else "members"
            return "attach" if self.method == "POST" else "delete"
        if self.method == "POST":
            return "update" if found["id"] else "create"
        return "delete" if self.method == "DELETE" else "get" if found["id"] else "list"


WRITES = ("create", "update", "delete", "upload", "attach")
READS = ("list", "get", "members", "poll")
ALL = (*WRITES, *READS, "other")


@dataclass(frozen=True)
class Answer:
    """An answer, whole; what it holds, where that is JSON."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)

    @property
    def wire(self) -> bytes:
        lines = {"Content-Length": str(len(self.body)), "Connection": "close", **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"HTTP/1.1 {self.status} X\r\n{head}\r\n".encode("latin-1") + self.body

    @property
    def pieces(self) -> Iterator[bytes]:
        """The same, so that nothing waits until all of what is huge is made ready."""
        body, *rest = (self.body[start : start + MEGABYTE] for start in range(0, len(self.body) or 1, MEGABYTE))
        yield replace(self, body=body, headers={"Content-Length": str(len(self.body)), **self.headers}).wire
        yield from rest

    @property
    def data(self) -> Json:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def holding(self, data: Json) -> Answer:
        return Answer(self.status, json.dumps(data).encode(), JSON)


Upstream = Callable[[], "asyncio.Future[Answer]"]
"""Does what was asked, on the sound account."""
Act = Callable[[Asked, Callable[[], Any]], AsyncIterator[bytes]]
"""Yields the bytes that go out; the connection ends with them."""


@dataclass(frozen=True)
class Mode:
    """What happens to requests of these sorts; to the first `times` of them, where that is given."""

    name: str
    kind: str
    act: Act
    sorts: tuple[str, ...] = ALL
    times: int | None = None
    stale: float = 0.0
    """How many seconds lists lag behind."""
    path: str = ""
    """What the path holds of the requests that are meant."""
    api: str = "assistants"
    hides: bool = False
    """It does not show what is there, or whose it is: of what was there before, nobody can know."""


def instead(answer: Answer | bytes | Callable[[], Answer]) -> Act:
    """Nothing is done, and this is said; what is large is made when it is first needed."""

    async def act(_asked: Asked, _upstream: Callable[[], Any]) -> AsyncIterator[bytes]:
        said = answer() if callable(answer) else answer
        for piece in said.pieces if isinstance(said, Answer) else [said]:
            yield piece

    return act


def after(spoil: Callable[[Answer], Answer | bytes]) -> Act:
    """It is done, and the answer is spoiled."""

    async def act(_asked: Asked, upstream: Callable[[], Any]) -> AsyncIterator[bytes]:
        spoiled = spoil(await upstream())
        yield spoiled.wire if isinstance(spoiled, Answer) else spoiled

    return act


def changed(change: Callable[[dict[str, Any]], object]) -> Act:
    """It is done, and each object in the answer is shown changed."""

    def spoil(answer: Answer) -> Answer:
        data = answer.data
        if not isinstance(data, dict) or answer.status >= 300:
            return answer
        rows = data["data"] if isinstance(data.get("data"), list) else [data]
        for row in rows:
            if isinstance(row, dict):
                change(row)
        return answer.holding(data)

    return after(spoil)


def envelope(change: Callable[[dict[str, Any]], object]) -> Act:
    """It is done, and the list, or the object, is changed as a whole."""

    def spoil(answer: Answer) -> Answer:
        data = answer.data
        if not isinstance(data, dict) or answer.status >= 300:
            return answer
        change(data)
        return answer.holding(data)

    return after(spoil)


def hanging(*, done: bool) -> Act:
    async def act(_asked: Asked, upstream: Callable[[], Any]) -> AsyncIterator[bytes]:
        if done:
            await upstream()
        await asyncio.sleep(_FOR_EVER)
        yield b""

    return act


def dripping(head: bytes, drop: bytes, seconds: float) -> Act:
    async def act(_asked: Asked, _upstream: Callable[[], Any]) -> AsyncIterator[bytes]:
        yield head
        while True:
            yield drop
            await asyncio.sleep(seconds)

    return act


def slow(seconds: float) -> Act:
    async def act(_asked: Asked, upstream: Callable[[], Any]) -> AsyncIterator[bytes]:
        await asyncio.sleep(seconds)
        yield (await upstream()).wire

    return act


def endless(head: bytes, piece: bytes) -> Act:
    async def act(_asked: Asked, _upstream: Callable[[], Any]) -> AsyncIterator[bytes]:
        yield head
        while True:
            yield piece

    return act


@cache
def packed(coding: str, megabytes: int) -> Answer:
    pack = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
    body = b"".join(pack.compress(b" " * MEGABYTE) for _ in range(megabytes)) + pack.flush()
    return Answer(200, body, {**JSON, "Content-Encoding": coding})


def error(status: int, message: str = "no", code: str | None = None, **headers: str) -> Answer:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps(body).encode(), {**JSON, **named})


def page(*rows: Json, **more: Json) -> Answer:
    return Answer(200, json.dumps({"object": "list", "data": list(rows), "has_more": False, **more}).encode())


@cache
def many_rows() -> Answer:
    return page(*({"id": f"x{number}", "object": "assistant"} for number in range(100_000)))


HTML = Answer(200, b"<!doctype html><title>Sign in</title><form>", {"Content-Type": "text/html"})
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
ELSEWHERE = "ELSEWHERE"
"""Stands for another host, which must never be asked anything."""


def _cut(answer: Answer) -> bytes:
    return Answer(answer.status, answer.body, {**answer.headers, "Content-Length": str(len(answer.body) + 50)}).wire


def _chunked(answer: Answer) -> bytes:
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (len(answer.body) + 9) + answer.body


def _metadata(change: Callable[[dict[str, str]], Json]) -> Act:
    def each(row: dict[str, Any]) -> None:
        if row.get("metadata"):
            row["metadata"] = change(row["metadata"])

    return changed(each)


def _texts(change: Callable[[str], Json]) -> Act:
    def each(row: dict[str, Any]) -> None:
        for name in ("name", "instructions", "description"):
            if isinstance(row.get(name), str):
                row[name] = change(row[name])

    return changed(each)


def _long(megabytes: int) -> Act:
    """Each first row has a text that is so long."""

    async def act(_asked: Asked, upstream: Callable[[], Any]) -> AsyncIterator[bytes]:
        answer = await upstream()
        data = answer.data
        rows = data.get("data", [data]) if isinstance(data, dict) and answer.status < 300 else []
        if not rows:
            yield answer.wire
            return
        rows[0]["name"] = ELSEWHERE
        before, _, behind = json.dumps(data).encode().partition(ELSEWHERE.encode())
        length = {"Content-Length": str(len(before) + len(behind) + megabytes * MEGABYTE)}
        yield Answer(answer.status, before, {**JSON, **length}).wire
        for _ in range(megabytes):
            yield b"A" * MEGABYTE
        yield behind

    return act


def setting(**fields: Json) -> Act:
    return changed(lambda row: row.update({name: value for name, value in fields.items() if name in row}))


def dropping(*names: str) -> Act:
    return changed(lambda row: [row.pop(name, None) for name in names])


def _flip() -> Act:
    """Each answer has another field of another type."""
    numbers = count()
    odd: tuple[Any, ...] = (None, 1, "x", [], {}, True, [[]], {"a": None}, "\ud800", -1)

    def each(row: dict[str, Any]) -> None:
        number = next(numbers)
        row[list(row)[number % len(row)]] = odd[number % len(odd)]

    return changed(each)


def _some(change: Callable[[list[Json]], object]) -> Act:
    return envelope(lambda data: change(data["data"]) if isinstance(data.get("data"), list) else None)


def _renamed() -> Act:
    numbers = count()

    def whole(data: dict[str, Any]) -> None:
        if isinstance(data.get("data"), list):
            data["data"] = data["data"] or [{"id": "x", "object": "assistant"}]
            for row in data["data"]:
                row["id"] = f"{row['id']}{next(numbers)}"
            data["has_more"] = True

    return envelope(whole)


def _id(sort: object, name: str) -> str:
    prefixes = {"assistant": "asst_", "vector_store": "vs_", "file": "file-", "agent": "agent_"}
    return f"{prefixes.get(str(sort), 'x_')}{name:0<24}"


async def _untouched(asked: Asked, upstream: Callable[[], Any]) -> AsyncIterator[bytes]:
    """Nothing is done, but it is said to be, with what was sent or with an object that is not there."""
    del upstream
    if asked.method == "DELETE":
        yield Answer(200, b'{"id": "x", "deleted": true}').wire
        return
    sent = json.loads(asked.body or b"{}")
    sort = asked.path.split("/")[2].rstrip("s").partition("?")[0]
    made = {"id": _id(sort, "madeup"), "object": sort, "created_at": 1, **sent}
    yield Answer(200, json.dumps(made).encode()).wire


def _counts(**numbers: Json) -> Act:
    def whole(data: dict[str, Any]) -> None:
        if isinstance(data.get("file_counts"), dict):
            data["file_counts"].update(numbers)

    return envelope(whole)


def _attributes(change: Callable[[dict[str, Any]], Json]) -> Act:
    def each(row: dict[str, Any]) -> None:
        if isinstance(row.get("attributes"), dict):
            row["attributes"] = change(row["attributes"])

    return changed(each)


def _keys_in_capitals(pairs: dict[str, str]) -> Json:
    return {key if key.startswith("deployer") else key.upper(): value for key, value in pairs.items()}


def _other_chunks(row: dict[str, Any]) -> None:
    if isinstance(row.get("chunking_strategy"), dict):
        static = {"max_chunk_size_tokens": 512, "chunk_overlap_tokens": 128}
        row["chunking_strategy"] = {"type": "static", "static": static}


def _packed_by_half(answer: Answer) -> Answer:
    pack = zlib.compressobj(9, wbits=31)
    body = pack.compress(answer.body) + pack.flush()
    return Answer(answer.status, body[: len(body) // 2], {**JSON, "Content-Encoding": "gzip"})


_CREATES = (
    ("assistant", "create", "/assistants"),
    ("store", "create", "/vector_stores"),
    ("upload", "upload", "/files"),
    ("batch", "attach", "/file_batches"),
)
TABLE: tuple[Mode, ...] = (
    # Broken: what comes is no answer of this API, or none at all.
    Mode("another protocol", "broken", instead(b"SSH-2.0-OpenSSH_9.6\r\n")),
    Mode("closed at once", "broken", instead(b"")),
    Mode("closed after the work", "broken", after(lambda _: b""), WRITES),
    Mode("closed in the middle", "broken", after(lambda one: one.wire[: len(one.wire) // 2])),
    Mode("cut short", "broken", after(_cut)),
    Mode("chunks that end early", "broken", after(_chunked)),
    Mode("not gzip", "broken", instead(Answer(200, b"no gzip", {**JSON, "Content-Encoding": "gzip"}))),
    Mode("an unknown coding", "broken", instead(Answer(200, b"{}", {**JSON, "Content-Encoding": "br, zstd, x"}))),
    Mode("a wrong length", "broken", instead(Answer(200, b"{}", {**JSON, "Content-Length": "-1"}))),
    Mode("101", "broken", instead(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n")),
    Mode("100 for ever", "broken", after(lambda one: b"HTTP/1.1 100 Continue\r\n\r\n" * 1000 + one.wire)),
    Mode("204", "broken", instead(Answer(204, b""))),
    Mode("204 after the work", "broken", after(lambda _: Answer(204, b"")), WRITES),
    Mode("299", "broken", instead(Answer(299, b"{}"))),
    Mode("600", "broken", instead(Answer(600, b"{}"))),
    Mode("a huge header", "broken", instead(Answer(200, b"{}", {**JSON, "X-A": "b" * 200_000}))),
    Mode("a header that is none", "broken", instead(HEAD + b"no colon\r\n\x00: \xff\r\n\r\n{}")),
    Mode("not UTF-8", "broken", instead(Answer(200, b"\xff\xfe\x00{}", {"Content-Type": "text/x; charset=utf-7"}))),
    Mode("nothing", "broken", instead(Answer(200, b""))),
    Mode("HTML", "broken", instead(HTML)),
    Mode("HTML after the work", "broken", after(lambda _: HTML), WRITES),
    Mode("a JSON list", "broken", instead(Answer(200, b"[]"))),
    Mode("a JSON text", "broken", instead(Answer(200, b'"ok"'))),
    Mode("JSON without end", "broken", instead(Answer(200, b"[" * 100_000))),
    Mode("numbers that are none", "broken", changed(lambda row: row.update(temperature=float("nan"), bytes=1e999))),
    Mode("a number of 5,000 digits", "broken", instead(Answer(200, b'{"data": [' + b"9" * 5_000 + b"]}"))),
    Mode("events", "broken", instead(Answer(200, b"data: {}\n\n", {"Content-Type": "text/event-stream"}))),
    Mode("an error called 200", "broken", instead(Answer(200, error(400).body))),
    Mode("two lengths", "broken", instead(HEAD + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}   ")),
    Mode("chunks of no size", "broken", instead(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")),
    Mode("a body alone", "broken", instead(b'{"data": []}')),
    Mode("half of what is packed", "broken", after(_packed_by_half)),
    Mode("UTF-16", "broken", after(lambda one: replace(one, body=one.body.decode().encode("utf-16")))),
    Mode("a mark before it", "broken", after(lambda one: replace(one, body=b"\xef\xbb\xbf" + one.body))),
    Mode("something behind it", "broken", after(lambda one: replace(one, body=one.body + b"\n{}"))),
    *(Mode(f"{status}", "broken", instead(Answer(status, b"{}"))) for status in (203, 205, 206, 304, 999)),
    Mode("lines of JSON", "broken", instead(Answer(200, b'{"id": "a"}\n{"id": "b"}\n'))),
    # Refusing: each status, and each wish to wait.
    *(
        Mode(f"{status} on {on}", "refusing", instead(error(status)), sorts)
        for status in (400, 401, 403, 404, 405, 409, 413, 422, 501)
        for on, sorts in (("everything", ALL), ("writes", WRITES))
    ),
    *(
        Mode(f"{status} on {on}", "refusing", instead(error(status)), sorts)
        for status, on, sorts in (
            *((status, "everything", ALL) for status in (402, 406, 410, 423, 451, 505, 511)),
            *((status, "writes", WRITES) for status in (402, 406, 408, 410, 418, 423, 451, 505, 507, 520)),
            *((status, "lists", ("list",)) for status in (400, 401, 402, 410, 422)),
            *((status, "members", ("members",)) for status in (400, 404, 405, 410)),
            *((status, "polling", ("poll",)) for status in (400, 403, 404, 405, 410, 501)),
            *((status, "updating", ("update",)) for status in (403, 405, 410, 501)),
            *((status, "deleting", ("delete",)) for status in (403, 410, 423, 501)),
        )
    ),
    Mode("404 on getting one", "refusing", instead(error(404)), ("get",)),
    Mode("405 on deleting", "refusing", instead(error(405)), ("delete",)),
    Mode("400 on attaching", "refusing", instead(error(400, code="unsupported_file")), ("attach",)),
    Mode("400 on uploading", "refusing", instead(error(400)), ("upload",)),
    Mode("403 on members", "refusing", instead(error(403)), ("members",)),
    Mode("quota", "refusing", instead(error(429, code="insufficient_quota")), WRITES),
    Mode("429", "refusing", instead(error(429))),
    Mode("429, the first twenty", "refusing", instead(error(429, retry_after_ms="100")), ALL, 20),
    Mode("429 for an hour", "refusing", instead(error(429, Retry_After="3600"))),
    Mode(
        "429 till the year 99999999999",
        "refusing",
        instead(error(429, Retry_After="Mon, 01 Jan 99999999999 00:00:00 GMT")),
    ),
    Mode("429 for 5,000 digits", "refusing", instead(error(429, Retry_After="9" * 5_000))),
    Mode(
        "429 by a clock that is none",
        "refusing",
        instead(error(429, Retry_After="NaN", Date="Mon, 01 Jan 0001 00:00:00 -2359")),
    ),
    Mode("500", "refusing", instead(error(500))),
    Mode("500, the first ten", "refusing", instead(error(500)), ALL, 10),
    Mode("500 after the work", "refusing", after(lambda _: error(500)), WRITES),
    Mode("502 in HTML", "refusing", instead(Answer(502, b"<title>Bad Gateway</title>", {"Content-Type": "text/html"}))),
    Mode("503 after the work, once", "refusing", after(lambda _: error(503)), WRITES, 1),
    Mode("a forged message", "refusing", instead(error(400, "\x1b[2J\r::error::\u202e\ud800"))),
    # Leading elsewhere.
    Mode("307 to another host", "redirecting", instead(Answer(307, b"", {"Location": f"{ELSEWHERE}/v1/assistants"}))),
    Mode("302 on writes", "redirecting", instead(Answer(302, b"", {"Location": "/v1/assistants"})), WRITES),
    Mode(
        "303 after the work", "redirecting", after(lambda _: Answer(303, b"", {"Location": "/v1/assistants"})), WRITES
    ),
    Mode("308 for ever", "redirecting", instead(Answer(308, b"", {"Location": "/v1/assistants"}))),
    Mode("301 to nowhere", "redirecting", instead(Answer(301, b"", {"Location": "http://["}))),
    # Slow.
    Mode("no answer", "slow", hanging(done=False)),
    Mode("no answer to writes", "slow", hanging(done=False), WRITES),
    Mode("no answer after the work", "slow", hanging(done=True), WRITES),
    Mode("no answer to the first write after its work", "slow", hanging(done=True), WRITES, 1),
    Mode("no answer to members", "slow", hanging(done=False), ("members",)),
    Mode("a dripping body", "slow", dripping(HEAD + b"Content-Length: 1000000\r\n\r\n{", b" ", 0.1)),
    Mode("dripping headers", "slow", dripping(HEAD, b"X-A: b\r\n", 0.1)),
    Mode("each answer late", "slow", slow(0.3)),
    # Huge.
    Mode("a gzip bomb", "huge", instead(partial(packed, "gzip", 400))),
    Mode("a deflate bomb", "huge", instead(partial(packed, "deflate", 400))),
    Mode("a gzip bomb after the work", "huge", after(lambda _: packed("gzip", 100)), WRITES),
    Mode("a body without end", "huge", endless(HEAD + b"\r\n{", b" " * MEGABYTE)),
    Mode("headers without end", "huge", endless(HEAD, b"X-A: b\r\n" * 10_000)),
    Mode(
        "an error page of 100 MB",
        "huge",
        instead(lambda: Answer(500, b"A" * 100 * MEGABYTE, {"Content-Type": "text/plain"})),
    ),
    Mode(
        "100,000 rows",
        "huge",
        instead(many_rows),
        ("list",),
    ),
    Mode("a text of 40 MB", "huge", _long(40), ("list", "get")),
    # Lying.
    Mode("more is promised for ever", "lying", envelope(lambda data: data.update(has_more=True)), ("list", "members")),
    Mode("new rows for ever", "lying", _renamed(), ("list",)),
    Mode("no word of more", "lying", envelope(lambda data: data.pop("has_more", None)), ("list", "members")),
    Mode("each row twice", "lying", _some(lambda rows: rows.extend(list(rows))), ("list", "members")),
    Mode("rows in another order", "lying", _some(lambda rows: rows.reverse()), ("list", "members")),
    Mode("an id that leads elsewhere", "lying", setting(id="../../v1/files/x?y=1"), ("create", "upload")),
    Mode(
        "the same id for all",
        "lying",
        changed(lambda row: row.update(id=_id(row.get("object"), "same"))),
        ("create", "upload"),
    ),
    Mode("no id", "lying", dropping("id"), ("create", "upload", "attach")),
    Mode("answers as lists", "lying", after(lambda one: one.holding({"data": [one.data]})), WRITES),
    Mode("done, but is not", "lying", _untouched, ("create", "update", "delete", "attach")),
    Mode("deleted, but is not", "lying", _untouched, ("delete",)),
    Mode("updated, but is not", "lying", _untouched, ("update",)),
    Mode("not deleted, it says", "lying", setting(deleted=False), ("delete",)),
    Mode("deleted, without a word", "lying", after(lambda one: one.holding({})), ("delete",)),
    Mode("a batch of nothing", "lying", _counts(total=0, completed=0, in_progress=0), ("attach", "poll")),
    Mode("negative counts", "lying", _counts(total=-3, in_progress=-1), ("attach", "poll")),
    Mode("never ingested", "lying", _counts(in_progress=1, completed=0), ("attach", "poll")),
    Mode("another object", "lying", setting(id="asst_other", name="Other"), ("get",)),
    Mode("an id that is a number", "lying", changed(lambda row: row.update(id=7)), ("create", "upload")),
    Mode("an id without end", "lying", setting(id="asst_" + "x" * 600), ("create", "upload")),
    Mode("a batch of more", "lying", _counts(total=1_000, completed=1_000), ("attach", "poll")),
    Mode("a batch that was cancelled", "lying", setting(status="cancelled"), ("attach", "poll")),
    Mode("a status of its own", "lying", setting(status="weird")),
    Mode("counts in words", "lying", _counts(total="one", in_progress="none", completed=None), ("attach", "poll")),
    Mode("no counts", "lying", dropping("file_counts")),
    Mode("more, in words", "lying", envelope(lambda data: data.update(has_more="false")), ("list", "members")),
    Mode("no rows", "lying", envelope(lambda data: data.update(data=None)), ("list", "members")),
    Mode("empty rows", "lying", _some(lambda rows: rows.append(None)), ("list", "members")),
    Mode(
        "rows by name", "lying", envelope(lambda data: data.update(data={"a": data.get("data")})), ("list", "members")
    ),
    Mode("times in milliseconds", "lying", changed(lambda row: row.update(created_at=1_800_000_000_000))),
    Mode("times before all times", "lying", changed(lambda row: row.update(created_at=-(10**30)))),
    Mode("metadata as text", "lying", changed(lambda row: "metadata" in row and row.update(metadata="{}"))),
    Mode("attributes as a list", "lying", changed(lambda row: "attributes" in row and row.update(attributes=[1]))),
    Mode("tools as an object", "lying", changed(lambda row: "tools" in row and row.update(tools={"a": 1}))),
    Mode("chunking as text", "lying", setting(chunking_strategy="auto")),
    Mode("fields of other types", "lying", _flip()),
    Mode("nulls", "lying", setting(tools=None, tool_resources=None, name=None, created_at=None)),
    Mode("dates in words", "lying", setting(created_at="yesterday")),
    Mode("half a character", "lying", setting(name="Tutor \ud83d")),
    # Lagging: lists show the past, alone and after an answer that is lost.
    *(
        Mode(f"lists {seconds} s late", "lagging", after(lambda one: one), (), stale=seconds)
        for seconds in (2, 6, 30, 60)
    ),
    *(
        Mode(
            f"{api}: lists {seconds} s late, a lost {what}",
            "lagging",
            after(lambda _: b""),
            (sort,),
            1,
            seconds,
            path,
            api,
        )
        for api, sorts in (("assistants", _CREATES), ("agents", (("agent", "create", "/agents"), *_CREATES[1:])))
        for seconds in (0, 2, 6, 15, 30, 60)
        for what, sort, path in sorts
    ),
    # Normalising: the service has a form of its own.
    Mode("small letters", "normalising", _texts(str.lower)),
    Mode("trimmed", "normalising", _texts(lambda text: text.strip().rstrip("."))),
    Mode("other line ends", "normalising", _texts(lambda text: text.replace("\n", "\r\n"))),
    Mode(
        "a dated model",
        "normalising",
        changed(lambda row: row.update(model=f"{row['model']}-2026-01-01") if "model" in row else None),
    ),
    Mode("numbers as texts", "normalising", setting(temperature="1.0", top_p="1.0")),
    Mode(
        "metadata in small letters",
        "normalising",
        _metadata(lambda pairs: {key: value.lower() for key, value in pairs.items()}),
    ),
    Mode(
        "attributes as texts", "normalising", _attributes(lambda pairs: {name: str(one) for name, one in pairs.items()})
    ),
    Mode(
        "attributes in small letters",
        "normalising",
        _attributes(lambda pairs: {name: str(one).lower() for name, one in pairs.items()}),
    ),
    Mode("keys of metadata in capitals", "normalising", _metadata(_keys_in_capitals)),
    Mode("chunks of another size", "normalising", changed(_other_chunks)),
    Mode("letters taken apart", "normalising", _texts(lambda text: normalize("NFD", text))),
    Mode("escaped", "normalising", _texts(html.escape)),
    Mode("nulls left out", "normalising", changed(lambda row: [row.pop(one) for one in [*row] if row[one] is None])),
    Mode("tools in another order", "normalising", changed(lambda row: (row.get("tools") or []).reverse())),
    Mode("defaults filled in", "normalising", setting(temperature=0.7, reasoning_effort="low")),
    # Forgetting.
    Mode("no metadata", "forgetting", _metadata(lambda _: {}), hides=True),
    Mode("metadata null", "forgetting", _metadata(lambda _: None), hides=True),
    Mode(
        "metadata cut",
        "forgetting",
        _metadata(lambda pairs: {key: value[:20] for key, value in pairs.items()}),
        hides=True,
    ),
    Mode("a pair too few", "forgetting", _metadata(lambda pairs: dict(list(pairs.items())[1:])), hides=True),
    Mode(
        "no attributes",
        "forgetting",
        changed(lambda row: row.update(attributes={}) if "attributes" in row else None),
        hides=True,
    ),
    Mode("no attributes at all", "forgetting", dropping("attributes"), hides=True),
    Mode("no times", "forgetting", dropping("created_at")),
    Mode("no kind", "forgetting", dropping("object")),
    Mode("no status", "forgetting", dropping("status")),
    Mode("no chunking", "forgetting", dropping("chunking_strategy")),
    Mode("no names", "forgetting", setting(name=None)),
    Mode("nothing is listed", "forgetting", _some(lambda rows: rows.clear()), ("list",), hides=True),
    Mode("no members are listed", "forgetting", _some(lambda rows: rows.clear()), ("members",), hides=True),
    Mode("the last is not listed", "forgetting", _some(lambda rows: rows and rows.pop()), ("list",), hides=True),
)
MODES: Mapping[str, Mode] = {one.name: one for one in TABLE}
CALM = Mode("calm", "sound", after(lambda one: one), ())


class Hostile:
    """Where the account is served, and how it behaves at the moment; both can be changed between two runs."""

    def __init__(self) -> None:
        self.mode, self.app = CALM, _no_app
        self.base_url, self.elsewhere = "", ""
        self.asked: list[Asked] = []
        self.strayed = 0
        """Requests that another host got."""
        self._struck = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()

    def become(self, mode: Mode, app: Any) -> None:
        """Behave like this from now on; what hangs is cut off."""
        asyncio.run_coroutine_threadsafe(self._cut_off(), self._loop).result(30)
        self.mode, self.app, self._struck, self.strayed = mode, app, 0, 0
        self.asked.clear()

    async def _cut_off(self) -> None:
        for task in (tasks := [*self._tasks]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            async for piece in self._bytes(await _read(reader)):
                writer.write(piece)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _bytes(self, asked: Asked) -> AsyncIterator[bytes]:
        self.asked.append(asked)
        mode = self.mode
        strikes = (
            asked.sort in mode.sorts and mode.path in asked.path and (mode.times is None or self._struck < mode.times)
        )
        self._struck += strikes
        act = mode.act if strikes else CALM.act
        async for piece in act(asked, lambda: self._answered(asked)):
            yield piece.replace(ELSEWHERE.encode(), self.elsewhere.encode()) if len(piece) < MEGABYTE else piece

    async def _answered(self, asked: Asked) -> Answer:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app), base_url="http://test") as client:
            kept = {name: value for name, value in asked.headers.items() if name not in _HOP}
            got = await client.request(asked.method, asked.path, content=asked.body, headers=kept)
        return Answer(got.status_code, got.content, {"Content-Type": got.headers.get("content-type", "")})

    async def stray(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.strayed += 1
        writer.close()

    def run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        servers = [
            self._loop.run_until_complete(asyncio.start_server(handler, "127.0.0.1", 0, limit=2**24))
            for handler in (self.handle, self.stray)
        ]
        self.base_url, self.elsewhere = (f"http://127.0.0.1:{one.sockets[0].getsockname()[1]}" for one in servers)
        self.base_url += "/v1"
        ready.set()
        self._loop.run_forever()
        for one in servers:
            one.close()
        self._loop.run_until_complete(self._cut_off())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})


async def _no_app(*_: Any) -> None:
    raise ConnectionError


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    if headers.get("transfer-encoding") != "chunked":
        return Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))
    body = b""
    while size := int((await reader.readline()).strip(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return Asked(method, path, headers, body)


@contextmanager
def hostile() -> Iterator[Hostile]:
    """Serve, in a thread of this process."""
    one, ready = Hostile(), threading.Event()
    thread = threading.Thread(target=one.run, args=(ready,), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield one
    finally:
        one.stop()
        thread.join(20)
