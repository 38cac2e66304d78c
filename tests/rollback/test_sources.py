"""Where contents are looked for: on the account, in the manifest, anywhere in the working tree, in older snapshots."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from deployer.engine import stamp, uploads
from deployer.model import Action, Address, DesiredFile, LiveFile, LiveObject
from deployer.rollback.restore import ContentSources
from deployer.rollback.snapshot import Entry
from deployer.rollback.sources import ContentSearch, find_contents, find_files
from deployer.rollback.store import SnapshotStore
from tests.support.live import embedded, session
from tests.support.project import Project


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def described(files: Mapping[str, DesiredFile]) -> dict[str, tuple[str, int, str]]:
    return {key: (file.path, file.size, file.sha256) for key, file in files.items()}


def test_a_file_is_found_by_its_bytes_under_any_name(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Links and hidden folders are passed over."""
    project.write("deep/down/b.txt", "content")
    project.write("deep/same-size.txt", "CONTENT")
    project.write("other.txt", "not this")
    project.write(".hidden/c.txt", "hidden!")
    (project.root / "link.txt").symlink_to(project.root / "other.txt")
    outside = tmp_path_factory.mktemp("outside") / "linked.txt"
    outside.write_text("linked", encoding="utf-8")
    (project.root / "linked.txt").symlink_to(outside)
    wanted = {sha("content"): 7, sha("hidden!"): 7, sha("gone"): 4, sha("linked"): 6}
    found = find_files(project.root, wanted)
    assert described(found) == {sha("content"): ("deep/down/b.txt", 7, sha("content"))}
    assert find_files(project.root, {}) == {}


def test_of_the_right_size_only_what_has_the_bytes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has another size is not read at all, and what cannot be read is not what is looked for."""
    project.write("a.txt", "content")
    read: list[str] = []

    def opened(path: Path, *arguments: Any, **options: Any) -> Any:
        read.append(path.name)
        if path.name == "a.txt":
            raise PermissionError
        return real(path, *arguments, **options)

    real: Any = Path.open
    project.write("b.txt", "content")
    project.write("c.txt", "longer than that")
    monkeypatch.setattr(Path, "open", opened)
    assert set(find_files(project.root, {sha("content"): 7})) == {sha("content")}
    assert sorted(read) == ["a.txt", "b.txt"]


def held(address: str, tokens: Mapping[str, str], *, foreign: bool = False) -> Entry:
    """An assistant that held files of the code interpreter: tokens by id."""
    pairs = {stamp.name_of(one): token for one, token in tokens.items()}
    metadata = {"deployer": f"test/{address}", stamp.FILES: stamp.written(pairs)}
    raw = {"metadata": metadata, "tool_resources": {"code_interpreter": {"file_ids": list(tokens)}}}
    found = stamp.read(metadata)
    return Entry(Address.parse(address), Action.UPDATE, "asst_1", raw, (), found, foreign=foreign)


def of_documents(*files: LiveFile) -> Entry:
    return Entry(Address("vector_store", "s"), Action.UPDATE, "vs_1", {"metadata": {}}, files)


def membership(file_id: str, content: str | None, size: int | None = 1) -> LiveFile:
    return LiveFile(file_id, "docs/a.md", sha(content) if content else None, "completed", size, 1)


Entries = Callable[[Mapping[str, str]], Sequence[Entry]]
Found = tuple[ContentSources, Mapping[str, str], list[str]]


def looked_for(
    project: Project,
    entries: Entries,
    uploaded: Mapping[str, str],
    live: Sequence[LiveObject] = (),
    declared: Sequence[DesiredFile] = (),
) -> Found:
    """Look on an account with these files (content by name); return what is found, ids by name, and what was asked.

    `entries` are made when the ids are known.
    """
    project.manifest("")

    async def look() -> Found:
        async with embedded(project.root / "account") as wire, session(project.root, "assistants", wire) as one:
            files = one.account.files
            ids = {
                name: (await files.upload(name, BytesIO(text.encode()), len(text)))[0]
                for name, text in uploaded.items()
            }
            store = SnapshotStore(str(project.root / "shots"), "test", lambda _name, _data: None)
            search = ContentSearch(one.account, project.root, declared, store)
            wire.log.clear()
            return await find_contents(search, entries(ids), live), ids, wire.log

    return asyncio.run(look())


def test_what_the_manifest_declares_needs_no_look(project: Project) -> None:
    declared = DesiredFile("data/a.csv", 1, sha("a"))
    token = uploads.token("a.csv", sha("a"))
    found, ids, log = looked_for(
        project,
        lambda ids: [held("assistant/x", {ids["a.csv"]: token}), of_documents(membership("gone", "a"))],
        {"a.csv": "a"},
        declared=[declared],
    )
    assert found.tree == {sha("a"): declared}
    assert found.contents == {token: declared}
    assert (found.there, found.proven, found.names) == (frozenset(ids.values()), [], {})
    assert [one for one in log if one.endswith("/content")] == []


def test_a_file_of_the_code_interpreter_is_read_and_is_what_its_token_says_or_is_not_used(project: Project) -> None:
    tokens = {"a.csv": uploads.token("a.csv", sha("aaa")), "b.csv": uploads.token("b.csv", sha("of then"))}
    found, ids, log = looked_for(
        project,
        lambda ids: [
            held("assistant/f", {ids["c.csv"]: "cccccccccccc"}, foreign=True),
            held("assistant/x", {"gone": "eeeeeeeeeeee", **{ids[name]: token for name, token in tokens.items()}}),
        ],
        {"a.csv": "aaa", "b.csv": "of today", "c.csv": "theirs"},
    )
    proven = LiveFile(ids["a.csv"], "a.csv", sha("aaa"), "completed", 3, 0)
    assert found.proven == [proven]
    assert described(found.contents) == {tokens["a.csv"]: ("a.csv", 3, sha("aaa"))}
    read = [one for one in log if one.endswith("/content")]
    assert read == [f"GET /files/{ids[name]}/content" for name in ("a.csv", "b.csv")]


def test_a_document_that_is_on_the_account_is_not_looked_for_in_the_tree(project: Project) -> None:
    for name in "abcd":
        project.write(f"somewhere/{name}", name)
    store = LiveObject("vector_store", "vs_1", {}, (membership("attached", "b"),))
    found, _, _ = looked_for(
        project,
        lambda ids: [
            of_documents(membership(ids["a.md"], "a"), membership("attached", "b"), membership("gone", "c")),
            of_documents(membership("gone", None), membership("gone", "d", None)),
        ],
        {"a.md": "a"},
        live=[store],
    )
    assert described(found.tree) == {sha("c"): ("somewhere/c", 1, sha("c"))}


def test_older_snapshots_tell_what_a_lost_file_was_called(project: Project) -> None:
    folder = project.root / "shots"
    folder.mkdir()
    file = {"path": "data/deep/lost.csv", "sha256": sha("lost"), "size": 4}
    data = {
        "account": {"api": "assistants"},
        "changes": [{"address": "assistant/x", "object": None, "files": [], "uploads": [file]}],
    }
    (folder / "20200101T000000.000000Z-test.json").write_text("{", encoding="utf-8")
    (folder / "20200102T000000.000000Z-test.json").write_text(json.dumps(data), encoding="utf-8")
    token = uploads.token("lost.csv", sha("lost"))
    found, _, _ = looked_for(project, lambda _: [held("assistant/x", {"gone": token})], {})
    assert found.names == {token: "data/deep/lost.csv"}
    found, _, _ = looked_for(project, lambda _: [], {})
    assert found.names == {}, "where nothing is unknown, none is read"
