"""A plan as JSON data, value by value: what pipelines read, and what the fingerprint of a reviewed plan covers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.engine import plan_json
from deployer.model import (
    Action,
    Address,
    AttachFiles,
    Begun,
    Change,
    Create,
    DesiredFile,
    Effect,
    FieldChange,
    FileAction,
    FileChange,
    Limits,
    LiveFile,
    LiveObject,
    Member,
    OnDrift,
    Origin,
    Outcome,
    Plan,
    Position,
    Problem,
    Reason,
    Resource,
    Review,
    Severity,
    Status,
    Target,
    Upload,
    Use,
    Why,
)

A, S = Address("assistant", "a"), Address("vector_store", "s")
TARGET = Target("here", "assistants", "http://x/v1")
FILE = DesiredFile("docs/a.md", 7, "f" * 64, {"max_chunk_size_tokens": 9}, "", {"level": 1})
LIVE = LiveFile("file_2", "docs/a.md", "e" * 64, "completed", 3, 1)
EMPTY: dict[str, Any] = {action.value: [] for action in FileAction}


def planned(*changes: Change, **fields: Any) -> Plan:
    return Plan("p", TARGET, changes, **fields)


def data_of(change: Change, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = plan_json.plan_data(planned(change, **fields))["changes"][0]
    return found


def test_what_the_plan_is_for() -> None:
    change = Change(A, Action.DELETE, Reason(Why.UNDECLARED), "asst_1")
    data = plan_json.plan_data(
        planned(change, change, origin="abc1234", prune=True, check_files=True, on_drift=OnDrift.KEEP)
    )
    assert list(data) == [
        "version",
        "project",
        "account",
        "manifest",
        "scope",
        "summary",
        "forecast",
        "refusal",
        "conflicts",
        "changes",
        "uses",
        "problems",
    ]
    assert (data["version"], data["project"]) == (1, "p")
    assert data["account"] == {"name": "here", "api": "assistants", "base_url": "http://x/v1"}
    assert data["scope"] == {"prune": True, "on_drift": "keep", "check_files": True, "origin": "abc1234"}
    none = {action.value: 0 for action in Action}
    assert data["summary"] == {**none, "delete": 2}
    assert data["forecast"] == {"requests": 0, "bytes": 0, "seconds": 0}
    assert (data["conflicts"], data["problems"]) == ([], [])


def test_the_digest_of_what_is_desired_covers_all_of_it_in_any_order() -> None:
    one = Resource(A, {"model": "m"}, (FILE,))
    other = Resource(S, {"name": "S"})
    digest = plan_json.manifest([one, other])
    assert plan_json.manifest([other, one]) == digest
    changed = (
        replace(one, attrs={"model": "n"}),
        replace(one, files=()),
        replace(one, protect=True),
        replace(one, exclusive=True),
        replace(one, address=Address("assistant", "b")),
        *(replace(one, files=(replace(FILE, **{name: value}),)) for name, value in FILE_EDITS),
    )
    digests = [plan_json.manifest([edited, other]) for edited in changed]
    assert len({digest, *digests}) == 1 + len(changed)


FILE_EDITS: tuple[tuple[str, Any], ...] = (
    ("path", "b.md"),
    ("sha256", "0" * 64),
    ("chunking", None),
    ("attributes", {}),
)


def test_a_change_with_all_that_it_can_say() -> None:
    effect = Effect(("parameters", "a/b~c", 0), "a value is refused", breaking=True, kind="narrowed")
    field = FieldChange(("tools", "f"), 1, 2, Origin.ACCOUNT, (effect,), kept=True)
    mild = FieldChange(("tools", "g"), None, 3, Origin.ACCOUNT, (replace(effect, breaking=False, pointer=()),))
    change = Change(
        A, Action.UPDATE, Reason(Why.FIELDS, ("2 fields",)), "asst_1", (field, mild), orphan=True, reviewed="r=1"
    )
    assert data_of(change) == {
        "address": "assistant/a",
        "action": "update",
        "reason": "2 fields",
        "origin": "account",
        "fields": [
            {
                "path": "tools/f",
                "old": 1,
                "new": 2,
                "origin": "account",
                "kept": True,
                "compatibility": "breaking",
                "effects": [
                    {
                        "pointer": "/parameters/a~1b~0c/0",
                        "what": "a value is refused",
                        "kind": "narrowed",
                        "breaking": True,
                    }
                ],
            },
            {
                "path": "tools/g",
                "old": None,
                "new": 3,
                "origin": "account",
                "kept": False,
                "compatibility": "compatible",
                "effects": [{"pointer": "", "what": "a value is refused", "kind": "narrowed", "breaking": False}],
            },
        ],
        "orphan": True,
        "id": "asst_1",
        "reviewed": "r=1",
        "requests": 0,
    }


def test_a_change_that_says_little() -> None:
    assert data_of(Change(A, Action.CREATE, Reason(Why.NOT_LIVE))) == {
        "address": "assistant/a",
        "action": "create",
        "reason": "not on the account",
        "origin": "manifest",
        "fields": [],
        "requests": 0,
    }


@pytest.mark.parametrize(
    ("origins", "said"),
    (
        ((Origin.MANIFEST,), "manifest"),
        ((Origin.ACCOUNT, Origin.ACCOUNT), "account"),
        ((Origin.MANIFEST, Origin.ACCOUNT), "both"),
    ),
)
def test_who_moved_a_change_is_who_moved_all_of_it(origins: tuple[Origin, ...], said: str) -> None:
    first, *rest = (FieldChange((f"f{number}",), 1, 2, origin) for number, origin in enumerate(origins))
    files = tuple(FileChange(FileAction.ADD, "p", None, (), Reason(Why.CONTENT), one.origin) for one in rest)
    assert data_of(Change(A, Action.UPDATE, Reason(Why.FILES), "x", (first,), files))["origin"] == said


def test_documents_by_what_is_done_with_them() -> None:
    other = replace(LIVE, id="file_1")
    added = FileChange(FileAction.ADD, "docs/a.md", FILE, (LIVE, other), Reason(Why.CONTENT), upload=True)
    bare = FileChange(FileAction.UPDATE, "b.md", DesiredFile("b.md", 0, "0"), (), Reason(Why.ATTRIBUTES), Origin.BOTH)
    gone = FileChange(FileAction.REMOVE, "c.md", None, (other,), Reason(Why.UNDECLARED))
    sent = (Create(S, {}), Upload(FILE, "k"), AttachFiles("s", (Member("k", "p", {}, None, "g"),), "g"))
    data = data_of(Change(S, Action.CREATE, Reason(Why.NOT_LIVE), None, (), (added, bare, gone), operations=sent))
    assert data["files"] == {
        **EMPTY,
        "add": [
            {
                "path": "docs/a.md",
                "reason": "its content changed",
                "origin": "manifest",
                "upload": True,
                "size": 7,
                "sha256": "f" * 64,
                "attributes": {"level": 1},
                "chunking": {"max_chunk_size_tokens": 9},
                "live": ["file_1", "file_2"],
                "was": {"id": "file_2", "size": 3},
            }
        ],
        "update": [
            {
                "path": "b.md",
                "reason": "its attributes changed",
                "origin": "both",
                "upload": False,
                "size": 0,
                "sha256": "0",
            }
        ],
        "remove": [
            {
                "path": "c.md",
                "reason": "no longer in the manifest",
                "origin": "manifest",
                "upload": False,
                "live": ["file_1"],
                "was": {"id": "file_1", "size": 3},
            }
        ],
    }
    assert (data["upload_bytes"], data["requests"]) == (7, 4)
    assert "files" not in data_of(Change(S, Action.CREATE, Reason(Why.NOT_LIVE)))


def test_what_it_costs() -> None:
    """Batches are asked after; what an earlier run attached is only waited for."""
    members = tuple(Member("k", f"p{number}", {}, None, "g") for number in range(3))
    sent = (Upload(FILE, "k"), AttachFiles("s", members, "g"), AttachFiles("s", members, "w", attached=True))
    change = Change(S, Action.UPDATE, Reason(Why.FILES), "vs_1", operations=sent)
    limits = Limits(uploads=60, attaches=60, files=90)
    assert plan_json.plan_data(planned(change, change, limits=limits))["forecast"] == {
        "requests": 8,
        "bytes": 14,
        "seconds": 4,
    }


def test_what_is_only_looked_at_has_a_digest_too() -> None:
    looked = Change(A, Action.NO_OP, Reason(Why.AS_DECLARED), "asst_1")
    live = LiveObject("assistant", "asst_1", {"model": "m"})
    digest = data_of(looked, live=(live,))["reviewed"]
    assert digest.startswith("all=")
    assert data_of(looked, live=(replace(live, raw={"model": "n"}),))["reviewed"] != digest
    assert data_of(replace(looked, reviewed="r=1"), live=(live,))["reviewed"] == "r=1"
    assert "reviewed" not in data_of(looked)
    assert "reviewed" not in data_of(looked, live=(replace(live, kind="river"),))


def test_conflicts_are_named() -> None:
    field = FieldChange(("metadata", "team"), 1, 2, Origin.ACCOUNT)
    file = FileChange(FileAction.UPDATE, "docs/a.md", FILE, (LIVE,), Reason(Why.ATTRIBUTES), Origin.BOTH)
    change = Change(S, Action.UPDATE, Reason(Why.FIELDS), "vs_1", (field,), (file,))
    assert plan_json.plan_data(planned(change))["conflicts"] == [
        {"address": "vector_store/s", "field": "metadata/team"},
        {"address": "vector_store/s", "file": "docs/a.md"},
    ]


def test_problems_are_in_the_order_in_which_they_are_read() -> None:
    late = Problem("m", "r", "b", Position("b.yaml", 1, 1))
    first = Problem("m", "r", "b", Position("a.yaml", 2, 3), Severity.WARNING, "rule-1", "the API says")
    line, column = (
        replace(first, position=Position("a.yaml", 10, 1)),
        replace(first, position=Position("a.yaml", 2, 12)),
    )
    nowhere, there = Problem("m", "r", "b"), Problem("m", "r", "a")
    assert plan_json.in_order([nowhere, there, late, line, column, first]) == [
        first,
        column,
        line,
        late,
        there,
        nowhere,
    ]
    assert plan_json.in_order([replace(late, address="z"), late]) == [late, replace(late, address="z")]
    assert plan_json.plan_data(planned(problems=(nowhere, first)))["problems"] == [
        {
            "severity": "warning",
            "message": "m",
            "remedy": "r",
            "address": "b",
            "file": "a.yaml",
            "line": 2,
            "column": 3,
            "rule": "rule-1",
            "says": "the API says",
        },
        {
            "severity": "error",
            "message": "m",
            "remedy": "r",
            "address": "b",
            "file": None,
            "line": None,
            "column": None,
            "rule": None,
            "says": None,
        },
    ]


def test_what_moved_on_the_account() -> None:
    edited = FieldChange(("name",), "account", "git", Origin.BOTH)
    git = FieldChange(("model",), "m", "n", Origin.MANIFEST)
    attributes = FileChange(FileAction.UPDATE, "a.md", FILE, (LIVE,), Reason(Why.ATTRIBUTES), Origin.ACCOUNT)
    failed = replace(LIVE, status="failed", error="no text")
    again = FileChange(FileAction.ATTACH, "b.md", FILE, (failed,), Reason(Why.NOT_INGESTED, ("failed: no text",)))
    missing = replace(LIVE, status="missing")
    lost = FileChange(FileAction.REPLACE, "c.md", FILE, (missing, LIVE), Reason(Why.FILE_GONE))
    removed = FileChange(FileAction.REMOVE, "d.md", None, (failed,), Reason(Why.UNDECLARED), Origin.ACCOUNT)
    files = (attributes, again, lost, removed)
    change = Change(S, Action.UPDATE, Reason(Why.FIELDS), "vs_1", (edited, git), files)
    expired = Change(Address("vector_store", "t"), Action.REPLACE, Reason(Why.EXPIRED), "vs_2")
    quiet = Change(A, Action.UPDATE, Reason(Why.FIELDS), "asst_1", (git,))
    assert plan_json.drift_data(planned(change, quiet, expired)) == {
        "version": 1,
        "project": "p",
        "account": {"name": "here", "api": "assistants", "base_url": "http://x/v1"},
        "moved": [
            {
                "address": "vector_store/s",
                "id": "vs_1",
                "what": "",
                "fields": [{"path": "name", "declared": "git", "live": "account", "origin": "both"}],
                "documents": [
                    {"path": "a.md", "what": "its attributes changed"},
                    {"path": "b.md", "what": "its ingestion failed: no text"},
                    {"path": "c.md", "what": "its File object is gone"},
                ],
            },
            {"address": "vector_store/t", "id": "vs_2", "what": "it has expired", "fields": [], "documents": []},
        ],
    }


def test_the_fingerprint_covers_what_was_reviewed() -> None:
    change = Change(A, Action.CREATE, Reason(Why.NOT_LIVE))
    found = plan_json.fingerprint(planned(change))
    assert plan_json.fingerprint(planned(change)) == found
    assert plan_json.fingerprint(planned(change, problems=(Problem("m", "r"),))) != found
    assert plan_json.fingerprint(planned(replace(change, action=Action.NO_OP))) != found


def test_a_plan_is_read_as_it_was_written() -> None:
    """Whatever a plan file says is shown again: fields, documents, problems and what a reviewer was told."""
    effects = (Effect(("parameters", "a/b~c", "0"), "a value is refused", breaking=True, kind="narrowed"),)
    field = FieldChange(("metadata", "a/b"), {"x": 1}, None, Origin.BOTH, effects, kept=True)
    live = replace(LIVE, attributes={"level": 2}, declared={"abc": "def"}, chunking={"max_chunk_size_tokens": 4})
    files = (
        FileChange(FileAction.UPDATE, "a.md", FILE, (live,), Reason(Why.ATTRIBUTES), Origin.ACCOUNT, kept=True),
        FileChange(FileAction.ADD, "b.md", replace(FILE, path="b.md"), (), Reason(Why.NOT_LIVE), upload=True),
        FileChange(FileAction.REMOVE, "c.md", None, (LIVE,), Reason(Why.UNDECLARED)),
        FileChange(FileAction.WAIT, "b.md", DesiredFile("b.md", 2, "2"), (LIVE,), Reason(Why.UNSURE, ("x",))),
    )
    change = Change(
        S, Action.UPDATE, Reason(Why.FIELDS, ("1 field",)), "vs_1", (field,), files, orphan=True, reviewed="r=1"
    )
    problems = (
        Problem("m", "r", "b", Position("a.yaml", 2, 3), Severity.WARNING, "rule-1", "the API says"),
        Problem("n", "s"),
    )
    told = Review(
        requests=3,
        bytes=5,
        seconds=7,
        refusal="no",
        attached={S: ("file_9",)},
        renamed={S: Address("vector_store", "old")},
        replaced={S: {"b.md": "file_7"}},
        uses={"assistant/a": Use(("vector_store/s",), 1, 2)},
        failed=("a gate",),
    )
    plan = planned(
        change,
        Change(A, Action.CREATE, Reason(Why.NOT_LIVE)),
        problems=problems,
        origin="abc1234",
        on_drift=OnDrift.KEEP,
        prune=True,
        check_files=True,
        targets=(S,),
        review=told,
    )
    data = plan_json.published(plan)
    read = plan_json.read(data)
    assert read.review == replace(told, saved=data)
    assert plan_json.published(read) == data
    first, second = read.changes
    assert (first.address, first.action, first.live_id, first.orphan, first.reviewed) == (
        S,
        Action.UPDATE,
        "vs_1",
        True,
        "r=1",
    )
    assert str(first.reason) == str(change.reason)
    assert first.fields == (field,)
    assert [(one.path, one.action) for one in first.files] == [
        ("a.md", FileAction.UPDATE),
        ("b.md", FileAction.ADD),
        ("b.md", FileAction.WAIT),
        ("c.md", FileAction.REMOVE),
    ]
    assert {(one.path, one.action): one.desired for one in first.files} == {
        (one.path, one.action): one.desired and replace(one.desired, path=one.path) for one in files
    }
    assert first.files[0].live == (replace(live, path="a.md", sha256=None, created_at=0),)
    assert first.files[0].kept
    assert not first.files[1].kept
    assert first.operations == (Upload(replace(FILE, path="b.md"), "b.md"),)
    assert (second.live_id, second.orphan, second.reviewed, second.files) == (None, False, "", ())
    assert read.problems == problems
    assert (read.project, read.target, read.targets) == ("p", TARGET, (S,))
    assert (read.origin, read.on_drift, read.prune, read.check_files) == ("abc1234", OnDrift.KEEP, True, True)


def test_what_became_of_a_plan() -> None:
    outcome = Outcome(A, Action.UPDATE, Status.FAILED, "refused", "asst_1", ("a note",), ("req_1",))
    begun = Begun(S, 1, 2, 3, 4)
    change = Change(A, Action.CREATE, Reason(Why.NOT_LIVE))
    assert plan_json.applied(planned(change), [outcome], [begun], status="failed", why="") == {
        "version": 1,
        "project": "p",
        "account": {"name": "here", "api": "assistants", "base_url": "http://x/v1"},
        "status": "failed",
        "why": "",
        "outcomes": [
            {
                "address": "assistant/a",
                "action": "update",
                "status": "failed",
                "why": "refused",
                "id": "asst_1",
                "notes": ["a note"],
                "requests": ["req_1"],
            }
        ],
        "begun": [{"address": "vector_store/s", "operations": 1, "all_operations": 2, "files": 3, "all_files": 4}],
    }
    nothing = plan_json.applied(None, [], [])
    assert nothing == {"version": 1, "project": None, "account": None, "outcomes": [], "begun": []}
