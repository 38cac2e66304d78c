"""What was reviewed is read again right before a write, and must still be so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.engine import verify
from deployer.kinds import kinds_of
from deployer.model import LiveFile

ASSISTANT = kinds_of("assistants")["assistant"]
RAW: dict[str, Any] = {"model": "m", "name": "N", "metadata": {"a": "1"}, "id": "asst_1", "created_at": 1}


def test_what_was_reviewed_is_held_against_what_is_live() -> None:
    digest = verify.digest(ASSISTANT, RAW)
    names = [pair.partition("=")[0] for pair in digest.split()]
    assert names == sorted(names)
    assert {"model", "name", "metadata"} < set(names)
    assert all(len(pair.partition("=")[2]) == 12 for pair in digest.split())
    assert verify.moved(ASSISTANT, digest, RAW) == ()
    assert verify.moved(ASSISTANT, digest, {**RAW, "created_at": 2}) == ()
    assert verify.moved(ASSISTANT, digest, {**RAW, "name": "M", "metadata": {}}) == ("metadata", "name")
    assert verify.moved(ASSISTANT, "", RAW) == tuple(names)


def test_what_is_only_looked_at_has_one_digest() -> None:
    found = verify.unwritten(ASSISTANT, RAW)
    assert found.startswith("all=")
    assert len(found) == len("all=") + 12
    assert verify.unwritten(ASSISTANT, {**RAW, "created_at": 2}) == found
    assert verify.unwritten(ASSISTANT, {**RAW, "name": "M"}) != found


DOCUMENT = LiveFile("f1", "a.md", "aa", "completed", 1, 1, attributes={"n": 1, "m": 1}, declared={"x": "y"})


@pytest.mark.parametrize(
    ("now", "names"),
    (
        ({}, ()),
        ({"status": "failed", "created_at": 2, "size": 2}, ()),
        ({"attributes": {"n": 2, "new": 1}}, ("m", "n", "new")),
        ({"path": "b.md"}, ("attributes",)),
        ({"sha256": "bb"}, ("attributes",)),
        ({"declared": {}}, ("attributes",)),
        ({"declared": {}, "attributes": {"n": 2, "m": 1}}, ("n",)),
    ),
)
def test_what_was_written_into_a_document_since(now: dict[str, Any], names: tuple[str, ...]) -> None:
    assert verify.moved_document(DOCUMENT, replace(DOCUMENT, **now)) == names


@pytest.mark.parametrize(
    ("mapped", "path", "names"),
    ((True, None, ()), (True, "b.md", ("attributes",)), (False, None, ("attributes",)), (False, "a.md", ())),
)
def test_a_document_that_carries_nothing_was_not_written_into(
    path: str | None, names: tuple[str, ...], *, mapped: bool
) -> None:
    now = replace(DOCUMENT, path=path)
    assert verify.moved_document(replace(DOCUMENT, mapped=mapped), now) == names
