"""What moved on the account since the last apply: each case is data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.engine import drift
from deployer.engine.drift import Document, Moved
from deployer.model import (
    Action,
    Address,
    Change,
    DesiredFile,
    FieldChange,
    FileAction,
    FileChange,
    LiveFile,
    Origin,
    Plan,
    Reason,
    Target,
    Why,
)

S = Address("vector_store", "s")
FIELD = FieldChange(("name",), "account", "git", Origin.ACCOUNT)
LIVE = LiveFile("file_1", "a.md", "1", "completed", 1, 1)
MISSING, FAILED = replace(LIVE, status="missing"), replace(LIVE, status="failed", error="no text")
FILE = FileChange(FileAction.REPLACE, "a.md", DesiredFile("a.md", 1, "1"), (LIVE,), Reason(Why.CONTENT))
UPDATE = Change(S, Action.UPDATE, Reason(Why.FIELDS, ("1 field",)), "vs_1")


@pytest.mark.parametrize(
    ("change", "moved"),
    (
        (UPDATE, ()),
        (replace(UPDATE, fields=(replace(FIELD, origin=Origin.MANIFEST),)), ()),
        (replace(UPDATE, fields=(FIELD, replace(FIELD, origin=Origin.MANIFEST))), (Moved(S, "vs_1", (FIELD,), ()),)),
        (
            replace(UPDATE, action=Action.REPLACE, reason=Reason(Why.EXPIRED)),
            (Moved(S, "vs_1", (), (), "it has expired"),),
        ),
        (replace(UPDATE, files=(FILE,)), ()),
        (
            replace(UPDATE, files=(replace(FILE, origin=Origin.BOTH),)),
            (Moved(S, "vs_1", (), (Document("a.md", "its content changed"),)),),
        ),
        (
            replace(UPDATE, files=(replace(FILE, live=(MISSING, LIVE), reason=Reason(Why.FILE_GONE)),)),
            (Moved(S, "vs_1", (), (Document("a.md", "its File object is gone"),)),),
        ),
        (
            replace(UPDATE, files=(replace(FILE, live=(FAILED,), origin=Origin.ACCOUNT),)),
            (
                Moved(
                    S,
                    "vs_1",
                    (),
                    (Document("a.md", "its ingestion failed: no text"), Document("a.md", "its content changed")),
                ),
            ),
        ),
        (replace(UPDATE, files=(replace(FILE, desired=None, live=(FAILED,), origin=Origin.ACCOUNT),)), ()),
    ),
)
def test_what_moved(change: Change, moved: tuple[Moved, ...]) -> None:
    assert drift.moved(Plan("p", Target("here", "assistants", ""), (change,))) == moved
