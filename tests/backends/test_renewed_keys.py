"""A key that has ended is asked for again, once: tokens last an hour, and a long apply may not."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.backends.http.client import connect
from deployer.errors import AccountError
from deployer.model import AccountSettings
from deployer.server import BackgroundServer
from tests.support.project import Project


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    with BackgroundServer(tmp_path / "account", key="second") as server:
        yield server.base_url


def settings(url: str, *keys: str) -> tuple[AccountSettings, list[str]]:
    """An account with the first of these keys; the others come when it is asked for again."""
    left = list(keys[1:])
    return AccountSettings("a", "assistants", url, keys[0], renew=lambda: left.pop(0)), left


def test_many_requests_ask_for_it_once(served: str) -> None:
    account, left = settings(served, "first", "second", "third")

    async def ask() -> None:
        async with connect(account, {}) as client:
            await asyncio.gather(*(client.get("/files") for _ in range(5)))
            await client.write("POST", "/vector_stores", {})
            assert [one async for one in client.download("/models")]

    asyncio.run(ask())
    assert left == ["third"]


@pytest.mark.parametrize("keys", (("first", "first"), ("first", "third", "second")))
def test_a_refused_key_is_told_when_the_next_is_refused_too(served: str, keys: tuple[str, ...]) -> None:
    account, _ = settings(served, *keys)

    async def ask() -> None:
        async with connect(account, {}) as client:
            await client.get("/files")

    with pytest.raises(AccountError, match="answered 401") as error:
        asyncio.run(ask())
    assert not {*keys} & {*str(error.value).split()}


def test_a_command_is_run_again(project: Project, served: str) -> None:
    program = "import pathlib; f = pathlib.Path('asked'); n = len(f.read_text()) if f.exists() else 0; "
    program += "f.write_text('x' * (n + 1)); print('second' if n else 'first')"
    project.write("token.py", program)
    key = f"${{cmd.{sys.executable} token.py}}"
    account = f"{{api: assistants, base_url: '{served}', api_key: '{key}', commands: true}}"
    project.manifest(f"accounts: {{there: {account}}}\nassistants: {{a: {{model: m}}}}\n")
    assert project.run("apply", "--yes", "--account", "there").code == 0
    assert (project.root / "asked").read_text() == "xx"


def test_what_cannot_be_asked_for_again_is_said(project: Project, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "first")
    account = f"{{api: assistants, base_url: '{served}', api_key: '${{env.TOKEN}}'}}"
    project.manifest(f"accounts: {{there: {account}}}\nassistants: {{a: {{model: m}}}}\n")
    said = project.run("plan", "--account", "there")
    assert (said.code, "answered 401" in said.err) == (1, True)
