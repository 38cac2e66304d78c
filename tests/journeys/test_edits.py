"""Who moved what, over several applies: an edit on the account is seen once, and not where there was none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from deployer.model import OnDrift
from deployer.project import PlanOptions
from deployer.project.session import Session
from tests.commands.test_drift import ask, ids
from tests.support.documents import BLUE, BOTH, FILES, then
from tests.support.faulty import Day, day, write
from tests.support.live import http
from tests.support.project import Project

CAREFUL = PlanOptions(prune=True)
KEEP = PlanOptions(prune=True, on_drift=OnDrift.KEEP)
WARM = "assistants: {tutor: {model: m, temperature: 0.5}}\n"
MOVED = "moved: [{from: vector_store/docs, to: vector_store/papers}]\n"
PAPERS = MOVED + BOTH.replace("docs:", "papers:").replace("[docs]", "[papers]")
FEWER = PAPERS.replace("[papers]}", "[papers], max_num_results: 3}")
CHUNKS = "chunking: {max_chunk_size_tokens: 200, chunk_overlap_tokens: 50}, files:"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def edit(one: Day, path: str, body: dict[str, Any]) -> None:
    async def send(session: Session) -> None:
        await http(session).write("POST", path, body)

    one.run(send)


def cool(one: Day) -> None:
    edit(one, f"/assistants/{one.whole.assistants[0]['id']}", {"temperature": 0.3})


def member(one: Day, path: str) -> tuple[str, dict[str, Any]]:
    """Give the path of a membership, and its attributes."""
    store = one.whole.stores[0]["id"]
    found = next(row for row in one.whole.members[store] if row["attributes"]["deployer_path"] == path)
    return f"/vector_stores/{store}/files/{found['id']}", found["attributes"]


def test_an_edit_that_git_took_over_is_settled(root: Path) -> None:
    with day(root) as one:
        then(one, WARM, {})
        cool(one)
        write(root, WARM.replace("0.5", "0.3"), {})
        one.converge(CAREFUL)
        write(root, WARM.replace("0.5", "0.9"), {})
        assert one.plan(CAREFUL).conflicts == ()


def test_what_git_declares_as_it_is_is_guarded_from_then_on(root: Path) -> None:
    with day(root) as one:
        then(one, "assistants: {tutor: {model: m}}\n", {})
        write(root, WARM.replace("0.5", "1.0"), {})
        one.converge(CAREFUL)
        cool(one)
        assert [field.path for _, field in one.plan(CAREFUL).conflicts] == [("temperature",)]


def test_a_kept_edit_stays_kept_until_git_lets_go(root: Path) -> None:
    with day(root) as one:
        then(one, WARM, {})
        cool(one)
        one.converge(KEEP)
        assert one.plan(CAREFUL).conflicts
        then(one, WARM, {})
        cool(one)
        write(root, WARM.replace("model: m", "model: n"), {})
        one.converge(KEEP)
        assert one.plan(CAREFUL).conflicts
        write(root, "assistants: {tutor: {model: n}}\n", {})
        one.converge(KEEP)
        assert one.whole.assistants[0]["temperature"] == 0.3
        assert one.plan(CAREFUL).pending == ()


def test_a_store_that_was_moved_makes_no_edit_of_its_users(root: Path) -> None:
    with day(root) as one:
        then(one, BOTH, FILES)
        write(root, FEWER, FILES)
        assert one.plan(CAREFUL).conflicts == ()
        write(root, PAPERS, FILES)
        one.converge(CAREFUL)
        write(root, FEWER, FILES)
        assert one.plan(CAREFUL).conflicts == ()


@pytest.mark.parametrize("how", ("content", "chunking", "move", "rename"))
def test_edited_attributes_are_seen_whatever_else_happens_to_a_document(root: Path, how: str) -> None:
    files = {"docs/a.md": {"content": "# new\n"}.get(how, FILES["docs/a.md"]), "docs/b.md": FILES["docs/b.md"]}
    path = {"move": "docs/sub/a.md", "rename": "docs/c.md"}.get(how, "docs/a.md")
    files[path] = files.pop("docs/a.md")
    with day(root) as one:
        then(one, BLUE, FILES)
        where, attributes = member(one, "docs/a.md")
        edit(one, where, {"attributes": {**attributes, "team": "red"}})
        write(root, BLUE.replace("files:", CHUNKS) if how == "chunking" else BLUE, files)
        assert [change.path for _, change in one.plan(CAREFUL).conflicts] == [path]
        one.converge(KEEP)
        assert member(one, path)[1]["team"] == "red"
        assert one.plan(CAREFUL).conflicts, "a kept edit is still one"
        one.converge()
        assert member(one, path)[1]["team"] == "blue"


def test_attributes_that_nobody_declared_outlive_the_content(root: Path) -> None:
    with day(root) as one:
        then(one, BLUE, FILES)
        where, attributes = member(one, "docs/a.md")
        edit(one, where, {"attributes": {**attributes, "reviewed": True}})
        write(root, BLUE, {**FILES, "docs/a.md": "# new\n"})
        one.converge(CAREFUL)
        assert member(one, "docs/a.md")[1]["reviewed"] is True


def attributes_of(one: Day) -> Mapping[str, Any]:
    return member(one, "docs/a.md")[1]


def paint(one: Day, colour: str) -> None:
    where, attributes = member(one, "docs/a.md")
    edit(one, where, {"attributes": {**attributes, "team": colour}})


def test_an_edit_of_a_document_that_git_took_over_is_settled(root: Path) -> None:
    with day(root) as one:
        then(one, BLUE, FILES)
        paint(one, "red")
        write(root, BLUE.replace("team: blue}", "team: red}"), {"docs/a.md": FILES["docs/a.md"]})
        (change,) = one.plan(CAREFUL).pending
        reasons = {file.path: str(file.reason) for file in change.files}
        assert reasons["docs/a.md"] == "git and the account agree now: team"
        assert one.plan(CAREFUL).conflicts == ()
        one.converge(CAREFUL)
        write(root, BLUE.replace("team: blue}", "team: green}"), {"docs/a.md": FILES["docs/a.md"]})
        assert one.plan(CAREFUL).conflicts == ()
        one.converge(CAREFUL)
        assert attributes_of(one)["team"] == "green"
        paint(one, "red")
        assert [change.path for _, change in one.plan(CAREFUL).conflicts] == ["docs/a.md"], "an edit is still seen"


def test_a_rollback_to_an_edit_that_was_kept_comes_to_an_end(project: Project) -> None:
    project.manifest(BLUE)
    project.write("docs/a.md", "# a\n")
    assert project.run("apply", "--yes").code == 0
    store = ids(project)["vector_store/docs"]
    (found,) = ask(project, "GET", f"/vector_stores/{store}/files")["data"]
    where = f"/vector_stores/{store}/files/{found['id']}"
    ask(project, "POST", where, {"attributes": {**found["attributes"], "team": "red"}})
    edited = ask(project, "GET", where)["attributes"]
    assert project.run("apply", "--yes", "--on-drift", "overwrite").code == 0
    result = project.run("rollback", "--yes")
    assert result.code == 0, result.err
    assert ask(project, "GET", where)["attributes"] == edited
    assert project.run("drift", "--exit-code").code == 2, "it is an edit again"
