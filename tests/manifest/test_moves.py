"""What `moved` compiles to."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from deployer.manifest import compile_manifest, load
from deployer.manifest.document import SourceDocument
from deployer.manifest.yaml12 import PositionTree
from deployer.model import Address
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


def test_moves_that_end_in_a_circle_move_nothing(project: Project) -> None:
    project.manifest("""
        assistants: {b: {model: m}}
        moved:
          - {from: assistant/x, to: assistant/y}
          - {from: assistant/y, to: assistant/z}
          - {from: assistant/z, to: assistant/y}
          - {from: assistant/a, to: assistant/b}
        """)
    found = compile_manifest(Path("assistants.yaml"), None, {}, {})
    assert [(str(old), str(new)) for old, new in found.moved] == [("assistant/a", "assistant/b")]
    assert [problem.message for problem in found.problems] == [
        f"assistant/{name} moves in a circle" for name in ("x", "y", "z")
    ]


def _steps(count: int) -> int:
    """Return how often an address is looked up to follow a chain of so many moves, told in the worst order."""

    class Counted(dict[Address, load._Move]):
        looked_up = 0

        def __getitem__(self, key: Address) -> load._Move:
            Counted.looked_up += 1
            return super().__getitem__(key)

    chain = [Address("assistant", f"a{number}") for number in range(count + 1)]
    document = SourceDocument("m.yaml", {}, PositionTree(1, 1))
    moves = Counted({old: load._Move(document, 0, old, new) for old, new in pairwise(chain)})
    assert set(load._ends(moves).values()) == {chain[-1]}
    return Counted.looked_up


def test_a_chain_of_moves_is_followed_once() -> None:
    assert (_steps(500), _steps(4_000)) == (500, 4_000)
