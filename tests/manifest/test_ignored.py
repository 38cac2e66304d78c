"""`.deployerignore` means what git means by the same lines: git itself is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deployer.manifest.globs import FILE, Ignored
from tests.support import needs
from tests.support.project import Project

PATHS = ("a.md", "b.txt", "x/a.md", "x/b.txt", "x/y/a.md", "x/y/z/b.txt", "y/a.md", "y/x/a.md")
PIECES = st.sampled_from(["a", "b", "x", "y", "*", "**", "?", "a.md", "*.md", "b.*", "[ax]", "z"])
LINES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(PIECES, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "/", "/", "/**/", "**/", "/**/ "]),
)
TEXTS = st.lists(LINES, max_size=4).map("\n".join)


@needs.GIT
@given(st.fixed_dictionaries(dict.fromkeys(("", "x", "x/y"), TEXTS)))
@example({"": "x/\n!*/", "x": "", "x/y": ""})
@example({"": "!/x/**/*\nz", "x": "!*/\n[ax]", "x/y": ""})
@example({"": "/**/z/", "x": "!**/*/", "x/y": ""})
@example({"": "x/**/", "x": "", "x/y": ""})
@example({"": "*.md\n!**/", "x": "**/x/**/", "x/y": "/**/"})
@example({"": "x/**/**/ ", "x": "y\n!y/**/", "x/y": ""})
@settings(max_examples=40)
def test_git_agrees(tmp_path_factory: pytest.TempPathFactory, rules: dict[str, str]) -> None:
    root = tmp_path_factory.mktemp("root")
    for path in PATHS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    for folder, text in rules.items():
        (root / folder / FILE).write_text(text, encoding="utf-8")
    found = Ignored(root)
    assert [path for path in PATHS if not found.covers(path)] == _kept(root)
    assert found.problems == []


def _kept(root: Path) -> list[str]:
    subprocess.run(["git", "init", "--quiet", "."], cwd=root, check=True)
    command = ["git", "ls-files", "--others", f"--exclude-per-directory={FILE}"]
    shown = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.splitlines()
    return [path for path in PATHS if path in shown]


def test_a_file_of_rules_is_read_once(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("!\n*.md\n", encoding="utf-8")
    found = Ignored(tmp_path)
    assert [found.covers(path) for path in ("a.md", "b.md", "c/d.md", "c/d.txt")] == [True, True, True, False]
    assert [str(problem) for problem in found.problems] == [
        ".deployerignore:1:1: '!' is no pattern; write it as in a .gitignore"
    ]


def test_the_manifest_may_stand_in_a_folder_below(project: Project) -> None:
    """Rules are those of the manifest's folder and below, whatever folder it is called from."""
    project.write(FILE, "*")
    project.write("inner/docs/a.md", "Text.")
    project.write("inner/assistants.yaml", "version: 1\nproject: p\nvector_stores: {d: {files: [docs/*]}}\n")
    assert project.run("validate", "-f", "inner/assistants.yaml").code == 0
