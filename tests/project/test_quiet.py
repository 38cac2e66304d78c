"""A law: the library prints nothing, asks nobody, and leaves the process as it was."""

from __future__ import annotations

import io
import locale
import os
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deployer import Project, Waiting
from deployer.project import events
from deployer.server import EmbeddedAccount, read_faults
from tests.project.folders import DOCS, library, write
from tests.support.killed import Door, served

Work = Callable[[Project], object]
WORK: Mapping[str, Work] = {
    "plan": lambda one: one.plan(prune=True, check_files=True),
    "apply": lambda one: one.apply(on_drift="overwrite"),
    "saved": lambda one: one.apply(one.plan()),
    "stale": lambda one: one.apply({"version": 1}),
    "drift": lambda one: one.drift(),
    "outputs": lambda one: one.outputs(),
    "adopt": lambda one: one.adopt("assistant/tutor", name="nobody"),
    "export": lambda one: (
        one.export(one.file.parent / "out", overwrite=True, adopt=True) if one.outputs().ids else None
    ),
    "rollback": lambda one: one.rollback(on_drift="overwrite"),
    "destroy": lambda one: one.destroy(confirm=one.name),
    "gc": lambda one: one.gc(delete=True, older_than=-1.0),
    "unlock": lambda one: one.unlock(),
    "validate": lambda one: Project.validate(one.file),
    "wrong": lambda one: Project.validate(write(one.file.parent / "wrong", "assistants: {a: {}}\n")),
}


def _out(project: Project) -> Path:
    return project.file.parent / "out"


def _refused(*_arguments: object) -> None:
    raise AssertionError("a signal handler was set")


def process() -> dict[str, Any]:
    """What a library must leave alone."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)}
    return {
        "folder": Path.cwd(),
        "environment": dict(os.environ),
        "streams": (sys.stdin, sys.stdout, sys.stderr, sys.excepthook, sys.displayhook),
        "path": list(sys.path),
        "handlers": handlers,
        "locale": locale.setlocale(locale.LC_ALL),
        "warnings": list(warnings.filters),
        "threads": {thread.name for thread in threading.enumerate() if thread.name.startswith("deployer")},
        "umask": _umask(),
    }


def _umask() -> int:
    found = os.umask(0o22)
    os.umask(found)
    return found


class Untouchable(io.StringIO):
    """Standard input that nobody may read."""

    def read(self, *_arguments: object) -> str:
        raise AssertionError("standard input was read")

    readline = read  # type: ignore[assignment]

    def isatty(self) -> bool:
        raise AssertionError("standard input was asked what it is")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=8)
@given(names=st.lists(st.sampled_from(sorted(WORK)), min_size=1, max_size=6))
def test_whatever_is_done_the_process_stays_as_it_was(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Untouchable())
    monkeypatch.setattr(signal, "signal", _refused)
    with tempfile.TemporaryDirectory() as folder:
        project = library(Path(folder), DOCS)
        before = process()
        for name in names:
            WORK[name](project)
            assert process() == before, name
    assert capfd.readouterr() == ("", ""), names


@pytest.mark.parametrize("name", sorted(WORK))
def test_each_alone_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    project = library(tmp_path)
    before = process()
    WORK[name](project)
    assert process() == before
    assert capfd.readouterr() == ("", "")


def test_an_account_in_trouble_is_told_to_the_listener_and_to_nobody_else(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_SOON", 0.0)
    faults = read_faults({"faults": [{"on": "POST /v1/assistants", "status": 429, "retry_after_ms": 10, "times": 6}]})
    with EmbeddedAccount(tmp_path / "account", faults=faults) as account, served(Door(account.app)) as base_url:
        far = f"accounts: {{far: {{api: assistants, base_url: '{base_url}', api_key: '${{env.KEY}}'}}}}\n"
        manifest = write(tmp_path, f"{far}assistants: {{a: {{model: m}}, b: {{model: m}}, c: {{model: m}}}}\n")
        heard: list[object] = []
        assert Project.load(manifest, account="far", environ={"KEY": "k3y"}).apply(on_event=heard.append).ok
    (first, *_) = [one for one in heard if isinstance(one, Waiting)]
    assert (first.account, first.most) == ("far", 120.0)
    assert str(first).startswith("account far answered 429: ")
    assert "k3y" not in str(heard)
    assert capfd.readouterr() == ("", "")
