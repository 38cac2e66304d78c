"""deployer rollback where bytes of documents are nowhere to be had: the rest goes back, and it is no success."""

from __future__ import annotations

import subprocess

import pytest

from tests.commands.test_drift import ask
from tests.support import needs
from tests.support.project import Project
from tests.support.rollback import account, run, snapshots

STORE = "vector_stores: {docs: {name: NAME, files: [docs/**]}}\n"
TABLE = "assistants: {tutor: {model: m, name: NAME, tools: [{type: code_interpreter, files: [data/*.csv]}]}}\n"


@pytest.fixture
def lost(project: Project) -> Project:
    """A store whose document changed; nobody kept the bytes of then."""
    project.write("docs/a.md", "the content of then")
    project.manifest(STORE.replace("NAME", "Old"))
    run(project, "apply", "--yes")
    project.write("docs/a.md", "of now")
    project.manifest(STORE.replace("NAME", "New"))
    run(project, "apply", "--yes")
    return project


def test_the_rest_goes_back_and_the_exit_code_says_that_it_is_not_all(lost: Project) -> None:
    name = snapshots(lost)[-1].stem
    result = lost.run("rollback", "--yes")
    assert result.code == 1
    planned = result.out.index("vector_store/docs: docs/a.md cannot be restored")
    assert planned < result.out.index("1 to update ·"), "the plan says it beforehand"
    assert result.err.splitlines() == [
        "not everything was restored: neither the account nor the working tree has the bytes of",
        "  vector_store/docs: docs/a.md: bring the file back",
        f"then run deployer rollback {name}",
    ]
    found = account(lost)
    assert found.stores[0]["name"] == "Old"
    (member,) = next(iter(found.members.values()))
    assert member["id"] in found.files, "a search finds what it found before"


def test_what_the_message_says_to_run_finishes_it(lost: Project) -> None:
    lost.run("rollback", "--yes")
    again = lost.run("rollback", "--yes").err
    assert again == "", "without a name it goes back to before the rollback, so the hint must have one"
    result = lost.run("rollback", snapshots(lost)[1].stem, "--yes")
    words = result.err.splitlines()[-1].removeprefix("then run deployer ").split()
    unchanged = lost.run(*words, "--yes")
    assert unchanged.code == 1, "nothing is left to do, but the document still is not back"
    assert "Nothing to do" in unchanged.out
    lost.write("docs/a.md", "the content of then")
    run(lost, *words, "--yes")
    lost.manifest(STORE.replace("NAME", "Old"))
    assert run(lost, "plan", "--exit-code").code == 0


def test_the_hint_names_the_account_that_was_chosen(project: Project) -> None:
    here = "accounts: {here: {api: assistants}}\n" + STORE
    project.write("docs/a.md", "of then")
    project.manifest(here)
    run(project, "apply", "--yes", "--account", "here")
    project.write("docs/a.md", "of now")
    run(project, "apply", "--yes", "--account", "here")
    result = project.run("rollback", "--yes", "--account", "here")
    words = result.err.splitlines()[-1].removeprefix("then run deployer ").split()
    assert words == ["rollback", snapshots(project)[1].stem, "--account", "here"]
    project.write("docs/a.md", "of then")
    run(project, *words, "--yes")


@needs.GIT
@pytest.mark.parametrize(("dirty", "said"), ((False, ", or"), (True, " (and what was not committed at that time), or")))
def test_the_commit_that_had_it_is_named(project: Project, *, dirty: bool, said: str) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        return subprocess.run(
            ["git", *identity, *arguments], cwd=project.root, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    project.write("docs/a.md", "of then")
    project.manifest(STORE)
    git("add", "assistants.yaml", "docs")
    git("commit", "-q", "-m", "then")
    if dirty:
        project.write("docs/a.md", "of then, not committed")
    run(project, "apply", "--yes")
    project.write("docs/a.md", "of now")
    run(project, "apply", "--yes")
    result = project.run("rollback", "--yes")
    commit = git("rev-parse", "--short=7", "HEAD")
    assert f"docs/a.md: check out commit {commit}{said} only this file of it" in result.err
    if not dirty:
        git("checkout", "-q", commit, "--", "docs/a.md")
        run(project, "rollback", snapshots(project)[1].stem, "--yes")


def test_a_deleted_store_comes_back_without_what_is_lost_and_says_so(project: Project) -> None:
    for number in range(12):
        project.write(f"docs/{number:02}.md", f"document {number}")
    project.manifest(STORE)
    run(project, "apply", "--yes")
    project.manifest("")
    run(project, "apply", "--yes", "--prune")
    for number in range(12):
        (project.root / f"docs/{number:02}.md").unlink()
    result = project.run("rollback", "--yes")
    assert result.code == 1
    assert result.out.count("cannot be restored") == 12, "the plan names all of them"
    assert result.err.count("vector_store/docs: docs/") == 10
    assert "  and 2 more, named above" in result.err
    assert [store["name"] for store in account(project).stores] == ["NAME"]


def test_a_file_of_the_code_interpreter_that_is_gone_is_named(project: Project) -> None:
    project.write("data/a.csv", "of then")
    project.manifest(TABLE.replace("NAME", "Old"))
    run(project, "apply", "--yes")
    project.write("data/a.csv", "of now")
    project.manifest(TABLE.replace("NAME", "New"))
    run(project, "apply", "--yes")
    result = project.run("rollback", "--yes")
    assert result.code == 1
    assert "  assistant/tutor: data/a.csv: bring the file back" in result.err
    assert "assistant/tutor: data/a.csv cannot be restored" in result.out
    (tutor,) = account(project).assistants
    assert tutor["name"] == "Old"
    assert set(tutor["tool_resources"]["code_interpreter"]["file_ids"]) == set(account(project).files), (
        "that of now stays"
    )
    name = snapshots(project)[1].stem
    snapshots(project)[0].write_text("{", encoding="utf-8")
    assert "Nothing to do" in project.run("rollback", name, "--yes").out
    project.write("data/a.csv", "of then")
    run(project, "rollback", name, "--yes")
    project.manifest(TABLE.replace("NAME", "Old"))
    (tutor,), files = account(project).assistants, account(project).files
    assert tutor["tool_resources"]["code_interpreter"]["file_ids"] == list(files), "that of now is gone"
    assert run(project, "plan", "--exit-code").code == 0


def test_without_an_older_snapshot_that_knows_its_name_it_has_its_id(project: Project) -> None:
    project.write("data/a.csv", "of then")
    project.manifest(TABLE)
    run(project, "apply", "--yes")
    project.write("data/a.csv", "of now")
    run(project, "apply", "--yes")
    snapshots(project)[0].write_text("{", encoding="utf-8")
    assert "assistant/tutor: the code interpreter's file file-" in project.run("rollback", "--yes").err


def test_what_others_attached_to_a_store_that_was_deleted_is_named(project: Project) -> None:
    project.write("docs/a.md", "ours")
    project.manifest(STORE.replace("NAME", "Old"))
    run(project, "apply", "--yes")
    (ours,) = account(project).files
    project.write("by-hand.md", "theirs")
    project.manifest("vector_stores: {mine: {files: [by-hand.md]}}\n")
    run(project, "apply", "--yes")
    (theirs,) = set(account(project).files) - {ours}
    (store,) = (one for one in account(project).stores if one["name"] == "Old")
    ask(project, "POST", f"/vector_stores/{store['id']}/files", {"file_id": theirs})
    run(project, "apply", "--yes", "--prune")
    result = run(project, "rollback", "--yes")
    assert f"vector_store/docs: is restored without what others attached ({theirs})" in result.out
