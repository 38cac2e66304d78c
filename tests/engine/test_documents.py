"""Documents of a store: what is to be done about each, why, and who moved it; what git and the account agree on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from deployer.engine import documents, stamp
from deployer.engine.uploads import Releases, Source
from deployer.model import (
    AttachFiles,
    DeleteFile,
    DesiredFile,
    DetachFile,
    FileAction,
    FileChange,
    LiveFile,
    Member,
    Origin,
    Reason,
    UpdateFile,
    Upload,
    Why,
)

Values = Mapping[str, Any]


def desired(attributes: Values) -> DesiredFile:
    return DesiredFile("a.md", 1, "aa", attributes=attributes)


def live(attributes: Values, applied: Values, status: str = "completed") -> LiveFile:
    return LiveFile("f1", "a.md", "aa", status, 1, 0, None, None, attributes, stamp.applied(applied))


@pytest.mark.parametrize("status", ("completed", "in_progress"))
def test_what_they_agree_on_is_stamped(status: str) -> None:
    found = live({"year": 2031, "team": "b", "note": "theirs"}, {"year": 2030, "team": "b"}, status)
    (change,) = documents.compare([desired({"year": 2031, "team": "b"})], [found])
    assert (change.action, str(change.reason)) == (FileAction.UPDATE, "git and the account agree now: year")
    assert change.origin is Origin.MANIFEST


def test_what_an_apply_wrote_is_not() -> None:
    values = {"year": 2031, "team": "b", "draft": True, "level": 1}
    assert documents.compare([desired(values)], [live({**values, "level": 1.0}, values)]) == ()


def test_one_is_not_true() -> None:
    """Both are looked at, and in this order: what is remembered of the first must not answer for the second."""
    one, true = live({"a": 1}, {"a": 1}), live({"a": True}, {"a": 1})
    assert documents.compare([desired({"a": 1})], [one]) == ()
    assert [str(change.reason) for change in documents.compare([desired({"a": True})], [true])] == [
        "git and the account agree now: a"
    ]


def test_a_way_back_settles_nothing() -> None:
    found = live({"year": 2031}, {"year": 2030})
    assert documents.compare([desired({"year": 2031})], [found], settle=False) == ()


# Every way in which a document can differ, told as data


def doc(path: str, content: str = "aa", **more: Any) -> DesiredFile:
    return DesiredFile(path, 1, content, **more)


def member(file_id: str, path: str | None, content: str | None = "aa", **more: Any) -> LiveFile:
    fields: dict[str, Any] = {"status": "completed", "size": 1, "created_at": 0, **more}
    return LiveFile(file_id, path, content, **fields)


def edited(values: Values, applied: Values, path: str = "a.md", content: str = "aa", **more: Any) -> LiveFile:
    return member("f1", path, content, attributes=values, declared=stamp.applied(applied), **more)


def told(changes: Sequence[FileChange]) -> list[tuple[str, str, list[str], str, str]]:
    return [
        (one.action.value, one.path, [file.id for file in one.live], str(one.reason), one.origin.value)
        for one in changes
    ]


PIECES = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 10}
BARE = member("f1", "a.md")


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    (
        ([doc("a.md")], [], [("add", "a.md", [], "not on the account", "manifest")]),
        ([doc("a.md")], [BARE], []),
        ([], [BARE], [("remove", "a.md", ["f1"], "no longer in the manifest", "manifest")]),
        ([], [member("f1", None)], []),
        ([doc("a.md", "bb")], [BARE], [("replace", "a.md", ["f1"], "its content changed", "manifest")]),
        (
            [doc("a.md")],
            [member("f1", "a.md", status="missing")],
            [("replace", "a.md", ["f1"], "its File object is gone", "manifest")],
        ),
        (
            [doc("a.md")],
            [member("f1", "a.md", status="in_progress")],
            [("wait", "a.md", ["f1"], "attached, still being ingested", "manifest")],
        ),
        (
            [doc("a.md")],
            [member("f1", "a.md", status="failed", error="no text")],
            [("attach", "a.md", ["f1"], "its ingestion failed: no text", "manifest")],
        ),
        (
            [doc("a.md", chunking=PIECES)],
            [member("f1", "a.md", chunking={})],
            [("attach", "a.md", ["f1"], "its chunking changed", "manifest")],
        ),
        # of several copies the best one stays: usable, cut as declared, ready, old
        (
            [doc("a.md")],
            [member("f1", "a.md", status="failed"), member("f2", "a.md")],
            [("remove", "a.md", ["f1"], "a second copy, or an older one", "manifest")],
        ),
        (
            [doc("a.md", chunking=PIECES)],
            [member("f1", "a.md", chunking={}), member("f2", "a.md", chunking=PIECES)],
            [("remove", "a.md", ["f1"], "a second copy, or an older one", "manifest")],
        ),
        (
            [doc("a.md")],
            [member("f1", "a.md", status="in_progress"), member("f2", "a.md")],
            [("remove", "a.md", ["f1"], "a second copy, or an older one", "manifest")],
        ),
        (
            [doc("a.md")],
            [member("f1", "a.md", created_at=2), member("f2", "a.md", created_at=1), member("f3", "a.md", "bb")],
            [("remove", "a.md", ["f1", "f3"], "a second copy, or an older one", "manifest")],
        ),
        (
            [doc("a.md")],
            [member("f1", "a.md", "bb"), member("f2", "a.md", status="in_progress")],
            [("wait", "a.md", ["f2", "f1"], "attached, still being ingested", "manifest")],
        ),
        # what is at another path
        (
            [doc("b/x.md")],
            [member("f1", "a/x.md")],
            [("move", "b/x.md", ["f1"], "moved from a/x.md", "manifest")],
        ),
        (
            [doc("b/x.md")],
            [member("f1", "a/deep/x.md", status="failed")],
            [("attach", "b/x.md", ["f1"], "its ingestion failed", "manifest")],
        ),
        (
            [doc("b/y.md")],
            [member("f1", "a/x.md")],
            [("replace", "b/y.md", ["f1"], "renamed from a/x.md", "manifest")],
        ),
        (
            [doc("b/x.md")],
            [member("f1", "a/y.md"), member("f2", "c/x.md", created_at=9)],
            [
                ("remove", "a/y.md", ["f1"], "no longer in the manifest", "manifest"),
                ("move", "b/x.md", ["f2"], "moved from c/x.md", "manifest"),
            ],
        ),
        (
            [doc("b/x.md")],
            [member("f1", "a/x.md", status="missing")],
            [
                ("remove", "a/x.md", ["f1"], "no longer in the manifest", "manifest"),
                ("add", "b/x.md", [], "not on the account", "manifest"),
            ],
        ),
        (
            [doc("b/x.md"), doc("c/x.md")],
            [member("f1", "a/x.md")],
            [
                ("move", "b/x.md", ["f1"], "moved from a/x.md", "manifest"),
                ("add", "c/x.md", [], "not on the account", "manifest"),
            ],
        ),
        # who moved attributes
        (
            [doc("a.md", attributes={"n": 2})],
            [edited({"n": 1}, {"n": 1})],
            [("update", "a.md", ["f1"], "its attributes changed", "manifest")],
        ),
        (
            [doc("a.md", attributes={"n": 1})],
            [edited({"n": 2}, {"n": 1})],
            [("update", "a.md", ["f1"], "its attributes changed", "account")],
        ),
        (
            [doc("a.md", attributes={"n": 3})],
            [edited({"n": 2}, {"n": 1})],
            [("update", "a.md", ["f1"], "its attributes changed", "both")],
        ),
        (
            [doc("a.md", attributes={"n": 1})],
            [edited({"n": 2, "gone": 1}, {"n": 1, "gone": 1})],
            [("update", "a.md", ["f1"], "its attributes changed", "both")],
        ),
        (
            [doc("a.md", attributes={"n": 1})],
            [edited({}, {"n": 1})],
            [("update", "a.md", ["f1"], "its attributes changed", "account")],
        ),
        (
            [doc("a.md")],
            [edited({"n": 1}, {"n": 1})],
            [("update", "a.md", ["f1"], "its attributes changed", "manifest")],
        ),
        ([doc("a.md")], [edited({"theirs": 1}, {})], []),
        (
            [doc("a.md", "bb", attributes={"n": 1})],
            [edited({"n": 2}, {"n": 1})],
            [("replace", "a.md", ["f1"], "its content changed, and its attributes were edited", "account")],
        ),
        (
            [doc("b/a.md", attributes={"n": 3})],
            [edited({"n": 2}, {"n": 1}, "c/a.md")],
            [("move", "b/a.md", ["f1"], "moved from c/a.md, and its attributes were edited", "both")],
        ),
        (
            [doc("a.md", attributes={"n": 2})],
            [edited({"n": 2}, {"n": 1})],
            [("update", "a.md", ["f1"], "git and the account agree now: n", "manifest")],
        ),
    ),
)
def test_a_document(
    wanted: list[DesiredFile], found: list[LiveFile], expected: list[tuple[str, str, list[str], str, str]]
) -> None:
    changes = documents.compare(wanted, found)
    assert told(changes) == expected
    by_path = {file.path: file for file in wanted}
    assert [one.desired for one in changes] == [
        by_path.get(one.path) if one.action != "remove" else None for one in changes
    ]


def test_an_exclusive_store_lets_go_of_what_others_attached() -> None:
    found = [member("f1", None), member("f2", "b.md")]
    changes = documents.compare([], found, exclusive=True)
    assert told(changes) == [
        ("remove", "b.md", ["f2"], "no longer in the manifest", "manifest"),
        ("remove", "f1", ["f1"], "foreign, and the store is exclusive", "manifest"),
    ]
    assert told(documents.compare([], found)) == [told(changes)[0]]


def test_what_a_membership_is_to_carry() -> None:
    """What was never declared stays, what git let go of goes; `kept` leaves what somebody edited."""
    found = edited({"n": 1, "gone": 1, "theirs": 1}, {"n": 1, "gone": 1})
    wanted = doc("a.md", attributes={"n": 2, "new": 3})
    assert documents.attributes(wanted, found) == {"n": 2, "new": 3, "theirs": 1}
    assert documents.attributes(wanted, None) == {"n": 2, "new": 3}
    stamped = {"deployer_path": "a.md", "deployer_sha256": "aa", "deployer_size": 1}
    change = FileChange(FileAction.UPDATE, "a.md", wanted, (found,), Reason(Why.ATTRIBUTES))

    def written(change: FileChange) -> Values:
        (operation,) = documents.operations("s", [change], {}, {}, Releases())
        assert isinstance(operation, UpdateFile)
        assert (operation.store, operation.file) == ("s", "f1")
        return operation.attributes

    declared = stamp.written(stamp.applied({"n": 2, "new": 3}))
    assert written(change) == {**stamped, "n": 2, "new": 3, "theirs": 1, "deployer_declared": declared}
    kept = stamp.written({**stamp.applied({"n": 2, "new": 3}), **found.declared})
    assert written(replace(change, kept=True)) == {
        **stamped,
        "n": 1,
        "gone": 1,
        "new": 3,
        "theirs": 1,
        "deployer_declared": kept,
    }
    recorded = replace(wanted, declared={"x": "y"})
    assert written(replace(change, desired=recorded))["deployer_declared"] == "x=y"
    assert "deployer_declared" not in written(replace(change, desired=doc("a.md")))
    assert written(replace(change, attributes={"own": 1})) == {"own": 1}


def test_documents_are_sent_in_batches_and_the_old_ones_go_when_the_new_ones_are_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deployer.kinds.vector_store.BATCH", 2)
    a, b, c = (doc(f"{name}.md", name, chunking=PIECES if name == "c" else None) for name in "abc")
    changes = [
        FileChange(FileAction.ADD, "a.md", a, (), Reason(Why.NOT_LIVE)),
        FileChange(FileAction.REPLACE, "b.md", b, (member("old", "b.md", "x"),), Reason(Why.CONTENT)),
        FileChange(FileAction.ATTACH, "c.md", c, (member("f3", "c.md"), member("f4", "c.md")), Reason(Why.CHUNKING)),
        FileChange(FileAction.WAIT, "d.md", doc("d.md"), (member("f5", "d.md"),), Reason(Why.INGESTING)),
        FileChange(
            FileAction.MOVE, "e.md", doc("e.md"), (member("f6", "x/e.md"), member("no", "e.md")), Reason(Why.MOVED)
        ),
        FileChange(
            FileAction.REMOVE, "f.md", None, (member("f7", "f.md"), member("f8", "f.md", "")), Reason(Why.UNDECLARED)
        ),
    ]
    uploads = {"a.md": Upload(a, "key a"), "b.md": Upload(b, "key b")}
    sources = {"a.md": Source("key a", live=False), "b.md": Source("key b", live=False)}
    releases = Releases()
    found = documents.operations("s", changes, sources, uploads, releases)

    def joined(key: str, file: DesiredFile, *, live: bool) -> Member:
        attributes = {"deployer_path": file.path, "deployer_sha256": file.sha256, "deployer_size": 1}
        return Member(key, file.path, attributes, file.chunking, f"s#{file.path}", live)

    assert found == (
        uploads["a.md"],
        uploads["b.md"],
        AttachFiles("s", (joined("key a", a, live=False), joined("key b", b, live=False)), "s#batch-0"),
        AttachFiles("s", (joined("f3", c, live=True),), "s#batch-1"),
        AttachFiles("s", (joined("f5", doc("d.md"), live=True),), "s#waited", attached=True),
        UpdateFile("s", "f6", {"deployer_path": "e.md", "deployer_sha256": "aa", "deployer_size": 1}),
        DetachFile("s", "old", "s-old", ("s#b.md",)),
        DetachFile("s", "f4", "s-f4", ("s#c.md",)),
        DetachFile("s", "f7", "s-f7", ("s#batch-0", "s#batch-1")),
        DetachFile("s", "f8", "s-f8", ("s#batch-0", "s#batch-1")),
    )
    deletes = releases.deletes({}, ())
    assert deletes == {"s": [DeleteFile(one, (f"s-{one}",)) for one in ("old", "f4", "f7")]}, (
        "f8 was attached by others"
    )


def form(name: str, applied: Any, has: Any, *, taken: bool = True) -> dict[str, str]:
    """The entry of an attribute that was applied, where the service has another value."""
    return {stamp.name_of(name): f"{stamp.digest(applied)}{stamp.ServiceForm.of(has, taken=taken)}"}


@pytest.mark.parametrize(
    ("declared", "live", "stamped", "values", "kept"),
    (
        ({"level": 1}, {"level": "1"}, form("level", 1, "1"), {"level": 1}, True),
        ({"level": 1}, {"level": "2"}, form("level", 1, "1"), {"level": "2"}, True),
        ({"level": 2}, {"level": "1"}, form("level", 1, "1"), {"level": "1"}, True),
        ({"level": 1}, {"level": 9}, form("level", 1, 9, taken=False), {"level": 9}, False),
        ({"level": 1}, {"Level": "1"}, form("level", 1, "1"), {"level": 1}, True),
        ({"other": 1}, {"level": "1"}, form("level", 1, "1"), {"level": "1"}, True),
        ({"level": 1}, {"level": 1}, stamp.applied({"level": 1}), {"level": 1}, True),
    ),
)
def test_a_form_of_the_service_counts_as_what_is_declared(
    declared: dict[str, Any],
    live: dict[str, Any],
    stamped: dict[str, str],
    values: dict[str, Any],
    *,
    kept: bool,
) -> None:
    wanted = DesiredFile("a.md", 1, "a", attributes=declared)
    membership = LiveFile("f", "a.md", "a", "completed", 1, 1, attributes=live, declared=stamped)
    found = documents.as_declared(wanted, membership)
    assert found == replace(membership, attributes=values, declared=stamped if kept else {})
    bare = replace(membership, declared={})
    assert documents.as_declared(wanted, bare) is bare
