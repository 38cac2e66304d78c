"""What a service did not take as it was sent is told; what it merely writes in another way is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deployer.engine import verify
from deployer.kinds import kinds_of
from deployer.model import LiveFile

ASSISTANT, AGENT = kinds_of("assistants")["assistant"], kinds_of("agents")["assistant"]
SENT: dict[str, Any] = {
    "model": "m",
    "temperature": 0.3,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
    "metadata": {"team": "x"},
}


@pytest.mark.parametrize(
    ("answer", "said"),
    (
        ({}, []),
        ({"temperature": 1.0}, ["the service answered temperature 1.0 where 0.3 was sent"]),
        ({"temperature": None}, ["the service answered temperature null where 0.3 was sent"]),
        ({"metadata": {}}, ['the service answered metadata/team null where "x" was sent']),
        ({"tools": [{"type": "function", "function": {"name": "f", "strict": False}}]}, []),
        ({"tools": []}, ["the service answered tools {} where"]),
    ),
)
def test_a_field_that_was_dropped_or_changed_is_told(answer: dict[str, Any], said: list[str]) -> None:
    found = verify.unheeded(ASSISTANT, SENT, {**SENT, "id": "asst_1", **answer})
    assert len(found) == len(said)
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True)), found


def test_what_an_answer_does_not_mention_is_not_told() -> None:
    assert verify.unheeded(ASSISTANT, SENT, {"id": "asst_1"}) == []


def test_known_normalisations_are_no_change() -> None:
    sent = {"model": "m", "text": {"format": {"type": "text"}}, "metadata": {}}
    answer = {"model": "m", "text": {"format": {"type": "text"}, "verbosity": "medium"}, "metadata": {}}
    assert verify.unheeded(AGENT, sent, answer) == []


def test_what_is_said_is_short_and_readable() -> None:
    found = verify.unheeded(ASSISTANT, {"name": "수" * 60}, {"name": "원"})
    assert found == [f'the service answered name "원" where "{"수" * 39}… was sent']


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
