"""What a manifest compiles to: the places of its fields, texts from files, and names from other files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from deployer.manifest import Manifest, compile_manifest
from deployer.model import Position
from tests.support.project import Project

MANIFEST = """\
include: [parts/*.yaml]
vector_stores:
  docs: {name: Docs}
assistants:
  tutor:
    model: gpt-6-luna
    name: Tutor
    instructions: {file: prompts/tutor.md}
    tools:
      - {type: code_interpreter}
      - {type: function, file: functions/show.json}
"""
PART = """\
assistants:
  other:
    model: gpt-6-luna
    instructions: {file: ../prompts/tutor.md}
    tools: [{type: file_search, vector_stores: [docs]}]
"""


def _compiled(project: Project) -> Manifest:
    project.manifest(MANIFEST)
    project.write("parts/a.yaml", PART)
    project.write("prompts/tutor.md", b"\xef\xbb\xbfBe brief.\r\n\r\nBe kind.\r\n")
    project.write(
        "functions/show.json",
        '{"name": "show", "parameters": {"type": "object", "properties": {}, "title": "Z", "description": "A"}}',
    )
    found = compile_manifest(Path("assistants.yaml"), None, {}, {})
    assert found.problems == ()
    return found


def test_addresses_in_the_order_of_the_files(project: Project) -> None:
    found = [str(resource.address) for resource in _compiled(project).resources]
    assert found == ["vector_store/docs", "assistant/tutor", "assistant/other"]


def test_instructions_lose_what_an_editor_adds(project: Project) -> None:
    assert [one.attrs.get("instructions") for one in _compiled(project).resources][1:] == ["Be brief.\n\nBe kind."] * 2


def test_functions_keep_the_order_of_their_keys(project: Project) -> None:
    tutor = _compiled(project).resources[1]
    function = tutor.attrs["tools"][1]
    assert function["type"] == "function"
    assert list(function["parameters"]) == ["type", "properties", "title", "description"]


def test_references_are_addresses_across_files(project: Project) -> None:
    other = _compiled(project).resources[2]
    assert other.attrs["tools"] == [{"type": "file_search", "vector_stores": ["vector_store/docs"]}]


def test_every_field_knows_its_place(project: Project) -> None:
    _, tutor, other = _compiled(project).resources
    assert tutor.position() == Position("assistants.yaml", 7, 3)
    assert tutor.position("name") == Position("assistants.yaml", 9, 5)
    assert tutor.position("tools/show") == Position("assistants.yaml", 13, 9)
    assert tutor.position("tools/gone") == Position("assistants.yaml", 11, 5)
    assert other.position("model") == Position("parts/a.yaml", 3, 5)


def test_the_same_whatever_folder_it_is_called_from(project: Project, tmp_path: Path) -> None:
    here = _compiled(project)
    there = compile_manifest(tmp_path / "parts/../assistants.yaml", None, {}, {})
    assert here.root == there.root
    unplaced = [[replace(one, positions={}) for one in found.resources] for found in (here, there)]
    assert unplaced[0] == unplaced[1]
    assert str(there.resources[0].position()) == f"{tmp_path}/{here.resources[0].position()}"
