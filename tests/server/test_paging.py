"""Lists and their windows."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.server.support import made

PATH = "/v1/assistants"


@pytest.fixture
def names(api: TestClient) -> dict[str, str]:
    """Five assistants, a to e: name → id."""
    return {name: made(api, PATH, model="m", name=name)["id"] for name in "abcde"}


@pytest.mark.parametrize(
    ("query", "expected", "more"),
    (
        ({}, "edcba", False),
        ({"order": "asc"}, "abcde", False),
        ({"limit": 2}, "ed", True),
        ({"limit": 2, "after": "d"}, "cb", True),
        ({"limit": 2, "after": "b"}, "a", False),
        ({"after": "a"}, "", False),
        ({"limit": 2, "before": "b"}, "dc", True),
        ({"limit": 2, "before": "d"}, "e", False),
        ({"order": "asc", "limit": 2, "after": "b"}, "cd", True),
        ({"order": "asc", "limit": 2, "before": "d"}, "bc", True),
        ({"after": "e", "before": "a"}, "dcb", False),
    ),
)
def test_windows(api: TestClient, names: dict[str, str], query: Any, expected: str, more: bool) -> None:  # noqa: FBT001
    wanted = {name: names.get(str(value), value) for name, value in query.items()}
    page = api.get(PATH, params=wanted).json()
    assert "".join(item["name"] for item in page["data"]) == expected
    assert page["has_more"] is more
    assert page["first_id"] == names.get(expected[:1])
    assert page["last_id"] == names.get(expected[-1:])


@pytest.mark.parametrize(
    ("query", "param", "code"),
    (
        ({"limit": 0}, "limit", "integer_below_min_value"),
        ({"limit": 101}, "limit", "integer_above_max_value"),
        ({"limit": "many"}, "limit", "invalid_type"),
        ({"limit": "9" * 30}, "limit", "invalid_type"),
        ({"order": "up"}, "order", "invalid_value"),
    ),
)
def test_windows_that_make_no_sense(api: TestClient, query: Any, param: str, code: str) -> None:
    answer = api.get(PATH, params=query)
    assert answer.status_code == 400
    assert (answer.json()["error"]["param"], answer.json()["error"]["code"]) == (param, code)


def test_a_cursor_that_is_not_there(api: TestClient) -> None:
    answer = api.get(PATH, params={"after": "asst_no"})
    assert answer.status_code == 404
    assert answer.json()["error"]["param"] == "after"
