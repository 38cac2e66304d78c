"""Which objects are written, and under which addresses."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.backends.validate import odd_object
from deployer.errors import DeployerError
from deployer.kinds import kinds_of
from deployer.manifest import export
from deployer.manifest.export import choose, project_of
from deployer.model import Address, LiveObject

KINDS = kinds_of("assistants")


def live(ident: str, kind: str = "assistant", created: Any = 1, **raw: Any) -> LiveObject:
    return LiveObject(kind, ident, {"id": ident, "created_at": created, "metadata": {}, **raw})


def owned(ident: str, address: str, project: str = "p", created: Any = 1) -> LiveObject:
    kind = address.partition("/")[0]
    return live(ident, kind, created, metadata={"deployer": f"{project}/{address}"})


def keys(*objects: LiveObject, only: tuple[str, ...] = ()) -> dict[str, str]:
    choice = choose(objects, "p", KINDS, only, odd_object)
    return {live_id: str(address) for live_id, address in choice.addresses.items()}


def test_what_is_ours_keeps_its_key_and_foreign_keys_make_room() -> None:
    found = keys(
        live("a", name="Tutor", created=1), owned("b", "assistant/tutor", created=2), live("c", name="tutor", created=3)
    )
    assert found == {"a": "assistant/tutor-2", "b": "assistant/tutor", "c": "assistant/tutor-3"}


def test_what_has_no_usable_name_is_counted() -> None:
    found = keys(live("a"), live("b", name="수원"), live("v", "vector_store"), live("c", name="Assistant 1"))
    assert found == {
        "a": "assistant/assistant-1",
        "b": "assistant/assistant-2",
        "c": "assistant/assistant-1-2",
        "v": "vector_store/vector-store-1",
    }


def test_long_names_stay_within_the_longest_key() -> None:
    found = keys(*(live(f"a{number}", name="x" * 80) for number in range(12)))
    assert len(set(found.values())) == 12
    assert all(len(address.partition("/")[2]) <= 63 for address in found.values())


def test_what_is_left_out_is_named_with_its_reason() -> None:
    objects = [
        owned("first", "assistant/a"),
        owned("second", "assistant/a", created=2),
        owned("theirs", "assistant/b", "rivals"),
        live("expired", "vector_store", status="expired"),
        live("odd", tools="no list"),
        live("full", metadata={f"k{number}": "v" for number in range(14)}),
    ]
    choice = choose(objects, "p", KINDS, (), odd_object)
    assert [one.id for one in choice.objects] == ["first"]
    notes = "\n".join(choice.notes)
    for said in ("second is left out: it is a second assistant/a", "'rivals'", "it has expired", "odd", "no room"):
        assert said in notes


def test_many_reasons_of_one_sort_are_counted() -> None:
    choice = choose(
        [owned(f"t{number}", f"assistant/b{number}", "rivals") for number in range(9)], "p", KINDS, (), odd_object
    )
    assert len(choice.notes) == 6
    assert "4 more" in choice.notes[-1]


def test_only_brings_what_it_uses() -> None:
    user = live("a", tools=[{"type": "file_search"}], tool_resources={"file_search": {"vector_store_ids": ["v"]}})
    objects = (user, live("v", "vector_store", name="Docs"), live("w", "vector_store"), live("b"))
    assert set(keys(*objects, only=("a",))) == {"a", "v"}
    assert set(keys(*objects, only=("vector_store/docs",))) == {"v"}


def test_the_project_is_the_one_that_all_stamps_name() -> None:
    assert project_of([owned("a", "assistant/a"), live("b")]) == "p"
    for objects in ([live("a")], [owned("a", "assistant/a"), owned("b", "assistant/b", "q")]):
        with pytest.raises(DeployerError, match="--project NAME"):
            project_of(objects)


def test_of_many_that_want_one_name_each_is_numbered_once() -> None:
    class Taken(set[Address]):
        asked = 0

        def __contains__(self, one: object) -> bool:
            Taken.asked += 1
            return super().__contains__(one)

    free = export._FreeAddresses(Taken())
    found = {free.take("assistant", "tutor") for _ in range(1_000)} | {free.take("assistant", "") for _ in range(1_000)}
    assert len(found) == 2_000
    assert Taken.asked <= 2 * 2_000
