"""JSON text is read to the same depth, and refused with the same words, by every Python."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer import json_text
from deployer.json_text import TooDeep

DATA = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
BRACKETS = st.text(st.sampled_from(list('[]{}",:\\1a \n')), max_size=60)


@given(DATA)
def test_it_reads_what_json_is(data: Any) -> None:
    text = json.dumps(data)
    assert json_text.loads(text) == data
    assert json_text.loads(text.encode("utf-16")) == data


@given(BRACKETS, st.integers(0, 5))
def test_it_refuses_what_is_too_deep_and_then_what_json_refuses(text: str, most: int) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"nested deeper than|column \d"):
            json_text.loads(text, most)
        return
    if json_text.deeper_than(value, most):
        with pytest.raises(TooDeep):
            json_text.loads(text, most)
    else:
        assert json_text.loads(text, most) == value


@pytest.mark.parametrize(
    ("text", "index"),
    (
        ("[" * 100_000, 3),
        ('[{"[[[": [1]}]', None),
        ('["]", {"\\"]": [[1]]}]', 15),
        ("[[[1]]]", None),
        ("[[[[1]]]]", 3),
        ("[[[[1]]],", 3),
        ('[[[["' + "a" * 9, 3),
    ),
)
def test_the_place_is_the_bracket_that_is_too_much(text: str, index: int | None) -> None:
    if index is None:
        assert json_text.loads(text, 3) is not None
        return
    with pytest.raises(TooDeep, match=r"^nested deeper than 3 levels$") as caught:
        json_text.loads(text, 3)
    assert caught.value.index == index


@pytest.mark.parametrize(
    ("text", "says"),
    (
        ("[1,]", "Illegal trailing comma before end of array: line 1 column 3 (char 2)"),
        ("[1, \n ]", "Illegal trailing comma before end of array: line 1 column 3 (char 2)"),
        ('{"a":1 , }', "Illegal trailing comma before end of object: line 1 column 8 (char 7)"),
        ('{"a": [1,], }', "Illegal trailing comma before end of array: line 1 column 9 (char 8)"),
        ("[NaN,]", "Illegal trailing comma before end of array: line 1 column 5 (char 4)"),
        ("[,]", "Expecting value: line 1 column 2 (char 1)"),
        ("{,}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[1,,]", "Expecting value: line 1 column 4 (char 3)"),
        ("[1,}", "Expecting value: line 1 column 4 (char 3)"),
        ("[1,", "Expecting value: line 1 column 4 (char 3)"),
        ("", "Expecting value: line 1 column 1 (char 0)"),
    ),
)
def test_what_is_wrong_is_said_alike(text: str, says: str) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        json_text.loads(text)
    assert str(caught.value) == says
