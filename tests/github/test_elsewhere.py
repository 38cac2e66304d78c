"""The recipes for other pipelines, run as their runners run them: line after line, in a shell that stops at errors."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands.test_closings import account

HERE = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PAGE = (HERE / "docs" / "pipelines.md").read_text(encoding="utf-8")
MANIFEST = """\
version: 1
project: bots
accounts: {{openai: {{api: assistants, base_url: '{url}', api_key: '${{env.OPENAI_API_KEY}}'}}}}
assistants: {{tutor: {{model: {model}}}}}
"""
CURL = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def block(language: str, starts: str) -> str:
    (found,) = re.findall(rf"```{language}\n({starts}.*?)```", PAGE, re.DOTALL)
    return str(found)


@contextmanager
def notes() -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Serve what takes notes of a merge request."""
    taken: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/api/v4", taken
        finally:
            server.shutdown()


def run(program: Path, folder: Path, script: str, **variables: str) -> int:
    environment = {"PATH": f"{program}:{BIN}:{os.environ['PATH']}", "HOME": str(folder), "OPENAI_API_KEY": "k"}
    environment |= {"DEPLOYER_ACCOUNT": "openai", **variables}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, check=False
    ).returncode


def write(folder: Path, url: str, model: str) -> None:
    (folder / "assistants.yaml").write_text(MANIFEST.format(url=url, model=model), encoding="utf-8")


@pytest.mark.slow
@CURL
def test_gitlab_from_a_merge_request_to_an_apply(tmp_path: Path, program: Path) -> None:
    jobs = yaml.safe_load(block("yaml", "# \\.gitlab-ci"))
    scripts = {name: "\n".join(jobs[name]["script"]) for name in ("plan", "preview", "apply")}
    folder = tmp_path / "checkout"
    folder.mkdir()
    with account(tmp_path / "live") as url, notes() as (api, taken):
        given = {"CI_API_V4_URL": api, "CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "9", "NOTES_TOKEN": "t"}
        write(folder, url, "m")
        assert run(program, folder, scripts["plan"], **given) == 0
        assert {"plan.json", "plan.html", "plan.md"} <= {one.name for one in folder.iterdir()}
        (folder / "plan.json").unlink()
        write(folder, url, "m, modell: m")
        assert run(program, folder, scripts["plan"], **given) == 1, "the job is red, and the note says why"
        write(folder, url, "m")
        assert run(program, folder, scripts["preview"]) == 0
        assert run(program, folder, scripts["apply"]) == 0
        assert run(program, folder, "deployer plan --exit-code") == 0
    first, second = taken
    assert first[0] == "/api/v4/projects/3/merge_requests/9/notes"
    assert "### deployer: 1 to create" in first[1]["body"]
    assert second[1]["body"].startswith("### deployer: failed")


@pytest.mark.slow
def test_any_shell(tmp_path: Path, program: Path) -> None:
    folder = tmp_path / "checkout"
    folder.mkdir()
    with account(tmp_path / "live") as url:
        write(folder, url, "m")
        assert run(program, folder, block("sh", "deployer validate")) == 0
    assert "1 done. The next plan is empty." in (folder / "applied.md").read_text(encoding="utf-8")
