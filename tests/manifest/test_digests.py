"""Digests: right whatever the cache says, and nothing read twice."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer import cache
from deployer.errors import DeployerError, Interrupted
from deployer.manifest import digest, digests
from deployer.model import Address, DesiredFile, Resource

LONG_AGO = time.time_ns() - 3_600_000_000_000


def _write(root: Path, name: str, content: bytes, age_ns: int = LONG_AGO) -> None:
    (root / name).write_bytes(content)
    os.utime(root / name, ns=(age_ns, age_ns))


def _resource(*sources: str) -> Resource:
    return Resource(Address("vector_store", "docs"), {}, tuple(DesiredFile(one, 0, "", None, one) for one in sources))


def _digested(root: Path, *sources: str, rehash: bool = False) -> tuple[list[str], int]:
    """Give the digests and how many bytes were read for them."""
    counts: list[int] = []
    (found,) = digest(root, (_resource(*sources),), rehash=rehash, read=counts.append)
    return [file.sha256 for file in found.files], sum(counts)


def _sha(*contents: bytes) -> list[str]:
    return [hashlib.sha256(content).hexdigest() for content in contents]


def test_what_did_not_change_is_read_once(tmp_path: Path) -> None:
    _write(tmp_path, "a.md", b"one")
    _write(tmp_path, "b.md", b"two!")
    assert _digested(tmp_path, "a.md", "b.md", "a.md") == (_sha(b"one", b"two!", b"one"), 7)
    assert _digested(tmp_path, "a.md", "b.md") == (_sha(b"one", b"two!"), 0)
    _write(tmp_path, "b.md", b"2")
    assert _digested(tmp_path, "a.md", "b.md") == (_sha(b"one", b"2"), 1)


def test_rehash_reads_all(tmp_path: Path) -> None:
    _write(tmp_path, "a.md", b"one")
    for _ in range(2):
        assert _digested(tmp_path, "a.md", rehash=True) == (_sha(b"one"), 3)
    assert _digested(tmp_path, "a.md") == (_sha(b"one"), 0)


def test_same_size_and_same_time_but_other_bytes(tmp_path: Path) -> None:
    """Tools that set times back (`cp -p`, `touch -r`) cannot set back the time of the inode."""
    _write(tmp_path, "a.md", b"one")
    _digested(tmp_path, "a.md")
    _write(tmp_path, "a.md", b"two")
    assert _digested(tmp_path, "a.md") == (_sha(b"two"), 3)


def test_another_file_under_the_same_name(tmp_path: Path) -> None:
    _write(tmp_path, "a.md", b"one")
    _write(tmp_path, "b.md", b"two")
    _digested(tmp_path, "a.md", "b.md")
    (tmp_path / "b.md").replace(tmp_path / "a.md")
    assert _digested(tmp_path, "a.md")[0] == _sha(b"two")


@pytest.mark.parametrize("age", (0, 1_900_000_000, -3_600_000_000_000))
def test_what_changed_just_now_is_read_again(tmp_path: Path, age: int) -> None:
    """It may change once more within the same tick; a time in the future says nothing."""
    for _ in range(2):
        _write(tmp_path, "a.md", b"one", time.time_ns() - age)
        assert _digested(tmp_path, "a.md") == (_sha(b"one"), 3)


@pytest.mark.parametrize("size", (0, 1, 256 * 1024, 256 * 1024 + 1, 5_000_000))
def test_files_of_any_size(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    _write(tmp_path, "a.md", content)
    resource = replace(_resource("a.md"), files=(DesiredFile("a.md", size, "", None, "a.md"),))
    assert [file.sha256 for one in digest(tmp_path, (resource,)) for file in one.files] == _sha(content)


@pytest.mark.parametrize("declared", (0, 2, 3, 1_000_000))
def test_the_size_that_was_found_earlier_is_no_promise(tmp_path: Path, declared: int) -> None:
    _write(tmp_path, "a.md", b"one")
    resource = replace(_resource("a.md"), files=(DesiredFile("a.md", declared, "", None, "a.md"),))
    for _ in range(2):
        assert [file.sha256 for one in digest(tmp_path, (resource,)) for file in one.files] == _sha(b"one")


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, "a.md", b"one")
    read = os.read

    def meddle(file: int, count: int) -> bytes:
        block = read(file, count)
        _write(tmp_path, "a.md", b"two")
        return block

    with monkeypatch.context() as during:
        during.setattr(os, "read", meddle)
        _digested(tmp_path, "a.md")
    assert _digested(tmp_path, "a.md") == (_sha(b"two"), 3)


def test_reading_ends_amid_a_file_when_it_is_asked_to_and_nothing_is_remembered(tmp_path: Path) -> None:
    """A file of 8 MB is read in many blocks; after the third one somebody presses Ctrl-C."""
    _write(tmp_path, "large.md", bytes(8_000_000))
    asked: list[None] = []

    def stop() -> bool:
        asked.append(None)
        return len(asked) > 3

    with pytest.raises(Interrupted):
        digest(tmp_path, (_resource("large.md"),), stop=stop)
    assert len(asked) < 20  # of 32 blocks; the waiting thread asks, too
    assert _digested(tmp_path, "large.md") == (_sha(bytes(8_000_000)), 8_000_000)


def test_many_files_in_the_order_of_the_resource(tmp_path: Path) -> None:
    names = [f"{number}.md" for number in range(200)]
    for name in names:
        _write(tmp_path, name, name.encode())
    assert _digested(tmp_path, *reversed(names))[0] == _sha(*(name.encode() for name in reversed(names)))


SHA = hashlib.sha256(b"one").hexdigest()
ENTRIES = (
    st.none()
    | st.text()
    | st.just(f"{SHA} 3 0 0 0")
    | st.lists(st.none() | st.integers() | st.text() | st.just(SHA), max_size=6)
)
CACHES = st.one_of(
    st.fixed_dictionaries({"version": st.just(2), "files": st.fixed_dictionaries({"a.md": ENTRIES})}),
    st.fixed_dictionaries({"version": st.just(2), "files": ENTRIES}),
    st.dictionaries(st.text(), ENTRIES),
)


@given(CACHES)
@settings(max_examples=50)
def test_a_broken_or_foreign_cache_is_never_believed(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    root = tmp_path_factory.mktemp("root")
    _write(root, "a.md", b"one")
    cache.save(root / cache.FOLDER, "digests", data)
    assert _digested(root, "a.md") == (_sha(b"one"), 3)
    assert _digested(root, "a.md") == (_sha(b"one"), 0)


@pytest.mark.parametrize("sha256", ("", "f" * 63, "F" * 64, "g" * 64))
def test_a_digest_of_another_form_is_not_believed(tmp_path: Path, sha256: str) -> None:
    _write(tmp_path, "a.md", b"one")
    _digested(tmp_path, "a.md")
    data = cache.load(tmp_path / cache.FOLDER, "digests")
    data["files"]["a.md"] = data["files"]["a.md"].replace(_sha(b"one")[0], sha256)
    cache.save(tmp_path / cache.FOLDER, "digests", data)
    assert _digested(tmp_path, "a.md") == (_sha(b"one"), 3)


def test_manifests_of_one_folder_share_the_cache(tmp_path: Path) -> None:
    _write(tmp_path, "a.md", b"one")
    _write(tmp_path, "b.md", b"two!")
    _digested(tmp_path, "a.md")
    _digested(tmp_path, "b.md")
    assert _digested(tmp_path, "a.md", "b.md")[1] == 0


def test_nothing_to_digest_leaves_no_folder(tmp_path: Path) -> None:
    assert digest(tmp_path, (_resource(),)) == (_resource(),)
    assert list(tmp_path.iterdir()) == []


def test_a_known_file_that_is_gone(tmp_path: Path) -> None:
    _write(tmp_path, "a.md", b"one")
    _digested(tmp_path, "a.md")
    (tmp_path / "a.md").unlink()
    with pytest.raises(DeployerError, match=r"^a\.md cannot be read"):
        _digested(tmp_path, "a.md")


@pytest.fixture
def url() -> Iterator[str]:
    filesystem = fsspec.filesystem("memory")
    filesystem.pipe_file("/digests/a.md", b"one")
    yield "memory://digests/a.md"
    filesystem.rm("/digests", recursive=True)


def test_what_a_service_vouches_for_is_read_once(tmp_path: Path, url: str) -> None:
    assert _digested(tmp_path, url) == (_sha(b"one"), 3)
    assert _digested(tmp_path, url) == (_sha(b"one"), 0)
    fsspec.filesystem("memory").pipe_file("/digests/a.md", b"two")
    assert _digested(tmp_path, url) == (_sha(b"two"), 3)


def test_a_pointer_behind_a_url_is_no_document(tmp_path: Path, url: str) -> None:
    fsspec.filesystem("memory").pipe_file(
        "/digests/a.md", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    with pytest.raises(
        DeployerError, match=r"digests/a\.md is a Git LFS pointer; run git lfs pull where it was copied"
    ):
        _digested(tmp_path, url)


def test_the_cache_is_plain_data(tmp_path: Path) -> None:
    _write(tmp_path, "a.md", b"one")
    _digested(tmp_path, "a.md")
    data = json.loads((tmp_path / ".deployer/cache/digests.json").read_text(encoding="utf-8"))
    assert list(data["files"]) == ["a.md"]


def test_the_cache_does_not_grow_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "_MOST", 1)
    for name in ("a.md", "b.md"):
        _write(tmp_path, name, b"one")
        _digested(tmp_path, name)
    assert list(cache.load(tmp_path / cache.FOLDER, "digests")["files"]) == ["b.md"]
