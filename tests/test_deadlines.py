"""Reads that hang: each ends with a sentence, is told meanwhile, and leaves nothing that the process would wait for."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry, known_implementations

from deployer import deadlines, remote
from deployer.deadlines import Reading, awaited, beside, within
from deployer.errors import DeployerError, Interrupted
from deployer.manifest import digest
from deployer.model import Address, DesiredFile, Resource
from tests.support.project import Project

SECONDS = 20.0


@pytest.fixture
def hangs() -> Iterator[threading.Event]:
    """Whatever waits for this hangs until the test is over."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("IDLE", 0.2), ("SOON", 0.05), ("AGAIN", 0.05), ("_TICK", 0.01)):
        monkeypatch.setattr(deadlines, name, seconds)


def document(source: str, size: int = 3) -> Resource:
    return Resource(Address("vector_store", "docs"), {}, (DesiredFile(source, size, "", None, source),))


async def _asked(what: str, work: Callable[[Reading], Any]) -> Any:
    return await awaited(what, work)


WAYS: tuple[Callable[[str, Callable[[Reading], Any]], Any], ...] = (
    within,
    lambda what, work: beside([work, lambda _reading: 1], what),
    lambda what, work: asyncio.run(_asked(what, work)),
)


@pytest.mark.parametrize("way", WAYS)
def test_what_hangs_is_left_behind(way: Any, hangs: threading.Event) -> None:
    with pytest.raises(DeployerError, match=r"^a\.md cannot be read \(nothing came for 0\.2 s\); check the disk or"):
        way("a.md", lambda _reading: hangs.wait(SECONDS))
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "reading")


@pytest.mark.parametrize("way", WAYS)
def test_what_drips_is_left_behind(way: Any, hangs: threading.Event) -> None:
    def drip(reading: Reading) -> None:
        while not hangs.wait(0.02):
            reading.got(1)

    with pytest.raises(DeployerError, match=r"a\.md cannot be read \(\d+ bytes came in \d+ s\)"):
        way("a.md", drip)


def test_what_goes_on_is_waited_for(hangs: threading.Event) -> None:
    """However long it takes: a second here, where nothing may be silent for a fifth of it."""

    def slowly(reading: Reading) -> int:
        for _ in range(20):
            hangs.wait(0.02)
            reading.got(100_000)
        return 7

    assert within("a.md", slowly) == 7


def test_a_wait_is_told_now_and_again(hangs: threading.Event) -> None:
    told: list[tuple[str, float]] = []

    def tell() -> None:
        deadlines.heard.set(lambda what, seconds: told.append((what, seconds)))
        with pytest.raises(DeployerError):
            within("a.md", lambda _reading: hangs.wait(SECONDS))

    copy_context().run(tell)
    assert {what for what, _ in told} == {"a.md"}
    assert len(told) > 1
    assert told[0][1] >= 0.05


def test_errors_are_those_of_the_work() -> None:
    def fail(_reading: Reading) -> None:
        raise ValueError("no")

    for way in WAYS:
        with pytest.raises(ValueError, match=r"^no$"):
            way("a.md", fail)


FORKED = """
import asyncio, os
from deployer.deadlines import awaited
asyncio.run(awaited("a.md", lambda _: None))
pid = os.fork()
if pid == 0:
    asyncio.run(awaited("a.md", lambda _: None))
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
"""


