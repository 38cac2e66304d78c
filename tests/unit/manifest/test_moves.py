"""What `moved` compiles to."""

from __future__ import annotations

from pathlib import Path

from deployer.manifest import compile_manifest
from tests.support.project import Project


def _moved(project: Project, moves: str) -> dict[str, str]:
    project.manifest(f"assistants: {{b: {{model: m}}, c: {{model: m}}}}\nmoved: {moves}\n")
    found = compile_manifest(Path("assistants.yaml"), None, {}, {})
    assert found.problems == ()
    return {str(old): str(new) for old, new in found.moved}


def test_old_and_new_address(project: Project) -> None:
    assert _moved(project, "[{from: assistant/a, to: assistant/b}]") == {"assistant/a": "assistant/b"}
    assert _moved(project, "[]") == {}


def test_a_move_of_a_move_is_followed_to_the_end(project: Project) -> None:
    moves = ("x, to: assistant/y", "z, to: assistant/c", "y, to: assistant/b")
    assert _moved(project, f"[{', '.join(f'{{from: assistant/{move}}}' for move in moves)}]") == {
        "assistant/x": "assistant/b",
        "assistant/z": "assistant/c",
        "assistant/y": "assistant/b",
    }


def test_in_an_included_file(project: Project) -> None:
    project.write("more.yaml", "moved: [{from: assistant/old, to: assistant/b}]\n")
    project.manifest("include: [more.yaml]\nassistants: {b: {model: m}}\n")
    found = compile_manifest(Path("assistants.yaml"), None, {}, {})
    assert [(str(old), str(new)) for old, new in found.moved] == [("assistant/old", "assistant/b")]
