"""What a machine remembers of an apply that did not live to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer import cache
from deployer.apply.journal import Journal
from deployer.model import AccountSettings

HERE = AccountSettings("live", "agents", "https://a.invalid/v1")
THERE = AccountSettings("live", "agents", "https://b.invalid/v1")


def file_of(root: Path) -> Path:
    return root / cache.FOLDER / "journal.jsonl"


def test_it_is_read_by_the_next_process_for_the_same_account(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path, HERE, "p")
    journal.send("file-1", "aa", "a.md")
    journal.send("file-2", "bb", "b.md")
    journal.release(["file-3", "file-4"])
    journal.delete("file-2")
    journal.delete("file-4")
    assert Journal.of(tmp_path, HERE, "p").left_over == {"file-1": "aa", "file-3": ""}
    assert Journal.of(tmp_path, THERE, "p").left_over == {}
    assert Journal.of(tmp_path, HERE, "another").left_over == {}, "of what another project sent, nothing is ours"
    journal.clear()
    assert Journal.of(tmp_path, HERE, "p").left_over == {}


def test_the_end_of_one_apply_forgets_nothing_of_another_account(tmp_path: Path) -> None:
    Journal.of(tmp_path, THERE, "p").send("file-9", "cc")
    journal = Journal.of(tmp_path, HERE, "p")
    journal.send("file-1", "aa", "a.md")
    journal.clear()
    assert Journal.of(tmp_path, HERE, "p").left_over == {}
    assert Journal.of(tmp_path, THERE, "p").left_over == {"file-9": "cc"}
    Journal.of(tmp_path, THERE, "p").clear()
    assert not file_of(tmp_path).exists()


def test_it_holds_no_password_of_a_url(tmp_path: Path) -> None:
    Journal.of(tmp_path, replace(HERE, base_url="https://ann:hunter2@a.invalid/v1"), "p").send("file-1", "aa")
    assert "hunter2" not in file_of(tmp_path).read_text(encoding="ascii")
    assert Journal.of(tmp_path, HERE, "p").left_over == {"file-1": "aa"}


@pytest.mark.parametrize("rest", ('{"account": "live https', "\x00\x00", "[1]", "{}", '{"sent": 1}'))
def test_a_torn_or_foreign_line_is_not_read(tmp_path: Path, rest: str) -> None:
    Journal.of(tmp_path, HERE, "p").send("file-1", "aa")
    with file_of(tmp_path).open("a") as file:
        file.write(rest)
    assert Journal.of(tmp_path, HERE, "p").left_over == {"file-1": "aa"}


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """Another process, that waits until it is killed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def signed(root: Path, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let another process have noted that it sent file-1; give its line."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: process.pid)
        Journal.of(root, HERE, "p").send("file-1", "aa")
    entry: dict[str, Any] = json.loads(file_of(root).read_text(encoding="ascii"))
    assert entry["pid"] == process.pid
    return entry


def put(root: Path, entry: dict[str, Any]) -> None:
    file_of(root).write_text(json.dumps(entry) + "\n", encoding="ascii")


def left_over(root: Path) -> dict[str, str]:
    return Journal.of(root, HERE, "p").left_over


def test_what_a_living_process_is_at_work_on_is_not_left_over(
    tmp_path: Path, other: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    signed(tmp_path, other, monkeypatch)
    assert left_over(tmp_path) == {}
    Journal.of(tmp_path, HERE, "p").clear()
    other.kill()
    other.wait()
    assert left_over(tmp_path) == {"file-1": "aa"}


PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only /proc tells one process from the next")


@PROC
@pytest.mark.parametrize("before", ("another-boot 1", "{boot} 1"))
def test_a_number_that_another_process_has_by_now_keeps_nothing(
    tmp_path: Path, other: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    """As 1 in every container: it always runs, and is never the one that noted it."""
    entry = signed(tmp_path, other, monkeypatch)
    put(tmp_path, {**entry, "born": before.format(boot=entry["born"].split()[0])})
    assert left_over(tmp_path) == {"file-1": "aa"}
    Journal.of(tmp_path, HERE, "p").clear()
    assert not file_of(tmp_path).exists()


@PROC
def test_who_was_killed_and_never_waited_for_is_not_at_work(
    tmp_path: Path, other: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    signed(tmp_path, other, monkeypatch)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    os.kill(other.pid, 0)  # it still has its number
    assert left_over(tmp_path) == {"file-1": "aa"}


@pytest.mark.parametrize("known", ({}, {"born": None}))
def test_of_an_older_version_or_a_system_without_proc_the_number_alone_tells(
    tmp_path: Path, other: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, known: dict[str, Any]
) -> None:
    entry = signed(tmp_path, other, monkeypatch)
    put(tmp_path, {**{key: value for key, value in entry.items() if key != "born"}, **known})
    assert left_over(tmp_path) == {}
    other.kill()
    other.wait()
    assert left_over(tmp_path) == {"file-1": "aa"}


def test_a_number_that_no_process_can_have_is_nobody(tmp_path: Path) -> None:
    file_of(tmp_path).parent.mkdir(parents=True)
    put(tmp_path, {"account": Journal.of(tmp_path, HERE, "p").account, "pid": 2**70, "sent": "file-1", "sha256": "aa"})
    assert left_over(tmp_path) == {"file-1": "aa"}


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / cache.FOLDER.parts[0]).write_text("a file where a folder should be")
    journal = Journal.of(tmp_path, HERE, "p")
    journal.send("file-1", "aa", "a.md")
    assert journal.left_over == {"file-1": "aa"}
    assert Journal.of(tmp_path, HERE, "p").left_over == {}
