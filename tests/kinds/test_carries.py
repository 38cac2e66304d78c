"""What each surface makes of each field of a manifest: for every row of the table a case that shows what is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.kinds import SURFACES, carries, kinds_of
from deployer.kinds.carries import TABLE, Carriage, Cell
from deployer.manifest import compile_manifest
from deployer.manifest.sections import manifest_schema
from deployer.model import Resource
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
CASES: dict[str, Any] = yaml.safe_load((ROOT / "tests/cases/surfaces.yaml").read_text(encoding="utf-8"))
LOST = "lost"
KEEP = {"protect", "tools"}
"""Keys of an assistant that no API is sent, or whose items have rows of their own."""
OWN = {"type", "files", "file", "examples", "handler"}
"""Keys of a tool that are the manifest's own."""


def compiled(project: Project, api: str, declared: dict[str, Any]) -> Resource:
    data = {
        "version": 1,
        "project": "test",
        "accounts": {"here": {"api": api}},
        "vector_stores": {"docs": {}},
        "assistants": {"a": {"model": "gpt-6-luna", **declared}},
    }
    project.write("assistants.yaml", json.dumps(data))
    found = compile_manifest(project.root / "assistants.yaml", "here", {}, {})
    assert not [str(one) for one in found.problems if one.severity == "error"]
    return next(one for one in found.resources if one.address.kind == "assistant")


def sent(api: str, resource: Resource) -> tuple[dict[str, Any], set[str]]:
    """Return the body of a create, and the rows of the table that are lost."""
    kind = kinds_of(api)["assistant"]
    expressed = kind.express(resource.attrs)
    body = kind.made(resource.address, resource.attrs, kind.wire(expressed.attrs, None))
    return dict(body.fields), {loss.field for loss in expressed.losses}


def more(before: Any, after: Any) -> Any:
    """Return what `after` has more than `before`."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return after
    return {name: more(before.get(name), value) for name, value in after.items() if before.get(name) != value}


def test_every_row_has_a_case_and_every_case_a_row() -> None:
    assert set(CASES) == set(TABLE)
    for field, case in CASES.items():
        assert {*case} - {"manifest"} == set(SURFACES), field


@pytest.mark.parametrize("api", tuple(SURFACES))
@pytest.mark.parametrize("field", tuple(CASES))
def test_what_is_sent(project: Project, field: str, api: str) -> None:
    case, cell = CASES[field], TABLE[field][api]
    body, lost = sent(api, compiled(project, api, case["manifest"]))
    bare, _ = sent(api, compiled(project, api, {}))
    if case[api] == LOST:
        assert cell.how is Carriage.LOST
        assert {field, field.rpartition(".")[0]} & lost, "of a tool that is lost nothing more is said"
        return
    assert cell.how is not Carriage.LOST
    assert more(bare, body) == case[api]
    assert field not in lost


def fields_of(definition: str) -> dict[str, Any]:
    return dict(manifest_schema().data["$defs"][definition]["properties"])


def declared_fields() -> Iterator[str]:
    """Every field of an assistant by the schema, those of tools by their types."""
    for name, schema in fields_of("assistant").items():
        inner = schema.get("properties") if name not in KEEP else None
        yield from () if name in KEEP else (f"{name}.{one}" for one in inner) if inner else (name,)
    tools = manifest_schema().data["$defs"]["tool"]
    for one in tools["properties"]["type"]["enum"]:
        yield f"tools.{one}"
    definitions = {"mcp": "mcp", "webSearch": "web_search", "computerUse": "computer_use", "fileSearch": "file_search"}
    definitions |= {"function": "function", "programmaticToolCalling": "programmatic_tool_calling"}
    for definition, kind in definitions.items():
        yield from (f"tools.{kind}.{name}" for name in fields_of(definition) if name not in OWN)


def test_every_field_of_the_schema_has_a_row() -> None:
    aliases = {"reasoning.effort": "reasoning_effort"}
    assert [one for one in declared_fields() if not carries.row(aliases.get(one, one))] == []


def table() -> str:
    lines = [f"| field | {' | '.join(f'`{one}`' for one in SURFACES)} |", "|---" * (len(SURFACES) + 1) + "|"]
    for field, cells in TABLE.items():
        texts = [_text(cells[surface]) for surface in SURFACES]
        lines.append(f"| `{field}` | {' | '.join(texts)} |")
    return "\n".join(lines)


def _text(cell: carries.Cell) -> str:
    if cell.how is Carriage.LOST:
        return "an error: a decision is needed" if cell.fatal else "lost"
    return f"→ {cell.text}" if cell.how is Carriage.TRANSLATED else "carried"


def test_the_documentation_shows_the_table() -> None:
    page = (ROOT / "docs" / "manifest.md").read_text(encoding="utf-8")
    assert f"<!-- surfaces -->\n{table()}\n<!-- /surfaces -->" in page, table()


# What is told


TWO = """
accounts:
  live: {{api: agents{account}}}
