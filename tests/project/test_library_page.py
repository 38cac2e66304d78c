"""Every example of docs/library.md is run, in the order of the page, on the project's own example."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

from tests.support.project import Project

PAGE = Path(__file__).parents[2] / "docs" / "library.md"
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_the_examples_do_what_the_page_says(example: Project) -> None:
    del example  # it is the current folder
    names: dict[str, Any] = {"__name__": "library"}
    text = PAGE.read_text(encoding="utf-8")
    blocks = [(match[1], text[: match.start(1)].count("\n")) for match in BLOCK.finditer(text)]
    assert len(blocks) >= 6
    for block, line in blocks:
        if block.startswith(">>>"):
            _check(block, line, names)
        else:
            exec(compile("\n" * line + block, str(PAGE), "exec"), names)  # noqa: S102 (the page is ours)


def _check(block: str, line: int, names: dict[str, Any]) -> None:
    found = doctest.DocTestParser().get_doctest(block, names, PAGE.name, str(PAGE), line)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(found, out=said.append, clear_globs=False)
    names.update(found.globs)
    assert not said, "".join(said)
