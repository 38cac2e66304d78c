"""Documents of stores whose memberships carry nothing: the map in the store's metadata says what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from deployer.engine import document_map, stamp, uploads
from deployer.kinds import vector_store
from deployer.model import Address, DesiredFile, LiveFile, LiveObject

S, T = Address("vector_store", "s"), Address("vector_store", "t")
GUIDE = DesiredFile("docs/guide.md", 7, "a" * 64, attributes={"level": 1})
OTHER = DesiredFile("docs/other.md", 9, "b" * 64)
BARE = LiveFile("file_1", None, None, "completed", None, 3)
KNOWN = LiveFile("file_2", "docs/other.md", "c" * 64, "completed", 5, 4)


def store(tokens: Mapping[str, str], *files: LiveFile, address: Address = S) -> LiveObject:
    """A live store; `tokens` are what its map says of each File object."""
    pairs = stamp.write("p", address, {}, "")
    named = {stamp.name_of(file_id): token for file_id, token in tokens.items()}
    return LiveObject("vector_store", "vs_1", {"metadata": {**pairs, **stamp.file_pairs(named)}}, files)


def files_of(
    live: LiveObject, wanted: Mapping[Address, Sequence[DesiredFile]], moved: Mapping[Address, Address] | None = None
) -> tuple[LiveFile, ...]:
    (found,) = document_map.recognised([live], wanted, moved or {})
    assert (found.kind, found.id, found.raw) == (live.kind, live.id, live.raw)
    return found.files


GUIDES = document_map.token(GUIDE.path, GUIDE.sha256)
NAMED = LiveFile(
    "file_1",
    "docs/guide.md",
    "a" * 64,
    "completed",
    7,
    3,
    attributes={"level": 1},
    declared=stamp.applied({"level": 1}),
    mapped=True,
)


def test_a_document_that_the_map_names_is_the_one_of_the_manifest() -> None:
    assert files_of(store({"file_1": GUIDES}, BARE), {S: (OTHER, GUIDE)}) == (NAMED,)


def test_one_whose_contents_have_changed_goes_by_its_id() -> None:
    nameless = LiveFile("file_1", "file_1", GUIDES, "completed", None, 3, mapped=True)
    for wanted in ({S: (OTHER,)}, {T: (GUIDE,)}, {}, {S: (DesiredFile("docs/guide.md", 7, "f" * 64),)}):
        assert files_of(store({"file_1": GUIDES}, BARE), wanted) == (nameless,)


def test_a_document_of_a_store_that_has_moved_is_looked_for_at_its_new_address() -> None:
    live = store({"file_1": GUIDES}, BARE)
    assert files_of(live, {T: (GUIDE,)}, {S: T}) == (NAMED,)
    assert files_of(live, {T: (GUIDE,)}, {T: S})[0].path == "file_1"


def test_what_carries_attributes_or_is_in_no_map_stays_as_it_is() -> None:
    live = store({"file_1": GUIDES, "file_2": GUIDES}, BARE, KNOWN, LiveFile("file_3", None, None, "failed", None, 5))
    assert files_of(live, {S: (GUIDE,)}) == (NAMED, *live.files[1:])
    for other in (
        store({}, BARE),
        LiveObject("vector_store", "vs_2", {"metadata": {}}, (BARE,)),
        store({"file_1": GUIDES}),
    ):
        assert document_map.recognised([other], {S: (GUIDE,)}, {}) == (other,)


def test_a_document_is_its_place_and_its_bytes() -> None:
    attributes = {vector_store.PATH_KEY: GUIDE.path, vector_store.SHA_KEY: GUIDE.sha256, "level": 1}
    assert document_map.token_of(attributes) == GUIDES
    assert len({GUIDES, *(document_map.token(*one) for one in (("x", "a" * 64), (GUIDE.path, "b" * 64)))}) == 3
    assert uploads.token(GUIDE.name, GUIDE.sha256) != GUIDES, "in one folder or another"


@pytest.mark.parametrize(("pairs", "documents"), ((0, 325), (1, 300), (12, 25), (13, 0), (16, 0)))
def test_what_a_store_has_room_for(pairs: int, documents: int) -> None:
    users = {f"key{number}": "x" for number in range(pairs)}
    assert document_map.room(users) == documents
    assert document_map.room(users | stamp.write("p", S, {}, "")) == documents, "the stamp is counted once"
    assert len(stamp.file_pairs({f"{n:06x}": "0" * 12 for n in range(documents)})) + pairs + stamp.PAIRS <= max(
        16, pairs + stamp.PAIRS
    )


def test_what_was_detached_is_forgotten() -> None:
    here, gone = stamp.name_of("file_1"), stamp.name_of("file_9")
    assert document_map.entries([BARE, KNOWN], {here: "x", gone: "y"}) == {here: "x"}
