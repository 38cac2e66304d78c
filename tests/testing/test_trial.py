"""A deploy that is tested: what is taken back, what is promoted, what the report says, on each surface."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from deployer.manifest.schema import load
from deployer.server import EmbeddedAccount
from tests.support.project import Project
from tests.support.whole import whole

APPLY = Draft202012Validator(load("apply.schema.json"))
TESTS = Draft202012Validator(load("tests.schema.json"))
BACK = ("apply", "--yes", "--account", "local", "--test", "--rollback-on-fail", "--format", "json")
CANARY = ("apply", "--yes", "--account", "local", "--canary", "--format", "json")


LATER = pytest.mark.nightly


@pytest.fixture(params=["assistants", *(pytest.param(one, marks=LATER) for one in ("agents", "responses", "foundry"))])
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def given(project: Project, api: str, text: str, answer: str) -> None:
    """Write a manifest whose only test passes when the answer is `good`."""
    project.write("docs/a.md", f"It says {text}.\n")
    project.manifest(f"""
accounts: {{local: {{api: {api}}}}}
vector_stores: {{docs: {{files: ["docs/*.md"]}}}}
assistants:
  helper: {{model: m, instructions: {text}, tools: [{{type: file_search, vector_stores: [docs]}}]}}
tests: [{{turns: [hi], rehearse: [{answer}], assert: [{{type: equals, value: good}}]}}]
""")


def held(project: Project) -> list[str]:
    with EmbeddedAccount(project.root / ".deployer" / "account") as account:
        found = whole(account)
        assert not found.unheld
        return [one for one in found.told if '"object": "agent.version"' not in one]  # each update makes one, for good


def ran(project: Project, *words: str) -> tuple[int, dict[str, Any]]:
    result = project.run(*words)
    found = result.json()
    APPLY.validate(found)
    if "tests" in found:
        TESTS.validate(found["tests"])
    return result.code, found


def deployed(project: Project, api: str) -> list[str]:
    given(project, api, "old", "good")
    assert project.run("apply", "--yes", "--account", "local").code == 0
    return held(project)


@pytest.mark.parametrize(
    "api", ("assistants", "responses", pytest.param("agents", marks=LATER), pytest.param("foundry", marks=LATER))
)
def test_what_fails_is_taken_back_and_the_report_says_so(project: Project, api: str) -> None:
    before = deployed(project, api)
    given(project, api, "new", "bad")
    code, found = ran(project, *BACK)
    assert (code, found["status"], found["tests"]["counts"]["failed"]) == (1, "done", 1)
    assert {one["address"] for one in found["outcomes"]} == {"assistant/helper", "vector_store/docs"}
    assert (found["taken_back"]["status"], found["taken_back"]["left"]) == ("done", 0)
    assert len(found["taken_back"]["outcomes"]) == 2
    assert held(project) == before
    given(project, api, "old", "good")
    assert project.run("plan", "--exit-code", "--account", "local").code == 0


def test_what_passes_stays(project: Project, api: str) -> None:
    before = deployed(project, api)
    given(project, api, "new", "good")
    code, found = ran(project, *BACK)
    assert (code, found["tests"]["ok"], "taken_back" in found) == (0, True, False)
    assert held(project) != before  # the document at least
    again = ran(project, *BACK)
    assert (again[0], again[1]["status"]) == (0, "unchanged")


def test_copies_are_tested_before_anything_live_changes(project: Project, api: str) -> None:
    before = deployed(project, api)
    given(project, api, "new", "bad")
    code, found = ran(project, *CANARY)
    assert (code, found["status"], found["tests"]["ok"]) == (1, "refused", False)
    assert held(project) == before
    given(project, api, "new", "good")
    code, found = ran(project, *CANARY)
    assert (code, found["status"]) == (0, "done")
    after = held(project)
    assert len(after) == len(before)
    assert not any("--canary" in one for one in after)


def test_a_refused_plan_makes_no_copies(project: Project) -> None:
    before = deployed(project, "assistants")
    given(project, "assistants", "new", "good")
    with EmbeddedAccount(project.root / ".deployer" / "account") as account:
        edited(account)
    result = project.run(*CANARY)
    assert result.code == 1
    assert "--on-drift" in result.err
    assert len(held(project)) == len(before)


def edited(account: EmbeddedAccount) -> None:
    """Change the instructions by hand."""
    with TestClient(account.app) as client:
        headers = {"OpenAI-Beta": "assistants=v2"}
        (row,) = client.get("/v1/assistants", headers=headers).json()["data"]
        client.post(f"/v1/assistants/{row['id']}", headers=headers, json={"instructions": "by hand"})


def test_tests_that_are_wrong_keep_a_deploy_from_beginning(project: Project) -> None:
    before = deployed(project, "assistants")
    given(project, "assistants", "new", "good")
    text = (project.root / "assistants.yaml").read_text(encoding="utf-8")
    project.write("assistants.yaml", text.replace("equals", "equal"))
    result = project.run(*BACK)
    assert result.code == 1
    assert "there is no assertion 'equal'; did you mean 'equals'?" in result.err
    assert held(project) == before


def test_without_rollback_what_failed_stays(project: Project) -> None:
    before = deployed(project, "assistants")
    given(project, "assistants", "new", "bad")
    code, found = ran(project, "apply", "--yes", "--account", "local", "--test", "--format", "json")
    assert (code, found["status"], found["tests"]["ok"]) == (1, "done", False)
    assert held(project) != before


def test_rollback_on_fail_needs_a_test(project: Project) -> None:
    deployed(project, "assistants")
    assert project.run("apply", "--yes", "--account", "local", "--rollback-on-fail").code == 64


@pytest.mark.parametrize("words", (("apply", "--yes"), ("test",), ("destroy", "--confirm", "test")))
def test_copies_that_a_killed_run_left_are_removed_on_any_machine(project: Project, words: tuple[str, ...]) -> None:
    before = deployed(project, "assistants")
    with EmbeddedAccount(project.root / ".deployer" / "account") as account, TestClient(account.app) as client:
        stamp = {"deployer": "test--canary/assistant/helper", "deployer_applied": "", "deployer_origin": ""}
        headers = {"OpenAI-Beta": "assistants=v2"}
        assert client.post("/v1/assistants", headers=headers, json={"model": "m", "metadata": stamp}).status_code == 200
    result = project.run(words[0], *words[1:], "--account", "local")
    assert result.code == 0, result.err
    assert "copies of a run that did not come to its end are removed first" in result.err
    assert held(project) == ([] if words[0] == "destroy" else before)


@pytest.mark.parametrize("surface", ("assistants", "responses"))
def test_a_document_that_does_not_change_outlives_the_copies(project: Project, surface: str) -> None:
    """A copy may hold the very File object that a live store holds: it is not the copy's to delete."""
    project.write("docs/same.md", "It says the same.\n")
    before = deployed(project, surface)
    assert sum("same.md" in one for one in before) >= 1
    given(project, surface, "new", "good")
    assert ran(project, *CANARY)[0] == 0
    assert project.run("plan", "--exit-code", "--check-files", "--account", "local").code == 0
    assert len(held(project)) == len(before)
