"""What a snapshot says about ownership, and the operation that writes an object."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deployer.engine.draft import Draft, Ownership
from deployer.kinds import Body, kinds_of
from deployer.model import (
    Action,
    Address,
    Change,
    Create,
    DesiredFile,
    FileAction,
    FileChange,
    LiveFile,
    Reason,
    Update,
    Why,
)

A = Address("assistant", "a")
PAIRS = {"deployer": "p/assistant/a", "deployer_applied": "a1b2c3=0123 d4e5f6=4567", "deployer_origin": "old"}


@pytest.mark.parametrize(
    ("recorded", "live", "differs"),
    (
        (PAIRS, PAIRS, False),
        (PAIRS, {**PAIRS, "deployer_origin": "new", "team": "x"}, False),
        (PAIRS, {**PAIRS, "deployer_applied": "d4e5f6=4567 a1b2c3=0123"}, False),
        (PAIRS, {**PAIRS, "deployer_applied": "a1b2c3=9999 d4e5f6=4567"}, True),
        (PAIRS, {"deployer_applied": PAIRS["deployer_applied"]}, True),
        ({}, PAIRS, True),
        ({}, {"team": "x"}, False),
        ({"deployer": "p/assistant/a"}, {}, True),
        ({"deployer": "p/assistant/a"}, {"deployer": "p/assistant/b"}, False),
    ),
)
def test_whether_a_live_object_carries_another_stamp(
    recorded: dict[str, str], live: dict[str, str], *, differs: bool
) -> None:
    assert Ownership(recorded).differs({"metadata": live}) is differs
    assert Ownership(recorded, foreign=True).differs({"metadata": live})


@pytest.mark.parametrize(
    ("file", "wanted"),
    (
        (
            LiveFile("file_1", "docs/a.md", "a" * 64, "completed", 7, 1, {"max_chunk_size_tokens": 9}),
            DesiredFile("docs/a.md", 7, "a" * 64, {"max_chunk_size_tokens": 9}),
        ),
        (LiveFile("file_1", None, None, "completed", None, 1), DesiredFile("", 0, "")),
    ),
)
def test_a_document_that_is_foreign_again_keeps_what_it_is(file: LiveFile, wanted: DesiredFile) -> None:
    attributes = {"level": 1}
    assert Ownership({}, documents=[(file, attributes)]).releases() == (
        FileChange(FileAction.UPDATE, wanted.path, wanted, (file,), Reason(Why.FOREIGN_AGAIN), attributes=attributes),
    )


def test_how_an_object_is_written() -> None:
    kind, body, hashes = kinds_of("assistants")["assistant"], Body({"model": "m"}, ()), (("instructions", "abc"),)
    change = Change(A, Action.UPDATE, Reason(Why.FIELDS), "asst_1")
    draft = Draft(change, kind, body)
    assert draft.write(hashes) == (Update(A, "asst_1", body.fields, body.refs, hashes, "updated assistant/a"),)
    for action in (Action.CREATE, Action.REPLACE):
        made = replace(draft, change=replace(change, action=action))
        assert made.write(hashes) == (Create(A, body.fields, body.refs, hashes, "assistant/a"),)
    nameless = replace(draft, change=replace(change, live_id=None))
    assert nameless.write() == (Update(A, "", body.fields, body.refs, (), "updated assistant/a"),)
    assert replace(draft, body=None).write(hashes) == ()
    assert draft.files == ()
