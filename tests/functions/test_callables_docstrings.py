"""Descriptions come from docstrings of three styles, wherever the callable keeps them."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from deployer.functions.python.callables import from_callable, notes

GOOGLE = """
Search the catalogue
for a title.

Slow on Mondays.

Args:
    query: What to look for,
        in words.
    limit (int): How many: at most 10.

Returns:
    What was found.
"""
GOOGLE_LONG = GOOGLE.replace("Args:", "Arguments:")
NUMPY = """
Search the catalogue
for a title.

Slow on Mondays.

Parameters
----------
query : str
    What to look for,
    in words.
limit : int, optional
    How many: at most 10.

Returns
-------
list
    What was found.
"""
REST = """
Search the catalogue
for a title.

Slow on Mondays.

:param query: What to look for,
    in words.
:param int limit: How many: at most 10.
:returns: What was found.
"""
REST_BARE = """
Search the catalogue
for a title.

Slow on Mondays.

:param query: What to look for, in words.
:param list[int] limit: How many: at most 10."""


def search(doc: str | None) -> Callable[..., Any]:
    def function(query: str, limit: int = 10) -> None:
        """Be replaced."""

    function.__doc__ = textwrap.indent(doc, "    ") if doc else doc
    return function


@pytest.mark.parametrize("doc", (GOOGLE, GOOGLE_LONG, NUMPY, REST, REST_BARE))
def test_every_style_tells_the_same(doc: str) -> None:
    definition = from_callable(search(doc))
    properties = definition["parameters"]["properties"]
    assert definition["description"] == "Search the catalogue for a title.\n\nSlow on Mondays."
    assert properties["query"]["description"] == "What to look for, in words."
    assert properties["limit"]["description"] == "How many: at most 10."


@pytest.mark.parametrize(
    ("doc", "description"),
    (
        ("One line.", "One line."),
        ("Note: read this.\n\nMore: that.", "Note: read this.\n\nMore: that."),
        ("Takes one of\n\n- a\n- b\n1. c", "Takes one of\n\n- a\n- b\n1. c"),
        ("수원시의 도시계획을\n찾습니다.", "수원시의 도시계획을 찾습니다."),
    ),
)
def test_text_without_sections_is_the_description(doc: str, description: str) -> None:
    assert from_callable(search(doc))["description"] == description


def test_the_parser_says_nothing_on_the_side(caplog: pytest.LogCaptureFixture) -> None:
    for doc in (GOOGLE, NUMPY, REST):
        from_callable(search(doc))
    assert caplog.records == []


def test_what_is_not_said_is_noted() -> None:
    def silent(a, b: int):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        pass

    assert "description" not in from_callable(silent)
    assert notes(silent) == (
        "silent has no docstring: a model cannot tell what it is for",
        "the parameter a has no annotation: any value is admitted",
        "the parameter a has no description",
        "the parameter b has no description",
    )
    assert notes(search(GOOGLE)) == ()


class Desk:
    """Answer questions."""

    def __init__(self, name: str = "desk") -> None:
        self.name = name

    def ask(self, question: str) -> str:
        """Ask it.

        Args:
            question: In Korean.
        """
        return question

    @staticmethod
    def close(hour: Annotated[int, "From 0 to 23."]) -> None:
        """Close it."""

    def __call__(self, question: str) -> str:
        return question


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


async def fetch(url: str) -> str:
    """Fetch it."""
    return url


@pytest.mark.parametrize(
    ("function", "name", "description", "properties"),
    (
        (Desk().ask, "ask", "Ask it.", {"question": {"type": "string", "description": "In Korean."}}),
        (Desk.close, "close", "Close it.", {"hour": {"type": "integer", "description": "From 0 to 23."}}),
        (Desk, "Desk", "Answer questions.", {"name": {"type": "string", "default": "desk"}}),
        (Desk(), "Desk", "Answer questions.", {"question": {"type": "string"}}),
        (fetch, "fetch", "Fetch it.", {"url": {"type": "string"}}),
        (logged(fetch), "fetch", "Fetch it.", {"url": {"type": "string"}}),
        (functools.partial(fetch, url="x"), "fetch", "Fetch it.", {"url": {"type": "string", "default": "x"}}),
        (
            functools.partial(search("Find it."), "x"),
            "function",
            "Find it.",
            {"limit": {"type": "integer", "default": 10}},
        ),
    ),
)
def test_all_sorts_of_callables(function: Any, name: str, description: str, properties: dict[str, Any]) -> None:
    definition = from_callable(function)
    assert (definition["name"], definition["description"]) == (name, description)
    assert definition["parameters"]["properties"] == properties
