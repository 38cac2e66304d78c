"""From development to production: accounts, variables and overrides, and what differs between two live accounts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer.errors import UsageError
from deployer.project import Project as Library
from deployer.project import ProjectPlan
from tests.contract.served import serve
from tests.support.project import Project

PAGE = Path(__file__).parents[2] / "docs" / "promotion.md"
DOCS = "vector_stores: {docs: {name: Docs, files: [docs/*.md]}}\n"
SEARCH = "tools: [{type: file_search, vector_stores: [docs]}]"
TUTOR = f"{DOCS}assistants: {{tutor: {{model: m, temperature: 0.5, {SEARCH}}}}}\n"


def deployed(project: Project, name: str, manifest: str, files: Mapping[str, str]) -> Library:
    """Apply a manifest to an account called `name`, embedded in a folder of that name."""
    for path, text in files.items():
        project.write(f"{name}/{path}", text)
    head = f"version: 1\nproject: test\naccounts: {{{name}: {{api: assistants}}}}\n"
    project.write(f"{name}/assistants.yaml", head + manifest)
    found = Library.load(project.root / name / "assistants.yaml", account=name)
    assert found.apply().ok
    return found


def told(plan: ProjectPlan) -> dict[str, Any]:
    return {
        str(change.address): (
            change.action.value,
            {one.name: (one.old, one.new) for one in change.fields},
            {one.path: one.action.value for one in change.files},
        )
        for change in plan.changes
    }


def test_two_accounts_with_the_same_content_differ_in_nothing(project: Project) -> None:
    first = deployed(project, "a", TUTOR, {"docs/a.md": "text"})
    deployed(project, "b", "assistants: {tutor: {model: m}}\n", {})  # so that no id is the same by chance
    second = deployed(project, "b", TUTOR, {"docs/a.md": "text"})
    plan = first.against(second)
    assert (plan.pending, plan.conflicts, plan.errors) == ((), (), ())
    assert plan.summary["no-op"] == 2


def test_what_differs_is_told_by_address(project: Project) -> None:
    first = deployed(project, "a", TUTOR, {"docs/a.md": "old"})
    other = f"{DOCS}assistants:\n  tutor: {{model: n, temperature: 0.7, {SEARCH}}}\n  new: {{model: x}}\n"
    second = deployed(project, "b", other, {"docs/a.md": "new", "docs/b.md": "more"})
    assert told(first.against(second)) == {
        "vector_store/docs": ("update", {}, {"docs/a.md": "replace", "docs/b.md": "add"}),
        "assistant/new": ("create", {"model": (None, "x")}, {}),
        "assistant/tutor": ("update", {"model": ("m", "n"), "temperature": (0.5, 0.7)}, {}),
    }
    back = told(second.against(first))
    assert back["assistant/new"] == ("delete", {}, {})
    assert back["vector_store/docs"][2] == {"docs/a.md": "replace", "docs/b.md": "remove"}


def test_an_edit_by_hand_is_a_difference_and_no_conflict(project: Project) -> None:
    first = deployed(project, "a", TUTOR, {"docs/a.md": "text"})
    second = deployed(project, "b", TUTOR, {"docs/a.md": "text"})
    edited = Library.load(project.root / "b" / "assistants.yaml", account="b")
    project.write("b/assistants.yaml", (project.root / "b" / "assistants.yaml").read_text().replace("0.5", "0.9"))
    assert edited.against(first).pending == ()
    assert Library.load(project.root / "b" / "assistants.yaml", account="b").apply().ok
    plan = first.against(second)
    assert told(plan)["assistant/tutor"] == ("update", {"temperature": (0.5, 0.9)}, {})
    assert plan.conflicts == ()
    assert all(change.operations == () for change in plan.changes)


def test_files_of_a_code_interpreter_are_compared_by_their_tokens(project: Project) -> None:
    manifest = "assistants: {tutor: {model: m, tools: [{type: code_interpreter, files: [data/*]}]}}\n"
    first = deployed(project, "a", manifest, {"data/a.csv": "1"})
    second = deployed(project, "b", manifest, {"data/a.csv": "2"})
    plan = first.against(second)
    assert plan.pending == ()
    assert "the files of its code interpreter differ" in [one.message for one in plan.problems]
    assert len(first.against(deployed(project, "c", manifest, {"data/a.csv": "1"})).problems) == 1


def test_one_account_is_not_compared_with_itself(project: Project) -> None:
    found = deployed(project, "a", TUTOR, {"docs/a.md": "text"})
    with pytest.raises(UsageError, match="are one account"):
        found.against(found)


@pytest.mark.parametrize("words", (("--prune",), ("--out", "x.json"), ("--target", "assistant/tutor")))
def test_options_of_a_plan_have_no_meaning_there(project: Project, words: tuple[str, ...]) -> None:
    project.manifest(TUTOR)
    project.write("docs/a.md", "text")
    assert project.run("plan", "--against", "embedded", *words).code == 64


def test_the_documented_way_to_production(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The manifest of the page, on the embedded account and on one that is served over HTTP."""
    manifest = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    with serve(tmp_path / "served") as served:
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        text = manifest.replace("https://api.openai.com/v1", served.base_url).replace("api: agents", "api: assistants")
        project.write("assistants.yaml", text)
        assert project.run("apply", "--yes", "--account", "embedded").code == 0
        words = ("plan", "--account", "openai", "--against", "embedded")
        before = project.run(*words, "--exit-code")
        assert (before.code, "+ assistant/guide" in before.out) == (2, True), before.err
        assert project.run("apply", "--yes", "--account", "openai").code == 0
        after = project.run(*words, "--format", "json").json()
        (change,) = after["changes"]
        assert {one["path"]: one["new"] for one in change["fields"]} == {"model": "gpt-6-luna", "metadata/tier": None}
        assert project.run("plan", "--account", "openai", "--exit-code").code == 0
