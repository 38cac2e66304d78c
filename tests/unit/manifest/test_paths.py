"""Globs: what they match, in which order, and how names in other normal forms are found."""

from __future__ import annotations

import os
import time
import unicodedata
from pathlib import Path

import pytest

from deployer.manifest import paths

FILES = ("a.md", "b.txt", "sub/c.md", "sub/deep/d.md", ".hidden.md", ".git/e.md", "sub/[x].md")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    (
        ("a.md", ["a.md"]),
        ("*.md", ["a.md"]),
        ("**", ["a.md", "b.txt", "sub/[x].md", "sub/c.md", "sub/deep/d.md"]),
        ("**/*.md", ["a.md", "sub/[x].md", "sub/c.md", "sub/deep/d.md"]),
        ("**/**/c.md", ["sub/c.md"]),
        ("sub/**", ["sub/[x].md", "sub/c.md", "sub/deep/d.md"]),
        ("sub/**/deep/**", ["sub/deep/d.md"]),
        ("*/c.md", ["sub/c.md"]),
        ("sub/../a.md", ["sub/../a.md"]),
        ("[ab].*", ["a.md", "b.txt"]),
        ("[!a].*", ["b.txt"]),
        ("sub/[[]x].md", ["sub/[x].md"]),
        (".*", [".hidden.md"]),
        (".git/*", [".git/e.md"]),
        ("sub", []),
        ("*/", []),
        ("A.md", []),
    ),
)
def test_what_a_glob_matches(folder: Path, pattern: str, names: list[str]) -> None:
    assert [str(path.relative_to(folder)) for path in paths.matches(folder, pattern)] == names


@pytest.mark.parametrize("disk", ("NFC", "NFD"))
@pytest.mark.parametrize("written", ("NFC", "NFD"))
@pytest.mark.parametrize("pattern", ("지식/용도.md", "지식/용*.md", "**/용도.md", "지식/**"))
def test_names_are_found_in_either_normal_form(tmp_path: Path, disk: str, written: str, pattern: str) -> None:
    path = tmp_path / unicodedata.normalize("NFC", "지식") / unicodedata.normalize(disk, "용도.md")  # type: ignore[arg-type]
    path.parent.mkdir()
    path.touch()
    text = unicodedata.normalize(written, pattern)  # type: ignore[arg-type]
    assert paths.matches(tmp_path, text) == [path]
    if "*" not in text:
        assert paths.existing(tmp_path, text) == path


def test_circles_of_links_end(folder: Path) -> None:
    for number in range(6):
        (folder / f"sub/loop{number}").symlink_to("..")
    started = time.process_time()
    assert len(paths.matches(folder, "**")) == 5
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("pattern", "part"),
    (("a/b/*.md", "a/b"), ("**", "."), ("../x/*", "../x"), ("/etc/*", "/etc"), ("a/b.md", "a/b.md"), ("./a/*", "a")),
)
def test_where_a_glob_starts(pattern: str, part: str) -> None:
    assert paths.fixed_part(pattern) == part


def test_relative_goes_through_links_but_not_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret").touch()
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "in").symlink_to(root / "sub")
    (root / "circle").symlink_to("circle")
    (tmp_path / "rooted").symlink_to(root)
    assert paths.relative(root, root / "out") is None
    assert paths.relative(root, root / "../secret") is None
    assert paths.relative(root, root / "in") == "in"
    assert paths.relative(root, root / "sub/../in/x") == "in/x"
    assert paths.relative(root, tmp_path / "rooted/sub") == "sub"
    assert paths.relative(root, root / "circle") == "circle"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may look into every folder")
def test_a_folder_without_permission_is_empty(folder: Path) -> None:
    (folder / "sub").chmod(0)
    found = paths.matches(folder, "sub/**")
    (folder / "sub").chmod(0o700)
    assert found == []
