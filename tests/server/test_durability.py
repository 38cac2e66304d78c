"""Restarts, kills, and several processes on one folder."""

from __future__ import annotations

import hashlib
import os
import socket
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount, ingestion
from deployer.server.ingestion import extraction
from deployer.server.storage import STATUSES
from tests.server.processes import Served, served
from tests.server.support import made, settled, stored, until, upload


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        store_id, [file_id] = stored(api, ("수원.md", "수원 도시계획".encode()))
        assistant = made(api, "/v1/assistants", model="m", name="선생님")
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        assert api.get(f"/v1/assistants/{assistant['id']}").json() == assistant
        assert api.get(f"/v1/files/{file_id}/content").content.decode() == "수원 도시계획"
        assert made(api, f"/v1/vector_stores/{store_id}/search", query="도시계획")["data"][0]["file_id"] == file_id


def test_a_closed_account_says_so(tmp_path: Path) -> None:
    account = EmbeddedAccount(tmp_path)
    assert TestClient(account.app).get("/v1/assistants").status_code == 500
    for _ in range(2):
        with account, TestClient(account.app) as api:
            assert api.get("/v1/assistants").status_code == 200
            stored(api, ("a.txt", b"ingested each time"))
    assert TestClient(account.app).get("/v1/assistants").status_code == 500


def test_what_waits_is_ingested_by_the_next_process(tmp_path: Path) -> None:
    with EmbeddedAccount(tmp_path, workers=0) as account, TestClient(account.app) as api:
        store = made(api, "/v1/vector_stores", file_ids=[upload(api)["id"]])
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        assert settled(api, store["id"])["file_counts"]["completed"] == 1


def claim_and_die(folder: Path, *, attempts: int) -> None:
    """Leave the database as a process leaves it that was killed while it ingested."""
    _change(folder, "lease_owner = 'dead', lease_until = ?, attempts = ?", time.time() + 3600, attempts)


def _change(folder: Path, columns: str, *values: float) -> None:
    db = sqlite3.connect(folder / "account.sqlite3")
    with db:
        db.execute("UPDATE memberships SET " + columns, values)  # noqa: S608
    db.close()


@pytest.mark.parametrize(("attempts", "status"), ((1, "completed"), (3, "failed")))
def test_a_dead_process_loses_its_lease(tmp_path: Path, attempts: int, status: str) -> None:
    with EmbeddedAccount(tmp_path, workers=0) as account, TestClient(account.app) as api:
        store = made(api, "/v1/vector_stores", file_ids=[upload(api)["id"]])
        claim_and_die(tmp_path, attempts=attempts)
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        assert api.get(f"/v1/vector_stores/{store['id']}").json()["status"] == "in_progress"
        _change(tmp_path, "lease_until = 0")  # however long that took, the lease ends only now
        assert settled(api, store["id"])["file_counts"][status] == 1


