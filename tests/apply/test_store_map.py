"""The metadata of stores names their documents where memberships carry nothing: what is written, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from deployer.apply.store_map import StoreNames
from deployer.backends.account import Account
from deployer.engine import stamp
from deployer.errors import AccountError, DeployerError
from deployer.kinds import kinds_of
from deployer.model import AccountSettings, Address, LiveFile, LiveObject

S = Address("vector_store", "s")
ONE, TWO = stamp.name_of("file_1"), stamp.name_of("file_2")


@dataclass
class Objects:
    """Objects by id; `keeps`: whether it keeps metadata. `files` are none."""

    objects: dict[str, dict[str, Any]]
    keeps: bool = True
    written: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)

    async def get(self, kind: str, object_id: str) -> dict[str, Any]:
        if object_id not in self.objects:
            raise AccountError(f"no {kind} {object_id}", status=404)
        return self.objects[object_id]

    async def update(self, kind: str, object_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.written.append((kind, object_id, body))
        if self.keeps:
            self.objects[object_id] |= body
        return self.objects[object_id]


def names(place: Objects, entries: dict[str, dict[str, str]] | None = None) -> StoreNames:
    backend: Any = place
    homes = {"vector_store": "http"}
    account = Account(AccountSettings("here", "assistants"), kinds_of("assistants"), homes, {"http": backend})
    return StoreNames(account, entries or {})


def test_documents_are_named_beside_what_the_user_has_there() -> None:
    place = Objects({"vs_1": {"metadata": {"team": "x", "deployer_files": "old=1", "deployer_files_2": "old=2"}}})
    found = names(place, {"vs_1": {ONE: "a"}})
    asyncio.run(found.add(S, "vs_1", {"file_2": "b"}))
    body = {"metadata": {"team": "x", "deployer_files": f"{ONE}=a {TWO}=b"}}
    assert place.written == [("vector_store", "vs_1", body)]
    assert found.entries == {"vs_1": {ONE: "a", TWO: "b"}}
    asyncio.run(found.add(S, "vs_1", {"file_1": "a"}))
    assert len(place.written) == 1, "nothing is written that is there"


def test_a_store_without_metadata_gets_some() -> None:
    place = Objects({"vs_1": {"metadata": None}})
    found = names(place)
    asyncio.run(found.add(S, "vs_1", {"file_1": "a"}))
    assert place.objects["vs_1"] == {"metadata": {"deployer_files": f"{ONE}=a"}}
    found.forget("vs_1", "file_1")
    found.forget("vs_1", "file_9")
    found.forget("vs_9", "file_1")
    assert found.entries == {"vs_1": {}}


def test_one_write_at_a_time() -> None:
    place = Objects({"vs_1": {}})
    found = names(place)

    async def work() -> None:
        await asyncio.gather(found.add(S, "vs_1", {"file_1": "a"}), found.add(S, "vs_1", {"file_2": "b"}))

    asyncio.run(work())
    assert stamp.files_of(place.objects["vs_1"]["metadata"]) == {ONE: "a", TWO: "b"}


@pytest.mark.parametrize(
    ("place", "count", "said"),
    (
        (Objects({}), 1, r"the metadata of vector_store/s cannot name its documents: no vector_store vs_1"),
        (
            Objects({"vs_1": {"metadata": {"team": "x"}}}, keeps=False),
            1,
            r"account here does not keep the metadata of vector_store/s that names its documents",
        ),
        (
            Objects({"vs_1": {"metadata": {f"key{number}": "x" for number in range(12)}}}),
            26,
            r"the metadata of vector_store/s names them: 25 at most, not 26; split the store",
        ),
    ),
)
def test_what_cannot_be_named_is_an_error(place: Objects, count: int, said: str) -> None:
    place = Objects({key: {**one} for key, one in place.objects.items()}, place.keeps)
    found = names(place)
    with pytest.raises(DeployerError, match=said):
        asyncio.run(found.add(S, "vs_1", {f"file_{number}": f"{number:012}" for number in range(count)}))
    assert found.entries == {}


def test_as_many_as_there_is_room_for() -> None:
    place = Objects({"vs_1": {"metadata": {f"key{number}": "x" for number in range(12)}}})
    asyncio.run(names(place).add(S, "vs_1", {f"file_{number}": f"{number:012}" for number in range(25)}))
    assert len(place.objects["vs_1"]["metadata"]) == 13


def test_an_update_carries_the_names_of_now() -> None:
    found = names(Objects({}), {"vs_1": {ONE: "a"}})
    planned = {"name": "S", "metadata": {"team": "x", "deployer_files": "old=1"}}
    assert found.merged("vs_1", planned) == {
        "name": "S",
        "metadata": {"team": "x", "deployer_files": f"{ONE}=a"},
    }
    assert found.merged("vs_2", planned) is planned
    assert found.merged("vs_1", {"name": "S"}) == {"name": "S"}


def test_what_is_known_at_first_is_what_the_stores_say_of_files_that_are_there() -> None:
    def store(number: int, *files: str, mapped: bool = True) -> LiveObject:
        pairs = stamp.write("p", S, {}, "") | (stamp.file_pairs({ONE: "a", TWO: "b"}) if mapped else {})
        held = tuple(LiveFile(one, None, None, "completed", 1, 1) for one in files)
        return LiveObject("vector_store", f"vs_{number}", {"metadata": pairs}, held)

    foreign = LiveObject("vector_store", "vs_9", {}, (LiveFile("file_1", None, None, "completed", 1, 1),))
    live = [store(1, "file_1"), store(2), store(3, "file_1", mapped=False), foreign, store(4, "file_1", "file_2")]
    account = names(Objects({})).account
    assert StoreNames.of(account, live).entries == {"vs_1": {ONE: "a"}, "vs_4": {ONE: "a", TWO: "b"}}
    assert StoreNames.of(account, live).account is account
