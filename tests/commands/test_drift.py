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
        "    ! name         Tutor → By hand  edited on the account, not in git",
        "    ! temperature  0.5 → 0.9  edited on the account and in git",
        "",
        "2 fields moved on the account (git → account).",
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


DATA = "assistants: {tutor: {model: m, tools: [{type: code_interpreter, files: [data/*]}]}}\n"


def take_out(project: Project) -> str:
    """Take the last file of the code interpreter out, as somebody else; give the id of its File object."""
    live = ids(project)["assistant/tutor"]
    *rest, last = held(project)
    ask(project, "POST", f"/assistants/{live}", {"tool_resources": {"code_interpreter": {"file_ids": rest}}})
    return str(last)


def held(project: Project) -> list[str]:
    answer = ask(project, "GET", f"/assistants/{ids(project)['assistant/tutor']}")
    found: list[str] = answer["tool_resources"]["code_interpreter"]["file_ids"]
    return found


@pytest.fixture
def reader(project: Project) -> Project:
    for name in ("a", "b"):
        project.write(f"data/{name}.csv", name)
    project.manifest(DATA)
    assert project.run("apply", "--yes").code == 0
    return project


def test_a_file_of_the_code_interpreter_that_was_taken_out_is_an_edit(reader: Project) -> None:
    take_out(reader)
    result = reader.run("drift", "--exit-code")
    assert result.code == 2
    assert result.out.splitlines()[3:] == [
        "    ! data/b.csv  removed on the account",
        "",
        "1 document moved on the account.",
    ]
    refused = reader.run("apply", "--yes")
    assert refused.code == 1
    assert "assistant/tutor: data/b.csv: removed on the account" in refused.err
    assert len(held(reader)) == 1


def test_what_was_taken_out_is_put_back_when_git_wins(reader: Project) -> None:
    take_out(reader)
    assert reader.run("apply", "--yes", "--on-drift", "overwrite").code == 0
    assert len(held(reader)) == 2
    assert reader.run("drift", "--exit-code").code == 0


def test_what_was_taken_out_stays_out_when_the_account_wins_and_is_still_an_edit(reader: Project) -> None:
    take_out(reader)
    assert reader.run("plan", "--on-drift", "keep", "--exit-code").code == 0
    reader.manifest(DATA.replace("model: m", "model: n"))
    assert reader.run("apply", "--yes", "--on-drift", "keep").code == 0
    assert len(held(reader)) == 1
    assert reader.run("drift", "--exit-code").code == 2
    assert reader.run("apply", "--yes", "--on-drift", "overwrite").code == 0
    assert len(held(reader)) == 2


def test_what_both_let_go_of_is_forgotten(reader: Project) -> None:
    take_out(reader)
    (reader.root / "data/b.csv").unlink()
    assert reader.run("drift", "--exit-code").code == 0
    assert "git and the account agree now: files" in reader.run("apply", "--yes").out
    reader.write("data/b.csv", "b")
    assert reader.run("apply", "--yes").code == 0, "git declares it anew: that is no conflict"
    assert len(held(reader)) == 2


def test_a_file_object_that_was_deleted_is_told_and_sent_again_by_itself(reader: Project) -> None:
    ask(reader, "DELETE", f"/files/{held(reader)[-1]}")
    result = reader.run("drift", "--exit-code")
    assert result.code == 2
    assert "    ! data/b.csv  its File object is gone" in result.out.splitlines()
    assert reader.run("apply", "--yes", "--check-files").code == 0
    assert reader.run("drift", "--exit-code").code == 0
