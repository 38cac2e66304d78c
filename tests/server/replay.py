"""Replays every recorded session on the embedded account and reports agreement per endpoint.

`python -m tests.server.replay [PART OF A PATH]` prints the table.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from deployer.server import EmbeddedAccount, Rehearsal, read_script
from deployer.server.runs.answers import Answerer, Part, Question
from tests.server.comparison import Ids, differences
from tests.server.differences import brought_together
from tests.server.played import frames, is_whole, response_answers, run_answers
from tests.server.recordings import ID, TALK, Sent, Step, form, sent, sessions

_MADE_BY = ("model", "name", "description", "instructions", "tools", "tool_resources", "metadata", "temperature",
            "top_p", "response_format", "reasoning_effort")  # fmt: skip


@dataclass
class Agreement:
    """How many exchanges of one endpoint agree."""

    exchanges: int = 0
    status: int = 0
    keys: int = 0
    values: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, step: Step, status: int, found: list[str]) -> None:
        same = status == step.status
        self.exchanges += 1
        self.status += same
        self.keys += same and not any(problem.startswith("shape") for problem in found)
        self.values += same and not found
        if not same:
            self.problems.append(f"{step.session}: {step.endpoint}: status {step.status} recorded, {status} ours")
        self.problems += [f"{step.session}: {step.endpoint}: {problem}" for problem in found]


class Prompter(Answerer):
    """Answers what the recording's model did, once the recording has come so far."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self._rehearsal = Rehearsal()

    def play(self, answers: list[Any]) -> None:
        turns = [{"answers": answers}] if answers else []
        self._rehearsal = Rehearsal(read_script({"version": 1, "turns": turns}))

    def plays(self, tool: str) -> bool:  # noqa: ARG002 (whatever was recorded)
        return True

    async def answer(self, question: Question) -> AsyncGenerator[Part, None]:
        rehearsal = self._rehearsal  # a turn that nobody waits for must not play what comes after it
        while not self.gate.is_set():  # noqa: ASYNC110 (it is opened in another thread)
            await asyncio.sleep(0.001)
        async for part in rehearsal.answer(question):
            yield part


class Replay:
    """One session on one account."""

    def __init__(self, client: httpx2.AsyncClient, steps: list[Step], prompter: Prompter) -> None:
        self._client, self._steps, self._ids, self._prompter = client, steps, Ids(), prompter

    async def run(self, table: dict[str, Agreement]) -> None:
        await self._prologue()
        for step in self._steps:
            if step.method == "GET":
                await self._until_settled()
            await self._prompt(step)
            answer = await self._send(step.method, step.path, sent(step, self._steps), step.query)
            streamed = answer.headers.get("content-type", "").startswith("text/event-stream")
            body: Any = frames(answer.text) if streamed else answer.json()
            recorded = frames(step.answer) if step.streamed else step.answer
            if step.streamed and not is_whole(step.answer):
                self._ids.bind(recorded, body)
                continue
            self._ids.bind(*brought_together(step, recorded, body))
            if TALK.match(step.path):
                self._ids.bind(recorded, body)
            recorded, ours = brought_together(step, self._ids.translate(recorded), body)
            table[step.endpoint].add(step, answer.status_code, list(differences(recorded, ours)))

    async def _prompt(self, step: Step) -> None:
        """Before a run begins, learn what it will answer; it answers no sooner than it did in the recording."""
        path = step.path.split("/")
        if step.method == "POST" and path[-1] == "runs" and step.status == 200:
            run_id = _run_of(step)
            self._prompter.gate.clear()
            self._prompter.play(self._ids.translate(run_answers(self._steps, run_id)))
        elif step.method == "POST" and step.path == "/v1/responses":
            answers = response_answers(self._last_of(step)) if step.status == 200 else []
            self._prompter.play(self._ids.translate(answers))
            if (step.request or {}).get("background"):
                self._prompter.gate.clear()
            else:
                self._prompter.gate.set()
        if step.streamed:
            self._prompter.gate.set()
        elif step.method == "POST" and path[-1] == "submit_tool_outputs":
            self._prompter.gate.clear()
        elif step.method == "GET" and path[-2] in ("runs", "responses") and step.status == 200:
            await self._until(step.path, step.answer["status"])

    def _last_of(self, step: Step) -> Any:
        """The answer to a request for a response; of one in the background, the last that the session shows of it."""
        if step.streamed:
            return step.answer
        same = [one.answer for one in self._steps if not one.streamed and one.answer.get("id") == step.answer["id"]]
        return same[-1] if step.answer.get("background") else step.answer

    async def _until(self, path: str, status: str) -> None:
        """Wait until our run is as far as the recorded one."""
        if status not in ("queued", "in_progress"):
            self._prompter.gate.set()
        while status != "queued":
            found = (await self._send("GET", path, Sent())).json().get("status", "failed")
            if found == status or found in _FINAL:
                return
            await asyncio.sleep(0.001)

    async def _send(self, method: str, path: str, what: Sent, query: dict[str, str] | None = None) -> httpx2.Response:
        options: dict[str, Any] = {"params": self._ids.translate(query or {})}
        if what.content is not None:
            options |= {"content": what.content, "headers": {"content-type": what.content_type}}
        elif what.body is not None:
            options |= {"json": self._ids.translate(what.body)}
        return await self._client.request(method, self._ids.translate(path), **options)

    async def _prologue(self) -> None:
        """Make what a session meets but did not make itself: in lists, and by id."""
        for collection in ("/v1/assistants", "/v1/vector_stores"):
            pages = [step.answer for step in self._steps if (step.method, step.path) == ("GET", collection)]
            if any(page["has_more"] for page in pages):
                await self._send("POST", collection, Sent({"model": "older"} if "assistants" in collection else {}))
            met = [item for page in pages for item in page["data"] if not self._makes(item["id"])]
            for item in reversed(met):
                await self._make(collection, item)
        for step in self._steps:
            for recorded_id in _ids_in([step.path, step.query, step.request]):
                if recorded_id not in self._ids and not self._makes(recorded_id):
                    await self._make_by_id(recorded_id)

    def _makes(self, recorded_id: str) -> bool:
        """Whether an answer to a POST of the session brings the id into the world; an echo does not."""
        posted = [step for step in self._steps if step.method == "POST"]
        if recorded_id.startswith("asst_"):
            return any(not step.streamed and step.answer.get("id") == recorded_id for step in posted)
        return any(recorded_id in _ids_in(step.answer) and recorded_id not in _ids_in(step.request) for step in posted)

    async def _make(self, collection: str, item: dict[str, Any]) -> None:
        if item["id"] in self._ids:
            return
        for recorded_id in _ids_in(item.get("tool_resources")):
            if recorded_id not in self._ids:
                await self._make_by_id(recorded_id)
        body = {name: item[name] for name in _MADE_BY if name in item}
        if collection == "/v1/vector_stores":
            body = {"name": item["name"], "metadata": item["metadata"], "expires_after": item["expires_after"]}
            body["file_ids"] = [await self._new_file() for _ in range(item["file_counts"]["total"])]
        self._ids.bind(item, (await self._send("POST", collection, Sent(body))).json())

    async def _make_by_id(self, recorded_id: str) -> None:
        if recorded_id.startswith("file-"):
            self._ids.bind(recorded_id, await self._new_file())
        elif recorded_id.startswith("vs_"):
            self._ids.bind(recorded_id, (await self._send("POST", "/v1/vector_stores", Sent({}))).json()["id"])
        elif recorded_id.startswith(_OF_THE_SESSION):
            return  # its own thread brings it
        elif recorded_id.startswith("asst_"):
            self._ids.bind(
                recorded_id, (await self._send("POST", "/v1/assistants", Sent(self._assistant()))).json()["id"]
            )
        else:
            raise AssertionError(f"no recording shows how {recorded_id} was made")

    def _assistant(self) -> dict[str, Any]:
        """An assistant as the session's runs show it."""
        for step in self._steps:
            for _, data in frames(step.answer) if step.streamed else [["", step.answer]]:
                if isinstance(data, dict) and data.get("object") == "thread.run":
                    return {"model": data["model"], "tools": data["tools"]}
        return {"model": "gpt-4o"}

    async def _new_file(self) -> str:
        answer = await self._send("POST", "/v1/files", form({"purpose": "assistants"}, "file", "any.txt", b"any text"))
        return str(answer.json()["id"])

    async def _until_settled(self) -> None:
        while True:
            stores = (await self._client.get("/v1/vector_stores", params={"limit": "100"})).json()["data"]
            if not any(store["file_counts"]["in_progress"] for store in stores):
                return
            await asyncio.sleep(0.002)


