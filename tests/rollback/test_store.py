"""Snapshots on disk and behind URLs: when they are written, which are kept, what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deployer.errors import DeployerError
from deployer.rollback.store import KEPT, SnapshotStore, name_of
from tests.support.project import Project
from tests.support.rollback import SNAPSHOTS, account, run, snapshots, write_old
from tests.support.whole import Whole

ROOT = Path(__file__).parent.parent.parent


def test_snapshots_follow_their_schema_and_hold_no_secret(moved_on: Project) -> None:
    schema = json.loads((ROOT / "schemas" / "snapshot.schema.json").read_text(encoding="utf-8"))
    first, second = (json.loads(path.read_text(encoding="utf-8")) for path in snapshots(moved_on))
    for data in (first, second):
        Draft202012Validator(schema).validate(data)
    assert {change["object"] for change in first["changes"]} == {None}
    assert sum(len(change["uploads"]) for change in first["changes"]) == 4, "three documents and a table"
    by_address: Mapping[str, Any] = {change["address"]: change for change in second["changes"]}
    assert by_address["assistant/tutor"]["object"]["name"] == "Tutor"
    assert {file["path"] for file in by_address["vector_store/docs"]["files"]} == {
        "docs/changed.md",
        "docs/gone.md",
        "docs/same.md",
    }


def test_without_a_snapshot_nothing_is_written(project: Project) -> None:
    (project.root / ".deployer").mkdir()
    (project.root / SNAPSHOTS).write_text("in the way", encoding="utf-8")
    write_old(project)
    result = project.run("apply", "--yes")
    assert result.code == 1
    assert "nothing was changed: without a snapshot it could not be rolled back" in result.err
    assert account(project) == Whole([], [], {}, {})


def test_an_empty_apply_writes_none_and_the_newest_fifty_are_kept(project: Project) -> None:
    project.manifest("assistants: {tutor: {model: m}}\n")
    run(project, "apply", "--yes")
    run(project, "apply", "--yes")
    (first,) = snapshots(project)
    for number in range(60):
        (first.parent / f"20200101T0000{number:02}.000000Z-test.json").write_bytes(first.read_bytes())
    (first.parent / "20200101T000000.000000Z-another-test.json").write_bytes(first.read_bytes())
    project.manifest("assistants: {tutor: {model: n}}\n")
    run(project, "apply", "--yes")
    names = [path.name for path in snapshots(project)]
    assert len(names) == 50 + 1, "and one of another project"
    assert first.name in names


def test_snapshots_behind_a_url(project: Project) -> None:
    accounts = "accounts: {here: {api: assistants, snapshots: 'memory://bucket/shots'}}\n"
    project.manifest(f"{accounts}assistants: {{tutor: {{model: m}}}}\n")
    run(project, "apply", "--yes", "--account", "here")
    assert "1 to create" in run(project, "rollback", "--list", "--account", "here").out
    assert not (project.root / SNAPSHOTS).exists()
    run(project, "rollback", "--yes", "--account", "here")
    assert account(project) == Whole([], [], {}, {})


def test_a_snapshot_of_another_account_is_refused(project: Project) -> None:
    assistants = "assistants: {tutor: {model: m}}\n"
    project.manifest(f"accounts: {{one: {{api: assistants}}, two: {{api: agents}}}}\n{assistants}")
    run(project, "apply", "--yes", "--account", "one")
    (name,) = (path.stem for path in snapshots(project))
    result = project.run("rollback", name, "--yes", "--account", "two")
    assert result.code == 1
    assert "is of another account (one · assistants ·" in result.err
    assert "no snapshot of this account yet" in project.run("rollback", "--yes", "--account", "two").err
    assert "No snapshot" in run(project, "rollback", "--list", "--account", "two").out


@pytest.mark.parametrize(
    ("content", "said"), (("{", "it is not JSON"), ("{}", "is none of this deployer"), ("[[", "it is not JSON"))
)
def test_what_is_no_snapshot_is_said_so(project: Project, content: str, said: str) -> None:
    project.manifest("")
    project.write(str(SNAPSHOTS / "20200101T000000.000000Z-test.json"), content)
    result = project.run("rollback", "--yes")
    assert result.code == 1
    assert said in result.err


def test_an_unknown_name(project: Project) -> None:
    project.manifest("")
    result = project.run("rollback", "nothing", "--yes")
    assert result.code == 1
    assert "has no snapshot nothing; deployer rollback --list" in result.err


def nothing_wrong(_name: str, _data: Any) -> None:
    return None


ACCOUNT = {"name": "here", "api": "assistants", "base_url": "u"}
OTHER = {**ACCOUNT, "name": "there"}
NAMES = tuple(f"2020010{day}T000000.000000Z-test" for day in (1, 2, 3, 4))


def shot(account: Mapping[str, str] = ACCOUNT, **more: Any) -> dict[str, Any]:
    return {"account": account, "changes": [], **more}


@pytest.fixture(params=("folder", "memory", "file"))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> SnapshotStore:
    """A store with snapshots of two accounts, one after the other."""
    where = {"folder": "shots", "memory": f"memory://{tmp_path.name}/shots/", "file": f"file://{tmp_path}/a/b/"}
    store = SnapshotStore.of(tmp_path, where[request.param], "test", nothing_wrong)
    for name, one in zip(NAMES, (ACCOUNT, OTHER, ACCOUNT, OTHER), strict=True):
        store.write(name, shot(one, text="수원"))
    return store


def test_a_name_begins_with_the_time_and_ends_with_the_project() -> None:
    time = datetime(2026, 11, 21, 10, 15, 30, 123456, UTC)
    assert name_of(time, "quiz-school") == "20261121T101530.123456Z-quiz-school"


def test_what_is_written_is_listed_and_read(place: SnapshotStore) -> None:
    assert place.names() == list(NAMES)
    assert place.read(NAMES[1]) == shot(OTHER, text="수원")


def test_where_an_account_keeps_them(tmp_path: Path) -> None:
    def where(named: str | None) -> tuple[str, bool]:
        found = SnapshotStore.of(tmp_path, named, "test", nothing_wrong)
        return found.place, found.hidden

    assert where(None) == (str(tmp_path / ".deployer" / "snapshots"), True)
    assert where("shots") == (str(tmp_path / "shots"), False)
    assert where("memory://a/b//") == ("memory://a/b", False)


def test_only_the_default_folder_is_hidden_from_git(tmp_path: Path) -> None:
    for named, folder in ((None, tmp_path / ".deployer" / "snapshots"), ("shots", tmp_path / "shots")):
        SnapshotStore.of(tmp_path, named, "test", nothing_wrong).write(NAMES[0], shot())
        hidden = folder / ".gitignore"
        assert (hidden.read_bytes() if hidden.exists() else None) == (b"*\n" if named is None else None)


def test_the_newest_of_an_account_or_a_named_one_and_all_newer_ones(place: SnapshotStore) -> None:
    assert place.chain(ACCOUNT) == [(NAMES[2], shot(text="수원"))]
    assert [name for name, _ in place.chain(OTHER)] == [NAMES[3]]
    assert [name for name, _ in place.chain(ACCOUNT, NAMES[0])] == [NAMES[0], NAMES[2]]
    assert [name for name, _ in place.chain(OTHER, f"{NAMES[1]}.json")] == [NAMES[1], NAMES[3]]


def test_what_cannot_be_chosen_is_said(place: SnapshotStore) -> None:
    with pytest.raises(DeployerError) as caught:
        place.chain({**ACCOUNT, "name": "nowhere"})
    assert str(caught.value) == ("there is no snapshot of this account yet; deployer apply writes one before it begins")
    with pytest.raises(DeployerError) as caught:
        place.chain(ACCOUNT, "x")
    assert str(caught.value) == "project test has no snapshot x; deployer rollback --list shows them all"
    with pytest.raises(DeployerError) as caught:
        place.chain(ACCOUNT, NAMES[1])
    assert str(caught.value) == f"the snapshot {NAMES[1]} is of another account (there · assistants · u); choose that"


def test_other_files_and_other_projects_are_passed_over(tmp_path: Path) -> None:
    store = SnapshotStore.of(tmp_path, "shots", "test", nothing_wrong)
    assert store.names() == [], "there is no folder yet"
    store.write(NAMES[0], shot())
    for name in (f"{NAMES[0][:-5]}-my-test.json", f"{NAMES[0]}.txt", "notes-test.json", "-test.json", ".x.tmp"):
        (tmp_path / "shots" / name).write_text("{}", encoding="utf-8")
    assert store.names() == [NAMES[0]]


def test_the_oldest_make_room(tmp_path: Path) -> None:
    store = SnapshotStore.of(tmp_path, "shots", "test", nothing_wrong)
    names = [f"20200101T0000{number:02}.000000Z-test" for number in range(KEPT + 2)]
    for name in names:
        store.write(name, shot())
    assert store.names() == names[2:]


def test_an_empty_bucket_has_none(tmp_path: Path) -> None:
    assert SnapshotStore.of(tmp_path, f"memory://{tmp_path.name}/none", "test", nothing_wrong).names() == []


@pytest.mark.parametrize(
    ("content", "why"),
    (
        (b"{", "cannot be read (it is not JSON); choose another one"),
        (b"\xff\xfe{", "cannot be read (it is not JSON); choose another one"),
        (b"[" * 300, "cannot be read (it is nested deeper than 200 levels); choose another one"),
    ),
)
def test_what_is_no_json_is_said_so(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / f"{NAMES[0]}.json").write_bytes(content)
    store = SnapshotStore.of(tmp_path, ".", "test", nothing_wrong)
    with pytest.raises(DeployerError) as caught:
        store.read(NAMES[0])
    assert str(caught.value) == f"the snapshot {NAMES[0]} {why}"


def test_what_does_not_fit_the_schema_is_said_so(tmp_path: Path) -> None:
    def misfit(name: str, data: Any) -> str:
        return f"{name} {data['text']}"

    store = SnapshotStore.of(tmp_path, "shots", "test", misfit)
    store.write(NAMES[0], shot(text="x" * 300))
    with pytest.raises(DeployerError) as caught:
        store.read(NAMES[0])
    why = f"snapshot.schema.json {'x' * 300}"[:200]
    assert str(caught.value) == f"the snapshot {NAMES[0]} is none of this deployer ({why}); remove or mend it"


REMEDY = "check the account's snapshots (a folder or a URL) and its permissions"


def test_what_the_system_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "shots").write_text("in the way", encoding="utf-8")
    store = SnapshotStore.of(tmp_path, "shots", "test", nothing_wrong)
    with pytest.raises(DeployerError) as caught:
        store.write(NAMES[0], shot())
    assert str(caught.value) == f"snapshots in {tmp_path / 'shots'} cannot be written (File exists); {REMEDY}"
    with pytest.raises(DeployerError) as caught:
        store.read(NAMES[0])
    assert str(caught.value) == f"snapshots in {tmp_path / 'shots'} cannot be read (Not a directory); {REMEDY}"


@pytest.mark.parametrize(
    ("url", "why"),
    (
        ("nothing://ann:secret@bucket/shots", "Protocol not known: nothing"),
        ("memory://bucket/none", ""),
    ),
)
def test_what_a_driver_refuses_is_one_sentence_without_a_password(tmp_path: Path, url: str, why: str) -> None:
    store = SnapshotStore.of(tmp_path, url, "test", nothing_wrong)
    with pytest.raises(DeployerError) as caught:
        store.read(NAMES[0])
    assert f"cannot be read ({why}" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert str(caught.value).endswith(REMEDY)


def test_a_driver_that_says_nothing_is_named_by_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.pipe_file", refused)
    store = SnapshotStore.of(tmp_path, "memory://bucket/shots", "test", nothing_wrong)
    with pytest.raises(DeployerError) as caught:
        store.write(NAMES[0], shot())
    assert str(caught.value) == f"snapshots in memory://bucket/shots cannot be written (RuntimeError); {REMEDY}"


def test_a_snapshot_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What fails on the way leaves the snapshot that was there, and nothing beside it."""
    store = SnapshotStore.of(tmp_path, "shots", "test", nothing_wrong)
    store.write(NAMES[0], shot())

    def full(_: int) -> None:
        beside.extend(path.name for path in (tmp_path / "shots").iterdir() if path.stem != NAMES[0])
        raise OSError(28, "No space left on device")

    beside: list[str] = []
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DeployerError, match="No space left on device"):
        store.write(NAMES[0], shot(text="more"))
    assert store.read(NAMES[0]) == shot()
    assert [path.name for path in (tmp_path / "shots").iterdir()] == [f"{NAMES[0]}.json"]
    (temporary,) = beside
    assert temporary.startswith("."), "it is hidden"
    assert temporary.endswith(".tmp"), "and no snapshot"


