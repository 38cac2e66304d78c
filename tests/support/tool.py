"""The command line in processes of its own, ready at once: they are forked from one that has imported everything.

Their time may go faster than ours: then all that waits, for an answer or for the next attempt, waits so much less.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployer import cli
from deployer.commands import interrupts

ROOT = Path(__file__).parents[2]
OUTPUT = "output.txt"
LOADED = (  # what a command imports when it comes to it
    "_strptime",
    "anyio._backends._asyncio",
    "deployer.apply.execute",
    "deployer.backends.http.backend",
    "deployer.backends.streaming",
    "deployer.commands.apply",
    "deployer.manifest",
    "deployer.project.adoption",
    "deployer.project.saved",
    "deployer.project.session",
    "deployer.render.progress",
    "deployer.render.text",
    "deployer.server",
    "encodings.idna",
    "httpx2",
    "jsonschema",
    "openai",
)


@dataclass(frozen=True)
class Running:
    """A `deployer` at work in `folder`; what it says goes to a file there."""

    pid: int
    folder: Path
    stable: subprocess.Popen[str]

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self) -> tuple[int, str]:
        """Give the exit code (minus the number of a signal) and everything that it said."""
        return self.ended()[:2]

    def ended(self) -> tuple[int, str, int]:
        """Give its peak memory (bytes), too."""
        assert self.stable.stdout
        code, peak = map(int, self.stable.stdout.readline().split())
        return code, (self.folder / OUTPUT).read_text(encoding="utf-8", errors="replace"), peak


@dataclass(frozen=True)
class Tool:
    """Starts `deployer ARGUMENTS`, one at a time."""

    stable: subprocess.Popen[str]

    def start(self, folder: Path, *arguments: str) -> Running:
        assert self.stable.stdin
        assert self.stable.stdout
        self.stable.stdin.write(json.dumps([str(folder), *arguments]) + "\n")
        self.stable.stdin.flush()
        return Running(int(self.stable.stdout.readline()), folder, self.stable)

    def run(self, folder: Path, *arguments: str) -> tuple[int, str]:
        return self.start(folder, *arguments).wait()


@contextmanager
def tool(speed: int = 1) -> Iterator[Tool]:
    """Give a tool whose time goes so many times faster."""
    command = [sys.executable, "-m", "tests.support.tool", str(speed)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stable:
        try:
            yield Tool(stable)
        finally:
            stable.kill()


def load() -> None:
    """Import everything; and let no fork copy a page only because the collector looks at it."""
    for name in LOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def serve(orders: Iterator[str]) -> None:
    """Fork a process for each order; say its id, and when it has ended, how."""
    for order in orders:
        pid = os.fork()
        if pid == 0:
            become(*json.loads(order))
        print(pid, flush=True)
        _, status, usage = os.wait4(pid, 0)
        print(os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024, flush=True)


def become(folder: str, *arguments: str) -> None:
    """Be `deployer` from here on."""
    os.chdir(folder)
    os.environ |= {"TOOL_KEY": "any", "NO_COLOR": "1"}
    output = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    interrupts.watch()
    code = cli.run(list(arguments))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def hurry(speed: int) -> None:
    """Let the clock of event loops, and all that reads the same clock, go so many times faster."""
    clock, selector = time.monotonic, selectors.DefaultSelector

    class Hurried(selector):  # type: ignore[misc, valid-type]
        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            found: list[tuple[selectors.SelectorKey, int]] = super().select(timeout and timeout / speed)
            return found

    time.monotonic = lambda: clock() * speed
    selectors.DefaultSelector = Hurried  # type: ignore[misc]


if __name__ == "__main__":
    if (speed := int(sys.argv[1])) > 1:
        hurry(speed)
    load()
    serve(iter(sys.stdin.readline, ""))
