"""The tutorial, run from its first line to its last: files are written, commands answer what the page says."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.tool import Tool

PAGE = Path(__file__).parent.parent / "docs" / "tutorial.md"
BLOCK = re.compile(r"(?P<before>[^\n]*(?:\n[^\n]+)*)\n\n```(?P<language>\w+)\n(?P<body>.*?)```", re.DOTALL)
PORT = "8787"


@dataclass
class Reader:
    """Somebody who does what the page says, in a folder."""

    folder: Path
    port: str
    deployer: Tool
    servers: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(PORT, self.port), encoding="utf-8")

    def type(self, line: str) -> list[str]:
        """Run a command and return what it says; a server goes on running."""
        program, *words = shlex.split(line.replace(PORT, self.port))
        if program == "deployer":
            return self._serve(words) if words[0] == "serve" else self.deployer.run(self.folder, *words)[1].splitlines()
        assert program == "python", line
        command = [sys.executable, *words]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout.splitlines()

    def _serve(self, words: list[str]) -> list[str]:
        command = [sys.executable, "-m", "deployer", *words]
        server = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self.servers.append(server)
        assert server.stdout
        return [server.stdout.readline().rstrip("\n")]


@contextmanager
def reading(folder: Path, deployer: Tool) -> Iterator[Reader]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    reader = Reader(folder, port, deployer)
    try:
        yield reader
    finally:
        for server in reader.servers:
            server.terminate()
            server.communicate(timeout=10)


def dialogue(body: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a block, each with the lines that are to follow."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, *answer = part.rstrip("\n").split("\n")
        yield command, answer


def follows(answer: list[str], said: list[str], port: str) -> str:
    """The first line of an answer that does not come, in order, in what was said; `…` stands for anything."""
    rest = iter(said)
    for line in filter(str.strip, answer):
        pattern = re.escape(line.replace(PORT, port)).replace("…", ".*")
        if not any(re.fullmatch(pattern, one) for one in rest):
            return line
    return ""


def test_the_tutorial_does_what_it_says(tmp_path: Path, started: Tool) -> None:
    commands, written = 0, 0
    with reading(tmp_path, started) as reader:
        for block in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
            if block["language"] == "console":
                for command, answer in dialogue(block["body"]):
                    said = reader.type(command)
                    missing = follows(answer, said, reader.port)
                    assert not missing, f"$ {command}\n{chr(10).join(said)}\n\nmissing: {missing}"
                    commands += 1
            else:
                reader.write(re.findall(r"`([\w./]+\.\w+)`", block["before"])[-1], block["body"])
                written += 1
    assert (commands, written) == (20, 11)
