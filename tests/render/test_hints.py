"""What a plan says beside its changes: an address that looks renamed, documents that others attached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.engine import plan, stamp
from deployer.engine.draft import Scope
from deployer.kinds import kinds_of
from deployer.model import Address, DesiredFile, LiveFile, LiveObject, Plan, Resource, Target
from deployer.render.formats import rendered
from tests.render.plans import shown

KINDS = kinds_of("assistants")
FIELDS = {"model": "m", "name": "Refunds", "metadata": {"team": "a"}}
DOCUMENT = DesiredFile("docs/a.md", 5, "a" * 64)


def live(address: str, attrs: Mapping[str, Any], files: tuple[LiveFile, ...] = ()) -> LiveObject:
    kind = KINDS[address.partition("/")[0]]
    marks = stamp.write("school", Address.parse(address), kind.express(attrs).attrs, "")
    metadata = {**(attrs.get("metadata") or {}), **marks}
    return LiveObject(
        address.partition("/")[0], "id_1", {**attrs, "id": "id_1", "created_at": 1, "metadata": metadata}, files
    )


def built(desired: Resource, *world: LiveObject) -> Plan:
    return plan.build(Scope("school", Target("t", "assistants", ""), KINDS), [desired], world)


def test_a_renamed_address_comes_with_the_lines_to_paste() -> None:
    found = built(Resource(Address("assistant", "money-back"), FIELDS), live("assistant/refunds", FIELDS))
    assert "      the same as assistant/refunds, which is no longer in the manifest; to keep its id, add" in shown(
        found
    )
    assert "            - {from: assistant/refunds, to: assistant/money-back}" in shown(found)


def test_an_address_with_other_fields_is_a_new_one() -> None:
    other = Resource(Address("assistant", "money-back"), {**FIELDS, "name": "Money back"})
    assert "moved:" not in "".join(shown(built(other, live("assistant/refunds", FIELDS))))
    store = Resource(Address("vector_store", "papers"), {})
    assert "moved:" not in "".join(shown(built(store, live("vector_store/docs", {})))), "two empty ones are alike"


def test_a_renamed_store_is_known_by_its_documents() -> None:
    member = LiveFile("file-1", DOCUMENT.path, DOCUMENT.sha256, "completed", 5, 1)
    store = Resource(Address("vector_store", "papers"), {}, (DOCUMENT,))
    assert "moved:" in "".join(shown(built(store, live("vector_store/docs", {}, (member,)))))
    other = replace(member, sha256="b" * 64)
    assert "moved:" not in "".join(shown(built(store, live("vector_store/docs", {}, (other,)))))


def test_documents_that_others_attached_are_shown_and_stay() -> None:
    member = LiveFile("file-1", DOCUMENT.path, DOCUMENT.sha256, "completed", 5, 1)
    theirs = tuple(LiveFile(f"file-x{n}", None, None, "completed", 5, 1) for n in range(5))
    store = Resource(Address("vector_store", "docs"), {}, (DOCUMENT,))
    line = "    ! 5 documents attached by others: file-x0, file-x1, file-x2 and 2 more"
    found = built(store, live("vector_store/docs", {}, (member, *theirs)))
    assert line in shown(found)
    assert line in rendered("drift", "text", found).splitlines(), "for retrieval it is the most harmful edit"
    assert line not in shown(built(replace(store, exclusive=True), live("vector_store/docs", {}, (member, *theirs))))
