"""JSON is read as a JSON parser reads it; its places come from elsewhere and must agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.manifest import yaml12
from deployer.manifest.yaml12 import PositionTree, YamlError

KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
LEAVES = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | KEYS
DATA = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@given(DATA, st.sampled_from([None, 1, "\t"]))
@settings(max_examples=150, deadline=None)
def test_data_and_places_of_any_json(data: Any, indent: int | str | None) -> None:
    text = json.dumps(data, indent=indent)
    found, mark = yaml12.read_json(text)
    assert found == data
    _same_shape(found, mark)


def _same_shape(value: Any, mark: PositionTree) -> None:
    """Each list item and each key has a place (keys with pairs of surrogates have one under another name)."""
    if isinstance(value, dict | list):
        assert len(mark.inside) == len(value)
        for item, inside in zip(
            value.values() if isinstance(value, dict) else value, mark.inside.values(), strict=True
        ):
            _same_shape(item, inside)


def test_pairs_of_surrogates_are_one_character_and_keep_the_places() -> None:
    found, mark = yaml12.read_json('{"a": "\\ud83d\\ude00", "b": 1}')
    assert found == {"a": "😀", "b": 1}
    assert mark.keys["b"] == (1, 23)


@pytest.mark.parametrize(
    ("text", "place"),
    (
        ("{'a': 1}", (1, 2)),
        ('{"a": 1 2}', (1, 9)),
        ('{"a": 1}\n# comment', (2, 1)),
        ('{\n "a": NaN}', (2, 7)),
        ('{"a":\n  -Infinity}', (2, 3)),
        ('{"a": 1,\n "a": 2}', (2, 2)),
        ('{"a": "\\udc00"}', (1, 1)),
        ('{"a": ' + "9" * 5000 + "}", (1, 1)),
        ("[" * 50_000, (1, 102)),
        ("[" * 101 + "1" + "]" * 101, (1, 102)),
        ('{"a":\n' + "[1, " * 2_000 + "]", (2, 401)),
    ),
)
def test_what_is_refused_and_where(text: str, place: tuple[int, int]) -> None:
    with pytest.raises(YamlError) as caught:
        yaml12.read_json(text)
    assert (caught.value.line, caught.value.column) == place
