"""The command line in processes of its own, ready at once: they are forked from one that has imported everything."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployer import cli
from deployer.commands import interrupts

ROOT = Path(__file__).parents[2]
OUTPUT = "output.txt"
LOADED = (  # what an apply imports when it comes to it
    "deployer.apply",
    "deployer.commands.apply",
    "deployer.project.session",
    "deployer.manifest",
    "deployer.render.progress",
    "deployer.render.text",
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
        assert self.stable.stdout
        code = int(self.stable.stdout.readline())
        return code, (self.folder / OUTPUT).read_text(encoding="utf-8")


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
def tool() -> Iterator[Tool]:
    command = [sys.executable, "-m", "tests.support.tool"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stable:
        try:
            yield Tool(stable)
        finally:
            stable.kill()


def serve(orders: Iterator[str]) -> None:
    """Fork a process for each order; say its id, and when it has ended, how."""
    for order in orders:
        pid = os.fork()
        if pid == 0:
            become(*json.loads(order))
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


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


if __name__ == "__main__":
    for name in LOADED:
        importlib.import_module(name)
    serve(iter(sys.stdin.readline, ""))
