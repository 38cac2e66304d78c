"""Conversations on the embedded account, served by a process of its own: many streams, a queue, a long thread, a model.

The script answers with twenty words; the model is an endpoint of this process that takes 200 ms to its first token.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.figure import Figure, told
from deployer.server import EmbeddedAccount, Rehearsal, read_script
from deployer.server.runs.turn import Ask, Turn, new_message, text_part
from deployer.server.storage.objects import new_id
from tests.contract.served import serve
from tests.server.models import model, said
from tests.server.processes import served

STREAMS = 200
WORDS = [f" w{number}" for number in range(20)]
QUEUED = 1000
MESSAGES = 10_000
FIRST_TOKEN = 0.2
ROUNDS = 15
_ANSWER: dict[str, Any] = {"times": "any", "answers": [{"text": WORDS}]}
_TICKS = 100  # of a second, in /proc


@dataclass
class Served:
    """A client of a served account, and the process behind it."""

    client: httpx2.AsyncClient
    process: int
    assistant: str = ""
    lost: int = 0
    firsts: list[float] = field(default_factory=list)

    def cpu(self) -> float:
        """Seconds of CPU that the process has used."""
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """The most memory that it has held, in megabytes."""
        lines = Path(f"/proc/{self.process}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

    async def post(self, path: str, **body: Any) -> Any:
        answer = await self.client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    async def thread(self) -> str:
        return str((await self.post("threads", messages=[{"role": "user", "content": "Count."}]))["id"])


def main() -> int:
    return told([*asyncio.run(_talked()), _drained(), *asyncio.run(_thought())])


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name) / "account"


async def _talked() -> list[Figure]:
    with _folder() as folder, served(folder, _ANSWER) as server:
        async with _client(server.base_url) as client:
            one = Served(client, server.process.pid)
            one.assistant = (await one.post("assistants", model="m", instructions="Count."))["id"]
            return [*await _streamed(one), await _lengthened(one)]


def _client(base_url: str) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=STREAMS + 50, max_keepalive_connections=STREAMS)
    return httpx2.AsyncClient(base_url=f"{base_url}/", timeout=120, limits=limits)


async def _streamed(one: Served) -> list[Figure]:
    threads = [await one.thread() for _ in range(STREAMS)]
    before = one.cpu()
    await asyncio.gather(*(_stream(one, thread) for thread in threads))
    used, median = one.cpu() - before, statistics.median(one.firsts)
    p99 = sorted(one.firsts)[int(len(one.firsts) * 0.99) - 1]
    return [
        Figure(f"events lost, doubled or out of order in {STREAMS} concurrent streams", one.lost, 0),
        Figure("p99 of the first event, by the median", p99 / median, 10, " x"),
        Figure(f"CPU of {STREAMS} streamed runs of {len(WORDS)} tokens", used, 3, " s"),
        Figure("peak memory", one.memory(), 300, " MB"),
    ]


async def _stream(one: Served, thread: str) -> None:
    since, words = time.perf_counter(), list[str]()
    first = None
    body = {"assistant_id": one.assistant, "stream": True}
    async with one.client.stream("POST", f"threads/{thread}/runs", json=body) as answer:
        async for name, data in _events(answer):
            first = first or time.perf_counter() - since
            if name == "thread.message.delta":
                words.append(data["delta"]["content"][0]["text"]["value"])
    one.firsts.append(first or 0)
    one.lost += words != WORDS


async def _events(answer: httpx2.Response) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: {"):
            yield name, json.loads(line[6:])


def _drained() -> Figure:
    """Turns that wait in the queue of an account, all at once, until the last of them is over."""
    script = read_script({"version": 1, "turns": [_ANSWER]})
    with _folder() as folder, EmbeddedAccount(folder, answers=Rehearsal(script)) as account:
        turns, now = account.turns, int(time.time())
        with turns.change() as change:
            for _ in range(QUEUED):
                turn = Turn(new_id("resp_"), "response", "", Ask("m"), now, waits=False)
                turns.queue(change, turn, [new_message("user", [text_part("Count.")], now)])
        since = time.perf_counter()
        while account.turns.busy:
            time.sleep(0.01)
        rate = QUEUED / (time.perf_counter() - since)
    return Figure(f"queued turns that are drained, of {QUEUED:,}", rate, 200, "/s", at_least=True)


async def _lengthened(one: Served) -> Figure:
    """How much longer a run and a page take in a thread of ten times the length."""
    spent = []
    for length in (MESSAGES // 10, MESSAGES):
        messages = [{"role": "user", "content": "Count."}] * length
        thread = (await one.post("threads", messages=messages))["id"]
        since = time.perf_counter()
        for _ in range(3):
            await _stream(one, thread)
            await one.client.get(f"threads/{thread}/messages", params={"limit": 100})
        spent.append(time.perf_counter() - since)
    what = f"a run and a page in a thread of {MESSAGES:,} messages, by one of a tenth"
    return Figure(what, spent[1] / spent[0], 10, " x")


async def _thought() -> list[Figure]:
    """A model that takes its time, asked through the account and directly."""
    with model(lambda _: [FIRST_TOKEN, *said(*WORDS)]) as behind, _folder() as folder:
        options = ("--upstream", behind.base_url)
        with _serving(folder, *options) as (base_url, process):
            async with _client(base_url) as client, _client(behind.base_url) as direct:
                one = Served(client, process)
                one.assistant = (await one.post("assistants", model="m", instructions="Count."))["id"]
                through, at_once = [], []
                before = one.cpu()
                for _ in range(ROUNDS):
                    through.append(await _first_word(one))
                    at_once.append(await _first_word_of(direct))
                used = one.cpu() - before
    beside = min(through) / min(at_once)  # what else the machine does only adds to both
    return [
        Figure("first token through the account, by that of the model", beside, 1.2, " x"),
        Figure("CPU for a token of the model", used / ROUNDS / len(WORDS) * 1000, 1, " ms"),
    ]


@contextmanager
def _serving(folder: Path, *arguments: str) -> Iterator[tuple[str, int]]:
    with serve(folder, *arguments) as one:
        yield one.base_url, one.process.pid


async def _first_word(one: Served) -> float:
    thread, since, first = await one.thread(), time.perf_counter(), None
    body = {"assistant_id": one.assistant, "stream": True}
    async with one.client.stream("POST", f"threads/{thread}/runs", json=body) as answer:
        async for name, _ in _events(answer):
            if name == "thread.message.delta":
                first = first or time.perf_counter() - since
    return first or 0


async def _first_word_of(direct: httpx2.AsyncClient) -> float:
    since, first = time.perf_counter(), None
    body = {"model": "m", "messages": [{"role": "user", "content": "Count."}], "stream": True}
    async with direct.stream("POST", "chat/completions", json=body) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                first = first or time.perf_counter() - since
    return first or 0


if __name__ == "__main__":
    sys.exit(main())
