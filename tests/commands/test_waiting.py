"""What a person reads while an account in trouble is waited for."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import httpx2
import pytest

from deployer.backends.http import circuit
from deployer.backends.http.backend import tell_of
from deployer.backends.http.client import Client
from deployer.backends.http.failures import Failure
from deployer.commands.carry_out import tell
from deployer.errors import AccountError
from deployer.project import events
from deployer.server import EmbeddedAccount, read_faults
from tests.backends import virtual
from tests.backends.clients import ok, within
from tests.backends.servers import Asked, Reply, page, serving
from tests.commands.test_opening import COMMANDS
from tests.support.killed import Door, served
from tests.support.project import Project

LINE = re.compile(r"account bad (.+); waiting for it: (\d+) s so far, at most 120 s, next try in (\d+) s")
DOWN = httpx2.Response(503)


def said(capsys: pytest.CaptureFixture[str], answer: Callable[[float], httpx2.Response | None]) -> list[str]:
    """Send requests for more than 90 s to an account that gives these answers; give what is said."""

    async def work(client: Client) -> None:
        client.circuit.told = partial(tell_of, client, events.Watch(tell))

        async def one_by_one() -> None:
            while virtual.now() < 90:
                with contextlib.suppress(AccountError):
                    await client.get("/agents")
                await asyncio.sleep(1)

        await asyncio.gather(*(one_by_one() for _ in range(16)))

    within(lambda request: answer(virtual.now()) or ok(request), work, random=lambda: 0.5)
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_an_outage_is_told_soon_and_then_now_and_again(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, lambda now: DOWN if 5 <= now < 65 else None)
    found = [match.groups() for line in lines if (match := LINE.fullmatch(line))]
    assert len(found) == len(lines) > 2
    assert {what for what, *_ in found} == {"answered 503: an empty body"}
    told = [(int(seconds), int(pause)) for _, seconds, pause in found]
    assert told[0][0] + told[0][1] < 8, "soon"
    assert told[-1][0] > 30
    assert all(before[0] + before[1] + 10 < after[0] + after[1] for before, after in pairwise(told))


def test_a_stumble_is_nothing_to_tell(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, lambda now: DOWN if 5 <= now < 6 else None) == []


def test_a_long_wait_that_the_account_asks_for_is_told_at_its_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    busy = httpx2.Response(429, headers={"Retry-After": "30"})
    (line,) = said(capsys, lambda now: busy if 5 <= now < 6 else None)
    assert re.search(r"answered 429: an empty body; waiting for it: 0 s so far, .* next try in (3|4)\d s", line)


def test_the_next_trouble_is_told_anew(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, lambda now: DOWN if 5 <= now < 15 or 40 <= now < 50 else None)
    starts = [line for line in lines if (match := LINE.fullmatch(line)) and int(match[2]) < 5]
    assert len(starts) == 2


def test_neither_the_key_nor_control_characters_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    async def work(client: Client) -> None:
        ours = replace(client, settings=replace(client.settings, api_key="sk-ours-0123"))
        failure = Failure("answered 503: no \x1b[2J for sk-ours-0123", "run again")
        tell_of(ours, events.Watch(tell), failure, virtual.now(), 10.0)

    within(ok, work)
    (line,) = capsys.readouterr().err.splitlines()
    assert "answered 503: no \\x1b[2J for ***; waiting" in line


def silences(answer: Callable[[float], float], seconds: float = 60.0) -> list[tuple[int, int]]:
    """Ask now and again an account that takes so long at a time; return when a wait was told, and how long it was."""
    told: list[tuple[int, int]] = []

    async def respond(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(answer(virtual.now()))
        return ok(request)

    async def work(client: Client) -> None:
        client.circuit.silence.told = lambda waited: told.append((round(virtual.now()), round(waited)))
        while virtual.now() < seconds:
            with contextlib.suppress(AccountError):
                await asyncio.gather(client.get("/agents"), client.get("/vector_stores"))
            await asyncio.sleep(1)

    within(respond, work, read=20.0, attempts=3, first=3, base=0.5, random=lambda: 0.5)
    return told


def test_an_account_that_has_not_answered_yet_is_told() -> None:
    assert silences(lambda now: 12.0 if now < 1 else 0.1) == [(5, 5)]
    assert silences(lambda _now: 4.5) == []
    assert silences(lambda now: 19.0 if 10 < now < 12 else 0.1) == [(16, 5)]


def test_it_goes_on_over_attempts_that_got_no_answer() -> None:
    assert silences(lambda _now: 300.0, 1.0) == [(5, 5), (20, 20), (35, 35), (50, 50), (65, 65)]


def test_what_goes_out_or_comes_in_is_no_silence() -> None:
    told: list[float] = []

    async def respond(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=dripping(), request=request)

    async def dripping() -> AsyncIterator[bytes]:
        for _ in range(10):
            await asyncio.sleep(3)
            yield b"x"
        await asyncio.sleep(7)

    async def work(client: Client) -> int:
        client.circuit.silence.told = told.append
        return len(b"".join([piece async for piece in client.download("/files/file-1/content")]))

    assert within(respond, work, read=60.0) == 10
    assert told == [5.0]


def test_a_plan_says_that_nothing_has_come_yet(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit, "_SOON", 0.05)
    monkeypatch.setenv("KEY", "any")

    def slowly(_asked: Asked) -> Reply:
        time.sleep(0.2)
        return page()

    with serving(slowly) as server:
        host = server.base_url.removeprefix("http://").removesuffix("/v1")
        project.manifest(
            f"accounts: {{far: {{api: assistants, base_url: 'http://me:pw@{host}/v1', api_key: '${{env.KEY}}'}}}}\n"
            "assistants: {a: {model: m}}"
        )
        result = project.run("plan", "--account", "far")
    assert result.code == 0
    assert result.err.splitlines()[0] == f"waiting for {host} since 0 s"
    assert "waiting" not in result.out


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"rollback", "watch", "playground"}))
def test_every_command_says_what_has_not_answered(project: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback asks for nothing here, since there is no snapshot, and a watch or a page would go on."""
    monkeypatch.setattr(circuit, "_SOON", 0.01)
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n"))
    monkeypatch.setenv("KEY", "any")

    def slowly(asked: Asked) -> Reply:
        time.sleep(0.04)
        return page() if asked.method == "GET" else Reply(status=400)

    with serving(slowly) as server:
        host = server.base_url.removeprefix("http://").removesuffix("/v1")
        account = f"{{api: assistants, base_url: '{server.base_url}', api_key: '${{env.KEY}}'}}"
        tests = "tests: [{turns: [hello]}]"
        project.manifest(f"accounts: {{far: {account}}}\nassistants: {{a: {{model: m}}}}\n{tests}")
        result = project.run(name, *COMMANDS[name], "--account", "far")
    assert f"waiting for {host} since 0 s" in result.err.splitlines(), result.out + result.err
    assert "waiting" not in result.out


def test_an_apply_says_on_stderr_that_it_waits_and_goes_on(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_SOON", 0.0)
    monkeypatch.setenv("KEY", "any")
    fault = {"on": "POST /v1/assistants", "status": 429, "retry_after_ms": 10, "times": 6}
    faults = read_faults({"seed": 0, "faults": [fault]})
    with EmbeddedAccount(tmp_path / "account", faults=faults) as account, served(Door(account.app)) as base_url:
        project.manifest(
            f"accounts: {{far: {{api: assistants, base_url: '{base_url}', api_key: '${{env.KEY}}'}}}}\n"
            "assistants: {a: {model: m}, b: {model: m}, c: {model: m}}"
        )
        result = project.run("apply", "--yes", "--account", "far")
    assert result.code == 0
    (line, *_) = result.err.splitlines()
    assert re.match(r"account far answered 429: .*; waiting for it: 0 s so far, at most 120 s, next try in 1 s$", line)
    assert "waiting for it" not in result.out
    assert result.out.endswith("3 done. The next plan is empty.\n")