assistants:
  a: {{model: gpt-6-luna, temperature: 0.3, response_format: {form}}}
  b: {{model: gpt-6-luna, temperature: 0.5}}
  c: {{model: gpt-6-luna, temperature: 0.7, description: "{text}"}}
"""


def manifest(project: Project, account: str = "", form: str = "auto", text: str = "C") -> None:
    project.manifest(TWO.format(account=account, form=form, text=text))


def run(project: Project, *command: str, code: int = 0) -> str:
    result = project.run(*command, "--account", "live")
    assert result.code == code, f"{command}\n{result.out}\n{result.err}"
    return result.out + result.err


@pytest.mark.parametrize("command", ("validate", "plan"))
def test_a_lost_field_is_told_once_for_all_assistants(project: Project, command: str) -> None:
    manifest(project)
    said = run(project, command)
    assert said.count("not sent to account live") == 2
    assert "assistant/a.temperature: not sent to account live: the Agents API has no such field" in said
    assert "(also assistant/b, assistant/c)" in said


def test_it_is_not_told_when_there_is_nothing_to_do(project: Project) -> None:
    manifest(project)
    run(project, "apply", "--yes")
    assert "not sent" not in run(project, "plan", "--exit-code")
    assert "not sent" in run(project, "validate")


def test_what_is_accepted_is_not_told(project: Project) -> None:
    manifest(project, ", accept_loss: [temperature, description]")
    assert "not sent" not in run(project, "validate", "--strict-surface") + run(project, "plan", "--strict-surface")
    manifest(project, ", accept_loss: [temperatur]")
    assert "did you mean 'temperature'?" in run(project, "validate", code=1)


def test_strict_surface_makes_it_an_error(project: Project) -> None:
    manifest(project)
    for command in (("validate",), ("plan",), ("apply", "--yes")):
        said = run(project, *command, "--strict-surface", code=1)
        assert "assistant/a.temperature: not sent to account live" in said
    assert "3 to create" in run(project, "plan")


def test_json_object_needs_a_decision_on_agents(project: Project) -> None:
    manifest(project, form="{type: json_object}")
    assert "declare a json_schema, or accept_loss: [response_format.json_object]" in run(project, "plan", code=1)
    manifest(project, ", accept_loss: [response_format.json_object]", "{type: json_object}")
    run(project, "apply", "--yes")
    run(project, "plan", "--exit-code")


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("tool", ({"type": "of-tomorrow"}, {"type": "", "x": 1}, {"type": None}))
def test_a_tool_that_no_table_knows_loses_nothing(surface: str, tool: dict[str, object]) -> None:
    """A growing API may have it, or a snapshot that somebody damaged."""
    assert carries.lost(surface, {"model": "m", "tools": {"one": tool}}) == []


@pytest.mark.parametrize(
    ("field", "surface", "text", "cell"),
    (
        ("name", "agents", "same", Cell(Carriage.CARRIED)),
        ("name", "agents", "-> text.name", Cell(Carriage.TRANSLATED, "text.name")),
        ("name", "agents", "it has none", Cell(Carriage.LOST, "it has none")),
        ("name", "agents", "! it has none", Cell(Carriage.LOST, "it has none", fatal=True)),
        ("name", "responses", "", Cell(Carriage.LOST, "the Responses API has no such field")),
        ("tools.x", "responses", "", Cell(Carriage.LOST, "the Responses API has no such tool")),
        ("tools.x", "agents", "", Cell(Carriage.LOST, "")),
        ("tools.x.mode", "responses", "", Cell(Carriage.LOST, "the Responses API has no such field")),
        ("reasoning.x", "responses", "", Cell(Carriage.LOST, "the Responses API has no such field")),
        ("tools", "assistants", "! ", Cell(Carriage.LOST, "the Assistants API has no such field", fatal=True)),
    ),
)
def test_a_cell_is_read(field: str, surface: str, text: str, cell: Cell) -> None:
    assert Cell.read(field, surface, text) == cell
