"""A snapshot may come from a shared folder or a bucket: whatever is in it gets a sentence or a plan, no traceback."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import DeployerError
from deployer.manifest.schema import misfit
from deployer.rollback import history, restore, snapshot
from deployer.rollback.store import SnapshotStore
from tests.support.memory import Story, assistant, document, store, using
from tests.support.mutations import mutated
from tests.support.project import Project
from tests.support.rollback import account, run, snapshots, write_new, write_old

NAME = "20200101T000000.000000Z-test"


def told() -> Story:
    """A story with everything in it that a snapshot can hold."""
    story = Story()
    a, b = document("docs/a.md", "a", level=1), document("docs/b.md", "b")
    table = document("data/a.csv", "table")
    story.tree = [a, b, table]
    search, interpreter = using("docs"), [{"type": "code_interpreter"}]
    tutor = assistant("tutor", name="Tutor", tools=[*search, *interpreter], metadata={"team": "a"})
    story.apply(store("docs", a, name="Docs"), replace(tutor, files=(table,)), assistant("leaving", temperature=0.5))
    story.apply(store("docs", b, name="Documents"), assistant("tutor", tools=search), assistant("coming"))
    return story


TOLD = told()
CONTENTS = tuple(json.dumps(data).encode() for data in TOLD.chain)


def read(folder: Path, content: bytes) -> dict[str, Any] | str:
    """Read a file as a snapshot; return the data, or the sentence that refuses it."""
    folder.mkdir(exist_ok=True)
    (folder / f"{NAME}.json").write_bytes(content)
    try:
        return dict(SnapshotStore(str(folder), "test", misfit).read(NAME))
    except DeployerError as error:
        return str(error)


@given(st.integers(0, 10**9), st.sampled_from(CONTENTS))
def test_a_damaged_snapshot_is_refused_or_restored(
    tmp_path_factory: pytest.TempPathFactory, seed: int, content: bytes
) -> None:
    damaged = mutated(Random(seed), content)  # noqa: S311
    data = read(tmp_path_factory.getbasetemp() / "damaged", damaged)
    if isinstance(data, str):
        assert NAME in data
        return
    scope = TOLD.scope()
    for chain in ([data], [data, TOLD.chain[1]], [TOLD.chain[0], data]):
        with contextlib.suppress(DeployerError):
            restore.plan_rollback(scope, history.merged(chain), TOLD.account.live(), TOLD.sources())
    list(snapshot.documents(data))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project that has gone through two runs."""
    project = Project(tmp_path_factory.mktemp("untrusted") / "kept")
    project.root.mkdir()
    with contextlib.chdir(project.root):
        write_old(project)
        run(project, "apply", "--yes")
        write_new(project)
        run(project, "apply", "--yes", "--prune")
    return project.root


COMMANDS = (
    ("rollback", "--list"),
    ("gc",),
    ("rollback", "--yes", "--force", "prune-limit", "--on-drift", "overwrite"),
    ("rollback", "NAME", "--yes", "--force", "prune-limit", "--on-drift", "keep"),
)


@given(st.integers(0, 10**9), st.sampled_from((0, 1)), st.sampled_from(COMMANDS))
def test_a_command_ends_with_a_sentence(kept: Path, seed: int, number: int, command: tuple[str, ...]) -> None:
    project = Project(kept.parent / "damaged")
    shutil.rmtree(project.root, ignore_errors=True)
    shutil.copytree(kept, project.root)
    path = snapshots(project)[number]
    path.write_bytes(mutated(Random(seed), path.read_bytes()))  # noqa: S311
    with contextlib.chdir(project.root):
        result = project.run(*(path.stem if word == "NAME" else word for word in command))
    assert result.code in (0, 1)
    assert "Traceback" not in result.out + result.err
    assert "\x1b" not in result.out + result.err


@pytest.fixture
def again(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The same project once more."""
    shutil.copytree(kept, tmp_path / "again")
    monkeypatch.chdir(tmp_path / "again")
    return Project(tmp_path / "again")


def damaged(project: Project, number: int, path: str, value: Any) -> str:
    """Put a value into a snapshot, at its place in the first change that has one; return the snapshot's name."""
    file = snapshots(project)[number]
    data = json.loads(file.read_text(encoding="utf-8"))
    *parents, last = path.split("/")
    inner = next(one for one in data["changes"] if one["object"] and one["address"] == "assistant/tutor")
    for name in parents:
        inner = inner[name]
    inner[last] = value
    file.write_text(json.dumps(data), encoding="utf-8")
    return file.stem


def file(file_id: str, **fields: object) -> dict[str, object]:
    nothing: dict[str, object] = {
        "path": None,
        "sha256": None,
        "size": None,
        "chunking": None,
        "attributes": {},
        "declared": {},
    }
    return {**nothing, "id": file_id, "status": "completed", "created_at": 1, **fields}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    (
        ("object/tool_resources/file_search", "x", "a field tool_resources/file_search of an unknown form"),
        ("object/tool_resources/file_search/vector_store_ids", -1, "vector_store_ids of an unknown form"),
        ("object/tools", [1], "a field tools of an unknown form"),
        ("object/name", [[[float("nan")]]], "a field name that holds a number which is none"),
        ("address", "river/tutor", "river/tutor is of an unknown kind"),
        ("address", "tutor", "does not match"),
        ("id", 3, "is not of type"),
        ("files", [{"id": 1}], "is a required property"),
        ("files", [file("../../files/file-1")], "a file with an id of an unknown form"),
        ("files", [file("file-1", attributes={"deployer_path": 3})], "attributes/deployer_path of an unknown form"),
        ("files", [file("file-1", size=-1)], "is less than the minimum"),
    ),
)
def test_what_is_wrong_in_it_is_said(again: Project, path: str, value: Any, said: str) -> None:
    name = damaged(again, -1, path, value)
    for command in (("rollback", "--yes"), ("gc",)):
        result = again.run(*command)
        assert result.code == 1
        assert result.err.startswith(f"the snapshot {name} is none of this deployer (")
        assert said in result.err
    listing = run(again, "rollback", "--list").out
    assert said in listing
    assert snapshots(again)[0].stem in listing, "the others are shown all the same"


def test_half_a_character_is_what_fails_and_the_rest_is_restored(moved_on: Project) -> None:
    """JSON may hold it as an escape, no request can."""
    write_old(moved_on)
    name = damaged(moved_on, -1, "object/name", "\ud800")
    result = moved_on.run("rollback", "--yes")
    assert result.code == 1
    assert "was not asked: the request holds \\ud800, half of a character; correct that text first" in result.out
    assert f"Run deployer rollback {name} again" in result.out
    stores = [one["name"] for one in account(moved_on).stores]
    assert "Docs" in stores


def test_a_snapshot_of_an_account_that_holds_half_a_character_can_be_written(tmp_path: Path) -> None:
    place = SnapshotStore(str(tmp_path), "test", lambda _name, _data: None)
    data = {**TOLD.chain[0], "origin": "\ud800 수원"}
    place.write(NAME, data)
    assert place.read(NAME) == data
