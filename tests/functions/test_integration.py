"""Function rules where users meet them: validate, functions check, SARIF, and the plan."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif

from deployer.functions.rules import RULES
from deployer.manifest import schema
from tests.support.project import Project

BROKEN = """
name: show
description: Shows.
parameters:
  type: object
  properties:
    Größe: {type: float}
    list: {type: array}
"""
MANIFEST = """
assistants:
  tutor:
    model: gpt-6-luna
    tools: [{type: function, file: 함수/show.yaml}]
"""


def sarif(text: str) -> Sarif:
    """Read SARIF by a model that was generated from its schema and allows nothing else."""
    return Sarif.model_validate_json(text)


def test_validate_as_sarif_shows_each_finding_on_its_line(project: Project) -> None:
    project.manifest(MANIFEST)
    project.write("함수/show.yaml", BROKEN)
    result = project.run("validate", "--format", "sarif")
    assert result.code == 1
    found = sarif(result.out).runs[0].results
    assert found is not None
    rows = json.loads(result.out)["runs"][0]["results"]
    assert len(rows) == len(found)
    places = [row["locations"][0]["physicalLocation"] for row in rows]
    assert [(row["ruleId"], place["region"]["startLine"]) for row, place in zip(rows, places, strict=True)] == [
        ("parameter-description", 6),
        ("type-name", 6),
        ("array-items", 7),
        ("parameter-description", 7),
    ]
    assert {place["artifactLocation"]["uri"] for place in places} == {"%ED%95%A8%EC%88%98/show.yaml"}
    assert {row["level"] for row in rows} == {"error", "warning"}


def test_sarif_without_findings_and_with_one_that_has_no_place(project: Project) -> None:
    assert sarif(project.run("validate", "--format", "sarif").out).runs[0].results
    project.manifest("")
    assert sarif(project.run("validate", "--format", "sarif").out).runs[0].results == []


def test_rules_of_a_finding_are_described(project: Project) -> None:
    project.write("f.yaml", BROKEN)
    driver = json.loads(project.run("functions", "check", "f.yaml", "--format", "sarif").out)["runs"][0]["tool"][
        "driver"
    ]
    assert {rule["id"]: rule["shortDescription"]["text"] for rule in driver["rules"]} == {
        name: RULES[name].sentence for name in ("type-name", "array-items", "parameter-description")
    }


@pytest.mark.parametrize(
    ("name", "text", "line"),
    (
        ("definition.yaml", BROKEN, 6),
        ("bare.json", '{"type": "object",\n "properties": {"a": {"type": "float"}}}', 2),
        ("tool.json", '{"type": "function",\n "function": {"name": "f", "parameters":\n {"type": "dict"}}}', 3),
        ("list.yaml", "- {name: f}\n- {name: g, parameters: {type: any}}", 2),
    ),
)
def test_check_takes_every_shape_in_files_and_folders(project: Project, name: str, text: str, line: int) -> None:
    project.write(f"functions/inner/{name}", text)
    for target in (f"functions/inner/{name}", "functions"):
        result = project.run("functions", "check", target, "--format", "json")
        assert result.code == 1
        found = [one for one in result.json()["problems"] if one["rule"] == "type-name"]
        assert [(one["file"], one["line"]) for one in found] == [(f"functions/inner/{name}", line)]


@pytest.mark.parametrize(
    ("files", "arguments", "code", "said"),
    (
        ({}, ["missing.yaml"], 1, "missing.yaml does not exist; name a file or a folder"),
        ({"empty/readme.txt": "x"}, ["empty"], 1, "no YAML or JSON file here"),
        ({"a.yaml": "just text"}, ["a.yaml"], 1, "a.yaml:1:1: this is no function definition"),
        ({"a.json": '{"name": }'}, ["a.json"], 1, "a.json:1:10: this is not valid JSON"),
        ({}, [], 64, "Missing argument"),
        ({"a.yaml": "name: f"}, ["a.yaml", "--silence", "strict-depth"], 64, "is not one of"),
    ),
)
def test_check_says_what_is_wrong_with_its_arguments(
    project: Project, files: dict[str, str], arguments: list[str], code: int, said: str
) -> None:
    for name, text in files.items():
        project.write(name, text)
    result = project.run("functions", "check", *arguments)
    assert result.code == code
    assert said in result.err


def test_hints_can_be_silenced_and_errors_cannot(project: Project) -> None:
    project.write("f.yaml", BROKEN)
    result = project.run("functions", "check", "f.yaml", "--silence", "parameter-description")
    assert result.code == 1
    assert "parameter" not in result.err.replace("parameters", "")
    assert result.out == "2 errors\n"


def test_a_hint_says_by_which_rule_it_is_silenced(project: Project) -> None:
    project.write("f.yaml", BROKEN)
    said = project.run("functions", "check", "f.yaml").err.splitlines()
    rules = {line.rpartition(" [")[2].rstrip("]") for line in said if ": warning: " in line}
    assert rules == {"parameter-description"}
    assert not any(line.endswith("]") for line in said if ": warning: " not in line), "an error cannot be silenced"


def test_a_schema_that_an_api_would_refuse_never_reaches_one(project: Project) -> None:
    project.manifest(MANIFEST)
    project.write("함수/show.yaml", BROKEN)
    for command in (["plan"], ["apply", "--yes"]):
        result = project.run(*command)
        assert result.code == 1
        assert "함수/show.yaml:6:19: assistant/tutor.tools[0].parameters.properties.Größe.type: 'float'" in result.err
    assert not (project.root / ".deployer").exists()


def definition(properties: str, name: str = "show") -> str:
    return (
        f"assistants: {{tutor: {{model: m, tools: [{{type: function, name: {name}, description: Shows., "
        f"parameters: {{type: object, properties: {{{properties}}}}}}}]}}}}\n"
    )


@pytest.mark.parametrize("account", ("assistants", "agents"))
def test_a_plan_says_what_a_changed_function_means_for_its_handler(project: Project, account: str) -> None:
    accounts = f"accounts: {{there: {{api: {account}}}}}\n"
    there = ("--account", "there")
    project.manifest(accounts + definition("a: {type: string, enum: [x, y]}"))
    assert project.run("plan", *there, "--fail-on", "breaking").code == 0, "a new assistant breaks nobody"
    assert project.run("apply", *there, "--yes").code == 0

    project.manifest(accounts + definition("a: {type: string, enum: [x]}"))
    assert project.run("plan", *there, "--fail-on", "breaking", "--exit-code").code == 2
    assert "tools/show    compatible" in project.run("plan", *there).out

    project.manifest(accounts + definition("a: {type: string, enum: [x, y, z]}, b: {type: integer}"))
    stopped = project.run("plan", *there, "--fail-on", "breaking")
    assert stopped.code == 1
    assert "breaking for the application: assistant/tutor.tools/show" in stopped.err
    assert "tools/show    breaking for its handler" in stopped.out
    assert "breaking for its handler" in project.run("plan", *there, "--format", "markdown").out
    data = project.run("plan", *there, "--format", "json").json()
    Draft202012Validator(schema.load("plan.schema.json")).validate(data)
    (change,) = [one for one in data["changes"] if one["action"] == "update"]
    (field,) = change["fields"]
    assert field["compatibility"] == "breaking"
    assert {(one["kind"], one["pointer"]) for one in field["effects"] if one["breaking"]} == {
        ("enum-member-added", "/parameters/properties/a/enum"),
        ("property-added", "/parameters/properties/b"),
    }


def test_a_renamed_function_is_breaking(project: Project) -> None:
    project.manifest(definition("a: {type: string}"))
    assert project.run("apply", "--yes").code == 0
    project.manifest(definition("a: {type: string}", name="display"))
    result = project.run("plan", "--fail-on", "breaking")
    assert result.code == 1
    assert "was show, is display now" in result.out


def test_handlers_are_read_and_imported_only_on_request(project: Project) -> None:
    project.write("handlers.py", 'import marker\n\n\ndef show(a: str, times: int) -> None:\n    """Shows."""\n')
    project.write("marker.py", "raise ZeroDivisionError\n")
    project.manifest(
        "assistants: {tutor: {model: m, tools: [{type: function, name: show, handler: 'handlers:show', "
        "parameters: {type: object, properties: {a: {type: string, description: A.}}, required: [a]}}]}}\n"
    )
    read = project.run("validate")
    assert read.code == 1
    assert "the handler needs 'times', which the schema does not declare" in read.err
    imported = project.run("validate", "--import-handlers")
    assert imported.code == 1
    assert "ZeroDivisionError" in imported.err
    assert "Traceback" not in imported.err


def test_examples_are_checked_and_never_sent(project: Project) -> None:
    good = definition("a: {type: string, description: A.}").replace("description: Shows.,", "examples: [{a: x}],")
    project.manifest(good)
    assert project.run("validate").code == 0
    assert "examples" not in project.run("plan", "--format", "json").out
    project.manifest(good.replace("{a: x}", "{a: 1}"))
    result = project.run("validate")
    assert result.code == 1
    assert "assistant/tutor.tools[0].examples[0].a" in result.err
