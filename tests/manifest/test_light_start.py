"""`--help` and `validate` pay only for what they use."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.project import Project

HEAVY = {"openai", "rich", "starlette", "uvicorn", "httpx", "httpx2", "pydantic", "pypdf", "sqlite3", "asyncio"}
SCRIPT = "import sys; from deployer import cli; code = cli.run({!r}); print(*sys.modules); sys.exit(code)"


@pytest.mark.parametrize(
    "arguments", (["--help"], ["validate", "--help"], ["validate"], ["validate", "--format", "json"])
)
def test_nothing_heavy_is_imported(example: Project, arguments: list[str]) -> None:
    command = [sys.executable, "-c", SCRIPT.format(arguments)]
    done = subprocess.run(command, cwd=example.root, capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "click" in modules
    assert modules & HEAVY == set()


def test_help_reads_no_yaml(example: Project) -> None:
    command = [sys.executable, "-c", SCRIPT.format(["--help"])]
    done = subprocess.run(command, cwd=example.root, capture_output=True, text=True, check=True)
    assert {"yaml", "jsonschema"} & set(done.stdout.splitlines()[-1].split()) == set()


@pytest.mark.parametrize("command", ("plan", "drift", "outputs", "gc"))
def test_what_only_reads_imports_nothing_for_writing_or_for_a_terminal(example: Project, command: str) -> None:
    arguments = [command, "--account", "embedded"]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(arguments)], cwd=example.root, capture_output=True, text=True, check=False
    )
    modules = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "httpx2" in modules
    assert modules & {"openai", "rich", "uvicorn", "pydantic", "pypdf", "ruamel"} == set()
