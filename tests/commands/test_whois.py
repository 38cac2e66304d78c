"""Where a live object comes from, and what people note of a run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.project import Project

MANIFEST = """
vector_stores: {docs: {files: [docs/*.md]}}
assistants:
  tutor: {model: m}
"""


@pytest.fixture
def deployed(project: Project) -> Project:
    project.write("docs/a.md", "text")
    project.manifest(MANIFEST)
    assert project.run("apply", "--yes", "--note", "ticket 7: first").code == 0
    return project


def ids(project: Project) -> dict[str, str]:
    found: dict[str, str] = project.run("outputs", "--format", "json").json()
    return found


def whois(project: Project, live_id: str) -> dict[str, Any]:
    found: dict[str, Any] = project.run("whois", live_id, "--format", "json").json()
    return found


def test_an_object_tells_where_it_comes_from(deployed: Project) -> None:
    live_id = ids(deployed)["assistant/tutor"]
    found = whois(deployed, live_id)
    run = found.pop("run")
    assert found == {
        "version": 1,
        "id": live_id,
        "project": "test",
        "address": "assistant/tutor",
        "account": {"name": "embedded", "api": "assistants", "base_url": "embedded in .deployer/account"},
        "commit": "",
        "manifest": "assistants.yaml:6:3",
        "document": None,
    }
    assert (run["command"], run["note"]) == ("apply", "ticket 7: first")
    text = deployed.run("whois", live_id).out
    assert "address   assistant/tutor\n" in text
    assert "ticket 7: first" in text


def test_the_newest_run_that_changed_it_counts(deployed: Project) -> None:
    deployed.manifest(MANIFEST.replace("model: m", "model: n"))
    deployed.run("apply", "--yes", "--note", "second")
    live = ids(deployed)
    assert whois(deployed, live["assistant/tutor"])["run"]["note"] == "second"
    assert whois(deployed, live["vector_store/docs"])["run"]["note"] == "ticket 7: first"
    assert "before apply (second): 1 to update" in deployed.run("rollback", "--list").out


def test_a_document_tells_its_store_and_its_path(deployed: Project) -> None:
    deployed.write("docs/b.md", "other")
    file = str(deployed.root / "plan.json")
    deployed.run("plan", "--out", file)
    deployed.manifest("vector_stores: {docs: {}}\nassistants: {tutor: {model: m}}")
    gone = deployed.run("plan", "--format", "json").json()["changes"]
    (document,) = next(one for one in gone if one["address"] == "vector_store/docs")["files"]["remove"]
    found = whois(deployed, document["live"][0])
    assert (found["address"], found["document"]) == ("vector_store/docs", "docs/a.md")


def test_what_is_not_there_or_foreign_is_said(deployed: Project) -> None:
    missing = deployed.run("whois", "asst_nothing")
    assert missing.code == 1
    assert "has the id asst_nothing; name an assistant" in missing.err


def test_another_project_is_told_by_its_stamp(deployed: Project) -> None:
    live_id = ids(deployed)["assistant/tutor"]
    deployed.write("assistants.yaml", "version: 1\nproject: other\nassistants: {}\n")
    found = whois(deployed, live_id)
    assert (found["project"], found["manifest"], found["run"]) == ("test", None, None)


def test_only_what_was_reviewed_is_applied(deployed: Project) -> None:
    deployed.manifest(MANIFEST.replace("model: m", "model: n"))
    reviewed = deployed.run("plan", "--format", "json").json()["fingerprint"]
    deployed.manifest(MANIFEST.replace("model: m", "model: o"))
    refused = deployed.run("apply", "--yes", "--expect", reviewed)
    assert refused.code == 1
    assert "this is not the plan that was reviewed (its fingerprint is" in refused.err
    assert f"not {reviewed[:12]}…" in refused.err
    for wrong in ("", reviewed[:12], reviewed.upper()):
        assert deployed.run("apply", "--yes", "--expect", wrong).code == 1, "nothing else than the whole is taken"
    deployed.manifest(MANIFEST.replace("model: m", "model: n"))
    assert deployed.run("apply", "--yes", "--expect", reviewed).code == 0
