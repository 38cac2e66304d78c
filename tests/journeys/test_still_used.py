"""What somebody still uses stays, what nobody uses goes: stores behind assistants, files behind stores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployer.model import Action, OnDrift, Status
from deployer.project import PlanOptions
from deployer.project.session import Session
from tests.support.documents import BOTH, DOCS, FILES, TWO, store_of, then
from tests.support.faulty import PRUNE, Day, day, write
from tests.support.live import http

CAREFUL = PlanOptions(prune=True)
KEEP = PlanOptions(prune=True, on_drift=OnDrift.KEEP)
BARE = "assistants: {tutor: {model: m}}\n"
SEARCH: dict[str, Any] = {"type": "file_search"}
DATA = "assistants: {tutor: {model: m, tools: [{type: code_interpreter, files: [data/**]}]}}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def post(one: Day, path: str, body: dict[str, Any]) -> str:
    async def send(session: Session) -> str:
        return str((await http(session).write("POST", path, body)).data["id"])

    return one.run(send)


def searching(store: str) -> dict[str, Any]:
    return {"tools": [SEARCH], "tool_resources": {"file_search": {"vector_store_ids": [store]}}}


def second_copy(one: Day) -> str:
    """Make a store with the stamp of the one there is, as a race would."""
    return post(one, "/vector_stores", {"name": "docs", "metadata": one.whole.stores[0]["metadata"]})


def deletes(one: Day, wishes: PlanOptions = CAREFUL) -> list[str]:
    return [str(change.address) for change in one.plan(wishes).changes if change.action is Action.DELETE]


def test_a_store_stays_while_kept_tools_search_it(root: Path) -> None:
    with day(root) as one:
        then(one, BOTH, FILES)
        tools = [{**SEARCH, "file_search": {"max_num_results": 7}}]
        post(one, f"/assistants/{one.whole.assistants[0]['id']}", {"tools": tools})
        write(root, "assistants: {reader: {model: m, tools: []}}\n", {})
        assert deletes(one, KEEP) == []
        assert deletes(one, PRUNE) == ["vector_store/docs"]


def test_a_store_stays_while_tools_that_git_never_declared_search_it(root: Path) -> None:
    with day(root) as one:
        then(one, DOCS + BARE, FILES)
        post(one, f"/assistants/{one.whole.assistants[0]['id']}", searching(store_of(one)))
        write(root, BARE, {})
        assert deletes(one) == []


def test_a_store_stays_while_a_protected_orphan_searches_it(root: Path) -> None:
    with day(root) as one:
        then(one, BOTH.replace("{model: m,", "{model: m, protect: true,"), FILES)
        write(root, BARE, {})
        assert deletes(one) == []


def test_a_second_copy_stays_while_somebody_else_searches_it(root: Path) -> None:
    with day(root) as one:
        then(one, DOCS, FILES)
        second_copy(one)
        _, used = sorted(one.whole.stores, key=lambda store: (store["created_at"], store["id"]))
        post(one, "/assistants", {"model": "m", **searching(used["id"])})
        assert deletes(one) == []


def test_our_assistant_comes_back_from_a_second_copy_without_a_conflict(root: Path) -> None:
    with day(root) as one:
        then(one, BOTH, FILES)
        second_copy(one)
        first, copy = sorted(one.whole.stores, key=lambda store: (store["created_at"], store["id"]))
        post(one, f"/assistants/{one.whole.assistants[0]['id']}", searching(copy["id"]))
        assert one.plan(CAREFUL).conflicts == ()
        one.converge(CAREFUL)
        assert [store["id"] for store in one.whole.stores] == [first["id"]]


def test_one_content_under_one_name_is_one_file_of_the_code_interpreter(root: Path) -> None:
    files = {"data/x/a.csv": "1,2\n", "data/y/a.csv": "1,2\n"}
    with day(root) as one:
        then(one, DATA, files)
        then(one, DATA.replace("model: m", "model: n"), files)
        assert len(one.whole.files) == 1
        then(one, BARE, {})
        assert one.whole.files == {}


def test_a_store_without_a_shared_file_is_not_called_done(root: Path) -> None:
    with day(root, {"on": "POST /v1/files", "status": 400, "times": 1}) as one:
        write(root, TWO, {"docs/a.md": "x", "more/a.md": "x"})
        assert sorted(outcome.status for outcome in one.apply()) == [Status.FAILED, Status.SKIPPED]
        one.converge()


def test_a_shared_file_goes_with_the_last_of_our_stores_that_holds_it(root: Path) -> None:
    two = TWO.replace("[docs/**]", "[docs/**], exclusive: true")
    with day(root) as one:
        then(one, two, {"docs/a.md": "1", "more/b.md": "2"})
        docs, more = store_of(one), store_of(one, "more")
        (shared,) = [row["id"] for row in one.whole.members[more]]
        post(one, f"/vector_stores/{docs}/files", {"file_id": shared})
        one.converge()
        assert [row["id"] for row in one.whole.members[more]] == [shared]
        post(one, f"/vector_stores/{docs}/files", {"file_id": shared})
        then(one, two.replace("more/**", "more/c.md"), {"docs/a.md": "1", "more/c.md": "2"})
        assert one.whole.unheld == set()


def test_contents_change_places(root: Path) -> None:
    with day(root) as one:
        then(one, DOCS, {"docs/a.md": "1", "docs/b.md": "2", "docs/x/c.md": "3", "docs/y/c.md": "4"})
        then(one, DOCS, {"docs/a.md": "2", "docs/b.md": "1", "docs/x/c.md": "4", "docs/y/c.md": "3"})
        assert len(one.whole.files) == 4
        assert one.whole.unheld == set()
