"""Globs: what they match, in which order, and how names in other normal forms are found."""

from __future__ import annotations

import os
import sys
import time
import unicodedata
from collections.abc import Iterator
from errno import EACCES, EIO
from pathlib import Path

import pytest

from deployer.manifest import globs
from deployer.manifest.globs import GlobProblems

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
    assert [str(path.relative_to(folder)) for path in globs.matches(folder, pattern)] == names


@pytest.mark.parametrize("disk", ("NFC", "NFD"))
@pytest.mark.parametrize("written", ("NFC", "NFD"))
@pytest.mark.parametrize("pattern", ("지식/용도.md", "지식/용*.md", "**/용도.md", "지식/**"))
def test_names_are_found_in_either_normal_form(tmp_path: Path, disk: str, written: str, pattern: str) -> None:
    path = tmp_path / unicodedata.normalize("NFC", "지식") / unicodedata.normalize(disk, "용도.md")  # type: ignore[arg-type]
    path.parent.mkdir()
    path.touch()
    text = unicodedata.normalize(written, pattern)  # type: ignore[arg-type]
    assert globs.matches(tmp_path, text) == [path]
    if "*" not in text:
        assert globs.existing(tmp_path, text) == path


def test_circles_of_links_end(folder: Path) -> None:
    for number in range(6):
        (folder / f"sub/loop{number}").symlink_to("..")
    started = time.process_time()
    assert len(globs.matches(folder, "**")) == 5
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("pattern", "part"),
    (("a/b/*.md", "a/b"), ("**", "."), ("../x/*", "../x"), ("/etc/*", "/etc"), ("a/b.md", "a/b.md"), ("./a/*", "a")),
)
def test_where_a_glob_starts(pattern: str, part: str) -> None:
    assert globs.fixed_part(pattern) == part


def test_relative_goes_through_links_but_not_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret").touch()
    (root / "out").symlink_to(tmp_path / "secret")
    (root / "in").symlink_to(root / "sub")
    (root / "circle").symlink_to("circle")
    (tmp_path / "rooted").symlink_to(root)
    assert globs.relative(root, root / "out") is None
    assert globs.relative(root, root / "../secret") is None
    assert globs.relative(root, root / "in") == "in"
    assert globs.relative(root, root / "sub/../in/x") == "in/x"
    assert globs.relative(root, tmp_path / "rooted/sub") == "sub"
    assert globs.relative(root, root / "circle") == "circle"


def test_what_went_away_while_its_folder_was_listed_is_no_news(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(path: Path) -> os.stat_result:
        if path.name in {"a.md", "deep"}:
            raise FileNotFoundError
        return found(path)

    def listed(path: Path) -> Iterator[os.DirEntry[str]]:
        if path.name == "deep":
            raise FileNotFoundError
        return entries(path)

    found, entries, odd = os.stat, os.scandir, GlobProblems(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", gone)
        patch.setattr(os, "scandir", listed)
        names = [path.name for path in globs.matches(folder, "**", odd)]
    assert (names, odd.found) == (["b.txt", "[x].md", "c.md"], {})


@pytest.mark.parametrize("pattern", ("**", "**/*.md", "*/*", "sub/*"))
@pytest.mark.parametrize("error", (PermissionError(EACCES, "No entry"), OSError(EIO, "The disk is broken")))
def test_a_folder_that_cannot_be_listed_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, error: OSError
) -> None:
    """The superuser may look into every folder: let the system answer as to anybody else."""

    def listed(path: Path) -> Iterator[os.DirEntry[str]]:
        if path.name == "sub":
            raise error
        return entries(path)

    entries, odd = os.scandir, GlobProblems(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", listed)
        found = globs.matches(folder, pattern, odd)
    assert folder / "sub/c.md" not in found
    assert odd.found == {folder / "sub": (f"sub cannot be read: {error.strerror}", "make it readable")}


@pytest.mark.parametrize("pattern", ("**", "sub/*.md", "*/c.md", "sub/c.md"))
def test_a_folder_whose_files_cannot_be_looked_at_is_told_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    """With `r` and without `x` a folder gives the names of its files, and nothing else."""

    def closed(path: Path) -> os.stat_result:
        if path.parent.name == "sub":
            raise PermissionError(EACCES, "No entry")
        return found(path)

    found, odd = os.stat, GlobProblems(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", closed)
        globs.matches(folder, pattern, odd)
    assert odd.found == {folder / "sub": ("sub cannot be read: No entry", "make it readable")}


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may look into every folder")
@pytest.mark.parametrize("mode", (0, 0o100, 0o400))
def test_folders_without_permissions(folder: Path, mode: int) -> None:
    odd = GlobProblems(folder)
    (folder / "sub/deep/d.md").unlink()
    (folder / "sub/deep").rmdir()
    (folder / "sub").chmod(mode)
    try:
        globs.matches(folder, "**", odd)
    finally:
        (folder / "sub").chmod(0o700)
    assert list(odd.found) == [folder / "sub"]


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="names are Unicode there")
@pytest.mark.parametrize("name", (b"lat\xe9.md", b"f\xe9/a.md"))
def test_a_name_that_is_not_utf_8_is_told_in_escapes(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    odd = GlobProblems(tmp_path)
    shown = name.decode("ascii", "backslashreplace")
    assert globs.matches(tmp_path, "**", odd) == []
    assert odd.found == {path: (f"{shown} has a name that is not UTF-8", "rename it")}


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="names are Unicode there")
def test_the_name_of_the_project_s_own_folder_does_not_matter(tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"lat\xe9")
    root.mkdir()
    (root / "a.md").touch()
    odd = GlobProblems(root)
    assert (globs.matches(root, "*", odd), odd.found) == ([root / "a.md"], {})
