"""Fixtures only: a project in a fresh folder, and the command line run in-process."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests.support.project import Project
from tests.support.ready import ready
from tests.support.tool import Tool, tool

settings.register_profile("suite", max_examples=30, deadline=None)
settings.register_profile("nightly", max_examples=2_000, deadline=None)
settings.register_profile(  # a failure is enough: neither the smallest case nor another one is looked for, nor kept
    "mutants",
    max_examples=10,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    report_multiple_bugs=False,
    database=None,
)

EXAMPLE = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--nightly", action="store_true", help="run the long versions too")
    parser.addoption("--foreign", action="store_true", help="also drive the servers of others that are installed")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the profile before test modules are imported: `@given` takes its settings there."""
    _work_in_memory()
    usual = "mutants" if "MUTANTS" in os.environ else "suite"
    settings.load_profile("nightly" if config.getoption("--nightly") else usual)


def _work_in_memory() -> None:
    """Put temporary folders where no disk has to be waited for, if there is room and no one said where."""
    memory = Path("/dev/shm")  # noqa: S108 (the folder of Linux; it is only where pytest makes its own)
    if "TMPDIR" not in os.environ and memory.is_dir() and shutil.disk_usage(memory).free > 4 * 1024**3:
        os.environ["TMPDIR"] = str(memory)
        tempfile.tempdir = None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    why = {"nightly": "long; run with --nightly", "foreign": "drives a server of others; run with --foreign"}
    for marker, reason in why.items():
        if not config.getoption(f"--{marker}"):
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.skip(reason=reason))
    if not config.getoption("--nightly"):
        for item in items:
            sampled = item.get_closest_marker("sampled")
            if sampled and zlib.crc32(item.nodeid.encode()) % sampled.args[0]:  # the same ones on every machine
                item.add_marker(pytest.mark.skip(reason="not in the sample; run with --nightly"))


def pytest_collection_finish() -> None:
    """Let the garbage collector look at what tests make only: what was collected lives to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(scope="session")
def started() -> Iterator[Tool]:
    """What starts `deployer` in processes of its own: it imports everything once."""
    with tool() as one:
        yield one


@pytest.fixture(scope="session")
def hurried() -> Iterator[Tool]:
    """The same in a time that goes thirty times faster: for what waits."""
    with tool(30) as one:
        yield one


@pytest.fixture(scope="session")
def program() -> Iterator[Path]:
    """The folder of a program `deployer` that starts at once, for the PATH of scripts."""
    with ready() as folder:
        yield folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project; its account is embedded in its own folder."""
    for name in ("DEPLOYER_ACCOUNT", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.fixture
def example(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project's own example in a fresh folder; it declares hosted accounts, so the embedded one is named."""
    monkeypatch.setenv("DEPLOYER_ACCOUNT", "embedded")
    project.copy(EXAMPLE, ("assistants.yaml", "prompts", "functions", "knowledge"))
    return project