def test_a_process_that_was_forked_has_threads_of_its_own() -> None:
    """Those of its parent did not come along: what waited for one would wait for ever."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], check=True, timeout=60)


def test_who_is_asked_to_stop_does_not_wait_for_what_hangs(hangs: threading.Event) -> None:
    def stop() -> None:
        raise Interrupted("stopped")

    with pytest.raises(Interrupted):
        beside([lambda _reading: hangs.wait(SECONDS)], check=stop)


def test_a_caller_that_is_cancelled_leaves_it_behind(hangs: threading.Event) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(_asked("a.md", lambda _reading: hangs.wait(SECONDS)))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    since = time.monotonic()
    asyncio.run(cancelled())
    assert time.monotonic() - since < SECONDS / 2


@pytest.mark.parametrize("writers", (0, 1))
def test_a_pipe_in_place_of_a_document(tmp_path: Path, writers: int) -> None:
    """It was a file when it was listed; to read a pipe would wait for whoever writes into it."""
    os.mkfifo(tmp_path / "a.md")
    written = [os.open(tmp_path / "a.md", os.O_RDWR) for _ in range(writers)]
    try:
        for read in (
            lambda: digest(tmp_path, (document("a.md"),)),
            lambda: remote.open_source(tmp_path, "a.md", Reading()),
        ):
            with pytest.raises(DeployerError, match=r"^a\.md is (a pipe|no regular file any more); put the document"):
                read()
    finally:
        for one in written:
            os.close(one)


def test_a_device_in_place_of_a_document(tmp_path: Path) -> None:
    (tmp_path / "a.md").symlink_to("/dev/zero")
    with pytest.raises(DeployerError, match=r"^a\.md is no regular file any more"):
        digest(tmp_path, (document("a.md"),))


def test_a_disk_that_hangs_while_digests_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs: threading.Event
) -> None:
    (tmp_path / "a.md").write_bytes(b"one")
    monkeypatch.setattr(os, "read", lambda _file, _count: hangs.wait(SECONDS) and b"")
    with pytest.raises(DeployerError, match=r"^a\.md cannot be read \(nothing came for 0\.2 s\)"):
        digest(tmp_path, (document("a.md"),))


def test_a_large_document_is_read_bit_by_bit_and_each_bit_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs: threading.Event
) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "a.md").write_bytes(content)
    with remote.open_source(tmp_path, "a.md", Reading()) as file:
        assert file.read(10) == content[:10]
        assert file.seek(2_000_000) == 2_000_000
        assert file.read() == content[2_000_000:]
        file.seek(0)
        monkeypatch.setattr(remote._LargeFile, "_now", lambda *_: hangs.wait(SECONDS) and b"")
        with pytest.raises(DeployerError, match=r"^a\.md cannot be read \(nothing came for"):
            file.read(10)
    assert file.closed


class _Hanging(MemoryFileSystem):  # type: ignore[misc]
    """A driver whose service does not answer."""

    protocol = "hanging"
    event: threading.Event

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        self.event.wait(SECONDS if "info" in path else 0)
        return {"name": path, "type": "file", "size": 3}

    def _open(self, path: str, *_: Any, **__: Any) -> Any:
        self.event.wait(SECONDS)
        return fsspec.filesystem("memory").open(path)

    def ls(self, _path: str, **_: Any) -> list[str]:
        self.event.wait(SECONDS)
        return []

    def exists(self, _path: str, **_: Any) -> bool:
        return True


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, hangs: threading.Event) -> None:
    monkeypatch.setitem(_registry, "hanging", _Hanging)
    monkeypatch.setitem(known_implementations, "hanging", {"class": "tests.test_deadlines._Hanging"})
    monkeypatch.setattr(_Hanging, "event", hangs, raising=False)


READS: dict[str, Callable[[Path], object]] = {
    "hanging://x/info.md": lambda _: remote.listed("hanging://x/info.md"),
    "hanging://x/a.md": lambda root: digest(root, (document("hanging://x/a.md"),)),
    "hanging://x/b.md": lambda root: asyncio.run(
        _asked("hanging://x/b.md", lambda one: remote.open_source(root, "hanging://x/b.md", one))
    ),
    "hanging://x": lambda _: remote.Files("hanging://x").names(),
}


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("url", READS)
def test_a_service_that_does_not_answer(tmp_path: Path, url: str) -> None:
    with pytest.raises(DeployerError, match=rf"^{url} cannot be read \(nothing came for 0\.2 s\)"):
        READS[url](tmp_path)


@pytest.mark.usefixtures("service")
def test_a_plan_says_what_it_waits_for_and_ends(project: Project) -> None:
    project.manifest("vector_stores: {docs: {files: ['hanging://x/info.md']}}")
    result = project.run("plan")
    assert result.code == 1
    first, *_, last = result.err.splitlines()
    assert first.startswith("waiting for hanging://x/info.md since ")
    assert "hanging://x/info.md cannot be read (nothing came for 0.2 s); check the disk or the network" in last


def hanging_at(monkeypatch: pytest.MonkeyPatch, hangs: threading.Event, name: str, owner: Any, function: str) -> None:
    """Let a call of the system hang for whatever has this name in its path."""
    real = getattr(owner, function)

    def call(path: Any, *arguments: Any, **options: Any) -> Any:
        if name in str(path):
            hangs.wait(SECONDS)
        return real(path, *arguments, **options)

    monkeypatch.setattr(owner, function, call)


@pytest.mark.parametrize("command", (("validate",), ("plan",)), ids=" ".join)
@pytest.mark.parametrize(
    ("name", "owner", "function"),
    (
        ("mounted", os, "scandir"),
        ("a.md", os, "stat"),
        ("prompt.md", Path, "read_bytes"),
        ("assistants.yaml", Path, "stat"),
    ),
)
def test_a_mount_that_hangs(  # noqa: PLR0917
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    hangs: threading.Event,
    command: tuple[str, ...],
    name: str,
    owner: Any,
    function: str,
) -> None:
    project.write("mounted/a.md", "# A\n")
    project.write("prompt.md", "Be brief.\n")
    project.manifest(
        "vector_stores: {docs: {files: [mounted/*.md]}}\nassistants: {a: {model: m, instructions: {file: prompt.md}}}"
    )
    hanging_at(monkeypatch, hangs, name, owner, function)
    result = project.run(*command)
    assert result.code == 1
    first, *_, last = result.err.splitlines()
    assert first.startswith("waiting for ")
    assert name in first
    assert f"{name} cannot be read (nothing came for 0.2 s); check the disk or the network, and run again" in last