def test_what_is_written_can_be_read_by_people(tmp_path: Path) -> None:
    """One line for each value, text as it is; what is only half a character is an escape."""
    SnapshotStore.of(tmp_path, "shots", "test", nothing_wrong).write(NAMES[0], shot(text="수원 \ud800"))
    text = (tmp_path / "shots" / f"{NAMES[0]}.json").read_text(encoding="utf-8")
    assert text.splitlines()[:3] == ["{", ' "account": {', '  "name": "here",']
    assert text.endswith(' "text": "수원 \\ud800"\n}\n')
    assert SnapshotStore.of(tmp_path, "shots", "test", nothing_wrong).read(NAMES[0])["text"] == "수원 \ud800"


def test_a_folder_needs_no_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("fsspec.core.url_to_fs", asked)
    store = SnapshotStore.of(tmp_path, None, "test", nothing_wrong)
    store.write(NAMES[0], shot())
    assert (store.names(), store.read(NAMES[0])) == ([NAMES[0]], shot())


def test_a_list_that_is_refused_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> bool:
        raise RuntimeError("not\nyours")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.exists", refused)
    store = SnapshotStore.of(tmp_path, "memory://bucket/shots", "test", nothing_wrong)
    with pytest.raises(DeployerError) as caught:
        store.names()
    assert str(caught.value) == f"snapshots in memory://bucket/shots cannot be read (not yours); {REMEDY}"


