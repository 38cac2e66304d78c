"""Which account is opened, and how it is called when something is wrong."""

from __future__ import annotations

import asyncio

import pytest

from deployer.errors import AccountError
from deployer.project import Project as Library
from tests.support.live import http
from tests.support.project import Project


def test_an_unknown_account_is_told_where_it_was_named(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.manifest("accounts: {openai: {api: agents, base_url: 'https://a.example/v1', api_key: '${env.KEY}'}}\n")
    for words in (("plan",), ("validate",), ("export", "out", "-f", "assistants.yaml")):
        monkeypatch.setenv("DEPLOYER_ACCOUNT", "opnai")
        said = "the manifest has no account 'opnai'; did you mean 'openai'?\n"
        assert (project.run(*words).code, project.run(*words).err) == (1, f"DEPLOYER_ACCOUNT: {said}")
        monkeypatch.setenv("DEPLOYER_ACCOUNT", "openai")
        assert project.run(*words, "--account", "opnai").err == f"--account: {said}"
    monkeypatch.setenv("DEPLOYER_ACCOUNT", "opnai")
    assert project.run("export", "other").err.startswith("DEPLOYER_ACCOUNT is one of a manifest; name that with -f")


def test_an_embedded_account_is_called_by_its_folder(project: Project) -> None:
    project.manifest("")

    async def ask() -> None:
        async with Library.load().open() as session:
            await http(session).get("/nowhere")

    with pytest.raises(AccountError) as caught:
        asyncio.run(ask())
    folder = project.root / ".deployer" / "account"
    assert str(caught.value).startswith(
        f"account embedded: GET /nowhere on the embedded account in {folder} answered 404: Invalid URL"
    )
    assert (caught.value.status, caught.value.lost) == (404, False)
