"""Partial failure: what failed is told, what needs it is skipped, the rest is done, the next run does what is left."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from deployer.apply.execute import CONCURRENCY, execute
from deployer.backends.embedded import FOLDER
from deployer.model import Outcome, Status
from deployer.project import PlanOptions
from deployer.project.session import Session
from tests.support.live import App, Wire, apply, embedded, http, session
from tests.support.project import Project

PDF = Path(__file__).parents[2] / "knowledge" / "math" / "formula-sheet.pdf"
TWO_STORES = """
    vector_stores:
      good: {files: [good/**]}
      bad: {files: [bad/**]}
    assistants:
      reader: {model: m, tools: [{type: file_search, vector_stores: [good]}]}
      stuck: {model: m, tools: [{type: file_search, vector_stores: [bad]}]}
      plain: {model: m}
"""
ID = re.compile(r"/(?:asst_|vs_|vsfb_|file-)[^/]+")
ONE_STORE = "vector_stores:\n  notes: {files: [notes/**]}\n"


class Crowd:
    """An ASGI app around another that remembers how many requests were under way at once."""

    def __init__(self, app: App) -> None:
        self.app, self.now, self.most = app, 0, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await self.app(scope, receive, send)
        self.now -= 1


@asynccontextmanager
async def opened(project: Project) -> AsyncIterator[tuple[Session, Wire]]:
    """Open the account that commands use for the project, and watch it."""
    async with embedded(project.root / FOLDER) as wire, session(project.root, "assistants", wire) as one:
        yield one, wire


def by_address(outcomes: Sequence[Outcome]) -> dict[str, Outcome]:
    return {str(outcome.address): outcome for outcome in outcomes}


def writes(wire: Wire) -> list[str]:
    """What was written so far, sorted, each id as *: it counts how many there are of each."""
    return sorted(ID.sub("/*", line) for line in wire.writes)


@pytest.fixture
def two_stores(project: Project) -> Project:
    """Two stores, of which one holds a PDF that is none."""
    project.write("good/노트.md", "# 수원\n")
    project.write("bad/right.md", "right\n")
    project.write("bad/broken.pdf", b"%PDF-1.7 and then nothing that makes sense")
    project.manifest(TWO_STORES)
    return project


@pytest.fixture
def notes(project: Project) -> Project:
    project.write("notes/a.md", "a\n")
    project.write("notes/b.md", "b\n")
    project.manifest(ONE_STORE)
    return project


def test_what_depends_on_a_failure_is_skipped_and_named(two_stores: Project) -> None:
    result = two_stores.run("apply", "--yes")
    said = " ".join(result.out.split())
    assert result.code == 1, said
    assert "not ingested: bad/broken.pdf (failed: " in said
    assert "right.md (" not in said
    assert "it needs vector_store/bad" in said
    assert "Run deployer apply again to do what is left." in said
    left = two_stores.run("plan", "--format", "json").json()["changes"]
    actions = {change["address"]: change["action"] for change in left}
    assert actions == {
        "assistant/plain": "no-op",
        "assistant/reader": "no-op",
        "assistant/stuck": "create",
        "vector_store/bad": "update",
        "vector_store/good": "no-op",
    }


def test_after_mending_the_next_run_does_what_is_left_and_no_more(two_stores: Project) -> None:
    assert two_stores.run("apply", "--yes").code == 1
    two_stores.write("bad/broken.pdf", PDF.read_bytes())

    async def run() -> list[str]:
        async with opened(two_stores) as (one, wire):
            outcomes = by_address(await apply(one))
            assert {address: one.status for address, one in outcomes.items()} == {
                "assistant/stuck": Status.DONE,
                "vector_store/bad": Status.DONE,
            }, outcomes
            assert (await one.plan()).pending == ()
            return writes(wire)

    assert asyncio.run(run()) == [
        "DELETE /files/*",
        "DELETE /vector_stores/*/files/*",
        "POST /assistants",
        "POST /files",
        "POST /vector_stores/*/file_batches",
    ]


def test_one_refused_write_stops_nothing_else(project: Project) -> None:
    names = [f"a{number}" for number in range(40)]
    project.manifest("assistants:\n" + "".join(f"  {name}: {{model: m}}\n" for name in names))

    async def run() -> None:
        async with opened(project) as (one, wire):
            wire.app = crowd = Crowd(wire.app)
            wire.fails = lambda number, _request: number == 20
            outcomes = await apply(one)
            failed = [outcome for outcome in outcomes if outcome.status is Status.FAILED]
            assert len(failed) == 1
            assert "answered 400: out of order; the account may speak another version" in failed[0].why
            assert sum(outcome.status is Status.DONE for outcome in outcomes) == 39
            assert 1 < crowd.most <= CONCURRENCY
            wire.log.clear()
            wire.fails = lambda _number, _request: False
            assert [outcome.address for outcome in await apply(one)] == [failed[0].address]
            assert writes(wire) == ["POST /assistants"]

    asyncio.run(run())


def test_a_delete_of_what_is_already_gone_is_done(two_stores: Project) -> None:
    two_stores.manifest("assistants:\n  plain: {model: m}\n  other: {model: m}\n")
    assert two_stores.run("apply", "--yes").code == 0
    two_stores.manifest("assistants:\n  other: {model: m}\n")

    async def run() -> None:
        async with opened(two_stores) as (one, wire):
            plan = await one.plan(PlanOptions(prune=True))
            (change,) = plan.pending
            await http(one).write("DELETE", f"/assistants/{change.live_id}")
            (outcome,) = await execute(one.account, plan, two_stores.root, lambda _event: None)
            assert outcome.status is Status.DONE, outcome
            assert writes(wire) == ["DELETE /assistants/*"] * 2

    asyncio.run(run())


@pytest.mark.parametrize(
    ("content", "why"),
    (
        (b"b, but longer\n", "notes/b.md changed after it was planned; run again"),
        (b"B\n", "notes/b.md changed after it was planned; run again"),
        (None, "notes/b.md cannot be read (No such file or directory); check its permissions"),
    ),
)
def test_a_file_that_is_no_longer_the_planned_one_is_refused(notes: Project, content: bytes | None, why: str) -> None:
    """And nothing of it stays behind; the file beside it goes its way."""

    async def run() -> None:
        async with opened(notes) as (one, _wire):
            plan = await one.plan()
            path = notes.root / "notes" / "b.md"
            path.unlink() if content is None else path.write_bytes(content)
            (outcome,) = await execute(one.account, plan, notes.root, lambda _event: None)
            assert (outcome.status, outcome.why) == (Status.FAILED, why)
            assert [row["filename"] for row in (await http(one).get("/files")).data["data"]] == ["a.md"]

    asyncio.run(run())
    notes.write("notes/b.md", "b, at last\n")
    assert notes.run("apply", "--yes").code == 0


def test_uploads_are_taken_back_when_they_cannot_be_attached(notes: Project) -> None:
    async def run() -> None:
        async with opened(notes) as (one, wire):
            wire.fails = lambda _number, request: request.endswith("/file_batches")
            (outcome,) = await apply(one)
            assert outcome.status is Status.FAILED
            assert writes(wire) == [
                "DELETE /files/*",
                "DELETE /files/*",
                "POST /files",
                "POST /files",
                "POST /vector_stores",
                *3 * ["POST /vector_stores/*/file_batches"],  # both, and then each of them
            ]
            assert (await http(one).get("/files")).data["data"] == []

    asyncio.run(run())
    assert notes.run("apply", "--yes").code == 0


def test_once_asked_to_stop_nothing_more_is_sent_than_what_is_in_flight(project: Project) -> None:
    project.manifest("assistants:\n" + "".join(f"  a{number}: {{model: m}}\n" for number in range(60)))

    async def run() -> None:
        async with opened(project) as (one, wire):
            stop = asyncio.Event()

            def fifth(_number: int, _request: str) -> bool:
                if len(wire.writes) == 5:
                    stop.set()
                return False

            plan = await one.plan()
            wire.fails = fifth
            outcomes = await execute(one.account, plan, project.root, lambda _event: None, stop=stop)
            assert 5 <= len(wire.writes) < 5 + CONCURRENCY
            done = [outcome for outcome in outcomes if outcome.status is Status.DONE]
            assert len(done) == len(wire.writes)
            assert {outcome.why for outcome in outcomes if outcome.status is not Status.DONE} == {"interrupted"}

    asyncio.run(run())
    assert project.run("apply", "--yes").code == 0
