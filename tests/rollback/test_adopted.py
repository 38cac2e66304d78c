"""deployer rollback after an adoption: what was somebody else's is theirs again, as it was, and nothing of it goes."""

from __future__ import annotations

from tests.commands.test_drift import ask
from tests.manifest.foreign import by_hand
from tests.support.project import Project
from tests.support.rollback import account, rolled_back, run, snapshots

X = "assistants: {x: {model: m, instructions: Explain., metadata: {team: a}}}\n"
STORE = "vector_stores: {docs: {name: Docs, files: ['docs/**']}}\n"
TABLE = "assistants: {x: {model: m, tools: [{type: code_interpreter, files: [data/a.csv]}]}}\n"


def foreign(project: Project, **more: object) -> str:
    with by_hand(project.root) as hand:
        return str(hand.make("assistants", **{"model": "m", "metadata": {"team": "b", "own": "c"}, **more})["id"])


def foreign_store(project: Project) -> str:
    """A store with two documents that the manifest's folder has, too, and one that it has not."""
    project.write("docs/a.md", "a")
    project.write("docs/b.md", "b")
    with by_hand(project.root) as hand:
        store = hand.store({"a.md": b"a", "other.md": b"other"}, name="Docs", metadata={"own": "c"})
        hand.attach(store, "b.md", b"b", attributes={"level": 2})
        return store


def test_right_after_the_adoption_and_back_again(project: Project) -> None:
    live_id = foreign(project, instructions="Explain at length.")
    before = account(project)
    project.manifest(X)
    run(project, "adopt", "assistant/x", live_id, "--yes")
    adopted = account(project)
    assert "before adopt: 1 to adopt" in run(project, "rollback", "--list").out
    assert "was foreign at the time of the snapshot" in run(project, "rollback", "--yes").out
    assert account(project) == before
    run(project, "rollback", "--yes")
    assert account(project) == adopted


def test_what_an_apply_changed_since_goes_back_too(project: Project) -> None:
    live_id = foreign(project, instructions="Explain at length.", temperature=0.3)
    before = account(project)
    project.manifest(X)
    run(project, "adopt", "assistant/x", live_id, "--yes")
    run(project, "apply", "--yes")
    applied = account(project)
    rolled_back(project, 0)
    assert account(project) == before
    run(project, "rollback", "--yes")
    assert account(project) == applied
    assert run(project, "plan", "--exit-code").code == 0


def test_what_was_given_back_is_not_taken_again_while_something_else_has_its_address(project: Project) -> None:
    live_id = foreign(project)
    project.manifest(X)
    run(project, "adopt", "assistant/x", live_id, "--yes")
    run(project, "rollback", "--yes")
    run(project, "apply", "--yes")
    snapshots(project)[-1].unlink()
    (other,) = (one["id"] for one in account(project).assistants if one["id"] != live_id)
    before = account(project)
    result = project.run("rollback", "--yes")
    assert result.code == 1
    assert f"{other} has this address now, but another object had it before" in result.err
    assert account(project) == before


def test_an_edit_on_the_account_stops_it(project: Project) -> None:
    live_id = foreign(project, instructions="Explain at length.")
    project.manifest(X)
    run(project, "adopt", "assistant/x", live_id, "--yes")
    ask(project, "POST", f"/assistants/{live_id}", {"instructions": "Edited."})
    assert project.run("rollback", "--yes").code == 1
    run(project, "rollback", "--yes", "--on-drift", "overwrite")
    assert account(project).assistants[0]["instructions"] == "Explain at length."


def test_a_store_with_documents(project: Project) -> None:
    store = foreign_store(project)
    before = account(project)
    project.manifest(STORE)
    run(project, "adopt", "vector_store/docs", store, "--yes")
    adopted = account(project)
    assert adopted.told != before.told
    run(project, "rollback", "--yes")
    assert account(project).told == before.told
    run(project, "rollback", "--yes")
    assert account(project).told == adopted.told
    assert run(project, "plan", "--exit-code").code == 0


def test_documents_that_came_and_went_since_stay_as_they_are(project: Project) -> None:
    store = foreign_store(project)
    project.manifest(STORE)
    run(project, "adopt", "vector_store/docs", store, "--yes")
    project.write("docs/a.md", "a, changed")
    run(project, "apply", "--yes")
    after = account(project)
    said = rolled_back(project, 0)
    assert "its files stay as they are: 1 attached since and 1 detached since" in said
    found = account(project)
    assert (found.files, len(found.members[store])) == (after.files, 3)
    assert found.stores[0]["metadata"] == {"own": "c"}


