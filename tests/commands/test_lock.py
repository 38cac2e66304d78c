"""The lease that keeps a second run out, on an embedded account; the clock is the test's."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from deployer import deadlines
from deployer.backends.http import lease
from deployer.backends.http.client import Client, connect
from deployer.backends.http.lease import LOCK
from deployer.backends.http.routes import HEADERS
from deployer.commands.carry_out import Words, agreed, carried_out
from deployer.model import UNLIMITED, AccountSettings
from deployer.project.applying import ApplyOptions
from deployer.server import EmbeddedAccount
from tests.commands.test_drift import ask
from tests.support.killed import Door, served
from tests.support.live import App, embedded, http, session
from tests.support.project import Project

SETTINGS = AccountSettings("test", "assistants", "http://embedded.invalid/v1", limits=UNLIMITED)


@dataclass
class Time:
    """A clock that only moves when somebody sleeps; others get their turn meanwhile."""

    now: float = 1_800_000_000.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    @property
    def terms(self) -> lease.Terms:
        return lease.Terms(clock=lambda: self.now, sleep=self.sleep, jitter=lambda: 0.5)


@asynccontextmanager
async def opened(account: EmbeddedAccount) -> AsyncIterator[Client]:
    async with connect(SETTINGS, HEADERS, httpx2.ASGITransport(app=account.app)) as client:
        yield client


async def stores(client: Client) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = (await client.get("/vector_stores")).data["data"]
    return found


@pytest.fixture
def account(tmp_path: Path) -> Any:
    with EmbeddedAccount(tmp_path / "account") as found:
        yield found


REAL = lease.Terms(settle=5.0, look=0.005, pause=0.01)


def test_the_lease_is_on_the_account_while_it_is_held_and_gone_afterwards(account: EmbeddedAccount) -> None:
    async def run() -> None:
        async with opened(account) as client:
            async with lease.held(client, "school", terms=REAL) as hold:
                (store,) = await stores(client)
                assert store["name"] == "deployer lock school"
                assert store["metadata"]["deployer_lock"] == "school"
                assert store["metadata"]["deployer_holder"] == hold.holder
            assert await stores(client) == []

    asyncio.run(run())


def test_a_second_one_is_kept_out_and_told_who_is_there(account: EmbeddedAccount) -> None:
    async def run() -> None:
        async with opened(account) as client, lease.held(client, "school", terms=REAL) as first:
            with pytest.raises(lease.LockedError) as refused:
                async with lease.held(client, "school", terms=REAL):
                    pytest.fail("two are in")
            assert first.holder in str(refused.value)
            assert "deployer unlock" in str(refused.value)
            async with lease.held(client, "another", terms=REAL):
                assert len(await stores(client)) == 2, "another project is not kept out"
            assert not first.lost

    asyncio.run(run())


def test_who_is_waited_for_is_told(account: EmbeddedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "SOON", 0.02)
    told: list[str] = []

    async def run() -> None:
        deadlines.heard.set(lambda what, _seconds: told.append(what))
        async with opened(account) as client, lease.held(client, "school", terms=REAL) as first:
            with pytest.raises(lease.LockedError):
                async with lease.held(client, "school", 0.2, terms=REAL):
                    pytest.fail("two are in")
            assert told == [f"the run of {first.holder} to end"]

    asyncio.run(run())


@pytest.mark.parametrize("seed", tuple(range(6)))
def test_of_eight_that_come_at_once_one_gets_in(account: EmbeddedAccount, seed: int) -> None:
    """Each request is delayed at random: whatever the order, never two, and never none."""
    chance = random.Random(seed)  # noqa: S311 (a test's dice)
    inside: list[int] = []
    refused: list[int] = []
    all_came = asyncio.Event()

    async def contend(number: int) -> None:
        async with opened(account) as client:
            try:
                async with lease.held(_delayed(client, chance), "school", terms=REAL):
                    inside.append(number)
                    async with asyncio.timeout(20):
                        await all_came.wait()
            except lease.LockedError:
                refused.append(number)
                if len(refused) == 7:
                    all_came.set()

    async def run() -> None:
        await asyncio.gather(*map(contend, range(8)))
        assert len(inside) == 1, "two were in at once, or nobody"
        async with opened(account) as client:
            assert await stores(client) == []

    asyncio.run(run())


def _delayed(client: Client, chance: random.Random) -> Client:
    """The same client, each of whose requests takes its time before and after."""

    class Slow(Client):
        __slots__ = ()

        async def _send(self, call: Any, *, again: bool) -> Any:
            await asyncio.sleep(chance.random() * 0.02)
            answer = await Client._send(self, call, again=again)
            await asyncio.sleep(chance.random() * 0.02)
            return answer

    values = {name: getattr(client, name) for name in client.__dataclass_fields__}
    return Slow(**values)


def test_waiting_gets_in_when_the_other_is_done(account: EmbeddedAccount) -> None:
    async def run() -> None:
        async with opened(account) as client:
            entered = asyncio.Event()

            async def first() -> None:
                async with lease.held(client, "school", terms=REAL):
                    entered.set()
                    await asyncio.sleep(0.1)

            task = asyncio.create_task(first())
            await entered.wait()
            async with lease.held(client, "school", 20, REAL):
                assert task.done() or len(await stores(client)) == 1
            await task

    asyncio.run(run())


def test_waiting_ends_and_is_jittered(account: EmbeddedAccount) -> None:
    async def run() -> None:
        clock = Time()
        async with opened(account) as client:
            await client.write("POST", "/vector_stores", {"metadata": _lease(clock.now + 100)})
            with pytest.raises(lease.LockedError, match=r"locked by ann@desk pid 7"):
                async with lease.held(client, "school", 9, replace(clock.terms, jitter=random.Random(1).random)):  # noqa: S311
                    pytest.fail("two are in")
        assert 9 / 3 <= len(clock.slept) <= 9
        assert len(set(clock.slept)) == len(clock.slept)
        assert sum(clock.slept) <= 9

    asyncio.run(run())


def _lease(until: float, project: str = "school") -> dict[str, str]:
    return {LOCK: project, lease.HOLDER: "ann@desk pid 7", lease.UNTIL: str(int(until))}


def test_an_expired_lease_is_removed_by_whoever_comes_next(account: EmbeddedAccount) -> None:
    async def run() -> None:
        async with opened(account) as client:
            await client.write("POST", "/vector_stores", {"metadata": _lease(100)})
            await client.write("POST", "/vector_stores", {"metadata": _lease(100, "another")})
            async with lease.held(client, "school", terms=REAL):
                holders = [store["metadata"]["deployer_lock"] for store in await stores(client)]
                assert sorted(holders) == ["another", "school"], "what is another project's is left alone"

    asyncio.run(run())


def test_it_is_renewed_while_it_is_held(account: EmbeddedAccount) -> None:
    async def run() -> None:
        quick = replace(REAL, good=3.0, sleep=lambda seconds: asyncio.sleep(seconds / 50))
        async with opened(account) as client, lease.held(client, "school", terms=quick) as hold:
            before = (await stores(client))[0]["metadata"]["deployer_until"]
            async with asyncio.timeout(20):
                while (await stores(client))[0]["metadata"]["deployer_until"] == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert not hold.lost

    asyncio.run(run())


def test_a_lease_that_was_taken_away_ends_the_work_under_it(account: EmbeddedAccount) -> None:
    async def run() -> None:
        quick = replace(REAL, good=3.0, sleep=lambda seconds: asyncio.sleep(seconds / 50))
        async with opened(account) as client, lease.held(client, "school", terms=quick) as hold:
            await lease.remove(client, hold.lease_id)
            async with asyncio.timeout(20):
                await hold.over.wait()
            assert "deployer unlock removed it" in hold.lost

    asyncio.run(run())


def test_before_the_first_write_it_is_asked_whether_the_lease_still_holds(account: EmbeddedAccount) -> None:
    async def run() -> None:
        async with opened(account) as client, lease.held(client, "school", terms=REAL) as hold:
            await hold.sure()
            await lease.remove(client, hold.lease_id)
            with pytest.raises(Exception, match="nothing was changed"):
                await hold.sure()

    asyncio.run(run())


HOLDS_AND_HANGS = """
import asyncio, sys, time
from deployer.backends.http.client import connect
from deployer.backends.http import lease
from deployer.backends.http.routes import HEADERS
from deployer.model import AccountSettings

