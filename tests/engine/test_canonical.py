"""How values are written down, compared and hashed, and how times are read."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import pytest

from deployer.engine import canonical

TEXTS: tuple[tuple[Any, str], ...] = (
    ({"b": 1, "a": [2.0, 1e20, -0.0, 1.5]}, '{"a":[2,100000000000000000000,0,1.5],"b":1}'),
    ({"a": {"x": 3.0}, "b": (4.0, "한")}, '{"a":{"x":3},"b":[4,"한"]}'),
    ("1.0", '"1.0"'),
    ("a.0 e+", '"a.0 e+"'),
    (["1.0", "e+"], '["1.0","e+"]'),
    (1.0, "1"),
    (1e300, str(int(1e300))),
    ([True, None, 0.5], "[true,null,0.5]"),
)


@pytest.mark.parametrize(("value", "written"), TEXTS)
def test_a_value_is_written_in_one_way(value: Any, written: str) -> None:
    assert canonical.text(value) == written
    assert canonical.sha256(value) == hashlib.sha256(written.encode()).hexdigest()


def test_what_counts_in_a_digest() -> None:
    assert canonical.sha256({"a": 1, "b": 2.0}) == canonical.sha256({"b": 2, "a": 1.0})
    assert canonical.exact_sha256({"a": 1, "b": 2}) == canonical.exact_sha256({"b": 2, "a": 1})
    assert canonical.exact_sha256([1]) != canonical.exact_sha256([1.0])
    assert canonical.ordered_sha256({"a": 1, "b": 2}) != canonical.ordered_sha256({"b": 2, "a": 1})
    assert canonical.ordered_sha256({"a": 1.0}) == canonical.ordered_sha256({"a": 1}) == canonical.sha256({"a": 1})
    assert canonical.ordered_sha256("한") == hashlib.sha256('"한"'.encode()).hexdigest()
    assert canonical.sha256("\ud800") == hashlib.sha256('"\ud800"'.encode("utf-8", "surrogatepass")).hexdigest()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    (
        (1, 1.0, True),
        (True, 1, False),
        (0, False, False),
        (False, False, True),
        ([1, True], [1, 1], False),
        ([1], [1, 2], False),
        ([1, 2], [1, 2.0], True),
        ([], {}, False),
        ({"a": [1]}, {"a": [True]}, False),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": 1}, {"b": 1}, False),
        ("1", 1, False),
        (None, None, True),
    ),
)
def test_two_values_mean_the_same(one: Any, other: Any, *, same: bool) -> None:
    assert canonical.same(one, other) is same
    assert canonical.same(other, one) is same


@pytest.mark.parametrize(
    ("created", "seconds"),
    (
        (0, 0),
        (1_700_000_000, 1_700_000_000),
        (1_700_000_000.9, 1_700_000_000),
        (-5, -5),
        (99_999_999_999, 99_999_999_999),
        (100_000_000_000, 100_000_000),
        (1_700_000_000_123, 1_700_000_000),
        (1_700_000_000_123_456, 1_700_000_000),
        (-1_700_000_000_000, -1_700_000_000),
        ("1700000000", 1_700_000_000),
        ("1700000000123", 1_700_000_000),
        ("2023-11-14T22:13:20", 1_700_000_000),
        ("2023-11-14T22:13:20+00:00", 1_700_000_000),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000),
        ("yesterday", None),
        ("", None),
        ("nan", None),
        (math.inf, None),
        (math.nan, None),
        (True, None),
        (None, None),
        ([1], None),
    ),
)
def test_times_are_read(created: Any, seconds: int | None) -> None:
    found = canonical.seconds(created)
    assert (found, type(found)) == (seconds, type(seconds))