def test_documents_of_others_that_were_adopted_into_a_store_of_ours_are_not_detached(project: Project) -> None:
    """The store was there before the apply, and so was the document: only its marks are new."""
    project.manifest("vector_stores: {docs: {name: Docs}}\n")
    run(project, "apply", "--yes")
    (store,) = account(project).stores
    with by_hand(project.root) as hand:
        hand.attach(store["id"], "a.md", b"a", attributes={"level": 1})
    before = account(project)
    project.write("docs/a.md", "a")
    project.manifest("vector_stores: {docs: {name: Documents}}\n")
    run(project, "apply", "--yes")
    project.manifest("vector_stores: {docs: {name: Documents, files: ['docs/**']}}\n")
    run(project, "adopt", "vector_store/docs", store["id"], "--yes")
    assert len(snapshots(project)) == 3
    rolled_back(project, 1)
    assert account(project).told == before.told
    run(project, "rollback", "--yes")
    assert run(project, "plan", "--exit-code").code == 0


def test_files_of_the_code_interpreter(project: Project) -> None:
    project.write("data/a.csv", "a,b\n")
    with by_hand(project.root) as hand:
        store = hand.store({"a.csv": b"a,b\n"})
        (file,) = (row["id"] for row in hand.files(store))
        resources = {"code_interpreter": {"file_ids": [file]}}
        tools = [{"type": "code_interpreter"}]
        live_id = str(hand.make("assistants", model="m", tools=tools, tool_resources=resources)["id"])
    before = account(project)
    project.manifest(TABLE)
    run(project, "adopt", "assistant/x", live_id, "--yes")
    adopted = account(project)
    run(project, "rollback", "--yes")
    assert account(project) == before
    run(project, "rollback", "--yes")
    assert account(project) == adopted


def test_an_assistant_that_uses_an_adopted_store(project: Project) -> None:
    store = foreign_store(project)
    project.manifest(STORE)
    run(project, "adopt", "vector_store/docs", store, "--yes")
    project.manifest(STORE + "assistants: {x: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}}\n")
    run(project, "apply", "--yes")
    project.manifest(STORE + "assistants: {x: {model: n, tools: [{type: file_search, vector_stores: [docs]}]}}\n")
    run(project, "apply", "--yes")
    rolled_back(project, 0)
    found = account(project)
    assert (found.assistants, found.stores[0]["metadata"]) == ([], {"own": "c"})


def test_what_took_the_address_of_what_was_deleted_is_let_go_of_and_that_is_made_again(project: Project) -> None:
    project.manifest("assistants: {x: {model: old}}\n")
    run(project, "apply", "--yes")
    project.manifest("assistants: {x: {model: new}}\n")
    run(project, "apply", "--yes")
    (old,) = account(project).assistants
    ask(project, "DELETE", f"/assistants/{old['id']}")
    live_id = foreign(project)
    run(project, "adopt", "assistant/x", live_id, "--yes")
    rolled_back(project, 1)
    models = {one["model"]: one["metadata"] for one in account(project).assistants}
    assert models.keys() == {"m", "old"}
    assert models["m"] == {"team": "b", "own": "c"}
    assert models["old"]["deployer"] == "test/assistant/x"


def test_what_was_adopted_from_another_project_is_theirs_again(project: Project) -> None:
    stamp = {"deployer": "other/assistant/y", "deployer_applied": "abcdef=0123456789ab", "deployer_origin": "c0ffee1"}
    live_id = foreign(project, metadata=stamp)
    before = account(project)
    project.manifest(X)
    run(project, "adopt", "assistant/x", live_id, "--yes", "--force", "other-project")
    run(project, "rollback", "--yes")
    assert account(project) == before


def test_what_is_gone_since_is_named(project: Project) -> None:
    live_id = foreign(project)
    project.manifest(X)
    run(project, "adopt", "assistant/x", live_id, "--yes")
    ask(project, "DELETE", f"/assistants/{live_id}")
    assert f"{live_id} was foreign, and is gone since: it is not restored" in run(project, "rollback").out


def test_without_a_snapshot_nothing_is_adopted(project: Project) -> None:
    live_id = foreign(project)
    before = account(project)
    (project.root / ".deployer" / "snapshots").write_text("in the way", encoding="utf-8")
    project.manifest(X)
    result = project.run("adopt", "assistant/x", live_id, "--yes")
    assert result.code == 1
    assert "nothing was changed: without a snapshot it could not be rolled back" in result.err
    assert account(project) == before
