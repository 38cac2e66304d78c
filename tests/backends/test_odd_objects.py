"""A law: whatever an account has made of an object, it is called odd, or every reader of its kind takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

import pytest

from deployer import json_text
from deployer.backends import validate
from deployer.engine import canonical, stamp
from deployer.engine.answers import Exchange, differences
from deployer.kinds import SURFACES, Kind, vector_store
from tests.support.mutations import mutated

FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}, "strict": True}
STAMPED = {
    "deployer": "test/assistant/a",
    "deployer_applied": "abcdef=12345678.abcd",
    "deployer_origin": "x",
    "team": "b",
}
SCHEMA = {"name": "s", "schema": {"type": "object"}}
LIVE: Mapping[tuple[str, str], dict[str, Any]] = {
    ("assistants", "assistant"): {
        "id": "asst_1", "object": "assistant", "created_at": 1, "name": "A", "description": None, "model": "m",
        "instructions": "Help.", "temperature": 0.5, "top_p": 1.0, "reasoning_effort": "low", "metadata": STAMPED,
        "tools": [
            {"type": "function", "function": FUNCTION}, {"type": "code_interpreter"},
            {"type": "file_search", "file_search": {"max_num_results": 5, "ranking_options": {"score_threshold": 0}}},
        ],
        "tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}, "code_interpreter": {"file_ids": ["file-1"]}},
        "response_format": {"type": "json_schema", "json_schema": SCHEMA},
    },
    ("agents", "assistant"): {
        "id": "agent_1", "object": "agent", "created_at": 1, "name": "A", "model": "m", "instructions": "Help.",
        "reasoning": {"effort": "low", "summary": None}, "service_tier": "auto", "metadata": STAMPED,
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "s", "schema": {}}},
        "multi_agent": {"enabled": True, "max_concurrent_subagents": 2}, "compaction": {"async": True},
        "experimental": {"time_awareness": True}, "tools": [{"type": "function", **FUNCTION}],
    },
    ("assistants", "vector_store"): {
        "id": "vs_1", "object": "vector_store", "created_at": 1, "name": "A", "metadata": STAMPED,
        "status": "completed",
        "file_counts": {"total": 1, "completed": 1}, "expires_after": {"anchor": "last_active_at", "days": 1},
        "expires_at": 1,
    },
}  # fmt: skip
MEMBER = {
    "id": "file-1", "object": "vector_store.file", "created_at": 1, "status": "completed",
    "last_error": {"message": "x"},
    "attributes": {"deployer_path": "a.md", "deployer_sha256": "0", "deployer_size": 1, "deployer_declared": "a=b",
                   "t": 1},
    "chunking_strategy": {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}},
}  # fmt: skip
TIMES = 400


def damaged(seed: str, whole: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    chance, text = Random(seed), json.dumps(whole).encode()  # noqa: S311
    for _ in range(TIMES):
        try:
            found = json_text.loads(mutated(chance, text))
        except ValueError:
            continue
        if isinstance(found, dict):
            yield {**found, "id": whole["id"]}


@pytest.mark.parametrize(("surface", "name"), LIVE)
def test_an_object_is_odd_or_readable(surface: str, name: str) -> None:
    kind: Kind = SURFACES[surface][name].kind
    whole, read = LIVE[surface, name], 0
    for raw in damaged(f"{surface} {name}", whole):
        if validate.odd_metadata(raw) or validate.odd_object(raw):
            continue
        read += 1
        stamp.of(raw)
        kind.references(raw)
        kind.held(raw)
        tuple(differences(Exchange(kind, whole, raw, whole)))
        tuple(differences(Exchange(kind, whole, whole, raw)))
        kind.wire(kind.canonical(raw, {}), raw)
    assert read > TIMES // 10


def test_a_membership_is_odd_or_readable() -> None:
    rows = [raw for raw in damaged("member", MEMBER) if not validate.odd_membership(raw)]
    for raw in rows:  # as the backend reads it
        vector_store.live_file({**raw, "created_at": canonical.seconds(raw.get("created_at"))})
    assert len(rows) > TIMES // 10
