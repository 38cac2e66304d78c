"""What breaks on the account behind our back, and the files of the code interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.model import FileAction, OnDrift
from deployer.project import PlanOptions
from deployer.project.session import Session
from tests.support.documents import (
    ATTACH,
    BOTH,
    DELETE,
    DETACH,
    DOCS,
    FILES,
    TUTOR,
    UPLOAD,
    content,
    shapes,
    store_of,
    then,
)
from tests.support.faulty import Day, day
from tests.support.live import http


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


# What breaks on the account


def test_an_expired_store_is_made_again_and_its_assistant_finds_it(root: Path) -> None:
    now = [1_800_000_000.0]
    text = BOTH.replace("files: [docs/**]", "files: [docs/**], expires_after: {anchor: last_active_at, days: 1}")
    with day(root, clock=lambda: now[0]) as one:
        then(one, text, FILES)
        first = store_of(one)
        now[0] += 3 * 86_400
        writes = then(one, text, FILES)
        assert UPLOAD not in writes, "the File objects outlive the store"
        store = store_of(one)
        assert store != first
        assert reader(one) == [store]
        assert [row["status"] for row in one.whole.members[store]] == ["completed", "completed"]
        assert first not in {row["id"] for row in one.whole.stores}


def reader(one: Day) -> list[str]:
    (assistant,) = one.whole.assistants
    found: list[str] = assistant["tool_resources"]["file_search"]["vector_store_ids"]
    return found


def test_a_store_that_was_deleted_behind_its_assistant_is_a_plain_change(root: Path) -> None:
    with day(root) as one:
        then(one, BOTH, FILES)
        store = store_of(one)
        one.run(lambda session: http(session).write("DELETE", f"/vector_stores/{store}"))
        plan = one.plan()
        assert {str(change.address): change.action.value for change in plan.pending} == {
            "vector_store/docs": "create",
            "assistant/reader": "update",
        }
        one.converge()
        assert reader(one) == [store_of(one)]
        assert not one.whole.unheld


def test_a_document_whose_file_object_is_gone_is_repaired(root: Path) -> None:
    with day(root, {"on": "DELETE /v1/files/*", "leave": "memberships", "times": 1}) as one:
        then(one, DOCS, FILES)
        gone = next(file_id for file_id, label in one.whole.files.items() if label.startswith("a.md"))
        one.run(lambda session: http(session).write("DELETE", f"/files/{gone}"))
        assert one.plan().pending == (), "only a look behind the documents shows it"
        wishes = PlanOptions(check_files=True, on_drift=OnDrift.OVERWRITE)
        (change,) = one.plan(wishes).pending
        assert [(file.action, file.path) for file in change.files] == [(FileAction.REPLACE, "docs/a.md")]
        assert shapes(one.converge(wishes)) == [UPLOAD, ATTACH, DETACH, DELETE]
        assert sorted(label.split()[0] for label in one.whole.files.values()) == ["a.md", "b.md"]


# Files of the code interpreter


def test_files_of_the_code_interpreter_are_added_changed_and_removed(root: Path) -> None:
    with day(root) as one:
        assert then(one, TUTOR, {"data/a.csv": "1", "data/b.csv": "2"}) == [UPLOAD, UPLOAD, "POST /assistants"]
        assert then(one, TUTOR, {"data/a.csv": "3", "data/b.csv": "2"}) == [UPLOAD, "POST /assistants/*", DELETE]
        assert then(one, TUTOR, {"data/b.csv": "2", "data/c.csv": "4"}) == [UPLOAD, "POST /assistants/*", DELETE]
        assert then(one, TUTOR, {"data/c.csv": "4"}) == ["POST /assistants/*", DELETE]
        assert then(one, "", {}) == ["DELETE /assistants/*", DELETE]
        assert one.whole.files == {}


def test_a_foreign_file_of_the_code_interpreter_stays(root: Path) -> None:
    async def add(session: Session) -> str:
        (found,) = [one for one in await session.read() if one.kind == "assistant"]
        answer = await http(session).send_file("/files", content("theirs.csv"), {"purpose": "assistants"})
        held = [*found.raw["tool_resources"]["code_interpreter"]["file_ids"], answer.data["id"]]
        body = {"tool_resources": {"code_interpreter": {"file_ids": held}}}
        await http(session).write("POST", f"/assistants/{found.id}", body)
        return str(answer.data["id"])

    with day(root) as one:
        then(one, TUTOR, {"data/a.csv": "1"})
        theirs = one.run(add)
        assert one.plan().pending == ()
        then(one, TUTOR, {"data/a.csv": "2"})
        (assistant,) = one.whole.assistants
        held = assistant["tool_resources"]["code_interpreter"]["file_ids"]
        assert theirs in held
        assert len(held) == 2


def test_twenty_files_fit_the_stamp(root: Path) -> None:
    with day(root) as one:
        then(one, TUTOR, {f"data/{number}.csv": str(number) for number in range(20)})
        (assistant,) = one.whole.assistants
        assert len(assistant["metadata"]["deployer_files"]) <= 512
