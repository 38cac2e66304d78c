"""The words of docs/glossary.md, held against every name and docstring of the package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from benchmarks.house import PAIRS, House, pairs

HOUSE = House()
NAMES = frozenset(
    (
        "ours",
        "theirs",
        "stranger",
        "strangers",
        "wishes",
        "shelf",
        "brake",
        "utils",
        "helpers",
        "manager",
        "common",
        "misc",
    )
)
"""Parts of names that the glossary has another word for."""
OPENINGS = ("Give ", "Gives ", "Tell ", "Tells ")
PROSE = re.compile(r"\b(?:ours|strangers?|nobody)\b", re.IGNORECASE)


def names() -> Iterator[tuple[str, str]]:
    """Every module, class, function and parameter, with where it is."""
    for module in HOUSE.modules.values():
        yield module.name, module.name.rpartition(".")[2]
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module.name}.{node.name}", node.name
            elif isinstance(node, ast.arg):
                yield f"{module.name}:{node.lineno}", node.arg


def docstrings() -> Iterator[tuple[str, str]]:
    for module in HOUSE.modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                name = getattr(node, "name", "")
                yield f"{module.name}.{name}".rstrip("."), ast.get_docstring(node) or ""


def parts(name: str) -> set[str]:
    """The words of a name: `SnapshotStore` and `snapshot_store` have the same."""
    return set(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().split("_"))


def test_no_name_holds_a_word_that_the_glossary_avoids() -> None:
    assert [where for where, name in names() if parts(name) & NAMES] == []


def test_docstrings_return_and_say_whether() -> None:
    assert [where for where, text in docstrings() if text.startswith(OPENINGS)] == []


def test_docstrings_use_the_words_of_the_field() -> None:
    assert [where for where, text in docstrings() if PROSE.search(text)] == []


def test_a_class_name_stands_for_one_thing() -> None:
    twice = HOUSE.class_names()
    assert sorted(twice) == sorted(pairs())
    assert len(twice) <= PAIRS


@pytest.mark.parametrize(
    ("name", "words"), (("SnapshotStore", {"snapshot", "store"}), ("_give_all", {"", "give", "all"}))
)
def test_names_are_taken_apart(name: str, words: set[str]) -> None:
    assert parts(name) == words
