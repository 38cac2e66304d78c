"""deployer playground as a process: its address, who it answers, and how it ends."""

from __future__ import annotations

import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.support.project import Project
from tests.support.tool import OUTPUT, Running, Tool

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)")


@contextmanager
def running(started: Tool, folder: Path, *options: str) -> Iterator[tuple[Running, re.Match[str]]]:
    one = started.start(folder, "playground", "--no-open", *options)
    while not (found := ADDRESS.search((folder / OUTPUT).read_text() if (folder / OUTPUT).exists() else "")):
        time.sleep(0.02)
    yield one, found


def test_it_answers_whoever_has_its_address_and_ends_when_it_is_asked_to(started: Tool, project: Project) -> None:
    project.manifest("assistants: {a: {model: m}}")
    with running(started, project.root, "--port", "0") as (one, found):
        assert "/page/main.js" in httpx2.get(found.group(), timeout=30).text
        bare = f"http://127.0.0.1:{found.group(1)}/api/state"
        assert httpx2.get(bare, timeout=30).status_code == 401
        headers = {"Authorization": f"Bearer {found.group(2)}"}
        assert '"assistant/a"' in httpx2.get(bare, headers=headers, timeout=30).text
        one.signal(signal.SIGTERM)
        code, said = one.wait()
    assert (code, said.count("Traceback")) == (0, 0)


def test_a_port_that_is_taken_is_told(project: Project) -> None:
    project.manifest("assistants: {a: {model: m}}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = project.run("playground", "--no-open", "--port", str(port))
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"port {port} of 127.0.0.1 cannot be used (")


def test_a_wrong_manifest_ends_it(project: Project) -> None:
    project.manifest("assistants: {a: {modle: m}}")
    result = project.run("playground", "--no-open")
    assert result.code == 1
    assert "did you mean 'model'" in result.err
