"""SQL as every supported version of Python takes it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import deployer.server

_FOLDER = Path(deployer.server.__file__).parent
_NAMED_OR_NUMBERED = re.compile(r"\?[0-9]|(?<![:\w])[:@$][a-z_]+\b")
_STATEMENT = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|REPLACE)\b.*\b(FROM|INTO|SET|WHERE)\b")


def _statements() -> Iterator[tuple[str, str]]:
    for file in sorted(_FOLDER.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _STATEMENT.search(node.value):
                yield f"{file.name}:{node.lineno}", node.value


def test_placeholders_are_bare_question_marks() -> None:
    """Numbered and named ones, bound from a sequence, are deprecated from Python 3.12 on."""
    found = dict(_statements())
    assert len(found) > 20
    assert {place: text for place, text in found.items() if _NAMED_OR_NUMBERED.search(text)} == {}