async def run():
    settings = AccountSettings("test", "assistants", sys.argv[1])
    async with connect(settings, HEADERS) as client:
        async with lease.held(client, "school", terms=lease.Terms(good=4.0)):
            print("in", flush=True)
            await asyncio.sleep(60)

asyncio.run(run())
"""


@pytest.mark.slow
def test_when_the_holder_is_killed_its_lease_expires(tmp_path: Path) -> None:
    async def run(url: str, pid: int) -> None:
        settings = replace(SETTINGS, base_url=url)
        async with connect(settings, HEADERS) as client:
            with pytest.raises(lease.LockedError, match=f"pid {pid}"):
                async with lease.held(client, "school", terms=REAL):
                    pytest.fail("two are in")
            os.kill(pid, signal.SIGKILL)
            async with lease.held(client, "school", 30, replace(REAL, pause=0.2)):
                assert len(await stores(client)) == 1

    async def whole() -> None:
        with EmbeddedAccount(tmp_path / "account") as account, served(Door(account.app)) as url:
            command = [sys.executable, "-c", HOLDS_AND_HANGS, url]
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            assert process.stdout
            assert await process.stdout.readline() == b"in\n"
            await run(url, process.pid)
            assert await process.wait() == -signal.SIGKILL

    asyncio.run(whole())


LOCKED = "accounts: {here: {api: assistants, lock: true}}\nassistants: {tutor: {model: m}}\n"
HERE = ("--account", "here")


def test_an_apply_holds_the_lease_and_leaves_none_behind(project: Project) -> None:
    project.manifest(LOCKED)
    result = project.run("apply", "--yes", *HERE)
    assert result.code == 0, result.err
    assert ask(project, "GET", "/vector_stores")["data"] == []
    for command in (("rollback", "--yes"), ("destroy", "--confirm", "test"), ("gc", "--yes")):
        assert project.run(*command, *HERE).code == 0


def test_to_adopt_is_kept_out_too(project: Project) -> None:
    project.manifest(LOCKED)
    foreign = ask(project, "POST", "/assistants", {"model": "m"})
    lease = ask(project, "POST", "/vector_stores", {"metadata": _lease(time.time() + 100, "test")})
    adopt = ("adopt", "assistant/tutor", foreign["id"], "--yes", *HERE)
    assert "project test is locked by ann@desk pid 7" in project.run(*adopt).err
    ask(project, "DELETE", f"/vector_stores/{lease['id']}")
    assert project.run(*adopt).code == 0


@pytest.mark.parametrize(
    "command", (("apply", "--yes"), ("rollback", "--yes"), ("destroy", "--confirm", "test"), ("gc", "--yes"))
)
def test_a_run_is_kept_out_until_the_lease_is_removed(project: Project, command: tuple[str, ...]) -> None:
    project.manifest(LOCKED)
    assert project.run("apply", "--yes", *HERE).code == 0
    lease = ask(project, "POST", "/vector_stores", {"metadata": _lease(time.time() + 100, "test")})
    refused = project.run(*command, *HERE)
    assert refused.code == 1
    assert "project test is locked by ann@desk pid 7" in refused.err
    assert project.run("plan", *HERE).code == 0, "to look is never forbidden"
    assert project.run("unlock", *HERE).code == 64
    unlocked = project.run("unlock", "--yes", *HERE)
    assert (unlocked.code, unlocked.out.splitlines()[-1]) == (0, "Unlocked.")
    assert unlocked.out.startswith(f"{lease['id']}  held by ann@desk pid 7, for ")
    assert project.run("unlock", "--yes", *HERE).out == "Project test is not locked.\n"
    assert project.run(*command, *HERE).code == 0


@pytest.mark.slow
def test_it_waits_as_long_as_it_is_told(project: Project) -> None:
    project.manifest(LOCKED)
    assert project.run("plan", *HERE).code == 0
    ask(project, "POST", "/vector_stores", {"metadata": _lease(time.time() + 2, "test")})
    assert project.run("apply", "--yes", "--lock-timeout", "30", *HERE).code == 0


def test_a_run_whose_lease_is_taken_stops_and_says_so(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    search = "{model: m, tools: [{type: file_search, vector_stores: [docs]}]}"
    project.manifest(f"vector_stores: {{docs: {{}}}}\nassistants: {{one: {search}, two: {search}}}\n")

    async def run() -> tuple[int, int]:
        async with embedded(project.root / "account") as wire, session(project.root, "assistants", wire) as one:
            async with lease.held(http(one), "test", terms=REAL) as hold:
                wire.app = _Thief(wire.app, http(one), hold)
                code = await carried_out(one, await one.plan(), ApplyOptions(hold=hold), Words("apply"), agreed)
            return code, len((await http(one).get("/assistants", {"limit": 100})).data["data"])

    code, made = asyncio.run(run())
    assert code == 1
    said = capsys.readouterr().out
    assert "Stopped: the lease on project test is lost: it is no longer there: deployer unlock removed it" in said
    assert "1 done, 2 skipped" in said
    assert "Left: 2 of 3 changes: create assistant/one, create assistant/two" in said
    assert made == 0


@dataclass
class _Thief:
    """While the store is being made, somebody unlocks the project."""

    app: App
    client: Client
    hold: lease.Hold
    taken: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "POST" and scope["path"] == "/v1/vector_stores" and not self.taken:
            self.taken = True
            await lease.remove(self.client, self.hold.lease_id)
            await self.hold.renew()
        await self.app(scope, receive, send)
