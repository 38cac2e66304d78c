"""What became of an apply, for programs and for comments: on standard output, whatever happened, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deployer.commands import carry_out
from deployer.errors import Interrupted
from deployer.manifest import schema
from tests.commands.test_closings import FAR, REFUSED, account
from tests.commands.test_saved_plans import edit
from tests.support.project import Project, Result

MANIFEST = "assistants: {a: {model: m}, b: {model: m}}\n"
APPLY = ("apply", "--yes", "--format")


def report(result: Result) -> dict[str, Any]:
    """Return the JSON of standard output, which must follow the published schema."""
    found: dict[str, Any] = result.json()
    Draft202012Validator(schema.load("apply.schema.json")).validate(found)
    return found


def test_what_was_done_has_ids_of_objects_and_of_requests(project: Project) -> None:
    project.write("docs/a.md", "text")
    project.manifest("vector_stores: {s: {files: [docs/*.md]}}\n" + MANIFEST)
    result = project.run(*APPLY, "json")
    found = report(result)
    assert (result.code, found["status"], found["left"]) == (0, "done", 0)
    assert "3 done. The next plan is empty." in result.err
    by_address = {one["address"]: one for one in found["outcomes"]}
    counts = {address: len(one["requests"]) for address, one in by_address.items()}
    assert counts == {"vector_store/s": 3, "assistant/a": 1, "assistant/b": 1}, "a store, an upload and a batch"
    told = [request for one in by_address.values() for request in one["requests"]]
    assert len(set(told)) == 5
    assert all(re.fullmatch("req_[0-9a-f]{32}", one) for one in told)
    assert project.run("rollback", "--list").out.find(found["snapshot"]) >= 0


def test_nothing_to_do_is_said_too(project: Project) -> None:
    project.manifest(MANIFEST)
    project.run("apply", "--yes")
    found = report(project.run(*APPLY, "json"))
    assert (found["status"], found["outcomes"], found["snapshot"]) == ("unchanged", [], None)
    assert project.run(*APPLY, "markdown").out.startswith("### deployer apply: unchanged.\n\n`Account  embedded")


def test_what_is_refused_says_why(project: Project) -> None:
    project.manifest(MANIFEST)
    project.run("apply", "--yes")
    edit(project, "a", {"model": "by-hand"})
    result = project.run(*APPLY, "json")
    found = report(result)
    assert (result.code, found["status"], found["outcomes"]) == (1, "refused", [])
    assert found["why"].startswith("edited on the account since the last apply:\n  assistant/a.model")
    assert result.err.endswith(f"{found['why']}\n")
    comment = project.run(*APPLY, "markdown").out
    assert comment.startswith("### deployer apply: refused.\n\n```text\nedited on the account since the last apply:\n")


def test_a_plan_that_is_out_of_date_is_refused(project: Project) -> None:
    project.manifest(MANIFEST)
    file = str(project.root / "plan.json")
    project.run("plan", "--out", file)
    project.manifest("assistants: {a: {model: n}}\n")
    found = report(project.run(*APPLY, "json", "--plan", file))
    assert (found["status"], found["account"]) == ("refused", None)
    assert "the plan is out of date" in found["why"]


@pytest.mark.parametrize("form", ("json", "markdown"))
def test_a_failure_has_the_id_by_which_support_finds_it(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setenv("KEY", "any")
    with account(tmp_path / "somewhere", REFUSED) as url:
        project.manifest(FAR.format(url=url) + MANIFEST)
        result = project.run(*APPLY, form, "--account", "far")
    assert result.code == 1
    if form == "json":
        failed = next(one for one in report(result)["outcomes"] if one["status"] == "failed")
        assert len(failed["requests"]) == 1
    else:
        assert result.out.startswith("### deployer apply: incomplete: 1 done, 1 failed.")
        assert re.search(r"- \*\*failed\*\* `assistant/[ab]  create: .*`\n  - requests: `req_[0-9a-f]+`", result.out)


@pytest.mark.parametrize("words", (("plan",), ("drift",), ("outputs",)))
def test_an_account_that_refuses_is_reported_in_the_format(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("KEY", "any")
    with account(tmp_path / "somewhere", {"on": "GET /v1/assistants", "status": 401}) as url:
        project.manifest(FAR.format(url=url) + MANIFEST)
        result = project.run(*words, "--account", "far", "--format", "json")
        (problem,) = result.json()["problems"]
        assert (result.code, problem["severity"]) == (1, "error")
        assert problem["message"] == result.err.strip()
        if words == ("plan",):
            comment = project.run("plan", "--account", "far", "--format", "markdown").out
            assert comment.startswith("### deployer: failed, 1 error\n\n- **error** ")


def test_a_run_that_was_cut_is_not_called_a_refusal(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have written: only a run that ended, or never began, says anything else."""

    async def cut(*_: object) -> None:
        raise Interrupted("interrupted in the middle of requests")

    monkeypatch.setattr(carry_out, "_executed", cut)
    project.manifest(MANIFEST)
    result = project.run(*APPLY, "json")
    found = report(result)
    assert (result.code, found["status"]) == (130, "interrupted")
    assert found["why"].startswith("interrupted in the middle of requests, which may have been carried out or not")


def test_where_nobody_can_agree_the_command_line_is_wrong(project: Project) -> None:
    project.manifest(MANIFEST)
    result = project.run("apply", "--format", "json")
    assert (result.code, result.out) == (64, "")
