"""Names that are ids: what a plan says before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.engine import plan
from deployer.engine.draft import Scope
from deployer.engine.names import collision
from deployer.kinds import kinds_of
from deployer.model import Address, LiveObject, Position, Resource, Target

KINDS = kinds_of("foundry")
FOREIGN = (
    "account here has tutor already, which is foreign; deployer adopt assistant/tutor tutor --account here takes it "
    "over, or say another agent_name"
)


def agent(name: str, owner: str = "") -> LiveObject:
    metadata = {"deployer": owner, "deployer_applied": ""} if owner else {}
    raw = {"id": name, "name": name, "version": "1", "metadata": metadata, "definition": {"model": "m"}}
    return LiveObject("assistant", name, raw)


def declared(key: str, **attrs: Any) -> Resource:
    return Resource(Address("assistant", key), {"model": "m", **attrs})


def errors(resources: list[Resource], live: list[LiveObject], **scope: Any) -> list[str]:
    built = plan.build(Scope("p", Target("here", "foundry", ""), KINDS, **scope), resources, live)
    return [str(one) for one in built.errors]


@pytest.mark.parametrize(
    ("resource", "live", "said"),
    (
        (
            declared("tutor"),
            agent("tutor"),
            FOREIGN,
        ),
        (declared("tutor"), agent("Tutor"), "account here has Tutor already, which is foreign"),
        (
            declared("a", agent_name="Guide"),
            agent("Guide"),
            "has Guide already, which is foreign; deployer adopt assistant/a Guide",
        ),
        (declared("tutor"), agent("tutor", "q/assistant/tutor"), "which belongs to the project 'q'"),
        (
            declared("tutor"),
            agent("tutor", "p/assistant/other"),
            "as assistant/other; rename it with moved: [{from: assistant/other, to: assistant/tutor}], or say",
        ),
        (
            declared("tutor", agent_name="New"),
            agent("tutor", "p/assistant/tutor"),
            "it is live as tutor, and a name never changes; declare agent_name: tutor, or another address",
        ),
    ),
)
def test_a_name_that_cannot_be_had(resource: Resource, live: LiveObject, said: str) -> None:
    (error,) = errors([resource], [live])
    assert f"{resource.address}.agent_name: " in error
    assert said in error


def test_a_name_that_can_be_had() -> None:
    moved = ((Address("assistant", "old"), Address("assistant", "new")),)
    assert errors([declared("tutor")], [agent("other")]) == []
    assert errors([declared("tutor", agent_name="Guide")], [agent("tutor")]) == []
    assert errors([declared("tutor", agent_name="Guide")], [agent("Guide", "p/assistant/tutor")]) == []
    assert errors([declared("tutor")], [agent("Guide", "p/assistant/tutor")]) == []
    assert errors([declared("new")], [agent("old", "p/assistant/old")], moved=moved) == []
    assert errors([Resource(Address("vector_store", "tutor"), {})], [agent("tutor")]) == []


def test_two_of_one_name() -> None:
    (error,) = errors([declared("a-b"), declared("a_b")], [])
    assert error == "assistant/a_b: it would be called a-b, as assistant/a-b; say another agent_name for one of them"
    assert len(errors([declared("a"), declared("b", agent_name="A")], [])) == 1
    assert errors([declared("a"), declared("b")], []) == []
    assert list(collision(kinds_of("assistants")["assistant"], declared("a"), {})) == []


def test_each_is_told_at_its_place() -> None:
    places = {"": Position("a.yaml", 3, 1), "agent_name": Position("a.yaml", 4, 5)}
    named = Resource(Address("assistant", "b"), {"model": "m", "agent_name": "A"}, positions=places)
    store = Resource(Address("vector_store", "s"), {})
    (taken,) = errors([store, named], [agent("A")])
    assert taken.startswith("a.yaml:4:5: assistant/b.agent_name: ")
    (twice,) = errors([store, declared("a"), named], [])
    assert twice.startswith("a.yaml:3:1: assistant/b: ")