def test_a_long_job_keeps_its_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job longer than the lease is still done once, although a second process looks for work."""
    release, calls = threading.Event(), []

    def slow(_path: Path) -> str:
        calls.append(1)
        release.wait(10)
        return "text"

    monkeypatch.setitem(extraction._READERS, ".txt", slow)
    now = [time.time()]  # no time passes but what the test lets pass, and that only after the lease was renewed
    options: Any = {"workers": 1, "lease": _SHORT, "clock": lambda: now[0]}
    with EmbeddedAccount(tmp_path, **options) as one, TestClient(one.app) as api:
        store = made(api, "/v1/vector_stores", file_ids=[upload(api)["id"]])
        until(lambda: bool(calls))
        for _ in range(4):
            until(lambda: _leased_until(tmp_path) == now[0] + _SHORT)
            now[0] += 0.9 * _SHORT
        with EmbeddedAccount(tmp_path, **options) as other, TestClient(other.app) as next_api:
            stored(next_api, ("b.md", b"other work, which is found where the job would be"))
            release.set()
            assert settled(api, store["id"])["file_counts"]["completed"] == 1
    assert len(calls) == 1


_SHORT = 0.03  # seconds


def _leased_until(folder: Path) -> float:
    with closing(sqlite3.connect(folder / "account.sqlite3")) as db:
        return float(db.execute("SELECT MIN(lease_until) FROM memberships").fetchone()[0])


def test_a_bug_in_a_reader_fails_the_file_and_not_the_thread(
    api: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_path: Path) -> str:
        raise ZeroDivisionError  # no reader raises this, and none is expected to

    monkeypatch.setitem(extraction._READERS, ".md", broken)
    store_id, [bad, good] = stored(api, ("a.md", b"text"), ("a.txt", b"text"))
    assert api.get(f"/v1/vector_stores/{store_id}/files/{bad}").json()["last_error"]["code"] == "server_error"
    assert api.get(f"/v1/vector_stores/{store_id}/files/{good}").json()["status"] == "completed"
    assert "ZeroDivisionError" in caplog.text


UNCOUNTED = "".join(
    [f"DROP TRIGGER membership_{name};" for name in ("removed", "replaced", "added", "changed")]
    + [f"ALTER TABLE vector_stores DROP COLUMN {name};" for name in (*STATUSES, "usage_bytes")]
)
"""Takes away what the fifth layout brought."""


def test_the_counters_of_a_store_are_those_of_its_members(tmp_path: Path) -> None:
    """Attached, attached again, failed, detached, deleted as a file, and found in a folder of the fourth layout."""

    def counted(db: sqlite3.Connection) -> None:
        for store in db.execute("SELECT * FROM vector_stores"):
            members = db.execute("SELECT * FROM memberships WHERE vector_store_id = ?", (store["id"],)).fetchall()
            for status in STATUSES:
                assert store[status] == sum(one["status"] == status for one in members)
            assert store["usage_bytes"] == sum(one["usage_bytes"] for one in members)

    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        store_id, file_ids = stored(api, ("a.txt", b"one"), ("b.txt", b"two words"), ("c.bin", b"\x00\x01"))
        other = made(api, "/v1/vector_stores", file_ids=file_ids)["id"]
        made(api, f"/v1/vector_stores/{store_id}/files", file_id=file_ids[0])
        for one in (store_id, other):
            settled(api, one)
        api.delete(f"/v1/vector_stores/{store_id}/files/{file_ids[1]}")
        api.delete(f"/v1/files/{file_ids[0]}")
        with account._storage.read() as db:
            counted(db)
        shown = api.get(f"/v1/vector_stores/{other}").json()
        assert (shown["file_counts"]["total"], shown["file_counts"]["completed"], shown["usage_bytes"]) == (2, 1, 9)
    with closing(sqlite3.connect(tmp_path / "account.sqlite3")) as db:
        db.executescript(UNCOUNTED + "PRAGMA user_version = 4;")
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        assert api.get(f"/v1/vector_stores/{other}").json() == shown
        api.delete(f"/v1/files/{file_ids[1]}")
        with account._storage.read() as db:
            counted(db)


def test_a_folder_of_the_first_layout_is_ingested_again(tmp_path: Path) -> None:
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        store_id, [file_id] = stored(api, ("a.txt", b"kept words"))
    db = sqlite3.connect(tmp_path / "account.sqlite3")
    db.executescript(
        f"{UNCOUNTED} DROP TABLE text_index; DROP TABLE texts;"
        "CREATE TABLE chunks (seq INTEGER PRIMARY KEY, membership INTEGER, start INTEGER, text TEXT);"
        "CREATE VIRTUAL TABLE chunk_index USING fts5 (text, content = 'chunks', content_rowid = 'seq');"
        "PRAGMA user_version = 1;"
    )
    db.close()
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        assert settled(api, store_id)["file_counts"]["completed"] == 1
        assert made(api, f"/v1/vector_stores/{store_id}/search", query="kept")["data"][0]["file_id"] == file_id


def test_a_folder_of_the_second_layout_keeps_its_objects_in_their_order(tmp_path: Path) -> None:
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        made_before = [made(api, "/v1/assistants", model="m", name=name) for name in "abc"]
    db = sqlite3.connect(tmp_path / "account.sqlite3")
    db.executescript(UNCOUNTED)
    db.executescript(
        "CREATE TABLE documents (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE,"
        " body TEXT NOT NULL); INSERT INTO documents SELECT seq, kind, id, body FROM objects; DROP TABLE objects;"
        "PRAGMA user_version = 2;"
    )
    db.close()
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        made_before.append(made(api, "/v1/assistants", model="m", name="d"))
        assert api.get("/v1/assistants").json()["data"] == made_before[::-1]


def test_a_file_that_breaks_its_reader_takes_no_other_down(tmp_path: Path) -> None:
    """What has been tried before is tried alone: the process may die of it again."""
    with EmbeddedAccount(tmp_path, workers=0) as account, TestClient(account.app) as api:
        file_ids = [upload(api, f"{number}.txt")["id"] for number in range(3)]
        store = made(api, "/v1/vector_stores", file_ids=file_ids)
        claim_and_die(tmp_path, attempts=1)
        _change(tmp_path, "lease_until = 0")
        with account._storage.read() as db:
            waiting = ingestion.waiting_jobs(db, time.time())
        assert [job["file_id"] for job in waiting] == file_ids[:1]
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        assert settled(api, store["id"])["file_counts"]["completed"] == 3


def test_what_an_interrupted_upload_left_is_swept(tmp_path: Path) -> None:
    with EmbeddedAccount(tmp_path):
        old, young = tmp_path / "incoming" / "old", tmp_path / "incoming" / "young"
        old.write_bytes(b"x")
        young.write_bytes(b"x")
        os.utime(old, (0, 0))
    with EmbeddedAccount(tmp_path):
        assert (old.exists(), young.exists()) == (False, True)


def half_an_upload(server: Served) -> socket.socket:
    """A connection in the middle of a body of which nothing more will come."""
    address = urlsplit(server.base_url)
    connection = socket.create_connection((address.hostname or "", address.port or 0))
    head = (
        "POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n"
        "Content-Type: multipart/form-data; boundary=limit\r\n\r\n"
        '--limit\r\nContent-Disposition: form-data; name="file"; filename="half.txt"\r\n\r\n'
    )
    connection.sendall(head.encode() + b"x" * 3_000_000)
    return connection


def test_killed_in_the_middle_of_uploads(tmp_path: Path) -> None:
    """Every upload that was answered is whole, none of the others is there, and work in progress goes on."""
    done: dict[str, str] = {}

    def keep_uploading(base_url: str, number: int) -> None:
        with httpx2.Client(base_url=base_url) as client:
            for turn in range(10_000):
                data = os.urandom(200_000)
                try:
                    form = {"files": {"file": (f"{number}-{turn}.txt", data)}, "data": {"purpose": "assistants"}}
                    answer = client.post("/files", **form)  # type: ignore[arg-type]
                except httpx2.TransportError:
                    return
                done[answer.json()["id"]] = hashlib.sha256(data).hexdigest()

    with served(tmp_path) as server, ThreadPoolExecutor(4) as threads:
        connection = half_an_upload(server)
        for number in range(4):
            threads.submit(keep_uploading, server.base_url, number)
        until(lambda: len(done) > 20)
        server.process.kill()
    connection.close()
    with EmbeddedAccount(tmp_path) as account, TestClient(account.app) as api:
        files = api.get("/v1/files").json()["data"]
        assert done.keys() <= {file["id"] for file in files}
        assert "half.txt" not in {file["filename"] for file in files}
        for file in files:
            content = api.get(f"/v1/files/{file['id']}/content").content
            assert len(content) == file["bytes"] == 200_000
            assert done.get(file["id"]) in (None, hashlib.sha256(content).hexdigest())


def test_a_client_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    incoming = tmp_path / "incoming"
    with served(tmp_path) as server:
        connection = half_an_upload(server)
        until(lambda: bool(list(incoming.iterdir())))
        connection.close()
        until(lambda: not list(incoming.iterdir()))
        assert httpx2.get(f"{server.base_url}/files").json()["data"] == []


def test_two_processes_share_a_folder(tmp_path: Path) -> None:
    """The tool in its own process, while `serve` runs on the same folder."""
    with served(tmp_path) as server, EmbeddedAccount(tmp_path) as account, TestClient(account.app) as here:
        there = httpx2.Client(base_url=server.base_url)
        with ThreadPoolExecutor(8) as threads, there:
            answers = list(
                threads.map(
                    lambda n: (
                        (
                            here.post("/v1/assistants", json={"model": "m"})
                            if n % 2
                            else there.post("/assistants", json={"model": "m"})
                        ).status_code
                    ),
                    range(60),
                )
            )
            assert set(answers) == {200}
            assert len(there.get("/assistants?limit=100").json()["data"]) == 60
            store_id, _ = stored(here, *((f"{n}.txt", b"word %d" % n) for n in range(20)))
            seen = there.get(f"/vector_stores/{store_id}").json()
            assert seen["file_counts"]["completed"] == 20
