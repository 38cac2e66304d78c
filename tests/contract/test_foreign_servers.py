"""Servers that nobody here wrote, driven on loopback where they are installed: only with --foreign.

python -m venv lite && lite/bin/pip install 'litellm[proxy]'
python3.13 -m venv pi && pi/bin/pip install geki-apipi
export DEPLOYER_LITELLM=lite/bin/litellm DEPLOYER_APIPI=pi/bin/apipi
python -m pytest tests/contract/test_foreign_servers.py --foreign
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from deployer.server import EmbeddedAccount
from tests.support.killed import Door, served
from tests.support.project import Project

pytestmark = pytest.mark.foreign
_SECONDS = 90.0
_PATIENCE = 0.5
ON = ("--account", "other")
MANIFEST = """
accounts: {{other: {{api: {api}, base_url: '{url}', api_key: '${{env.KEY}}'}}}}
assistants:
  tutor: {{model: gpt-6-luna, name: Tutor, instructions: Help.}}
"""


def installed(name: str) -> str:
    """Return the executable of a server, or skip."""
    variable = f"DEPLOYER_{name.upper()}"
    found = os.environ.get(variable) or shutil.which(name)
    if not found or not Path(found).exists():
        pytest.skip(f"{name} is neither on the PATH nor what {variable} names")
    return str(Path(found).absolute())


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def running(command: Sequence[str], folder: Path, environ: Mapping[str, str], port: int) -> Iterator[str]:
    """Run a server until the block ends; the block begins when its port takes connections."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environ}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _until_open(process, port, folder / "server.log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(20)


def _until_open(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_PATIENCE)
    pytest.fail(f"the server did not start: {log.read_text()[-2000:]}")


@contextmanager
def behind_it(folder: Path) -> Iterator[str]:
    """An embedded account over HTTP, for a server that passes requests on."""
    with EmbeddedAccount(folder / "account") as account, served(Door(account.app)) as url:
        yield url


@contextmanager
def litellm(folder: Path, behind: str) -> Iterator[str]:
    program, port = installed("litellm"), free_port()
    to = {"api_key": "any", "api_base": behind}
    config = {
        "model_list": [],
        "assistant_settings": {"custom_llm_provider": "openai", "litellm_params": to},
        "files_settings": [{"custom_llm_provider": "openai", **to}],
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    environ = {
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        **dict.fromkeys(("OPENAI_API_BASE", "OPENAI_BASE_URL"), behind),
        "OPENAI_API_KEY": "any",
    }
    with running(
        [program, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)], folder, environ, port
    ) as url:
        yield url


@contextmanager
def apipi(folder: Path, behind: str) -> Iterator[str]:
    """It needs a program `pi` on the PATH, which no request here comes to, and an endpoint that lists models."""
    program, port = installed("apipi"), free_port()
    stub = folder / "bin" / "pi"
    stub.parent.mkdir()
    stub.write_text("#!/bin/sh\necho 1.0.0\n")
    stub.chmod(0o755)
    environ = {
        "PATH": f"{stub.parent}{os.pathsep}{os.environ['PATH']}",
        "APIPI_RUN_MODE": "none",
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/pi.db",
        "OPENAI_API_KEY": "any",
        "OPENAI_BASE_URL": behind,
    }
    subprocess.run([program, "migrate"], cwd=folder, env={**os.environ, **environ}, check=True, capture_output=True)
    with running([program, "serve", "--host", "127.0.0.1", "--port", str(port)], folder, environ, port) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEY", "any")
    result = tmp_path / "server"
    result.mkdir()
    return result


def declare(project: Project, api: str, url: str, name: str = "Tutor") -> None:
    project.manifest(MANIFEST.format(api=api, url=url).replace("Tutor", name))


def done(project: Project, *words: str) -> str:
    result = project.run(*words, *ON)
    assert result.code == 0, result.out + result.err
    return result.out


def test_litellm(project: Project, folder: Path) -> None:
    """It serves no assistant by id, and takes no update: that is named, and destroy goes by the list."""
    with behind_it(folder) as behind, litellm(folder, behind) as url:
        declare(project, "assistants", url)
        done(project, "doctor")
        assert "1 done. The next plan is empty." in done(project, "apply", "--yes")
        assert "Nothing to do" in done(project, "plan")
        assert "Nothing moved" in done(project, "drift")
        assert "assistant/tutor" in done(project, "outputs")
        declare(project, "assistants", url, "Teacher")
        refused = project.run("apply", "--yes", *ON)
        assert (refused.code, "answered 405" in refused.out) == (1, True)
        assert "Nothing of project test is left" in done(project, "destroy", "--confirm", "test")


def test_apipi(project: Project, folder: Path) -> None:
    """It has agents and no vector stores."""
    with behind_it(folder) as behind, apipi(folder, behind) as url:
        declare(project, "agents", url)
        assert "vector stores cannot be declared for this account" in done(project, "doctor")
        assert "1 done. The next plan is empty." in done(project, "apply", "--yes")
        assert "Nothing to do" in done(project, "plan")
        assert "Nothing moved" in done(project, "drift")
        declare(project, "agents", url, "Teacher")
        assert "1 done. The next plan is empty." in done(project, "apply", "--yes")
        assert "Nothing of project test is left" in done(project, "destroy", "--confirm", "test")
