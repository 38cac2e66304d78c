"""The stamp, written and read: each case is data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from deployer.engine import stamp
from deployer.engine.stamp import ServiceForm, Stamp
from deployer.kinds import BESIDE
from deployer.model import Address

HELPER = Address.parse("assistant/helper")
DIGESTS = {"a1b2c3": "0123456789ab", "d4e5f6": "89abcdef0123"}

READ: dict[str, tuple[Mapping[str, Any] | None, Stamp | None]] = {
    "nothing": (None, None),
    "none_of_it": ({"team": "x"}, None),
    "no_text": ({"deployer": 7}, None),
    "no_address": ({"deployer": "shop"}, None),
    "no_such_address": ({"deployer": "shop/helper"}, None),
    "no_kind": ({"deployer": "shop//helper"}, None),
    "the_owner_alone": ({"deployer": "shop/assistant/helper"}, Stamp("shop", HELPER, {})),
    "digests": (
        {"deployer": "shop/assistant/helper", "deployer_applied": "a1b2c3=0123456789ab d4e5f6=89abcdef0123"},
        Stamp("shop", HELPER, DIGESTS),
    ),
    "protected": (
        {"deployer": "shop/assistant/helper", "deployer_applied": "a1b2c3=0123456789ab protect=1"},
        Stamp("shop", HELPER, {"a1b2c3": "0123456789ab"}, protected=True),
    ),
    "not_protected": (
        {"deployer": "shop/assistant/helper", "deployer_applied": "protect=0"},
        Stamp("shop", HELPER, {}),
    ),
    "forms": (
        {
            "deployer": "shop/assistant/helper",
            "deployer_applied": "a1b2c3=0123456789ab.11112222 d4e5f6=89abcdef0123!3333",
        },
        Stamp(
            "shop",
            HELPER,
            DIGESTS,
            forms={"a1b2c3": ServiceForm("11112222"), "d4e5f6": ServiceForm("3333", taken=False)},
        ),
    ),
    "a_form_that_is_empty": (
        {"deployer": "shop/assistant/helper", "deployer_applied": "a1b2c3=0123456789ab. d4e5f6=89abcdef0123!"},
        Stamp("shop", HELPER, DIGESTS),
    ),
    "files_in_several_pairs": (
        {
            "deployer": "shop/assistant/helper",
            "deployer_files": "aaaaaa=1",
            "deployer_files_2": "bbbbbb=2",
            "deployer_files_x": "cccccc=3",
        },
        Stamp("shop", HELPER, {}, files={"aaaaaa": "1", "bbbbbb": "2"}),
    ),
    "what_is_no_pair_is_left_empty": (
        {"deployer": "shop/assistant/helper", "deployer_applied": "a1b2c3"},
        Stamp("shop", HELPER, {"a1b2c3": ""}),
    ),
}


@pytest.mark.parametrize(("metadata", "expected"), READ.values(), ids=READ)
def test_a_stamp_is_read(metadata: Mapping[str, Any] | None, expected: Stamp | None) -> None:
    assert stamp.read(metadata) == expected
    assert stamp.of({"metadata": metadata}) == expected
    assert stamp.of({"metadata": {"team": "x"}, BESIDE: metadata or {}}) == expected
    assert stamp.owner({"metadata": metadata}) == (expected and (expected.project, expected.address))


@pytest.mark.parametrize("raw", ({}, {"metadata": None}, {"metadata": "text"}, {"metadata": ["deployer"]}))
def test_what_has_no_pairs_has_no_stamp(raw: Mapping[str, Any]) -> None:
    assert stamp.pairs(raw) == {}
    assert stamp.of(raw) is None
    assert stamp.owner(raw) is None


@pytest.mark.parametrize("protect", (False, True))
def test_what_is_written_is_read(protect: bool) -> None:  # noqa: FBT001
    attrs = {"name": "a", "metadata": {"team": "x"}, "tools": {"b": 1, "a": 2}}
    name, team, tools = (stamp.name_of(path) for path in (("name",), ("metadata", "team"), ("tools",)))
    forms = {name: ServiceForm.of("A"), team: ServiceForm.of("y", taken=False)}
    pairs = stamp.write("shop", HELPER, attrs, "git@abc", protect=protect, forms=forms)
    assert (pairs["deployer"], pairs["deployer_origin"]) == ("shop/assistant/helper", "git@abc")
    read = stamp.read(pairs)
    assert read == Stamp("shop", HELPER, stamp.applied(stamp.fields(attrs)), protect, {}, forms)
    assert forms[name].is_of("A")
    assert not forms[name].is_of("a")
    assert stamp.same_content(read.digests[tools], {"a": 2, "b": 1.0})
    assert not stamp.same_content(read.digests[tools], {"a": 2, "b": 2})
    assert stamp.same_order(read.digests[tools], {"b": 1, "a": 2})
    assert not stamp.same_order(read.digests[tools], {"a": 2, "b": 1})


def test_what_is_kept_stays_what_it_was_or_is_forgotten() -> None:
    attrs = {"name": "a", "description": "b", "model": "c"}
    name, description, model = (stamp.name_of((one,)) for one in attrs)
    kept = {name: "0123456789ab", description: "", "ffffff": "89abcdef0123"}
    read = stamp.read(stamp.write("shop", HELPER, attrs, "", kept=kept))
    assert read
    assert read.digests == {name: "0123456789ab", model: stamp.digest("c"), "ffffff": "89abcdef0123"}


def test_what_would_be_too_long_has_shorter_forms_and_no_order() -> None:
    digests = {f"{number:06}": "0123456789ab" for number in range(25)}
    forms = dict.fromkeys(digests, ServiceForm("11112222"))
    assert len(stamp.summary(dict(list(digests.items())[:25]))) == 25 * 20 - 1  # as it is, up to 512
    text = stamp.summary(dict(list(digests.items())[:22]), forms, protect=True)
    assert len(text) <= 512
    read = stamp.read({"deployer": "shop/assistant/helper", "deployer_applied": text})
    assert read
    assert read.protected
    assert set(read.digests.values()) == {"01234567"}
    assert set(read.forms.values()) == {ServiceForm("1111")}
    assert stamp.same_order("01234567", {"any": "order"}), "a stamp without room for that says nothing"


@pytest.mark.parametrize(("first", "long"), (("00000", 12), ("000000", 8)))
def test_a_summary_is_as_long_as_the_service_takes(first: str, long: int) -> None:
    """27 fields with names of five characters have 512, which fits; one character more does not."""
    names = (first, *(f"{number:05}" for number in range(1, 27)))
    text = stamp.summary(dict.fromkeys(names, "0123456789ab"))
    assert {len(digest) for digest in stamp.parsed(text).values()} == {long}
    assert len(text) == (512 if long == 12 else 513 - 27 * 4)


@pytest.mark.parametrize(
    ("count", "expected"),
    (
        (0, []),
        (1, ["deployer_files"]),
        (34, ["deployer_files"]),
        (35, ["deployer_files", "deployer_files_2"]),
        (69, ["deployer_files", "deployer_files_2", "deployer_files_3"]),
    ),
)
def test_a_map_of_files_takes_as_many_pairs_as_it_needs(count: int, expected: list[str]) -> None:
    tokens = {f"{number:06}": "11112222"[:7] for number in range(count)}  # 15 characters each with the space between
    pairs = stamp.file_pairs(tokens)
    assert list(pairs) == expected
    assert all(len(text) <= 512 for text in pairs.values())
    assert stamp.files_of(pairs) == tokens
    assert list(stamp.files_of(pairs)) == list(tokens)


def test_a_pair_of_a_map_may_be_as_long_as_the_service_takes() -> None:
    """27 entries of 19 characters, blanks between them counted, have 512."""
    tokens = {f"{number:06}": "0" * 11 for number in range(27)}
    assert [len(text) for text in stamp.file_pairs(tokens).values()] == [512]
    longer = {**tokens, "000000": "0" * 12}
    assert [len(text) for text in stamp.file_pairs(longer).values()] == [513 - 19, 18]


@pytest.mark.parametrize(
    ("key", "own"),
    (
        ("deployer", True),
        ("deployer_applied", True),
        ("deployer_origin", True),
        ("deployer_files", True),
        ("deployer_files_2", True),
        ("deployer_files_", False),
        ("deployer_files_x", False),
        ("deployer_files2", False),
        ("my_deployer_files_2", False),
        ("team", False),
    ),
)
def test_which_pairs_are_the_stamps_own(key: str, own: bool) -> None:  # noqa: FBT001
    assert stamp.is_own(key) is own
    assert stamp.without({key: "x", "zone": "y"}) == ({"zone": "y"} if own else {key: "x", "zone": "y"})
    assert stamp.without(None) == {}


def test_a_part_of_a_field_is_stamped_with_all_of_it() -> None:
    assert stamp.whole(("metadata", "team")) == ("metadata", "team")
    assert stamp.whole(("tools", "add", "parameters")) == ("tools",)
    assert stamp.name_of("name") == stamp.name_of(("name",)) != stamp.name_of(("metadata", "name"))
    assert stamp.name_of("metadata/name") == stamp.name_of(("metadata", "name"))
    assert len(stamp.name_of("name")) == 6


def test_whether_a_stamp_came_back_whole() -> None:
    whole = {"deployer": "shop/assistant/helper", "deployer_applied": "a1b2c3=0123456789ab", "deployer_origin": "x"}
    found = stamp.fingerprint({"metadata": whole})
    assert stamp.fingerprint({"metadata": {**whole, "deployer_origin": "y", "team": "x"}}) == found
    for changed in ({**whole, "deployer": "shop/assistant/b"}, {**whole, "deployer_applied": ""}, {}):
        assert stamp.fingerprint({"metadata": changed}) != found
