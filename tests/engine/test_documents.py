"""Attributes of documents that git and the account came to agree on, without an apply in between."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from deployer.engine import documents, stamp
from deployer.model import DesiredFile, FileAction, LiveFile, Origin

Values = Mapping[str, Any]


def desired(attributes: Values) -> DesiredFile:
    return DesiredFile("a.md", 1, "aa", attributes=attributes)


def live(attributes: Values, applied: Values, status: str = "completed") -> LiveFile:
    return LiveFile("f1", "a.md", "aa", status, 1, 0, None, None, attributes, stamp.applied(applied))


@pytest.mark.parametrize("status", ("completed", "in_progress"))
def test_what_they_agree_on_is_stamped(status: str) -> None:
    found = live({"year": 2031, "team": "b", "note": "theirs"}, {"year": 2030, "team": "b"}, status)
    (change,) = documents.compare([desired({"year": 2031, "team": "b"})], [found])
    assert (change.action, str(change.reason)) == (FileAction.UPDATE, "git and the account agree now: year")
    assert change.origin is Origin.MANIFEST


def test_what_an_apply_wrote_is_not() -> None:
    values = {"year": 2031, "team": "b", "draft": True, "level": 1}
    assert documents.compare([desired(values)], [live({**values, "level": 1.0}, values)]) == ()


def test_one_is_not_true() -> None:
    """Both are looked at, and in this order: what is remembered of the first must not answer for the second."""
    one, true = live({"a": 1}, {"a": 1}), live({"a": True}, {"a": 1})
    assert documents.compare([desired({"a": 1})], [one]) == ()
    assert [str(change.reason) for change in documents.compare([desired({"a": True})], [true])] == [
        "git and the account agree now: a"
    ]


def test_a_way_back_settles_nothing() -> None:
    found = live({"year": 2031}, {"year": 2030})
    assert documents.compare([desired({"year": 2031})], [found], settle=False) == ()
