"""The manifest's schema in a real editor's server: `make editor` installs it and runs this."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.manifest import schema
from tests.support.language_server import Editor, editor
from tests.support.needs import NODE

PROGRAM = Path(__file__).parents[1] / ".venv" / "editor" / "node_modules" / "yaml-language-server" / "bin"
SERVER = PROGRAM / "yaml-language-server"
MANIFEST = """\
# yaml-language-server: $schema=manifest.schema.json
version: 1
project: x
assistants:
  a:
    model: m
    temperature: 9
    reasoning_effort:\x20
    tools:
      - type: file_search
       \x20
silence:
  -\x20
"""
pytestmark = [
    NODE,
    pytest.mark.slow,
    pytest.mark.skipif(not SERVER.exists(), reason="yaml-language-server is not installed: make editor"),
]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("editor")
    (folder / "manifest.schema.json").write_text(json.dumps(schema.load("manifest.schema.json")), encoding="utf-8")
    (folder / "fragment.schema.json").write_text(json.dumps(schema.of_fragments()), encoding="utf-8")
    with editor(SERVER, folder) as found:
        yield found


def test_it_marks_shows_and_completes(opened: Editor) -> None:
    assert "Value is above the maximum of 2." in opened.open("assistants.yaml", MANIFEST)
    assert "How freely it answers" in opened.hover("assistants.yaml", 6, 6)
    assert "The model that answers" in opened.hover("assistants.yaml", 5, 6)
    assert "Which tool" in opened.hover("assistants.yaml", 9, 10)
    assert {"minimal", "high"} <= set(opened.complete("assistants.yaml", 7, 22))
    assert {"vector_stores", "max_num_results"} <= set(opened.complete("assistants.yaml", 10, 8))
    assert "parameter-description" in opened.complete("assistants.yaml", 12, 4)


def test_an_included_file_is_checked_by_its_own_schema(opened: Editor) -> None:
    head = "# yaml-language-server: $schema=fragment.schema.json\nassistants:\n  a:\n    model: m\n"
    assert opened.open("good.yaml", head) == []
    assert opened.open("bad.yaml", f"{head}    bad: 1\n") == ["Property bad is not allowed."]
