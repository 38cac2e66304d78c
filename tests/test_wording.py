"""Counts, sizes, times and lists in sentences."""

import pytest

from deployer import wording
from deployer.wording import cut, listed, more


@pytest.mark.parametrize(
    ("count", "said"), ((0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_100_000, "2.1 MB"), (5 * 10**9, "5.0 GB"))
)
def test_sizes_read_well(count: int, said: str) -> None:
    assert wording.size(count) == said


@pytest.mark.parametrize(
    ("part", "whole", "said"), ((5, 10, "5 of 10 B"), (0, 120_400_000, "0.0 of 120.4 MB"), (500, 1000, "0.5 of 1.0 kB"))
)
def test_parts_are_told_in_the_unit_of_the_whole(part: int, whole: int, said: str) -> None:
    assert wording.size_of(part, whole) == said


@pytest.mark.parametrize(
    ("seconds", "said"), ((0.1, "1 s"), (45, "45 s"), (89, "89 s"), (120, "2 min"), (3_600, "60 min"), (9_000, "2.5 h"))
)
def test_times_read_well(seconds: float, said: str) -> None:
    assert wording.duration(seconds) == said


@pytest.mark.parametrize(
    ("names", "separator", "said"),
    (
        ("", ", ", ""),
        ("a", ", ", "a"),
        ("ab", ", ", "a, b"),
        ("abc", ", ", "a, b and 1 more"),
        ("abc", "; ", "a; b; and 1 more"),
        ("a" * 1_002, ", ", "a, a and 1,000 more"),
    ),
)
def test_a_few_are_named_and_the_rest_is_counted(names: str, separator: str, said: str) -> None:
    assert listed(list(names), 2, separator) == said


def test_what_is_left_has_its_noun() -> None:
    assert (more(1, "line"), more(2_000, "line")) == ("and 1 more line", "and 2,000 more lines")


@pytest.mark.parametrize(("text", "said"), (("abc", "abc"), ("abcd", "abc…")))
def test_long_text_is_cut(text: str, said: str) -> None:
    assert cut(text, 3) == said
