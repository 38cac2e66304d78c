"""What others hold on the same account is never deleted, whenever they took it and on whichever surface they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployer.apply.execute import execute
from deployer.apply.usage import holdings
from deployer.model import Status
from deployer.project import PlanOptions
from deployer.project.session import Session
from tests.support.faulty import Fault, day, undone
from tests.support.live import QUICK, http
from tests.support.whole import Whole

STORE = "vector_stores: {docs: {files: ['*.md']}}\n"
TABLE = "assistants: {a: {model: m, tools: [{type: code_interpreter, files: ['*.csv']}]}}\n"
SEARCH = STORE + "assistants: {a: {model: m, tools: [{type: file_search, vector_stores: [docs]}]}}\n"
NO_DELETES: Fault = {"on": "DELETE /v1/files/*", "status": 403}
NO_BATCHES: Fault = {"on": "POST /v1/vector_stores/*/file_batches", "status": 400}


@pytest.fixture
def account(tmp_path: Path) -> Path:
    return tmp_path / "account"


def project(folder: Path, manifest: str, **files: str) -> Path:
    """Write a project that is called as its folder."""
    folder.mkdir(exist_ok=True)
    (folder / "assistants.yaml").write_text(f"version: 1\nproject: {folder.name}\n{manifest}", encoding="utf-8")
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content, encoding="utf-8")
    return folder


def applied(account: Path, root: Path, *faults: Fault, prune: bool = False) -> list[tuple[str, str]]:
    """Apply, and give what was not done; without faults, the next plan must be empty then."""
    with day(root, *faults, folder=account) as today:
        left = undone(today.apply(PlanOptions(prune=prune)))
        assert faults or today.plan().pending == ()
        return left


def found(account: Path) -> Whole:
    with day(account, folder=account) as today:
        return today.whole


def dead(whole: Whole) -> set[str]:
    """Give the ids that a store or an assistant names and that are gone."""
    held = {row["id"] for rows in whole.members.values() for row in rows}
    for one in whole.assistants:
        held.update((one.get("tool_resources") or {}).get("code_interpreter", {}).get("file_ids", ()))
    return held - set(whole.files)


def test_a_left_over_file_that_is_wanted_again_is_not_deleted(tmp_path: Path, account: Path) -> None:
    root = project(tmp_path / "a", TABLE, one_csv="1", two_csv="2")
    applied(account, root)
    (root / "two.csv").unlink()
    assert applied(account, root, NO_DELETES)
    project(root, TABLE, two_csv="2")
    applied(account, root)
    whole = found(account)
    assert dead(whole) == set()
    assert len(whole.files) == 2
    assert applied(account, root) == []


@pytest.mark.parametrize("manifest", (STORE, TABLE))
def test_a_failed_apply_takes_back_only_what_it_sent(tmp_path: Path, account: Path, manifest: str) -> None:
    """The bytes are there already, in somebody else's hands."""
    applied(account, project(tmp_path / "a", manifest, same_md="same", same_csv="same"))
    before = found(account)
    root = project(tmp_path / "b", manifest, same_md="same", same_csv="same")
    assert applied(account, root, NO_BATCHES, {"on": "POST /v1/assistants", "status": 400})
    after = found(account)
    assert dead(after) == set()
    assert set(after.files) == set(before.files)
    applied(account, root)
    assert len(found(account).files) == 2, "what somebody else holds is not shared: he may delete it"


def test_what_was_taken_since_the_plan_stays(tmp_path: Path, account: Path) -> None:
    """One job waits at its question, another one begins to use the File object."""
    root = project(tmp_path / "a", STORE, one_md="1", two_md="2")
    applied(account, root)
    (root / "two.md").unlink()

    with day(root, folder=account) as today:

        async def run(one: Session) -> Any:
            plan = await one.plan(PlanOptions())
            (gone,) = (file.id for live in plan.live for file in live.files if file.path == "two.md")
            taken = (await http(one).write("POST", "/vector_stores", {"name": "mine", "file_ids": [gone]})).data
            (outcome,) = await execute(one.account, plan, root, lambda _event: None, waits=QUICK)
            return gone, taken["id"], outcome

        gone, store, outcome = today.run(run)
    assert outcome.status is Status.DONE
    assert outcome.notes == (f"file {gone} stays: the vector store {store}, which is foreign, holds it",)
    assert dead(found(account)) == set()


def test_a_store_that_another_surface_uses_stays(tmp_path: Path, account: Path) -> None:
    """The embedded account serves two surfaces over the same stores."""
    root = project(tmp_path / "a", SEARCH, one_md="1")
    applied(account, root)
    project(root, "")
    with day(root, api="agents", folder=account) as today:
        ((address, why),) = undone(today.apply(PlanOptions(prune=True)))
    assert address == "vector_store/docs"
    assert "stays: the assistant asst_" in why
    assert len(found(account).stores) == 1
    assert applied(account, root, prune=True) == []


def test_a_file_that_another_surface_holds_stays(tmp_path: Path, account: Path) -> None:
    root = project(tmp_path / "a", STORE, one_md="1")
    applied(account, root)
    (file_id,) = found(account).files
    held = {"code_interpreter": {"file_ids": [file_id]}}
    body = {"model": "m", "tools": [{"type": "code_interpreter"}], "tool_resources": held}
    with day(root, folder=account) as today:
        today.run(lambda one: http(one).write("POST", "/assistants", body))
    (root / "one.md").unlink()
    project(root, "vector_stores: {docs: {}}\n")
    with day(root, api="agents", folder=account) as today:
        assert undone(today.apply()) == []
        assert today.run(lambda one: holdings(one.account.files)) == {file_id}, "gc sees it, too"
    assert dead(found(account)) == set()
