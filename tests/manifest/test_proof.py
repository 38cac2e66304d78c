"""Which foreign documents are the declared files: nothing is believed that was not read, unless the user says so."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from deployer.apply.reuse import OTHER, UNREADABLE, Proof, prove
from deployer.model import DesiredFile
from tests.manifest.foreign import by_hand
from tests.support.live import embedded, session
from tests.support.project import Project


def declared(path: str, data: bytes) -> DesiredFile:
    return DesiredFile(path, len(data), hashlib.sha256(data).hexdigest())


def proof(root: Path, store: str, files: list[DesiredFile], *, readable: bool = True, by_size: bool = False) -> Proof:
    async def run() -> Proof:
        async with embedded(root / ".deployer" / "account") as wire, session(root, "assistants", wire) as one:
            wire.fails = lambda _number, request: not readable and request.endswith("/content")
            live = await one.account.files.members(store)
            return await prove(one.account.files, live, files, by_size=by_size)

    return asyncio.run(run())


def test_each_declared_file_is_used_once(project: Project) -> None:
    project.manifest("")
    with by_hand(project.root) as hand:
        store = hand.store({"a.md": b"one"}, name="Docs")
        hand.attach(store, "a.md", b"one")
        hand.attach(store, "a.md", b"two")
    found = proof(project.root, store, [declared("x/a.md", b"one"), declared("y/a.md", b"two")])
    assert sorted(file.path for file in found.proven.values()) == ["x/a.md", "y/a.md"]
    assert found.foreign == (("a.md", OTHER),)
    both = proof(project.root, store, [declared("x/a.md", b"one"), declared("y/a.md", b"one")])
    assert sorted(file.path for file in both.proven.values()) == ["x/a.md", "y/a.md"]


def test_what_cannot_be_read_is_not_believed(project: Project) -> None:
    project.manifest("")
    with by_hand(project.root) as hand:
        store = hand.store({"a.md": b"one", "b.md": b"one"}, name="Docs")
    files = [declared("a.md", b"two"), declared("x/b.md", b"one"), declared("y/b.md", b"two")]
    assert proof(project.root, store, files, readable=False).proven == {}
    trusting = proof(project.root, store, files, readable=False, by_size=True)
    assert [file.path for file in trusting.proven.values()] == ["a.md"]  # b.md could be either of two
    assert trusting.foreign == (("b.md", UNREADABLE),)