def _run_of(step: Step) -> str:
    events = frames(step.answer) if step.streamed else [["", step.answer]]
    return next(str(data["id"]) for _, data in events if data.get("object") == "thread.run")


_SHARED = re.compile(r"/v1/(responses|conversations)(/|$)")
# Ids that a session brings itself, or that mean nothing to the account that it is replayed on.
_OF_THE_SESSION: tuple[str, ...] = ("run_", "step_", "msg_", "call_", "resp_", "conv_", "fc_", "rs_", "fs_", "ci_")
_OF_THE_SESSION += ("ws_", "cmp_", "ctc_", "cntr_", "mcp")
_FINAL = ("requires_action", "completed", "failed", "cancelled", "expired", "incomplete")


def _ids_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for entry in value.values():
            yield from _ids_in(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _ids_in(entry)
    elif isinstance(value, str):
        yield from (match.group() for match in ID.finditer(value))


async def replay_all(only: str = "") -> dict[str, Agreement]:
    """Every session; `only` is part of the paths that it must have.

    A session whose answers depend on what else an account holds has an account of its own; responses share one.
    """
    table: dict[str, Agreement] = defaultdict(Agreement)
    found = [steps for steps in sessions() if any(only in step.path for step in steps)]
    alone = [steps for steps in found if not all(_SHARED.match(step.path) for step in steps)]
    for group in [[steps] for steps in alone] + [[steps for steps in found if steps not in alone]]:
        prompter = Prompter()
        with tempfile.TemporaryDirectory() as folder, EmbeddedAccount(Path(folder), answers=prompter) as account:
            transport = httpx2.ASGITransport(app=account.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://embedded") as client:
                for steps in group:
                    await Replay(client, steps, prompter).run(table)
    return dict(table)


def report(table: dict[str, Agreement]) -> str:
    """The agreement as a table, one line per endpoint and a sum."""
    rows = [(endpoint, table[endpoint]) for endpoint in sorted(table)]
    total = Agreement(
        *(sum(getattr(row, name) for _, row in rows) for name in ("exchanges", "status", "keys", "values"))
    )
    lines = [f"{'endpoint':58}{'exchanges':>10}{'status':>8}{'keys':>8}{'values':>8}"]
    lines += [_line(endpoint, row) for endpoint, row in [*rows, ("all", total)]]
    return "\n".join(lines)


def _line(endpoint: str, row: Agreement) -> str:
    shares = "".join(f"{100 * part / row.exchanges:7.0f}%" for part in (row.status, row.keys, row.values))
    return f"{endpoint:58}{row.exchanges:>10}{shares}"


if __name__ == "__main__":
    agreements = asyncio.run(replay_all(*sys.argv[1:]))
    print(report(agreements))
    for agreement in agreements.values():
        print(*agreement.problems, sep="\n", end="\n" if agreement.problems else "")
