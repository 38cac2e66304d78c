"""What a machine remembers of an apply that did not live to its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deployer import cache
from deployer.account import Journal
from deployer.model import AccountSettings

HERE = AccountSettings("live", "agents", "https://a.invalid/v1")
THERE = AccountSettings("live", "agents", "https://b.invalid/v1")


def file_of(root: Path) -> Path:
    return root / cache.FOLDER / "journal.jsonl"


def test_it_is_read_by_the_next_process_for_the_same_account(tmp_path: Path) -> None:
    journal = Journal.of(tmp_path, HERE, "p")
    journal.send("file-1", "aa")
    journal.send("file-2", "bb")
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
    journal.send("file-1", "aa")
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


def test_what_a_living_process_is_at_work_on_is_not_left_over(tmp_path: Path) -> None:
    Journal.of(tmp_path, HERE, "p").send("file-1", "aa")
    path = file_of(tmp_path)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        entry = json.loads(path.read_text(encoding="ascii"))
        assert entry["pid"] == os.getpid()
        path.write_text(json.dumps({**entry, "pid": other.pid}) + "\n", encoding="ascii")
        assert Journal.of(tmp_path, HERE, "p").left_over == {}
        other.kill()
    assert Journal.of(tmp_path, HERE, "p").left_over == {"file-1": "aa"}


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / cache.FOLDER.parts[0]).write_text("a file where a folder should be")
    journal = Journal.of(tmp_path, HERE, "p")
    journal.send("file-1", "aa")
    assert journal.left_over == {"file-1": "aa"}
    assert Journal.of(tmp_path, HERE, "p").left_over == {}
