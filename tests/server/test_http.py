"""The account over a socket."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from deployer.server import BackgroundServer, serve
from tests.server.processes import Served, served


def test_a_server_in_a_thread(tmp_path: Path) -> None:
    with BackgroundServer(tmp_path) as server, httpx2.Client(base_url=server.base_url) as client:
        assert client.post("/assistants", json={"model": "m"}).status_code == 200
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{server.base_url}/assistants")
    with BackgroundServer(tmp_path, key="right") as server, httpx2.Client(base_url=server.base_url) as client:
        assert client.get("/assistants").status_code == 401
        found = client.get("/assistants", headers={"authorization": "Bearer right"}).json()["data"]
        assert len(found) == 1


def test_a_web_page_needs_a_key(tmp_path: Path) -> None:
    page = {"origin": "https://example.org"}
    with BackgroundServer(tmp_path) as server:
        assert httpx2.get(f"{server.base_url}/models", headers=page).status_code == 403
    with BackgroundServer(tmp_path, key="right") as server:
        given = {**page, "authorization": "Bearer right"}
        assert httpx2.get(f"{server.base_url}/models", headers=given).status_code == 200


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_signals_end_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with served(tmp_path) as server:
        assert httpx2.get(f"{server.base_url}/models").status_code == 200
        server.process.send_signal(number)
        assert server.process.wait(20) == 0
        assert server.process.stderr
        assert server.process.stderr.read() == ""


@pytest.mark.parametrize("host", ("0.0.0.0", "::", "192.0.2.1", "example.org", ""))  # noqa: S104
def test_other_machines_need_a_key(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValueError, match="without a key"):
        serve(tmp_path, host, 0, None, print)
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve(tmp_path, "127.0.0.1", taken.getsockname()[1], None, print)


def test_what_a_folder_of_another_layout_says(tmp_path: Path) -> None:
    with BackgroundServer(tmp_path):
        pass
    script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version = 99')"
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "account.sqlite3")], check=True)
    with pytest.raises(ValueError, match="layout 99"), BackgroundServer(tmp_path):
        pass


def test_served_names_its_address(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        assert isinstance(server, Served)
        assert server.base_url.startswith("http://127.0.0.1:")
        assert server.base_url.endswith("/v1")
