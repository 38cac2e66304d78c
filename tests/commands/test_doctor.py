"""What an account can do is said, with how that was found out and what follows; nothing is written unless asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from deployer.server import EmbeddedAccount
from tests.backends.test_attach_forms import foundry
from tests.support.killed import Door, served
from tests.support.live import Wire, apply, session
from tests.support.project import Project
from tests.support.services import Alter, Refusal, Service

MANIFEST = """
accounts: {other: {api: %s, base_url: '%s', api_key: '${env.KEY}'}}
vector_stores:
  docs: {name: Docs, files: [docs/*.md]}
assistants:
  tutor: {model: gpt-6-luna, name: ' Tutor '}
"""
ON = ("--account", "other")


@contextmanager
def service(project: Project, alter: Alter, api: str = "assistants") -> Iterator[Service]:
    with EmbeddedAccount(project.root / "account") as account:
        found = Service(account.app, alter)
        with served(Door(found)) as url:
            project.write("docs/a.md", "Text.")
            project.manifest(MANIFEST % (api, url))
            yield found


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "any")


def abilities(project: Project, *options: str) -> dict[str, Any]:
    result = project.run("doctor", *ON, "--format", "json", *options)
    assert result.err == ""
    found = result.json()
    assert (found["version"], found["account"]["name"], result.code == 0) == (1, "other", found["ok"])
    return {one["what"]: one for one in found["abilities"]}


def as_it_is(_method: str, _path: str, body: Any) -> Any:
    return body


@pytest.mark.parametrize("api", ("assistants", "agents"))
def test_nothing_is_written_unless_asked(project: Project, api: str) -> None:
    with service(project, as_it_is, api) as account:
        found = abilities(project)
        assert {method for method, _, _ in account.asked} == {"GET"}
        assert found["documents keep attributes"]["able"] is None
        assert not (project.root / ".deployer/cache/capabilities.json").exists()
        found = abilities(project, "--probe")
        assert found["documents keep attributes"]["able"]
        assert found["metadata is kept"]["able"]
        assert (found["vector stores are listed"]["how"], abilities(project)["File objects are listed"]["how"]) == (
            "0 are there",
            "0 are there",
        )


def test_what_an_apply_found_out_is_said(project: Project) -> None:
    def alter(method: str, path: str, body: Any) -> Any:
        body = foundry(method, path, body)
        if method == "GET" and path.startswith("/assistants/"):
            return Refusal(405)
        trims = method == "POST" and path == "/assistants"
        return {**body, "name": body["name"].strip()} if trims else body

    with service(project, alter):
        assert project.run("apply", "--yes", *ON).code == 0
        found = abilities(project)
        assert found["documents keep attributes"]["able"] is False
        assert "25 in each free pair" in found["documents keep attributes"]["therefore"]
        assert found["documents are attached in batches of ids"]["how"].startswith(
            "the form files was refused (400 unknown_parameter"
        )
        assert found["assistants are served by id"]["able"] is False
        assert found["assistant/tutor.name is as it was sent"]["therefore"] == "that is no edit"
        text = project.run("doctor", *ON).out
        assert "✗ documents keep attributes  (" in text
        assert "    → the metadata of each store names its documents" in text
        (project.root / ".deployer/cache/capabilities.json").unlink()
        again = abilities(project, "--probe")
        named = ("documents are attached in batches of ids", "documents keep attributes", "metadata is kept")
        assert [again[one]["able"] for one in named] == [True, False, True]


@pytest.mark.parametrize(("status", "therefore"), ((404, "cannot be declared"), (403, "--prune, destroy and rollback")))
def test_what_the_manifest_needs_and_the_account_lacks_is_a_failure(
    project: Project, status: int, therefore: str
) -> None:
    def alter(_method: str, path: str, body: Any) -> Any:
        return Refusal(status) if path.startswith("/assistants") else body

    with service(project, alter):
        found = abilities(project)
        assert (found["assistants are listed"]["able"], found["assistants are listed"]["needed"]) == (False, True)
        assert therefore in found["assistants are listed"]["therefore"]
        assert project.run("doctor", *ON).code == 1


def test_an_account_without_any_list_is_a_wrong_address(project: Project) -> None:
    with service(project, lambda _method, _path, _body: Refusal(404)):
        result = project.run("doctor", *ON)
        assert (result.code, result.out) == (1, "")
        assert "answered 404" in result.err


def test_many_objects_that_are_not_served_by_id_need_one_list(project: Project) -> None:
    manifest = "assistants:\n" + "".join(f"  a{number}: {{model: MODEL}}\n" for number in range(40))

    def alter(method: str, path: str, body: Any) -> Any:
        return Refusal(405) if method == "GET" and path.startswith("/assistants/") else body

    async def work() -> int:
        with EmbeddedAccount(project.root / "account") as account:
            found = Service(account.app, alter)
            for model in ("gpt-6-luna", "gpt-6-sol"):
                project.manifest(manifest.replace("MODEL", model))
                async with session(project.root, "assistants", Wire(found)) as one:
                    found.asked.clear()
                    assert len(await apply(one)) == 40
            return sum((method, path) == ("GET", "/assistants") for method, path, _ in found.asked)

    assert asyncio.run(work()) <= 3
