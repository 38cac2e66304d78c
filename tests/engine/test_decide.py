"""What is decided about one object, where a case of a plan does not show it."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.engine import decide, plan, stamp
from deployer.engine.draft import Owned, Ownership, Scope
from deployer.kinds import kinds_of
from deployer.model import Action, Address, LiveFile, LiveObject, Resource, Target, Why

S = Address("vector_store", "s")
SCOPE = Scope("p", Target("here", "assistants", ""), kinds_of("assistants"), origin="abc1234")


def owned(attrs: dict[str, Any], *files: LiveFile, forms: stamp.Forms = stamp.NO_FORMS, **raw: Any) -> Owned:
    """A live store as an apply left it, with a map of its documents; `raw` is what the service has instead."""
    pairs = stamp.write("p", S, attrs, "", forms=forms)
    pairs |= stamp.file_pairs({stamp.name_of(file.id): "0" * 12 for file in files})
    metadata = {**raw.pop("metadata", attrs.get("metadata", {})), **pairs}
    live = LiveObject("vector_store", "vs_1", {**attrs, **raw, "metadata": metadata}, files)
    (found,) = plan.owned_objects(SCOPE, [live])
    return found


DOCUMENT = LiveFile("file_1", None, None, "completed", 1, 1)


def test_what_is_as_declared_was_not_reviewed() -> None:
    draft = decide.desired(SCOPE, Resource(S, {"name": "S"}), owned({"name": "S"}), {})
    assert (draft.change.action, draft.change.reviewed, draft.body) == (Action.NO_OP, "", None)
    changed = decide.desired(SCOPE, Resource(S, {"name": "T"}), owned({"name": "S"}), {})
    assert changed.change.action is Action.UPDATE
    assert changed.change.reviewed


@pytest.mark.parametrize(
    ("ownership", "pairs"),
    (
        (None, {"deployer", "deployer_applied", "deployer_origin", "deployer_files"}),
        (Ownership({}, foreign=True), set()),
        (Ownership({}, foreign=True, tokens={"aaaaaa": "1"}), set()),
        (Ownership({"deployer": "p/vector_store/s"}), {"deployer", "deployer_files"}),
        (Ownership({"deployer": "p/vector_store/s"}, tokens={"aaaaaa": "1"}), {"deployer", "deployer_files"}),
    ),
)
def test_the_map_of_documents_is_kept_unless_the_store_is_foreign_again(
    ownership: Ownership | None, pairs: set[str]
) -> None:
    found = owned({"name": "S"}, DOCUMENT)
    draft = decide.desired(SCOPE, Resource(S, {"name": "T"}), found, {}, ownership)
    assert draft.body
    metadata = draft.body.fields["metadata"]
    assert {name for name, value in metadata.items() if stamp.is_own(name) and value} == pairs
    if "deployer_files" in pairs:
        there = {stamp.name_of("file_1"): "0" * 12, **(ownership.tokens if ownership else {})}
        assert stamp.files_of(metadata) == there
    if ownership and ownership.foreign:
        assert draft.change.reason.code is Why.FOREIGN_AGAIN


def test_a_pair_that_the_service_keeps_under_another_key_is_not_sent_twice() -> None:
    attrs = {"name": "S", "metadata": {"Team": "x"}}
    forms = {stamp.name_of(("metadata", "Team")): stamp.ServiceForm.of("x")}
    found = owned(attrs, forms=forms, metadata={"team": "x", "zone": "y"})
    draft = decide.desired(SCOPE, Resource(S, {**attrs, "name": "T"}), found, {})
    assert draft.body
    assert stamp.without(draft.body.fields["metadata"]) == {"Team": "x", "zone": "y"}
    both = {**attrs, "metadata": {"Team": "x", "team": "z"}}
    beside = decide.desired(SCOPE, Resource(S, both), owned(both, forms=forms, metadata={"team": "x"}), {})
    assert beside.body
    assert stamp.without(beside.body.fields["metadata"]) == {"Team": "x", "team": "z"}