FILE: Mapping[str, Any] = {
    "id": "file-1",
    "path": None,
    "sha256": None,
    "size": None,
    "status": "completed",
    "created_at": 1,
    "chunking": None,
    "attributes": {},
    "declared": {},
}


@pytest.mark.parametrize(
    ("change", "why"),
    (
        ({"address": "river/a"}, "river/a is of an unknown kind"),
        ({"object": {"metadata": []}}, "assistant/a has a field metadata of an unknown form"),
        ({"files": [FILE, {**FILE, "id": "../x"}]}, "assistant/a has a file with an id of an unknown form"),
        (
            {"files": [{**FILE, "attributes": {"deployer_path": 1}}]},
            "assistant/a has a field attributes/deployer_path of an unknown form",
        ),
        ({}, None),
        ({"object": None, "files": []}, None),
        ({"address": "file/file-1"}, None),
    ),
)
def test_what_cannot_be_compared_is_said_so(tmp_path: Path, change: Mapping[str, Any], why: str | None) -> None:
    store = SnapshotStore.of(tmp_path, "shots", "test", nothing_wrong)
    good = {"address": "assistant/a", "object": {"metadata": {}}, "files": [FILE]}
    data = {**shot(), "changes": [good, {**good, **change}]}
    store.write(NAMES[0], data)
    if why is None:
        assert store.read(NAMES[0]) == data
        return
    with pytest.raises(DeployerError) as caught:
        store.read(NAMES[0])
    assert str(caught.value) == f"the snapshot {NAMES[0]} is none of this deployer ({why}); remove or mend it"


def test_an_account_that_nobody_knows_has_no_kinds(tmp_path: Path) -> None:
    store = SnapshotStore.of(tmp_path, "shots", "test", nothing_wrong)
    change: Mapping[str, Any] = {"address": "assistant/a", "object": None, "files": []}
    store.write(NAMES[0], {"account": {"api": "rivers"}, "changes": [change]})
    with pytest.raises(DeployerError, match="assistant/a is of an unknown kind"):
        store.read(NAMES[0])
