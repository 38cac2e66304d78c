"""Fresh machines: what one lacks is told in a sentence that says what to install."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import needs

ROOT = Path(__file__).parent.parent


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def made(tmp_path: Path, python: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Let `make` set up an environment with this interpreter."""
    return subprocess.run(
        ["make", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", str(tmp_path / "venv/.ready")],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
    )


def interpreter(folder: Path, text: str) -> str:
    """Write a stand-in for an interpreter."""
    path = folder / "python3"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@needs.MAKE
def test_no_python(tmp_path: Path) -> None:
    done = made(tmp_path, "python-that-is-not-there")
    assert done.returncode != 0
    assert "there is no python-that-is-not-there here; install Python 3.11 or newer" in done.stderr


@needs.MAKE
def test_an_old_python(tmp_path: Path) -> None:
    old = interpreter(tmp_path, f'exec {sys.executable} -c "import sys; sys.version_info = (3, 9, 2); $2"')
    done = made(tmp_path, old)
    assert done.returncode != 0
    assert "deployer needs Python 3.11 or newer, and this is 3.9: make PYTHON=python3.12 ..." in done.stderr


def test_a_python_without_the_venv_module(monkeypatch: pytest.MonkeyPatch) -> None:
    venv = script("venv")
    assert venv.lacking() is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    assert re.fullmatch(
        r"\S+ cannot make virtual environments; install its venv module \(apt-get install python3\.\d+-venv\)",
        venv.lacking(),
    )
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    assert "deployer needs Python 3.11 or newer, and " in venv.lacking()
    assert " is 3.10.4: make PYTHON=python3.12" in venv.lacking()


NOWHERE = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "0",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_FIND_LINKS": "",
    "PIP_EXTRA_INDEX_URL": "",
}
NO_INDEX = "pip could not fetch and install the packages; this needs a package index: check the network"


def test_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=NO_INDEX):
        script("venv")._pip(sys.executable, "download", "--dest", str(tmp_path), "--no-deps", "jsonschema")
    assert "Traceback" not in capfd.readouterr().err


@needs.MAKE
@pytest.mark.nightly
def test_no_network(tmp_path: Path) -> None:
    done = made(tmp_path, sys.executable, **NOWHERE)
    assert done.returncode != 0
    assert NO_INDEX in done.stderr
    assert "Traceback" not in done.stderr


def test_interpreters_are_found_on_the_path_and_among_those_of_pyenv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pythons = script("pythons")
    for folder, name, text in (
        ("bin", "python3.11", "echo 3.11.2"),
        ("bin", "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127"),
        ("pyenv/versions/3.12.1/bin", "python3.12", "echo 3.12.1"),
        ("pyenv/versions/3.12.10/bin", "python3.12", "echo 3.12.10"),
        ("pyenv/versions/3.13.0/bin", "python3.13", "echo 3.11.0"),
    ):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        Path(interpreter(tmp_path, text)).rename(tmp_path / folder / name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert [(one.version, one.environment) for one in pythons.found()] == [
        ("3.11.2", ".venv-3.11"),
        ("3.12.10", ".venv-3.12"),
    ]


def test_one_version_that_fails_fails_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The suite is a stand-in here; the table and the exit code are what is tested."""
    pythons = script("pythons")
    fails = "case $* in *3.12*) echo '1 failed, 2 passed in 1.00s'; exit 1;; *) echo '3 passed in 1.00s';; esac"
    Path(interpreter(tmp_path, fails)).rename(tmp_path / "make")
    for minor in (11, 12):
        Path(interpreter(tmp_path, f"echo 3.{minor}.0")).rename(tmp_path / f"python3.{minor}")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["pythons.py", "--slow-once"])
    assert pythons.main() == 1
    table = capfd.readouterr().out.rpartition("with setup\n")[2]
    assert [" ".join(line.split()) for line in table.splitlines()] == [
        "3.11.0 passed 0 s 3 passed in 1.00s",
        '3.12.0 FAILED 0 s 1 failed, 2 passed in 1.00s -m "not slow"',
        "3.13 not on this machine",
        "3.14 not on this machine",
    ]
    (tmp_path / "python3.12").unlink()
    assert pythons.main() == 0
    (tmp_path / "python3.11").unlink()
    assert pythons.main() == 1, "nothing was tested"
