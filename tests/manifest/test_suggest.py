"""Suggestions: the nearest of what would have been right."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.manifest.suggest import nearest, one_of, similar_file


@pytest.mark.parametrize(
    ("word", "remedy"),
    (
        ("modle", "did you mean 'model'?"),
        ("MODEL", "did you mean 'model'?"),
        ("temprature", "did you mean 'Temperature'?"),
    ),
)
def test_the_nearest_choice_in_its_own_spelling(word: str, remedy: str) -> None:
    assert nearest(word, ["name", "model", "Temperature"], "else") == remedy


@pytest.mark.parametrize("word", ("", "zzz", "x" * 5000))
def test_what_is_near_to_nothing(word: str) -> None:
    assert nearest(word, ["name", "model"], "else") == "else"


def test_one_choice_is_said_without_a_list() -> None:
    assert one_of(["a"]) == "it must be a"
    assert one_of(["a", "b"]) == "use one of: a, b"


def test_a_file_is_suggested_in_the_path_that_the_user_wrote(tmp_path: Path) -> None:
    (tmp_path / "tutor.md").touch()
    (tmp_path / "other.yaml").touch()
    assert similar_file(tmp_path / "tutro.md", "../a/tutro.md", "else") == "did you mean '../a/tutor.md'?"
    assert similar_file(tmp_path / "other.yml", "other.yml", "else") == "did you mean 'other.yaml'?"
    assert similar_file(tmp_path / "zzz.md", "zzz.md", "else") == "else"
    assert similar_file(tmp_path / "nowhere/tutor.md", "nowhere/tutor.md", "else") == "else"
