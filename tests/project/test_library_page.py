"""Every Python example of docs/library.md and the README is run, in the order of the page, on the example."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import Project

ROOT = Path(__file__).parents[2]
PAGES = {ROOT / "docs" / "library.md": 6, ROOT / "README.md": 1}
"""How many examples there are at least."""
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_do_what_the_page_says(example: Project, page: Path) -> None:
    del example  # it is the current folder
    names: dict[str, Any] = {"__name__": "library"}
    text = page.read_text(encoding="utf-8")
    blocks = [(match[1], text[: match.start(1)].count("\n")) for match in BLOCK.finditer(text)]
    assert len(blocks) >= PAGES[page]
    for block, line in blocks:
        if block.startswith(">>>"):
            _check(block, page, line, names)
        else:
            exec(compile("\n" * line + block, str(page), "exec"), names)  # noqa: S102 (the page is ours)


def _check(block: str, page: Path, line: int, names: dict[str, Any]) -> None:
    found = doctest.DocTestParser().get_doctest(block, names, page.name, str(page), line)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(found, out=said.append, clear_globs=False)
    names.update(found.globs)
    assert not said, "".join(said)
