"""A disk that refuses: the client is told, the log has one line, and afterwards everything works again."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount
from deployer.server.storage.blobs import BLOCK, Incoming
from deployer.server.storage.disk import disk_trouble, explained
from tests.server.support import made, settled, stored, upload

ROOT = Path(__file__).parents[2]
LARGE = {"model": "m", "instructions": "x" * 200_000}


def limit(account: EmbeddedAccount, pages: int) -> None:
    """Let SQLite believe that there is no room beyond this; it is a limit of the one connection that requests use."""
    with account._storage._connection() as db:
        db.execute(f"PRAGMA max_page_count = {pages}")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def account(tmp_path: Path, said: list[str]) -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(tmp_path, workers=0, complain=said.append) as account:
        yield account


def test_a_full_disk_is_told_and_nothing_is_half_done(
    account: EmbeddedAccount, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    api = TestClient(account.app)
    before = made(api, "/v1/assistants", model="m")
    limit(account, 1)  # as little as it has already
    for _ in range(3):
        answer = api.post("/v1/assistants", json=LARGE)
        assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")
        assert answer.json()["error"] == {
            "message": "The account cannot be written to: the disk is full",
            "type": "server_error",
            "param": None,
            "code": "disk_full",
        }
    assert api.get("/v1/assistants").json()["data"] == [before]
    assert said == ["the account cannot be written to: the disk is full; free some space on it and run again"]
    assert caplog.records == []
    limit(account, 1_000_000)
    assert made(api, "/v1/assistants", **LARGE)["instructions"] == LARGE["instructions"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_bytes_that_find_no_room_leave_none_behind(tmp_path: Path) -> None:
    incoming = Incoming(tmp_path / "new")
    incoming.write(b"x" * (BLOCK + 1))
    assert incoming._file
    incoming._file.close()
    incoming._file = Path("/dev/full").open("wb")  # noqa: SIM115
    incoming.write(b"y")  # it is refused when it is flushed
    incoming.drop()
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_finds_no_room_is_a_failed_document(tmp_path: Path) -> None:
    with EmbeddedAccount(tmp_path, workers=0) as account:
        api = TestClient(account.app)
        file_id = upload(api, "large.md", "문장 ".encode() * 100_000)["id"]
        store = made(api, "/v1/vector_stores", file_ids=[file_id])["id"]
        limit(account, 1)
        assert account._ingestion._next()
        (document,) = api.get(f"/v1/vector_stores/{store}/files").json()["data"]
        assert document["last_error"] == {
            "code": "server_error",
            "message": "The text could not be kept: the disk is full.",
        }
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        made(api, f"/v1/vector_stores/{store}/files", file_id=file_id)
        assert settled(api, store)["file_counts"]["completed"] == 1


def test_an_account_that_cannot_be_opened_says_what_to_do_and_holds_nothing_open(tmp_path: Path) -> None:
    with EmbeddedAccount(tmp_path):
        pass
    (tmp_path / "account.sqlite3").rename(tmp_path / "elsewhere")
    (tmp_path / "account.sqlite3").mkdir()
    with pytest.raises(OSError, match="nothing can be written there; make it writable and run again"):
        EmbeddedAccount(tmp_path).__enter__()
    (tmp_path / "account.sqlite3").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "account.sqlite3")
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        stored(api, ("a.txt", b"as if nothing had been"))


@pytest.mark.parametrize(
    ("number", "code"),
    (
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EROFS, "disk_read_only"),
        (errno.EACCES, "disk_read_only"),
        (errno.ENOENT, None),
        (errno.EMFILE, None),
    ),
)
def test_what_the_system_calls_it(number: int, code: str | None) -> None:
    found = disk_trouble(OSError(number, "x"))
    assert (found and found.code) == code
    assert disk_trouble(explained(OSError(number, "x")) or ValueError()) == found


def test_what_sqlite_calls_it(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "db").close()
    with closing(sqlite3.connect(f"file:{tmp_path / 'db'}?mode=ro", uri=True)) as db:
        assert _code(db, "CREATE TABLE a (b)") == "disk_read_only"
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE a (b)")
        db.execute("PRAGMA max_page_count = 1")
        assert _code(db, "INSERT INTO a VALUES (zeroblob(100000))") == "disk_full"
        assert _code(db, "INSERT INTO nowhere VALUES (1)") is None


def _code(db: sqlite3.Connection, statement: str) -> str | None:
    with pytest.raises(sqlite3.Error) as caught:
        db.execute(statement)
    found = disk_trouble(caught.value)
    return found.code if found else None


# A real disk of 9 MB: in a namespace of its own, where anybody may mount one.
_TINY = """
set -e
mount -t tmpfs -o size=9m tmpfs "$1"
cd "$1"
printf 'version: 1\\nproject: p\\nvector_stores: {docs: {name: Docs, files: [docs/*]}}\\n' > assistants.yaml
mkdir docs; head -c 900000 /dev/zero | tr '\\0' x > docs/a.txt
room() { rm -f filler; head -c $(($(df -k --output=avail . | tail -1) * 1024 - $1 * 1024)) /dev/zero > filler; }
run() { echo "## $*"; code=0; "$python" -m deployer "$@" 2>&1 || code=$?; echo "exit $code"; }
python=$2
room 0; run plan
room 600; run apply --yes
echo "## left"; ls .deployer/account/incoming
rm filler; run apply --yes
mount -o remount,ro "$1"; run plan; run serve --port 0
"""


@pytest.mark.slow
def test_a_tiny_disk_through_the_command_line(tmp_path: Path) -> None:
    separate = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*separate, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system lets nobody mount a disk in a namespace of its own (unshare --user --mount)")
    environ = {"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NO_COLOR": "1", "LANG": "C.UTF-8"}
    command = [*separate, "sh", "-c", _TINY, "sh", str(tmp_path), sys.executable]
    result = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "Traceback" not in result.stdout
    assert "embedded.invalid" not in result.stdout
    runs: list[Any] = [part.splitlines() for part in result.stdout.split("## ")[1:]]
    folder = tmp_path / ".deployer" / "account"
    full = f"the embedded account cannot be kept in {folder} (the disk is full; free some space on it and run again)"
    closed = "(nothing can be written there; make it writable and run again)"
    assert runs[0] == ["plan", full, "exit 1"]
    (failed,) = [line for line in runs[1] if line.startswith("✗")]
    assert f"on the embedded account in {folder} answered 503" in failed
    assert failed.endswith("the disk is full; free some space on its disk and run again")
    assert runs[1][-1] == "exit 1"
    assert runs[2] == ["left"]
    assert runs[3][-2:] == ["1 done. The next plan is empty.", "exit 0"]
    assert runs[4] == ["plan", f"the embedded account cannot be kept in {folder} {closed}", "exit 1"]
    assert runs[5] == ["serve --port 0", f"cannot serve on 127.0.0.1:0 from .deployer/account {closed}", "exit 1"]
