"""The laws that need an account: after a failure the next plan is what was not done, and no secret ever comes out."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer import manifest
from deployer.backends.http.backend import HttpBackend
from deployer.backends.http.client import connect
from deployer.backends.http.pages import of_account
from deployer.backends.http.retry import Patience
from deployer.errors import AccountError
from deployer.model import UNLIMITED, AccountSettings, Status, Target
from deployer.project import PlanOptions
from deployer.project.session import Session
from deployer.render import preview
from deployer.render.formats import rendered
from tests.support.live import account_of, apply, embedded, session
from tests.support.project import Project

NAMES = "abcdef"


@st.composite
def states(draw: st.DrawFn) -> str:
    """A manifest of a few stores and assistants that use them."""
    stores = draw(st.lists(st.sampled_from(NAMES[:3]), unique=True, max_size=3))
    text = "vector_stores:\n" + "".join(f"  {one}: {{name: {draw(st.sampled_from('xyz'))}}}\n" for one in stores)
    assistants = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5))
    text = text if stores else ""
    text += "assistants:\n" if assistants else ""
    for one in assistants:
        store = draw(st.sampled_from([*stores, ""]))
        tools = f", tools: [{{type: file_search, vector_stores: [{store}]}}]" if store else ""
        text += f"  {one}: {{model: {draw(st.sampled_from('mn'))}{tools}}}\n"
    return text


@pytest.mark.slow
@settings(max_examples=12)
@given(states(), states(), st.sets(st.integers(1, 12), min_size=1, max_size=3))
def test_after_a_failure_the_next_plan_is_what_was_not_done(before: str, after: str, refused: set[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_fail_and_plan_again(Project(Path(name)), before, after, refused))


async def _fail_and_plan_again(project: Project, before: str, after: str, refused: set[int]) -> None:
    async with embedded(project.root / "account") as wire:
        project.manifest(before)
        async with session(project.root, "assistants", wire) as one:
            assert all(outcome.status is Status.DONE for outcome in await apply(one, prune=True))
        project.manifest(after)
        async with session(project.root, "assistants", wire) as one:
            start = len(wire.writes)
            wire.fails = lambda _number, request: not request.startswith("GET") and len(wire.writes) - start in refused
            outcomes = await apply(one, prune=True)
            wire.fails = lambda _number, _request: False
            left = {change.address for change in (await one.plan(PlanOptions(prune=True))).pending}
            assert left == {outcome.address for outcome in outcomes if outcome.status is not Status.DONE}
            assert all(outcome.status is Status.DONE for outcome in await apply(one, prune=True))
            assert (await one.plan(PlanOptions(prune=True))).pending == ()


class Echo:
    """An account that repeats the key wherever it can: in names, metadata, ids of stamps, and errors."""

    def __init__(self, key: str) -> None:
        stamped = {"deployer": "test/assistant/a", "deployer_applied": "", "note": key}
        self.row = {"id": "asst_1", "object": "assistant", "model": key, "name": f"my {key}", "metadata": stamped}
        self.key = key

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        status, body = self._answer(scope["path"])
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(body, ensure_ascii=False).encode()})

    def _answer(self, path: str) -> tuple[int, Any]:
        if path.endswith("/assistants"):
            return 200, {"object": "list", "data": [self.row], "has_more": False}
        if path.endswith("/vector_stores"):
            return 200, {"object": "list", "data": [], "has_more": False}
        return 401, {"error": {"message": f"wrong key: {self.key}", "type": self.key, "param": None, "code": self.key}}


keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40).map("sk-".__add__)


@given(keys)
def test_a_key_never_comes_out(key: str) -> None:
    said = list(asyncio.run(_said(key)))
    assert not [text for text in said if key in text or json.dumps(key)[1:-1] in text]


async def _said(key: str) -> Iterator[str]:
    settings_ = AccountSettings("test", "assistants", "http://echo.invalid/v1", key, limits=UNLIMITED)
    found = manifest.Manifest(Path("/nowhere"), "test", settings_, (), ())
    transport = httpx2.ASGITransport(app=Echo(key))
    async with connect(settings_, {}, transport, Patience(attempts=1)) as client:
        account = account_of(HttpBackend(client, of_account(None, settings_)))
        one = Session(account, found, Target("test", "assistants", "http://echo.invalid/v1"), "")
        plan = await one.plan(PlanOptions(prune=True))
        with pytest.raises(AccountError) as refused:
            await client.get("/files")
    shown = (line.text for line in preview.changes(plan))
    return iter(
        [
            rendered("plan", "json", plan),
            rendered("plan", "markdown", plan),
            *shown,
            str(refused.value),
            repr(settings_),
            repr(plan),
        ]
    )
