"""The long journey with the tool killed at a request: the account goes on, the tool is gone amid its work."""

from __future__ import annotations

import logging
import re
import shutil
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployer.server import EmbeddedAccount
from tests.support.states import JOURNEY, write
from tests.support.tool import Running, Tool
from tests.support.whole import Whole, whole

BEFORE, AFTER = "before", "after"
APPLY = ("apply", "--yes", "--prune", "--account", "served")
COLLECT = ("gc", "--yes", "--older-than", "0", "--account", "served")
SECONDS = 20.0


@dataclass
class Door:
    """Between the tool and an account: counts requests, and does something when number `at` arrives.

    `writes` are those that the account has carried out, `made` are the paths of the same, `late` what came afterwards.
    """

    app: ASGIApp | None = None
    at: int = 0
    way: str = BEFORE
    strike: Callable[[], None] | None = None
    count: int = 0
    late: int = 0
    flying: int = 0
    writes: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.count += 1
        number, answer = self.count, _Answer()
        struck = self.strike is not None and number == self.at
        self.late += self.strike is not None and number > self.at
        self.flying += 1
        try:
            if struck and self.way == BEFORE:
                self._do()
                return
            assert self.app
            await self.app(scope, receive, answer)
            if scope["method"] != "GET" and answer.status < 400:
                self.writes.append(f"{scope['method']} {scope['path'].removeprefix('/v1')}")
            if struck:
                self._do()
        finally:
            self.flying -= 1
        await answer.give(send)

    def _do(self) -> None:
        assert self.strike
        self.strike()

    def reset(self, app: ASGIApp, at: int = 0, way: str = BEFORE) -> None:
        self.settle()
        self.app, self.at, self.way, self.strike, self.count, self.late = app, at, way, None, 0, 0
        self.writes.clear()

    def settle(self) -> None:
        """Wait for what is under way: what a killed client had sent is carried out nevertheless."""
        until = time.monotonic() + SECONDS
        while self.flying and time.monotonic() < until:
            time.sleep(0.002)


@dataclass
class _Answer:
    """An answer that is held back until it is known whether anybody will get it."""

    messages: list[Message] = field(default_factory=list)

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"]) if self.messages else 0

    async def give(self, send: Send) -> None:
        for message in self.messages:
            await send(message)


@contextmanager
def served(door: Door) -> Iterator[str]:
    """Serve the account behind the door; give its base URL."""
    logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())  # an answer that is missing is meant to be
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = uvicorn.Server(uvicorn.Config(door, lifespan="off", log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@dataclass(frozen=True)
class Stage:
    """One undisturbed step: the manifest, the account before it, and what the step made of it."""

    number: int
    folder: Path
    before: Path
    after: Whole
    requests: int
    writes: Counter[str]


@dataclass
class Journey:
    """Walks the states with one tool, against one door."""

    tool: Tool
    door: Door
    root: Path
    api: str
    base_url: str

    def walk(self) -> list[Stage]:
        """Walk undisturbed, and keep the account as it was before each step."""
        account, stages = self.root / "account", []
        for number, state in enumerate(JOURNEY):
            folder = write(self.root / f"state-{number}", state, self.api, self.base_url)
            before = self.root / f"before-{number}"
            if account.exists():
                shutil.copytree(account, before)
            else:
                before.mkdir(parents=True)
            stages.append(self._step(number, folder, before, account))
        return stages

    def _step(self, number: int, folder: Path, before: Path, kept: Path) -> Stage:
        with EmbeddedAccount(kept) as account:
            self.door.reset(account.app)
            code, said = self.tool.run(folder, *APPLY)
            assert code == 0, said
            self.door.settle()
            after = whole(account)
            assert not after.unheld
            return Stage(number, folder, before, after, self.door.count, kinds(self.door.writes))

    @contextmanager
    def disturbed(self, stage: Stage, at: int, way: str, number: signal.Signals) -> Iterator[Case]:
        """Do a step again from its beginning, with a signal at request `at`."""
        case = self.root / f"case-{stage.number}-{at}-{way}-{number.name}"
        here = Path(shutil.copytree(stage.folder, case / "here"))
        shutil.copytree(stage.before, case / "account")
        try:
            with EmbeddedAccount(case / "account") as account:
                self.door.reset(account.app, at, way)
                yield Case(self, stage, here, account, *self._struck(here, number))
        finally:
            shutil.rmtree(case)

    def _struck(self, here: Path, number: signal.Signals) -> tuple[int, str]:
        running: list[Running] = []
        self.door.strike = lambda: running[0].signal(number)
        running.append(self.tool.start(here, *APPLY))
        code, said = running[0].wait()
        self.door.settle()
        return code, said


@dataclass(frozen=True)
class Case:
    """A step that was disturbed: how the tool ended, and what it had said."""

    journey: Journey
    stage: Stage
    folder: Path
    account: EmbeddedAccount
    code: int
    said: str

    def flaws(self, *, elsewhere: bool = False) -> list[str]:
        """Run again, and tell everything that is not as if nothing had happened.

        On another machine (`elsewhere`) nothing tells whose the files are that were about to be deleted: then `gc`,
        run where the kill was, must find them all.
        """
        code, said = self.again(self._elsewhere() if elsewhere else self.folder)
        if code:
            return [f"the next run ended with {code}: {said}"]
        if elsewhere and whole(self.account).unheld:
            code, said = self.journey.tool.run(self.folder, *COLLECT)
            if code:
                return [f"gc ended with {code}: {said}"]
        return [*self._content(), *self._writes()]

    def again(self, folder: Path) -> tuple[int, str]:
        """Do the step again, undisturbed, in another process; everything that was written stays counted."""
        door = self.journey.door
        door.strike = None
        result = self.journey.tool.run(folder, *APPLY)
        door.settle()
        return result

    def _elsewhere(self) -> Path:
        """Give another checkout of the same commit."""
        there = self.folder.with_name("there")
        return Path(shutil.copytree(self.folder, there, ignore=shutil.ignore_patterns(".deployer")))

    def _content(self) -> list[str]:
        found, wanted = Counter(whole(self.account).told), Counter(self.stage.after.told)
        missing = [f"missing: {one}" for one in (wanted - found).elements()]
        return [*missing, *(f"too much: {one}" for one in (found - wanted).elements())]

    def _writes(self) -> list[str]:
        self.journey.door.settle()
        made = kinds(self.journey.door.writes)
        again = [f"written beyond the undisturbed run: {one}" for one in (made - self.stage.writes).elements()]
        return [*again, *(f"never written: {one}" for one in (self.stage.writes - made).elements())]


def kinds(writes: Iterable[str]) -> Counter[str]:
    """Count writes by method and path, whatever the ids."""
    return Counter(re.sub(r"(?<=/)(vs_|vsfb_|asst_|agent_|file-)\w+", "*", one) for one in writes)
