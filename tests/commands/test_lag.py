"""Lists that lag behind what was written: what an apply says of itself is right all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.server import EmbeddedAccount, read_faults
from tests.support.killed import Door, served
from tests.support.project import Project

APPLY = ("apply", "--yes", "--account", "slow")
STALE = 1.0


@pytest.fixture
def lagging(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project on an account whose memberships are shown as they were a second ago."""
    monkeypatch.setenv("KEY", "any")
    faults = read_faults({"faults": [{"on": "GET /v1/vector_stores/*/files", "stale": STALE}]})
    with EmbeddedAccount(tmp_path / "account", faults=faults) as account, served(Door(account.app)) as base_url:
        project.manifest(
            f"accounts: {{slow: {{api: assistants, base_url: '{base_url}', api_key: '${{env.KEY}}'}}}}\n"
            "vector_stores: {docs: {files: [docs/**]}}"
        )
        yield project


@pytest.mark.slow
def test_the_proof_gives_lists_the_time_that_they_need(lagging: Project) -> None:
    """First the list answers 404, since a second ago there was no store; later it shows the old document."""
    for content in ("first", "second"):
        lagging.write("docs/a.md", content)
        result = lagging.run(*APPLY)
        assert (result.code, result.err) == (0, "")
        assert result.out.endswith("1 done. The next plan is empty.\n")
