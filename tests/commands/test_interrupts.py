"""Ctrl-C twice in the middle of an apply: it ends at once, in one sentence, and the next run does what is left."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from deployer.commands import interrupts
from deployer.server import EmbeddedAccount
from tests.support.killed import served
from tests.support.project import Project
from tests.support.tool import OUTPUT, Running, Tool

APPLY = ("apply", "--yes", "--account", "served")
SECONDS = 20.0


@dataclass
class Hanging:
    """An account that never answers the requests of `hangs`; the first of them sets `reached`."""

    app: ASGIApp
    hangs: re.Pattern[str] | None = None
    reached: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not (self.hangs and self.hangs.fullmatch(f"{scope['method']} {scope['path']}")):
            await self.app(scope, receive, send)
            return
        self.reached.set()
        while (await receive())["type"] != "http.disconnect":
            pass


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Hanging]:
    with EmbeddedAccount(tmp_path / "account") as found:
        yield Hanging(found.app)


@pytest.fixture
def school(project: Project, account: Hanging) -> Iterator[Project]:
    """Forty documents in a store, which an assistant uses."""
    for number in range(40):
        project.write(f"docs/{number}.md", f"document {number}")
    with served(account) as base_url:  # type: ignore[arg-type]
        project.manifest(
            f"""
            accounts:
              served: {{api: assistants, base_url: "{base_url}", api_key: "${{env.TOOL_KEY}}", list_lag: 0.5}}
            vector_stores: {{s: {{files: [docs/**]}}}}
            assistants: {{a: {{model: m, tools: [{{type: file_search, vector_stores: [s]}}]}}}}
            """
        )
        yield project


def until_said(running: Running, text: str) -> None:
    until, output = time.monotonic() + SECONDS, running.folder / OUTPUT
    while text not in output.read_text(encoding="utf-8"):
        assert time.monotonic() < until, output.read_text(encoding="utf-8")
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    "hangs",
    (
        "GET /v1/files",  # what is there before it is sent
        "POST /v1/vector_stores",
        "POST /v1/files",
        "POST /v1/vector_stores/[^/]+/file_batches",
        "GET /v1/vector_stores/[^/]+/file_batches/.*",
        "POST /v1/assistants",
    ),
)
def test_a_second_ctrl_c_ends_it_at_once(
    started: Tool, hurried: Tool, school: Project, account: Hanging, hangs: str
) -> None:
    account.hangs = re.compile(hangs)
    running = started.start(school.root, *APPLY)
    assert account.reached.wait(SECONDS)
    running.signal(signal.SIGINT)
    until_said(running, "stopping after the requests in flight; again to stop at once")
    running.signal(signal.SIGINT)
    code, said = running.wait()
    assert code == 130, said
    assert said.splitlines()[-1] == (
        "interrupted in the middle of requests, which may have been carried out or not: "
        "run deployer apply --account served again, it looks first"
    )
    account.hangs = None
    code, said = hurried.run(school.root, *APPLY)  # it waits until it is sure that nothing was made
    assert code == 0, said
    assert hurried.run(school.root, "plan", "--exit-code", "--account", "served")[0] == 0


ANYWHERE = {
    "plan": ("GET /v1/assistants", ("plan", "--account", "served")),
    "a lock": ("GET /v1/vector_stores", (*APPLY, "--lock-timeout", "600")),
    "drift": ("GET /v1/vector_stores", ("drift", "--account", "served")),
    "validate": ("GET /v1/models", ("validate", "--online", "--account", "served")),
    "destroy": ("GET /v1/assistants", ("destroy", "--confirm", "test", "--account", "served")),
}


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM), ids=lambda one: one.name)
@pytest.mark.parametrize("where", ANYWHERE)
def test_one_signal_ends_what_only_waits(
    started: Tool, school: Project, account: Hanging, where: str, number: signal.Signals
) -> None:
    hangs, arguments = ANYWHERE[where]
    account.hangs = re.compile(hangs)
    running = started.start(school.root, *arguments)
    assert account.reached.wait(SECONDS)
    since = time.monotonic()
    running.signal(number)
    code, said = running.wait()
    assert (code, "Traceback" in said) == (130, False), said
    assert said.splitlines()[-1] == "interrupted: nothing more is sent; the same command again does what is left"
    assert time.monotonic() - since < SECONDS / 4


DEAF = """
import ctypes, threading
from deployer.commands import interrupts

interrupts.watch()
threading.Timer(0.2, print, ("ready",), {"flush": True}).start()
mutex = ctypes.create_string_buffer(64)
for _ in range(2):
    ctypes.CDLL(None).pthread_mutex_lock(mutex)  # no signal ends that, as with a hung disk
"""


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM), ids=lambda one: one.name)
def test_the_second_one_ends_it_although_python_never_hears_of_the_first(number: signal.Signals) -> None:
    command = [sys.executable, "-c", DEAF]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        lines = [process.stderr.readline(), process.stderr.readline()]
        assert lines[1] == "interrupted: it ends as soon as what is under way lets it; again to end at once\n"
        since = time.monotonic()
        process.send_signal(number)
        try:
            assert process.wait(SECONDS) == 130
        finally:
            process.kill()
        assert time.monotonic() - since < 2 * interrupts.GRACE
        assert process.stderr.read() == "interrupted: it was ended at once, while something did not answer\n"


HANGING = """
import asyncio, sys, time
from deployer.commands import interrupts
from deployer.commands.carry_out import stopping
from deployer.project import StopSignal

async def main():
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(asyncio.to_thread(time.sleep, 600))  # a disk that does not answer
    with stopping(StopSignal(), work, "it was in the middle of requests"):
        print("ready", flush=True)
        await work

interrupts.watch()
asyncio.run(main())
"""


def test_the_second_one_ends_it_whatever_hangs() -> None:
    """A thread that never ends would keep the event loop, and Python, from ending."""
    command = [sys.executable, "-c", HANGING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr
        assert (process.stderr.readline(), process.stderr.readline()) == (
            "\n",
            "stopping after the requests in flight; again to stop at once\n",
        )
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(SECONDS) == 130
        finally:
            process.kill()
        assert process.stderr.read().splitlines()[-1] == "it was in the middle of requests"
