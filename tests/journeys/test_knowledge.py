"""What becomes of documents, told by the requests that it took."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from deployer.model import FileAction
from deployer.project.session import Session
from tests.support.documents import (
    ATTACH,
    BLUE,
    CHANGE,
    CUT,
    DELETE,
    DETACH,
    DOCS,
    EXCLUSIVE,
    FILES,
    TWO,
    UPLOAD,
    put,
    shapes,
    store_of,
    then,
)
from tests.support.faulty import Day, day, undone, write
from tests.support.live import http


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


ONE_CHANGE: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "attributes alone": (BLUE, FILES, [CHANGE, CHANGE]),
    "chunking alone": (CUT, FILES, [ATTACH]),
    "moved": (DOCS, {"docs/deep/er/a.md": "# a\n", "docs/b.md": "# b\n"}, [CHANGE]),
    "renamed": (DOCS, {"docs/c.md": "# a\n", "docs/b.md": "# b\n"}, [UPLOAD, ATTACH, DETACH, DELETE]),
    "changed": (DOCS, {**FILES, "docs/a.md": "# other\n"}, [UPLOAD, ATTACH, DETACH, DELETE]),
    "added": (DOCS, {**FILES, "docs/c.md": "# c\n"}, [UPLOAD, ATTACH]),
    "removed": (DOCS, {"docs/b.md": "# b\n"}, [DETACH, DELETE]),
    "as declared": (DOCS, FILES, []),
}


@pytest.mark.parametrize("name", ONE_CHANGE)
def test_a_change_takes_the_requests_that_it_needs_and_no_more(root: Path, name: str) -> None:
    manifest, files, expected = ONE_CHANGE[name]
    with day(root) as one:
        assert then(one, DOCS, FILES) == ["POST /vector_stores", UPLOAD, UPLOAD, ATTACH]
        assert then(one, manifest, files) == expected
        with day(root) as fresh:
            fresh.converge()
            assert one.whole.told == fresh.whole.told, "as if it had always been so"


def test_one_file_of_many_changed(root: Path) -> None:
    many = {f"docs/{number}.md": f"# {number}\n" for number in range(60)}
    with day(root) as one:
        assert then(one, DOCS, many).count(ATTACH) == 1
        assert then(one, DOCS, {**many, "docs/7.md": "# seven\n"}) == [UPLOAD, ATTACH, DETACH, DELETE]


def test_two_documents_that_change_places(root: Path) -> None:
    with day(root) as one:
        then(one, DOCS, FILES)
        then(one, DOCS, {"docs/a.md": "# b\n", "docs/b.md": "# a\n"})
        with day(root) as fresh:
            fresh.converge()
            assert one.whole.told == fresh.whole.told


def test_the_same_bytes_under_the_same_name_are_sent_once_and_stay_as_long_as_a_store_holds_them(root: Path) -> None:
    with day(root) as one:
        writes = then(one, TWO, {"docs/a.md": "# a\n", "more/a.md": "# a\n"})
        assert (writes.count(UPLOAD), writes.count(ATTACH)) == (1, 2)
        assert then(one, TWO, {"docs/a.md": "# a\n", "more/b.md": "# b\n"}) == [UPLOAD, ATTACH, DETACH]
        assert len(one.whole.files) == 2
        assert then(one, TWO, {"docs/c.md": "# c\n", "more/b.md": "# b\n"}) == [UPLOAD, ATTACH, DETACH, DELETE]


def test_a_store_that_goes_keeps_the_files_of_the_others(root: Path) -> None:
    with day(root) as one:
        then(one, TWO, {"docs/a.md": "# a\n", "more/a.md": "# a\n", "more/b.md": "# b\n"})
        assert then(one, DOCS, {"docs/a.md": "# a\n"}) == ["DELETE /vector_stores/*", DELETE]


# Somebody else's


def test_foreign_documents_stay_unless_the_store_is_exclusive_and_then_they_are_only_detached(root: Path) -> None:
    with day(root) as one:
        then(one, DOCS, FILES)
        store = store_of(one)
        file_id = one.run(lambda session: put(session, store))
        assert then(one, DOCS, {"docs/a.md": "# a\n"}) == [DETACH, DELETE]
        assert file_id in {row["id"] for row in one.whole.members[store]}
        assert then(one, EXCLUSIVE, {"docs/a.md": "# a\n"}) == [DETACH]
        assert file_id not in {row["id"] for row in one.whole.members[store]}
        assert file_id in one.whole.files


def test_a_file_that_a_foreign_store_holds_is_not_deleted(root: Path) -> None:
    async def borrow(session: Session, file_id: str) -> None:
        await http(session).write("POST", "/vector_stores", {"name": "theirs", "file_ids": [file_id]})

    with day(root) as one:
        then(one, DOCS, FILES)
        held = next(file_id for file_id, label in one.whole.files.items() if label.startswith("a.md"))
        one.run(lambda session: borrow(session, held))
        write(root, DOCS, {"docs/b.md": "# b\n"})
        (outcome,) = one.apply()
        assert outcome.status == "done"
        assert any(held in note for note in outcome.notes)
        assert held in one.whole.files


# Make before break


@pytest.mark.slow
def test_a_search_never_finds_less_while_documents_are_replaced(root: Path) -> None:
    """Every document holds one word; at any moment a search for it finds each path, in the old or the new version."""
    names = [f"docs/{number}.md" for number in range(8)]

    async def search(client: httpx2.AsyncClient, store: str) -> set[str]:
        answer = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "Suwon", "max_num_results": 50})
        return {row["attributes"]["deployer_path"] for row in answer.json()["data"]}

    async def watched(session: Session, one: Day, store: str) -> list[set[str]]:
        seen, over = [], asyncio.create_task(one.applied(session))
        transport = httpx2.ASGITransport(app=one.wire.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            while not over.done():
                seen.append(await search(client, store))
            assert undone(over.result()) == []
        return seen

    slow = {"ingest": "*", "delay": 0.2}
    with day(root, slow) as one:
        then(one, DOCS, dict.fromkeys(names, "Suwon, first edition"))
        store = store_of(one)
        for manifest, text in ((DOCS, "Suwon, second edition"), (CUT, "Suwon, second edition")):
            write(root, manifest, dict.fromkeys(names, text))
            seen = one.run(lambda session: watched(session, one, store))
            assert len(seen) > 3
            assert all(found == set(names) for found in seen)


def test_a_document_that_fails_is_tried_twice_and_named_and_its_old_version_stays(root: Path) -> None:
    with day(root, {"ingest": "bad.md", "fail": "invalid_file"}) as one:
        write(root, DOCS, {**FILES, "docs/bad.md": "# never\n"})
        (outcome,) = one.apply()
        assert outcome.status == "failed"
        assert "docs/bad.md" in outcome.why
        assert "docs/a.md" not in outcome.why
        assert shapes(one.wire.writes).count(ATTACH) == 2
        states = {row["attributes"]["deployer_path"]: row["status"] for row in one.whole.members[store_of(one)]}
        assert (states["docs/a.md"], states["docs/b.md"]) == ("completed", "completed")


def test_the_old_version_of_a_document_that_fails_stays_searchable(root: Path) -> None:
    with day(root) as calm:
        then(calm, DOCS, FILES)
        with day_on(calm, {"ingest": "a.md", "fail": "invalid_file"}) as bad:
            write(root, DOCS, {"docs/a.md": "# new\n", "docs/b.md": "# new too\n"})
            (outcome,) = bad.apply()
            assert outcome.status == "failed"
            assert "docs/a.md" in outcome.why
            rows = bad.whole.members[store_of(bad)]
            kept = {(row["attributes"]["deployer_path"], row["status"]) for row in rows}
            assert ("docs/a.md", "completed") in kept, "the old version"
            assert ("docs/b.md", "completed") in kept
        calm.converge()
        with day(root) as fresh:
            fresh.converge()
            assert calm.whole.told == fresh.whole.told


def day_on(one: Day, *faults: dict[str, Any]) -> Any:
    """Open the account of another day once more, with faults of its own."""
    return day(one.root, *faults, folder=one.folder)


def test_what_fails_once_is_attached_again(root: Path) -> None:
    with day(root, {"ingest": "a.md", "fail": "server_error", "times": 1}) as one:
        assert then(one, DOCS, FILES).count(ATTACH) == 2


@pytest.mark.slow
def test_a_document_that_is_stuck_is_named_and_waited_for_the_next_time(root: Path) -> None:
    with day(root, {"ingest": "a.md", "delay": 1.5}) as one:
        one.waits = replace(one.waits, ingestion=0.2)
        write(root, DOCS, FILES)
        (outcome,) = one.apply()
        assert outcome.status == "failed"
        assert "docs/a.md (stuck in progress" in outcome.why
        assert "docs/b.md" not in outcome.why
        one.waits = replace(one.waits, ingestion=20.0)
        (change,) = one.plan().pending
        assert [file.action for file in change.files] == [FileAction.WAIT]
        assert one.converge() == []


def test_a_404_right_after_an_attach_only_means_that_it_does_not_show_yet(root: Path) -> None:
    batches = {"on": "GET /v1/vector_stores/*/file_batches/*", "times": 3, "status": 404}
    with day(root, batches) as one:
        assert then(one, DOCS, FILES).count(ATTACH) == 1


def test_detach_comes_before_delete(root: Path) -> None:
    with day(root) as one:
        then(one, DOCS, FILES)
        write(root, DOCS, {"docs/c.md": "# c\n"})
        writes = [request.split("/")[-1] for request in one.converge() if request.startswith("DELETE")]
        files = [one_ for one_ in writes if one_.startswith("file-")]
        assert len(files) == 4
        assert all(files.count(file_id) == 2 for file_id in files)
