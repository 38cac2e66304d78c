"""What a service did not take as it was sent is told; what it merely writes in another way is not."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.engine import verify
from deployer.kinds import kinds_of

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
