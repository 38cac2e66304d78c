"""Where documents go: inside the folder, visible, and never two at one place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.manifest.declaration import DocumentPaths, TextFiles, as_pattern, is_safe, safe_name
from deployer.manifest.export import slug
from deployer.manifest.globs import matches

NAMES = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        ["..", ".", "", "../../etc/passwd", "/abs", ".env", "a\\b", "C:x", "a\0b", "x" * 400 + ".md", "A.md"]
    ),
    st.sampled_from(["a.md", "A.MD", "가.md", "가.md", "a[1].md", "*.md", "\x1b[2J.md"]),
)


@given(st.lists(NAMES, max_size=8))
def test_every_document_has_a_safe_path_of_its_own(names: list[str]) -> None:
    places = DocumentPaths()
    paths = [places.find("knowledge/docs", name, str(number)) for number, name in enumerate(names)]
    assert all(is_safe(path) for path in paths)
    assert len({path.casefold() for path in paths}) == len(names)
    for path in paths:
        assert PurePosixPath(path).parts[:2] == ("knowledge", "docs")
        assert not any(part.startswith(".") for part in path.split("/"))
        assert len(PurePosixPath(path).name.encode()) <= 255


@given(NAMES)
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    assert safe_name(safe_name(name)) == safe_name(name)


@pytest.mark.parametrize(
    "path", ("../a.md", "/a.md", "a/../b.md", ".git/config", "assistants.yaml", "Prompts/a.md", "a//b.md", "")
)
def test_a_path_that_leads_astray_is_not_kept(path: str) -> None:
    assert not DocumentPaths().keep(path, "sha")


def test_one_content_may_stand_at_one_path_for_several_stores() -> None:
    places = DocumentPaths()
    assert places.keep("docs/a.md", "one")
    assert places.keep("docs/a.md", "one")
    assert not places.keep("docs/a.md", "two")
    assert not places.keep("docs/A.md", "two")


@pytest.mark.parametrize("name", ("a[1].md", "[x].md", "plain.md", "한글 [가].md"))
def test_a_pattern_matches_its_own_path_alone(tmp_path: Path, name: str) -> None:
    for one in (name, "a1.md", "x.md"):
        (tmp_path / one).write_text("x", encoding="utf-8")
    assert matches(tmp_path, as_pattern(name)) == [tmp_path / name]


def test_equal_texts_share_a_file_and_others_get_a_number() -> None:
    folder = TextFiles(["functions/C.yaml"])
    assert folder.add("functions/a", ".yaml", "one") == "functions/a.yaml"
    assert folder.add("functions/a", ".yaml", "one") == "functions/a.yaml"
    assert folder.add("functions/A", ".yaml", "two") == "functions/A-2.yaml"
    assert folder.add("functions/a", ".yaml", "two") == "functions/A-2.yaml"
    assert folder.add("functions/c", ".yaml", "three") == "functions/c-2.yaml"


@pytest.mark.parametrize(
    ("name", "key"),
    (
        ("Math Tutor!", "math-tutor"),
        ("수원 2030", "2030"),
        ("수원", ""),
        (None, ""),
        (7, ""),
        ("-x-", "x"),
        ("A" * 99, "a" * 63),
    ),
)
def test_a_key_is_what_it_can_hold_of_a_name(name: object, key: str) -> None:
    assert slug(name) == key


class Looked(dict[str, str]):
    """Counts how often it is asked."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.asked += 1
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self.asked += 1
        return super().__contains__(key)


def _texts(count: int) -> int:
    texts = TextFiles()
    looked = texts._paths = Looked()
    for number in range(count):
        texts.add("functions/search", ".yaml", str(number))
    return looked.asked


def _documents(count: int) -> int:
    looked = Looked()
    paths = DocumentPaths(looked)
    for number in range(count):
        paths.find("knowledge/docs", "a.md", str(number))
    return looked.asked


@pytest.mark.parametrize("many", (_texts, _documents))
def test_of_many_that_want_one_name_each_is_numbered_once(many: Callable[[int], int]) -> None:
    assert many(1_000) <= 3 * 1_000
