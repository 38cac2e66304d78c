"""The words by which people know a place, and the table of kinds."""

from __future__ import annotations

import pytest

from deployer.functions.compatibility.difference import BREAKING, COMPATIBLE, difference, kinds_table, place


@pytest.mark.parametrize(
    ("pointer", "words"),
    (
        ((), ""),
        (("strict",), ""),
        (("parameters",), ""),
        (("quiz",), ""),
        (("quiz", "parameters", "properties", "a"), "a"),
        (("parameters", "additionalProperties"), ""),
        (("parameters", "properties", "a"), "a"),
        (("parameters", "properties", "a", "minItems"), "a"),
        (("parameters", "properties", "a", "items", "properties", "b"), "a[].b"),
        (("parameters", "properties", "a", "items", "items"), "a[][]"),
        (("parameters", "properties", "a", "anyOf", 1, "properties", "b"), "a.anyOf[1].b"),
        (("parameters", "properties", "a", "anyOf", 1), "a.anyOf[1]"),
        (("parameters", "properties", "properties", "properties", "items"), "properties.items"),
        (("parameters", "properties", "items", "items", "maxLength"), "items[]"),
    ),
)
def test_a_place_in_words(pointer: tuple[str | int, ...], words: str) -> None:
    assert place(pointer) == words


def test_every_kind_is_either_breaking_or_compatible() -> None:
    assert not BREAKING.keys() & COMPATIBLE.keys()
    assert [difference(kind, (), "").breaking for kind in (*BREAKING, *COMPATIBLE)] == [True] * len(BREAKING) + [
        False
    ] * len(COMPATIBLE)
    with pytest.raises(KeyError):
        difference("unheard-of", (), "")


def test_the_table_of_kinds_has_a_row_for_each() -> None:
    rows = kinds_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [*BREAKING, *COMPATIBLE]
