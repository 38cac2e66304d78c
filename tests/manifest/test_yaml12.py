"""YAML 1.2's meaning of plain words, and the places of keys and values."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.manifest import yaml12

TEXT = (
    *("no", "yes", "on", "off", "y", "N", "NO", "08", "007", "+08", "1_000", "0b11", "0o8", "0xg", "1:30", "12:30:45"),
    *("2026-11-21", "2026-11-21T10:00:00Z", "nULL", "tRue", "none", "None", "1e", "1.2.3", "v1", "-", "--", "+", "."),
    *("1.e", "=", "gpt-6.1-sol", "한글", "٣", "．5", "inf", "nan", "NaN", "1 000", "0o-7", "-0x1"),
)
VALUES = (
    *(("true", True), ("True", True), ("FALSE", False), ("null", None), ("~", None), ("NULL", None), ("", None)),
    *(
        ("0", 0),
        ("-0", 0),
        ("+12", 12),
        ("-7", -7),
        ("0o17", 15),
        ("0x1F", 31),
        ("123456789012345678901234567890",) * 2,
    ),
    *(("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("-1.5E-3", -0.0015), ("+.5", 0.5), ("1.0", 1.0), ("0.0", 0.0)),
)


@pytest.mark.parametrize("word", TEXT)
def test_stays_text(word: str) -> None:
    assert yaml12.read(f"key: {word}\n" if word != "-" else "key: '-'\n")[0] == {"key": word}


@pytest.mark.parametrize(("word", "value"), VALUES)
def test_has_a_value(word: str, value: Any) -> None:
    found = yaml12.read(f"key: {word}\n")[0]["key"]
    wanted = int(value) if isinstance(value, str) else value
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize("text", ("'5'", '"true"', "! 5", "!!str 5", "|-\n  5", ">-\n  5"))
def test_what_is_quoted_or_tagged_is_text(text: str) -> None:
    assert isinstance(yaml12.read(f"key: {text}\n")[0]["key"], str)


@pytest.mark.parametrize("word", (".inf", "-.inf", "+.INF", ".nan", ".NaN", "1e999", "9" * 400))
def test_json_has_no_such_number(word: str) -> None:
    with pytest.raises(yaml12.YamlError, match="JSON has no number") as caught:
        yaml12.read(f"key: {word}\n")
    assert (caught.value.line, caught.value.column) == (1, 6)


def test_keys_are_text_in_the_order_of_the_file() -> None:
    data = yaml12.read("b: 1\n1: 2\ntrue: 3\n'a': 4\n~: 5\n")[0]
    assert list(data) == ["b", "1", "true", "a", "~"]


@pytest.mark.parametrize("text", ("", "\n", "# only a comment\n", "---\n", "--- \n...\n"))
def test_nothing_is_none(text: str) -> None:
    assert yaml12.read(text)[0] is None


def test_marks() -> None:
    _, mark = yaml12.read("a:\n  - x\n  - {한: 1, b: [2]}\n")
    item = mark.inside["a"].inside[1]
    assert (mark.line, mark.column, mark.keys["a"]) == (1, 1, (1, 1))
    assert (mark.inside["a"].line, mark.inside["a"].column) == (2, 3)
    assert (item.line, item.column, item.keys["b"]) == (3, 5, (3, 12))
    assert (item.inside["b"].inside[0].line, item.inside["b"].inside[0].column) == (3, 16)


def test_an_alias_is_the_value_at_the_place_of_its_anchor() -> None:
    data, mark = yaml12.read("a: &x [1]\nb: *x\n")
    assert data == {"a": [1], "b": [1]}
    assert mark.inside["b"].line == 1


@pytest.mark.parametrize(("depth", "fits"), ((yaml12.MAX_DEPTH, True), (yaml12.MAX_DEPTH + 1, False)))
def test_the_limit_of_depth(depth: int, fits: bool) -> None:  # noqa: FBT001 (a column of the table)
    text = "[" * depth + "1" + "]" * depth
    if fits:
        assert yaml12.read(text)[0] is not None
        return
    with pytest.raises(yaml12.YamlError, match="nested deeper"):
        yaml12.read(text)


def test_the_limit_of_aliases_is_near_to_what_they_unfold_into() -> None:
    tens = "- &a [x, x, x, x, x, x, x, x]\n- &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
    hundreds = tens + "- &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
    assert len(yaml12.read(hundreds)[0]) == 3
    with pytest.raises(yaml12.YamlError, match="too much data"):
        yaml12.read(hundreds + "- [" + "*c, " * (yaml12.MAX_ALIASED // 1000) + "*c]\n")
