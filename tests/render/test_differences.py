"""Word and structure differences, on values that a person can check by eye."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.render import fields, textdiff
from deployer.render.textdiff import Op


def test_words_show_what_changed_and_leave_out_the_rest() -> None:
    old = "one two three " + "same " * 40 + "end"
    found = textdiff.words(old, old.replace("two", "2").replace("end", "finish"))
    assert [(piece.op, piece.text) for piece in found if piece.op in (Op.GONE, Op.NEW)] == [
        (Op.GONE, "two"),
        (Op.NEW, "2"),
        (Op.GONE, "end"),
        (Op.NEW, "finish"),
    ]
    assert Op.LEFT_OUT in {piece.op for piece in found}


def test_korean_is_compared_word_by_word() -> None:
    found = textdiff.words("수원 도시 계획", "수원 교통 계획")
    assert [piece.text for piece in found] == ["수원 ", "도시", "교통", " 계획"]


@given(st.text("ab \n", max_size=60), st.text("ab \n", max_size=60))
def test_the_pieces_of_short_texts_rebuild_both(old: str, new: str) -> None:
    found = textdiff.words(old, new)
    if Op.LEFT_OUT not in {piece.op for piece in found}:
        assert "".join(piece.text for piece in found if piece.op is not Op.NEW) == old
        assert "".join(piece.text for piece in found if piece.op is not Op.GONE) == new


def test_a_very_long_text_with_one_change_is_compared_in_full() -> None:
    old = "\n".join(f"line {n}" for n in range(20_000))
    found = textdiff.words(old, old.replace("line 7\n", "line seven\n"))
    assert [piece.text for piece in found if piece.op is Op.NEW] == ["seven"]


@pytest.mark.parametrize("count", (300, 1_000, 100_000))
def test_no_text_takes_long(count: int) -> None:
    """The matcher needs 20 s for the second of these, when it is not kept from it."""
    start = time.process_time()
    textdiff.words("a " * count, "b a " * (count // 2))
    assert time.process_time() - start < 2


@given(st.lists(st.sampled_from("abc"), max_size=30), st.lists(st.sampled_from("abc"), max_size=30))
def test_the_ranges_of_a_match_follow_each_other_and_are_what_they_say(old: list[str], new: list[str]) -> None:
    found = list(textdiff.opcodes(old, new))
    assert all(old[i1:i2] == new[j1:j2] for tag, i1, i2, j1, j2 in found if tag == "equal")
    assert [(one[2], one[4]) for one in found[:-1]] == [(one[1], one[3]) for one in found[1:]]
    assert found[-1][2::2] == (len(old), len(new)) if found else old == new == []
    assert all(one[0] != other[0] for one, other in pairwise(found))


def test_structure_names_the_innermost_place() -> None:
    old = {"parameters": {"properties": {"q": {"type": "array", "items": {"properties": {"c": {"type": "string"}}}}}}}
    new = {"parameters": {"properties": {"q": {"type": "array", "items": {"properties": {"c": {"type": "integer"}}}}}}}
    (place,) = fields.places(old, new)
    assert (place.path, place.old, place.new) == ("q[].c.type", "string", "integer")


def test_a_property_called_properties_keeps_its_name() -> None:
    old = {"properties": {"properties": {"type": "string"}, "items": {"type": "string"}}}
    new = {"properties": {"properties": {"type": "number"}, "items": {"type": "number"}}}
    assert [place.path for place in fields.places(old, new)] == ["properties.type", "items.type"]


def test_what_comes_and_goes_is_absent_on_the_other_side() -> None:
    new, gone = fields.places({"a": 1, "z": None}, {"z": None, "b": 2})
    assert (new.path, new.old, new.new) == ("b", fields.ABSENT, 2)
    assert (gone.path, gone.old, gone.new) == ("a", 1, fields.ABSENT)
