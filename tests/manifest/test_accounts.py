"""What an account's limits, lock and snapshots compile to."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.manifest import compile_manifest
from deployer.model import UNLIMITED, AccountSettings, Limits
from tests.support.project import Project

LIVE = "api: agents, base_url: https://example.invalid/v1, api_key: '${env.KEY}'"


def _settings(project: Project, account: str) -> AccountSettings:
    project.manifest(f"accounts: {{a: {{{account}}}}}\n")
    found = compile_manifest(Path("assistants.yaml"), "a", {}, {"KEY": "k", "BUCKET": "plans"})
    assert found.problems == ()
    return found.settings


@pytest.mark.parametrize(
    ("account", "limits"),
    (
        (LIVE, Limits(1_000, 300, 2_000)),
        (f"{LIVE}, limits: {{}}", Limits(1_000, 300, 2_000)),
        (f"{LIVE}, limits: {{uploads_per_minute: 5, files_per_minute: none}}", Limits(5, 300, None)),
        ("api: agents", UNLIMITED),
        ("api: agents, limits: {attaches_per_minute: 7}", Limits(None, 7, None)),
    ),
)
def test_limits(project: Project, account: str, limits: Limits) -> None:
    assert _settings(project, account).limits == limits


def test_the_account_that_nobody_declares_has_no_limits(project: Project) -> None:
    project.manifest("assistants: {}\n")
    assert compile_manifest(Path("assistants.yaml"), None, {}, {}).settings.limits == UNLIMITED


def test_lock_and_snapshots(project: Project) -> None:
    settings = _settings(project, "api: agents, lock: true, snapshots: 's3://${env.BUCKET}/snapshots'")
    assert (settings.lock, settings.snapshots) == (True, "s3://plans/snapshots")
    settings = _settings(project, "api: agents")
    assert (settings.lock, settings.snapshots) == (False, None)
