"""Fixtures: an account in a temporary folder, and clients that talk to it without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from deployer.server import EmbeddedAccount
from tests.server.support import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account(tmp_path: Path, clock: Clock) -> Iterator[EmbeddedAccount]:
    with EmbeddedAccount(tmp_path / "account", clock=clock) as account:
        yield account


@pytest.fixture
def api(account: EmbeddedAccount) -> Iterator[TestClient]:
    with TestClient(account.app) as client:
        yield client


@pytest.fixture
def idle(tmp_path: Path, clock: Clock) -> Iterator[TestClient]:
    """An account whose files stay in progress, because no thread ingests them."""
    with EmbeddedAccount(tmp_path / "idle", clock=clock, workers=0) as account, TestClient(account.app) as client:
        yield client
