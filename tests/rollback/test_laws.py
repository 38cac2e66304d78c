"""Whatever happened to a project, each rollback leads back to what was there: laws over generated stories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deployer.model import Address, DesiredFile, Resource
from tests.support.memory import Moved, Story, assistant, document, store, using

SEEDS = st.integers(0, 10**9)
NAMES = "abcd"
CONTENTS = "xyz"


@dataclass(frozen=True)
class State:
    """What a manifest declares, by address."""

    resources: Mapping[Address, Resource]

    @property
    def files(self) -> list[DesiredFile]:
        return [file for one in self.resources.values() for file in one.files]


def documents(chance: Random) -> tuple[DesiredFile, ...]:
    paths = chance.sample(NAMES, chance.randint(0, 3))
    level = {"level": chance.randint(1, 2)} if chance.random() < 0.5 else {}
    return tuple(document(f"docs/{path}.md", chance.choice(CONTENTS), **level) for path in paths)


def a_store(chance: Random, key: str) -> Resource:
    metadata = {"team": chance.choice("mn")} if chance.random() < 0.3 else {}
    return store(key, *documents(chance), name=chance.choice("MN"), metadata=metadata)


def an_assistant(chance: Random, key: str, stores: list[str]) -> Resource:
    used = chance.sample(stores, min(len(stores), chance.randint(0, 2)))
    tools: list[dict[str, Any]] = using(*used[:1]) if used else []
    tables: tuple[DesiredFile, ...] = ()
    if chance.random() < 0.5:
        tools.append({"type": "code_interpreter"})
        tables = tuple(document(f"data/{path}.csv", path) for path in chance.sample(NAMES, chance.randint(0, 2)))
    fields: dict[str, Any] = {name: chance.choice("MN") for name in ("name", "instructions") if chance.random() < 0.5}
    return assistant(key, *tables, model=chance.choice("mn"), tools=tools, **fields)


def fresh(chance: Random, address: Address) -> Resource:
    """Return a store; of an assistant just its address, until it is known which stores there are."""
    return a_store(chance, address.name) if address.kind == "vector_store" else Resource(address, {})


def a_state(chance: Random, before: State) -> tuple[State, Moved]:
    """Keep, change, drop and move some of what there is, and add some."""
    resources, moved = dict[Address, Resource](), list[tuple[Address, Address]]()
    free = [Address(kind, name) for kind in ("vector_store", "assistant") for name in NAMES]
    free = [one for one in free if one not in before.resources]
    for address, one in before.resources.items():
        what = chance.choice(("keep", "keep", "drop", "change", "move"))
        new = next((other for other in free if other.kind == address.kind), None)
        if what == "move" and new:
            free.remove(new)
            moved.append((address, new))
            resources[new] = replace(one, address=new)
        elif what != "drop":
            resources[address] = one if what == "keep" else fresh(chance, address)
    resources |= {one: fresh(chance, one) for one in free if chance.random() < 0.3}
    stores = [one.name for one in resources if one.kind == "vector_store"]
    return State({one: _used(chance, found, stores) for one, found in resources.items()}), tuple(moved)


def _used(chance: Random, found: Resource, stores: list[str]) -> Resource:
    """An assistant is made anew where it uses a store that is not declared any more."""
    if found.address.kind != "assistant":
        return found
    names = {name for tool in found.attrs.get("tools", ()) for name in tool.get("vector_stores", ())}
    stands = "model" in found.attrs and names <= {f"vector_store/{one}" for one in stores}
    return found if stands else an_assistant(chance, found.address.name, stores)


def told(seed: int, runs: int, *, moves: bool = True) -> tuple[Story, list[Mapping[str, Any]]]:
    """Return a story of some runs, and what was live before each of them."""
    chance, story, state = Random(seed), Story(), State({})  # noqa: S311
    states: list[Mapping[str, Any]] = []
    while len(story.chain) < runs:
        state, moved = a_state(chance, state)
        if not moves and moved:
            state, moved = State({old: replace(state.resources[new], address=old) for old, new in moved}), ()
        before, count = story.state(), len(story.chain)
        story.tree += state.files
        story.apply(*state.resources.values(), moved=moved, origin=f"{len(story.chain):07}")
        states += [before] * (len(story.chain) - count)
    return story, states


@given(SEEDS, st.integers(1, 5), st.data())
def test_from_anywhere_to_anywhere(seed: int, runs: int, data: st.DataObject) -> None:
    """All is as it was before the run, to the stamps; and the rollback is rolled back like any run."""
    story, states = told(seed, runs)
    number, now = data.draw(st.integers(0, runs - 1)), story.state()
    found = story.roll_back(number)
    assert story.state() == states[number]
    assert found.missing == ()
    assert not story.account.unheld()
    if len(story.chain) > runs:
        story.roll_back(-1)
        assert story.state() == now


@given(SEEDS, st.integers(2, 5), st.data())
def test_the_very_objects_that_are_still_there(seed: int, runs: int, data: st.DataObject) -> None:
    """What lives is changed and not made again; what is there and was not changed is not touched."""
    story, _ = told(seed, runs)
    number = data.draw(st.integers(0, runs - 1))
    before = {one["id"]: one["address"] for one in story.chain[number]["changes"] if one["object"]}
    alive = before.keys() & story.account.objects.keys()
    untouched = {one.id: one for one in story.account.objects.values() if story.is_untouched(one.id, number)}
    story.roll_back(number)
    assert alive <= story.account.objects.keys()
    assert all(story.account.objects[live_id] is one for live_id, one in untouched.items())
