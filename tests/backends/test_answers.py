"""What is made of an answer before anybody else sees it: no key, no half characters, ids that lead nowhere, dates."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.backends import validate
from deployer.backends.http.redact import masked, redacted
from deployer.engine import canonical

keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=40)
texts = st.text(st.characters(exclude_categories=[]), max_size=20)
values = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
)


@given(st.dictionaries(texts, values, max_size=3), keys)
def test_what_holds_neither_key_nor_half_characters_stays_as_it_is(data: dict[str, Any], key: str) -> None:
    found = redacted(data, key)
    written = json.dumps(data, ensure_ascii=False)
    whole = not any("\ud800" <= one <= "\udfff" for one in written)
    if whole and json.dumps(key)[1:-1] not in written:
        assert found is data
    json.dumps(found, ensure_ascii=False).encode("utf-8")


@given(texts, texts, keys)
def test_the_key_is_masked_in_names_and_values(before: str, after: str, key: str) -> None:
    found = redacted({before + key + after: [{"x": before + key}]}, key)
    assert key not in json.dumps(found, ensure_ascii=False).replace("\\\\", "\\").replace('\\"', '"')


@given(keys)
def test_the_key_is_masked_however_json_spells_it(key: str) -> None:
    spelled = "".join(f"\\u{ord(one):04X}" if place % 2 or one in '"\\' else one for place, one in enumerate(key))
    for said in (key, spelled, json.dumps(key)[1:-1], key.replace("/", "\\/")):
        assert masked(f"<{said}>", key) == "<***>"


def test_a_short_key_is_no_secret() -> None:
    assert masked("any thing", "any") == "any thing"
    assert redacted({"name": "any thing"}, "any") == {"name": "any thing"}
    assert masked("text", None) == "text"


@given(st.one_of(texts, st.from_regex(r"[./?#%\\a-z]{1,8}", fullmatch=True)))
def test_an_id_is_one_segment_of_a_path(one: str) -> None:
    if validate.is_id(one):
        path = urlsplit(f"https://host/v1/assistants/{one}").path
        assert path == f"/v1/assistants/{one}"
        assert quote(one).count("/") == 0
        assert set(one) != {"."}


DATES = (
    (1_795_000_000, 1_795_000_000),
    (1_795_000_000.7, 1_795_000_000),
    (1_795_000_000_000, 1_795_000_000),
    (1_795_000_000_000_000, 1_795_000_000),
    ("1795000000", 1_795_000_000),
    ("1795000000000", 1_795_000_000),
    ("2026-11-18T11:06:40Z", 1_795_000_000),
    ("2026-11-18T20:06:40+09:00", 1_795_000_000),
    ("2026-11-18T11:06:40.000000", 1_795_000_000),
    ("2026-11-18 11:06:40", 1_795_000_000),
    (0, 0),
    (-1, -1),
    (10**400, 10**10),
    ("yesterday", None),
    ("", None),
    ("nan", None),
    (float("inf"), None),
    (None, None),
    (True, None),
    ({"year": 2026}, None),
)


@pytest.mark.parametrize(("created", "seconds"), DATES)
def test_a_date_is_read_however_it_is_written(created: Any, seconds: int | None) -> None:
    assert canonical.seconds(created) == seconds


@given(st.one_of(texts, st.integers(), st.floats(), st.text("0123456789-T:Z+.e ", max_size=25)))
def test_no_date_is_a_bug(created: Any) -> None:
    found = canonical.seconds(created)
    assert found is None or abs(found) < 10**11
