"""Orphans that use each other go together, whatever their kinds are called."""

from __future__ import annotations

import pytest

from deployer.engine import plan, stamp
from deployer.engine.draft import Scope
from deployer.kinds import kinds_of
from deployer.model import Action, Address, LiveObject, Target

KINDS = kinds_of("assistants")


@pytest.mark.parametrize("name", ("agent", "zebra"))
def test_a_store_goes_after_what_uses_it_and_goes_too(name: str) -> None:
    kinds = {name: KINDS["assistant"], "vector_store": KINDS["vector_store"]}
    stamped = {kind: {"metadata": stamp.write("p", Address(kind, "a"), {}, "")} for kind in kinds}
    search = {"tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}}}
    live = [
        LiveObject(name, "a_1", {**stamped[name], **search}),
        LiveObject("vector_store", "vs_1", stamped["vector_store"]),
    ]
    built = plan.build(Scope("p", Target("t", "assistants", ""), kinds, prune=True), [], live)
    assert [(str(one.address), one.action) for one in built.changes] == [
        (f"{name}/a", Action.DELETE),
        ("vector_store/a", Action.DELETE),
    ]
