"""The cache: what is saved is there, and nothing that is wrong with it is anybody's problem."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deployer import cache
from tests.support import needs


def test_what_is_saved_is_there(tmp_path: Path) -> None:
    data = {"한글": [1, None, "\udc80"]}
    cache.save(tmp_path / "deep" / "folder", "one", data)
    assert cache.load(tmp_path / "deep" / "folder", "one") == data
    assert cache.load(tmp_path / "deep" / "folder", "two") == {}


def test_without_a_folder_nothing_is_kept() -> None:
    cache.save(None, "one", {"a": 1})
    assert cache.load(None, "one") == {}


@pytest.mark.parametrize("content", (b"", b"{", b"[1]", b"\xff", b"null", b"[" * 100_000))
def test_what_is_broken_or_foreign_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.json").write_bytes(content)
    assert cache.load(tmp_path, "one") == {}


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    cache.save(tmp_path / "file", "one", {"a": 1})
    assert cache.load(tmp_path / "file", "one") == {}


def test_a_failed_save_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.save(tmp_path, "one", {"a": 1})
    monkeypatch.setattr(Path, "replace", _full)
    cache.save(tmp_path, "one", {"a": 2})
    assert cache.load(tmp_path, "one") == {"a": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "one.json"]


def _full(self: Path, target: object) -> None:
    del self, target
    raise OSError(28, "No space left on device")


@needs.GIT
def test_git_does_not_see_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "."], cwd=tmp_path, check=True)
    cache.save(tmp_path / cache.FOLDER, "one", {"a": 1})
    command = ["git", "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout == b""


def test_two_processes_that_save_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from deployer import cache\n"
    code += "for _ in range(200): cache.save(Path(sys.argv[1]), 'one', {sys.argv[2]: sys.argv[2] * 5000})"
    others = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "ab"]
    seen = []
    while any(other.poll() is None for other in others):
        seen.append(cache.load(tmp_path, "one"))
    assert [other.returncode for other in others] == [0, 0]
    whole: tuple[dict[str, str], ...] = ({}, {"a": "a" * 5000}, {"b": "b" * 5000})
    assert [data for data in seen if data not in whole] == []
    assert cache.load(tmp_path, "one") in whole[1:]
