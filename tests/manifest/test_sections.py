"""The table of sections: what a kind has to bring so that a manifest can declare it."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator

from deployer.errors import DeployerError
from deployer.kinds import SURFACES, Home, Kind, vector_store
from deployer.manifest import Manifest, compile_manifest, export, sections
from deployer.manifest.declaration import Declaration
from deployer.manifest.sections import SECTIONS, Section, manifest_schema
from deployer.model import Address, LiveObject
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
NOTE: Mapping[str, Any] = {
    "description": "Notes: a kind that only the tests know.",
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {
        "text": {"type": "string", "maxLength": 20},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}},
        "metadata": {"$ref": "#/$defs/metadata"},
        "protect": {"$ref": "#/$defs/flag"},
    },
    "$defs": {"line": {"type": "string", "minLength": 1}},
}


@pytest.fixture
def _notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SECTIONS, "notes", Section("note", fragment=NOTE, remedies={"body": "write text: …"}))
    monkeypatch.setitem(SURFACES["agents"], "note", Home(vector_store.KIND))


def _compiled(project: Project, text: str, api: str = "agents") -> Manifest:
    project.manifest(f"accounts: {{embedded: {{api: {api}}}}}\n{textwrap.dedent(text).lstrip()}")
    return compile_manifest(Path("assistants.yaml"), None, {}, {})


def _problems(found: Manifest) -> list[str]:
    return [str(problem) for problem in found.problems]


def test_the_published_schema_is_what_its_fragments_say() -> None:
    subprocess.run([sys.executable, "scripts/make_manifest_schema.py", "--check"], cwd=ROOT, check=True)


def test_every_fragment_belongs_to_a_section() -> None:
    files = {path.stem for path in (ROOT / "schemas" / "fragments").glob("*.json")}
    assert files == {"manifest", *(section.kind for section in SECTIONS.values())}


@pytest.mark.usefixtures("_notes")
def test_a_kind_that_brings_a_row_is_checked_and_compiled_plainly(project: Project) -> None:
    found = _compiled(
        project,
        """
        variables: {word: {default: Hello}}
        notes:
          first: {text: "${var.word}", lines: [a, b], metadata: {team: x}, protect: true}
        assistants: {tutor: {model: m}}
        moved: [{from: note/old, to: note/first}]
        """,
    )
    assert _problems(found) == []
    assistant, note = sorted(found.resources, key=lambda one: str(one.address))
    assert (str(note.address), note.protect, note.files) == ("note/first", True, ())
    assert note.attrs == {"text": "Hello", "lines": ["a", "b"], "metadata": {"team": "x"}}
    assert str(note.position("lines")) == "assistants.yaml:6:32"
    assert assistant.attrs == {"model": "m"}
    assert found.moved == ((Address("note", "old"), Address("note", "first")),)


@pytest.mark.usefixtures("_notes")
def test_mistakes_in_it_are_told_like_all_others(project: Project) -> None:
    project.write("more.yaml", "notes: {first: {text: b}}\n")
    keys = "write assistant/KEY or note/KEY or vector_store/KEY"
    found = _compiled(
        project,
        """
        include: [more.yaml]
        notes:
          first: {txt: a}
          second: {text: b, body: c, lines: [""]}
          third: {text: "${var.nothing}"}
        moved: [{from: notes/old, to: note/first}]
        """,
    )
    assert _problems(found) == [
        "assistants.yaml:6:3: note/first: the key 'text' is missing; add it",
        "assistants.yaml:6:11: note/first: unknown key 'txt'; did you mean 'text'?",
        "assistants.yaml:7:21: note/second: unknown key 'body'; write text: …",
        "assistants.yaml:7:38: note/second.lines[0]: this is empty; write something, or remove the key",
        "assistants.yaml:8:17: note/third.text: the variable 'nothing' is not declared; declare it under variables:",
        f'assistants.yaml:9:16: moved[0].from: "notes/old" is not allowed here; {keys}',
        "assistants.yaml:9:31: moved[0].to: notes/old cannot become note/first; a move keeps the kind",
        "more.yaml:1:9: note/first: 'first' stands twice, first at assistants.yaml:6:3; rename or remove one",
    ]


@pytest.mark.usefixtures("_notes")
def test_what_the_surface_has_no_kind_for_is_told_and_not_deployed_there(project: Project) -> None:
    found = _compiled(project, "notes: {first: {text: a}}\nassistants: {tutor: {model: m}}\n", "assistants")
    assert _problems(found) == [
        "assistants.yaml:4:9: warning: note/first: not sent to account embedded: its API (assistants) has no note"
    ]
    assert [str(one.address) for one in found.resources] == ["assistant/tutor"]


@pytest.mark.usefixtures("_notes")
def test_an_editor_knows_it() -> None:
    schema = manifest_schema().data
    Draft202012Validator.check_schema(schema)
    whole = {"version": 1, "project": "p", "notes": {"a": {"text": "b"}}}
    assert Draft202012Validator(schema).is_valid(whole)
    assert not Draft202012Validator(schema).is_valid({**whole, "notes": {"a": {"text": 1}}})
    assert list(schema["properties"])[-2:] == ["notes", "moved"]
    assert json.dumps(schema["$defs"]["notes"]["description"]) in json.dumps(NOTE)


@pytest.mark.usefixtures("_notes")
def test_it_is_exported_plainly() -> None:
    raw = {"id": "n1", "text": "Hello ${var.x}", "lines": [], "metadata": {}}
    live = LiveObject("note", "n1", raw)
    plain_kind = SimpleNamespace(defaults={"text": None, "lines": []}, naming=None, canonical=lambda raw, _: dict(raw))
    kind = cast("Kind", plain_kind)
    item = export.declared(kind, Address("note", "first"), live, {}, None)
    plain = replace(item, attrs={name: value for name, value in item.attrs.items() if name != "id"})
    written = export.files(export.Header("p", {}), [plain])
    assert written == {"assistants.yaml": "version: 1\nproject: p\nnotes:\n  first:\n    text: Hello $${var.x}\n"}


def test_an_object_of_a_kind_without_a_row_is_left_out_of_an_export_and_named() -> None:
    choice = export.choose([LiveObject("note", "n1", {"id": "n1"})], "p", {}, (), lambda _: None)
    assert (choice.objects, choice.notes) == ((), ("note n1 is left out: a manifest has no section for its kind",))
    stray = Declaration(Address("note", "n1"), LiveObject("note", "n1", {}), {})
    with pytest.raises(DeployerError, match="no section for the kind 'note'"):
        export.files(export.Header("p", {}), [stray])


def test_without_its_row_a_section_is_an_unknown_key(project: Project) -> None:
    found = _problems(_compiled(project, "notes: {first: {text: a}}\n"))
    assert found == ["assistants.yaml:4:1: unknown key 'notes'; did you mean 'tests'?"]


def test_a_kind_without_a_row_is_an_error_and_no_assistant() -> None:
    with pytest.raises(DeployerError, match="no section for the kind 'note'; known: vector_store, assistant"):
        sections.of_kind("note")
