"""What is written for those who carry on is true: recipes name what exists, links lead somewhere, maps are whole."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.house import RECIPES, recipes, touched

ROOT = Path(__file__).parent.parent
PAGES = (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor[1:] in [re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads]


def test_every_page_is_linked_from_the_index_and_the_index_from_the_readme() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = [target for target, _ in LINK.findall(index) if "/" not in target]
    assert sorted(linked) == sorted(page.name for page in (ROOT / "docs").glob("*.md") if page.name != "index.md")
    assert "(docs/index.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_there_is_a_recipe_for_everything_that_is_extended() -> None:
    assert set(recipes()) == {
        "a kind",
        "a surface",
        "a rule",
        "a command",
        "an endpoint of the server",
        "an output format",
    }


@pytest.mark.parametrize(("name", "files"), tuple(recipes().items()))
def test_a_recipe_names_files_that_exist(name: str, files: list[str]) -> None:
    assert [file for file in files if not (ROOT / file).exists()] == []
    assert touched(files) <= RECIPES.get(name, len(files))


def test_the_map_of_the_tests_is_whole() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    mapped = set(re.findall(r"`tests/(\w+)/`", page))
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/*.*")}
    assert mapped == folders - {"__pycache__"}


def test_the_architecture_is_as_it_is_checked() -> None:
    command = [sys.executable, "scripts/make_architecture.py", "--check"]
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
