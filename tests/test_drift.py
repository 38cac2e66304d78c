"""deployer drift, on an account that somebody else edits too."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from deployer.server import EmbeddedAccount
from tests.support.project import Project

TUTOR = "assistants: {tutor: {model: m, name: Tutor, temperature: 0.3}}\n"


def ask(project: Project, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Send one request to the embedded account of a project, as somebody else."""

    async def send(account: EmbeddedAccount) -> Any:
        transport = httpx2.ASGITransport(app=account.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://account.invalid/v1") as client:
            headers = {"OpenAI-Beta": "assistants=v2", "Authorization": "Bearer any"}
            answer = await client.request(method, path, json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            return answer.json()

    with EmbeddedAccount(project.root / ".deployer" / "account") as account:
        return asyncio.run(send(account))


def ids(project: Project) -> Mapping[str, str]:
    found: Mapping[str, str] = project.run("outputs", "--format", "json").json()
    return found


@pytest.fixture
def tutor(project: Project) -> Project:
    project.manifest(TUTOR)
    assert project.run("apply", "--yes").code == 0
    return project


def test_what_only_git_moved_is_no_drift(tutor: Project) -> None:
    tutor.manifest(TUTOR.replace("0.3", "0.5"))
    result = tutor.run("drift", "--exit-code")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "Nothing moved on the account."
    assert tutor.run("plan", "--exit-code").code == 2


def test_an_edit_on_the_account_is_told_with_both_values(tutor: Project) -> None:
    live = ids(tutor)["assistant/tutor"]
    ask(tutor, "POST", f"/assistants/{live}", {"name": "By hand", "temperature": 0.9})
    tutor.manifest(TUTOR.replace("0.3", "0.5"))
    result = tutor.run("drift", "--exit-code")
    assert result.code == 2
    assert result.out.splitlines()[2:] == [
        f"! assistant/tutor  {live}",
        "    ! name         Tutor → By hand",
        "    ! temperature  0.5 → 0.9  changed in git too",
        "",
        "2 fields moved on the account.",
    ]


def test_the_json_names_the_fields(tutor: Project) -> None:
    live = ids(tutor)["assistant/tutor"]
    ask(tutor, "POST", f"/assistants/{live}", {"name": "By hand"})
    result = tutor.run("drift", "--format", "json")
    assert result.code == 0, "without --exit-code drift is no failure"
    (moved,) = result.json()["moved"]
    assert (moved["address"], moved["id"]) == ("assistant/tutor", live)
    assert moved["fields"] == [{"path": "name", "declared": "Tutor", "live": "By hand", "origin": "account"}]


def test_a_field_that_nobody_declared_is_nobody_s_drift(tutor: Project) -> None:
    ask(tutor, "POST", f"/assistants/{ids(tutor)['assistant/tutor']}", {"description": "By hand"})
    assert tutor.run("drift", "--exit-code").code == 0


def test_drift_changes_nothing(tutor: Project) -> None:
    live = ids(tutor)["assistant/tutor"]
    ask(tutor, "POST", f"/assistants/{live}", {"name": "By hand"})
    before = ask(tutor, "GET", f"/assistants/{live}")
    tutor.run("drift")
    assert ask(tutor, "GET", f"/assistants/{live}") == before
