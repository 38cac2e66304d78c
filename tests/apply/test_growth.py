"""What a command does grows with what there is, and no faster: lines of Python are counted, at three sizes.

A loop over all others, for each object, has at least half a line for each pair of objects.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
import httpx2
import pytest

from deployer import remote
from deployer.apply.execution import COPIES
from deployer.apply.reuse import Reuse
from deployer.backends.account import Account
from deployer.backends.base import NoFiles, StoredFile
from deployer.deadlines import Reading
from deployer.errors import AccountError
from deployer.kinds import kinds_of
from deployer.model import AccountSettings, DesiredFile
from deployer.server import EmbeddedAccount
from tests.support.growth import lines, per_pair
from tests.support.project import Project

MOST = 0.3
SIZE = 6
MODULES = ("apply", "backends", "commands", "engine", "kinds", "model", "project", "render", "rollback")
"""Manifests have a test of their own (tests/manifest/test_growth.py), whose cache of digests looks at the clock."""


def of_commands(project: Project, size: int) -> dict[str, int]:
    """Run one command after another on a project of so many units; return how many lines each took."""
    texts = [f"  a{number}: {{model: m, instructions: Hello {number}}}" for number in range(size)]
    stores = [f"  s{number}: {{}}" for number in range(size)]
    counts: dict[str, int] = {}

    def run(*words: str) -> None:
        def work() -> None:
            result = project.run(*words)
            assert result.code == 0, result.err

        counts[" ".join([*words, str(len(counts))])] = lines(work, MODULES)

    def declared(*texts: Sequence[str]) -> None:
        project.manifest("\n".join(line for text in texts for line in text) + "\n")

    declared(["assistants:"], texts, ["vector_stores:"], stores)
    run("apply", "--yes")
    run("plan")
    run("drift")
    run("outputs")
    run("export", "written", "-f", "assistants.yaml", "--account", "embedded", "--no-adopt")
    declared(["assistants:"], [line.replace("Hello", "Bye") for line in texts], ["vector_stores:"], stores)
    run("apply", "--yes")
    run("rollback", "--yes")
    texts = [f"{number:09}" for number in range(size)]
    for number, text in enumerate(texts):
        project.write(f"docs/{number}/a.md", text)
    left_over(project, texts)
    declared(["vector_stores:", "  docs: {files: [docs/**]}"])
    run("gc", "--yes")
    return counts


def left_over(project: Project, texts: Sequence[str]) -> None:
    """Let the account hold files of one name and size that nothing refers to, an hour old and more."""

    async def sent(found: EmbeddedAccount) -> None:
        transport = httpx2.ASGITransport(app=found.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://account.invalid/v1") as client:
            for text in texts:
                answer = await client.post("/files", data={"purpose": "assistants"}, files={"file": ("a.md", text)})
                assert answer.status_code == 200, answer.text

    with EmbeddedAccount(project.root / ".deployer" / "account", clock=lambda: time.time() - 7200) as found:
        asyncio.run(sent(found))


def test_whole_commands_are_linear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "DEPLOYER_ACCOUNT", "embedded")
    tables = []
    for run, factor in enumerate((1, 1, 2, 4)):
        project = Project(tmp_path / str(run))
        project.root.mkdir()
        monkeypatch.chdir(project.root)
        tables.append(of_commands(project, factor * SIZE))
    _, one, two, four = tables
    grown = {name: (four[name] - 3 * two[name] + 2 * one[name]) / (6 * SIZE**2) for name in one}
    assert not {name: found for name, found in grown.items() if found > MOST}, json.dumps(tables[1:])


class Spares(NoFiles):
    """An account with File objects of one name and size, none of which can be read back."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = ids

    async def stored(self, *, every: bool = False) -> list[StoredFile]:
        del every
        return [StoredFile(one, "a.md", 9, 0) for one in self._ids]

    def download(self, file_id: str) -> AsyncIterator[bytes]:
        raise AccountError(f"{file_id} is for assistants, and for nobody else", status=400)

    async def described(self, ids: Any) -> dict[str, StoredFile]:
        return {one: StoredFile(one, "a.md", 9, 0) for one in ids}


def taking(size: int, *, listed: bool, shas: bool) -> Callable[[], object]:
    """Look for files of one name and size, the last one first, among as many File objects."""
    ids = [f"file_{number}" for number in range(size)]
    files: Any = Spares(ids if listed else [])
    backend: Any = type("Only", (), {"files": files})()
    account = Account(AccountSettings("here", "assistants"), kinds_of("assistants"), {}, {"http": backend})
    known: dict[str, str | None] = {one: f"sha {one}" for one in ids} if shas else {}
    reuse = Reuse(account, (), shas=known, names=dict.fromkeys(ids, "a.md") if shas else {})

    async def work() -> None:
        for one in reversed(ids):
            found = await reuse.take(DesiredFile(f"docs/{one}/a.md", 9, f"sha {one}"))
            assert found == (one if shas else None)

    return lambda: asyncio.run(work())


@pytest.mark.parametrize(("listed", "shas"), ((True, True), (True, False), (False, True)))
def test_equal_names_and_sizes_are_looked_through_once(*, listed: bool, shas: bool) -> None:
    assert per_pair(lambda size: taking(size, listed=listed, shas=shas), SIZE) <= MOST


def test_few_documents_behind_urls_are_on_the_disk_at_a_time(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many small files of this machine are read ahead: a copy of such a document may be large."""
    disk = fsspec.filesystem("memory")
    for number in range(32):
        disk.pipe_file(f"/copies/docs/{number}.md", f"{number}".encode())
    held, most = [0], [0]
    opened = remote.opened

    @asynccontextmanager
    async def counted(what: str, open_file: Callable[[Reading], BinaryIO]) -> AsyncIterator[BinaryIO]:
        held[0] += 1
        most[0] = max(most[0], held[0])
        for _ in range(300):  # whoever may open one now comes to here
            await asyncio.sleep(0)
        async with opened(what, open_file) as file:
            yield file
        held[0] -= 1

    monkeypatch.setattr(remote, "opened", counted)
    project.manifest("vector_stores: {docs: {files: ['memory://copies/docs/*.md']}}\n")
    try:
        assert project.run("apply", "--yes", "--account", "embedded").code == 0
    finally:
        disk.rm("/copies", recursive=True)
    assert 1 < most[0] <= COPIES
