"""What a file holds: each shape is known by what it is, checked there, and nothing is called valid unread."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from deployer.functions.check import check_unset_strict
from deployer.functions.definitions import Definition, Unread, converted, read
from tests.support.project import Project

ARRAY = {"type": "object", "properties": {"a": {"type": "array"}}}
FLAT = {"name": "f", "parameters": ARRAY}
NESTED = {"type": "function", "function": FLAT}
GOOD = {"type": "object", "properties": {"a": {"type": "string", "description": "A."}}, "required": ["a"]}
CASES = Path(__file__).parents[3] / "shared" / "material" / "cases"
API = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1"},
    "paths": {
        "/pets/{id}": {
            "parameters": [{"$ref": "#/components/parameters/id"}],
            "get": {"operationId": "getPet", "summary": "Return a pet.", "responses": {}},
            "post": {
                "description": "Change a pet.",
                "parameters": [{"name": "dry", "in": "query", "schema": {"type": "array"}}],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}},
                },
            },
        }
    },
    "components": {
        "parameters": {"id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}},
        "schemas": {
            "Pet": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "nullable": True},
                    "parent": {"$ref": "#/components/schemas/Pet"},
                },
                "required": ["name"],
            }
        },
    },
}
SHAPES: dict[str, tuple[Any, str, list[tuple[Any, ...]]]] = {
    "a function": ({"name": "f", "parameters": ARRAY}, "function", [()]),
    "a nested one": (NESTED, "function", [("function",)]),
    "a list": ([{"name": "f", "parameters": ARRAY}], "function", [(0,)]),
    "functions": ({"functions": [{"name": "f", "parameters": ARRAY}]}, "function", [("functions", 0)]),
    "tools": ({"tools": [{"name": "f", "parameters": ARRAY}]}, "function", [("tools", 0)]),
    "a bare schema": (ARRAY, "schema", [()]),
    "a tool of MCP": ({"name": "f", "title": "F", "inputSchema": ARRAY, "annotations": {}}, "mcp", [()]),
    "MCP's list": ({"tools": [{"name": "f", "inputSchema": ARRAY}]}, "mcp", [("tools", 0)]),
    "MCP's answer": (
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [{"name": "f", "inputSchema": ARRAY}]}},
        "mcp",
        [("result", "tools", 0)],
    ),
    "a tool of Anthropic": ({"name": "f", "input_schema": ARRAY, "cache_control": {}}, "anthropic", [()]),
    "a format of Responses": ({"type": "json_schema", "name": "f", "strict": False, "schema": ARRAY}, "format", [()]),
    "a format of Chat": (
        {"type": "json_schema", "json_schema": {"name": "f", "schema": ARRAY}},
        "format",
        [("json_schema",)],
    ),
    "an assistant": (
        {
            "id": "asst_x",
            "object": "assistant",
            "model": "m",
            "tools": [{"type": "file_search"}, NESTED],
        },
        "function",
        [("tools", 1, "function")],
    ),
    "a page of assistants": (
        {"object": "list", "data": [{"object": "assistant", "tools": [NESTED]}]},
        "function",
        [("data", 0, "tools", 0, "function")],
    ),
    "an agent": (
        {
            "object": "agent",
            "model": "m",
            "tools": [{"type": "web_search"}],
            "text": {"format": {"type": "json_schema", "name": "f", "schema": ARRAY}},
        },
        "format",
        [("text", "format")],
    ),
    "a manifest": (
        {
            "version": 1,
            "project": "p",
            "assistants": {
                "tutor": {
                    "model": "m",
                    "tools": [{"type": "function", "file": "x.yaml"}, {"type": "function", **FLAT}],
                }
            },
        },
        "function",
        [("assistants", "tutor", "tools", 1)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_is_known_and_checked_where_it_stands(name: str, project: Project) -> None:
    data, shape, places = SHAPES[name]
    found = list(read(data))
    assert [(one.shape, one.at) for one in found if isinstance(one, Definition)] == [(shape, at) for at in places]
    assert not [one for one in found if isinstance(one, Unread)]
    text = json.dumps(data, indent=1)
    project.write("x.json", text)
    result = project.run("functions", "check", "x.json", "--format", "json")
    (problem,) = [one for one in result.json()["problems"] if one["severity"] == "error"]
    assert (problem["rule"], problem["file"]) == ("array-items", "x.json")
    line = next(number for number, line in enumerate(text.split("\n"), 1) if '"a": {' in line)
    assert problem["line"] == line


@pytest.mark.parametrize(
    "data",
    (
        {"name": "my-package", "version": "1.0.0", "type": "module", "scripts": {}, "main": "x.js"},
        {"name": "my-package", "version": "1.0.0", "description": "d", "private": True, "author": "a"},
        {"tools": [{"type": "object_store", "bucket": "b"}]},
        {"some": "settings"},
        {"type": "json_schema", "name": "f"},
        [1],
        {},
        None,
    ),
)
def test_a_file_that_is_none_of_these_is_an_error(data: Any, project: Project) -> None:
    project.write("x.json", json.dumps(data))
    for command in (("check",), ("fix",), ("fix", "--to", "openai")):
        result = project.run("functions", command[0], "x.json", *command[1:])
        assert result.code == 1
        assert "no function definition" in result.err
        assert "x.json:1:" in result.err


@pytest.mark.parametrize(
    ("key", "remedy"),
    (("paramaters", "'parameters'"), ("stric", "'strict'"), ("desciption", "'description'"), ("Name2", "'name'")),
)
def test_an_unknown_key_beside_a_function(key: str, remedy: str, project: Project) -> None:
    """The same words in check, fix and validate."""
    project.write("f.json", json.dumps({"name": "f", "description": "d", key: {}}))
    said = f"unknown key {key!r}; did you mean {remedy}?"
    for command in ("check", "fix"):
        result = project.run("functions", command, "f.json")
        assert result.code == 1
        assert said in result.err
    project.manifest("assistants: {tutor: {model: m, tools: [{type: function, file: f.json}]}}\n")
    result = project.run("validate")
    assert result.code == 1
    assert said in result.err


def test_strict_beside_the_nested_function_is_a_stray(project: Project) -> None:
    project.write(
        "f.yaml", "type: function\nstrict: true\nfunction:\n  name: f\n  parameters: {type: object, properties: {}}\n"
    )
    for command in ("check", "fix"):
        result = project.run("functions", command, "f.yaml")
        assert result.code == 1
        assert "unknown key 'strict'" in result.err


def test_both_input_schema_and_parameters_is_a_function_with_an_unknown_key(project: Project) -> None:
    project.write("f.json", json.dumps({"name": "f", "description": "d", "parameters": GOOD, "inputSchema": GOOD}))
    assert "unknown key 'inputSchema'; known here: type, name" in project.run("functions", "check", "f.json").err


def test_keys_of_the_apis_are_no_unknown_ones(project: Project) -> None:
    function = {
        "name": "f",
        "description": "d",
        "parameters": GOOD,
        "defer_loading": True,
        "allowed_callers": ["direct"],
    }
    project.write("f.json", json.dumps(function))
    assert project.run("functions", "check", "f.json").code == 0


def test_a_strict_format_is_checked_as_one(project: Project) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": [], "additionalProperties": False}
    project.write("f.json", json.dumps({"type": "json_schema", "name": "x y", "strict": True, "schema": schema}))
    result = project.run("functions", "check", "f.json", "--surface", "responses", "--format", "json")
    assert [(one["rule"], one["address"]) for one in result.json()["problems"] if one["severity"] == "error"] == [
        ("name", "x y.name"),
        ("strict-required", "x y.schema.required"),
    ]
    said = [one["says"] for one in result.json()["problems"] if one["severity"] == "error"]
    assert said[0].startswith("Invalid 'text.format.name': string does not match pattern.")
    assert said[1].startswith("Invalid schema for response_format 'x y': In context=(), 'required' is required")
    assert project.run("functions", "fix", "f.json", "--write").code == 0
    fixed = json.loads((project.root / "f.json").read_text(encoding="utf-8"))
    assert fixed["schema"]["required"] == ["a"]
    assert fixed["schema"]["properties"]["a"]["type"] == ["string", "null"]


def test_fix_makes_functions_strict_inside_a_manifest_and_keeps_the_rest(project: Project) -> None:
    path = project.manifest(
        "# ours\nassistants:\n  tutor:\n    model: m  # the small one\n    tools:\n"
        "      - {type: function, name: f, description: d, parameters: {type: object, properties: {}}}\n"
    )
    before = path.read_text(encoding="utf-8")
    result = project.run("functions", "fix", path.name, "--write")
    assert result.code == 0
    after = path.read_text(encoding="utf-8")
    assert "strict: true" in after
    assert "# the small one" in after
    assert after.splitlines()[:4] == before.splitlines()[:4]
    assert project.run("validate").code == 0


def test_fix_never_writes_empty_parameters(project: Project) -> None:
    for text in ('{"name": "f", "description": "d"}', '{"name": "f", "input_schema": {"type": "object"}}'):
        path = project.write("f.json", text)
        result = project.run("functions", "fix", "f.json", "--write")
        assert result.code == 1
        assert result.err
        assert path.read_text(encoding="utf-8").strip() == text


@pytest.mark.parametrize("key", ("inputSchema", "input_schema"))
def test_foreign_tools_are_converted(key: str, project: Project) -> None:
    tools = {
        "tools": [
            {"name": "f", "description": "Does it.", key: GOOD},
            {"type": "function", "name": "g", "parameters": GOOD},
        ]
    }
    path = project.write("tools.json", json.dumps(tools, indent=2))
    refused = project.run("functions", "fix", "tools.json")
    assert refused.code == 1
    assert "has no `strict`; convert it first: deployer functions fix FILE --to openai" in refused.err
    assert project.run("functions", "fix", "tools.json", "--to", "openai", "--write").code == 0
    written = json.loads(path.read_text(encoding="utf-8"))
    assert written["tools"][0] == {"type": "function", "name": "f", "description": "Does it.", "parameters": GOOD}
    assert written["tools"][1] == tools["tools"][1]
    assert project.run("functions", "check", "tools.json").code == 0
    assert project.run("functions", "fix", "tools.json", "--write").code == 0


def test_operations_of_openapi_are_functions(project: Project) -> None:
    before = copy.deepcopy(API)
    get, post = [one for one in read(API) if isinstance(one, Definition)]
    assert before == API
    assert get.function == {
        "name": "getPet",
        "description": "Return a pet.",
        "parameters": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    }
    assert post.function["name"] == "post_pets_id"
    assert list(post.function["parameters"]["properties"]) == ["id", "dry", "name", "parent"]
    assert post.function["parameters"]["properties"]["name"] == {"type": ["string", "null"]}
    assert post.function["parameters"]["properties"]["parent"] == {"$ref": "#/$defs/Pet"}
    assert post.function["parameters"]["required"] == ["id", "name"]
    assert post.place(("parameters", "properties", "name", "type")) == (
        *("components", "schemas", "Pet", "properties", "name", "type"),
    )
    project.write("api.json", json.dumps(API, indent=1))
    result = project.run("functions", "check", "api.json", "--format", "json")
    assert {one["rule"] for one in result.json()["problems"] if one["severity"] == "error"} == {"array-items"}
    printed = project.run("functions", "fix", "api.json", "--to", "openai")
    assert printed.code == 0
    functions = json.loads(printed.out)
    assert functions == converted(API, [get, post])
    assert [one["type"] for one in functions] == ["function", "function"]
    assert project.run("functions", "fix", "api.json", "--to", "openai", "--write").code == 1


def test_operations_of_swagger_two(project: Project) -> None:
    document = {
        "swagger": "2.0",
        "paths": {
            "/x": {
                "post": {
                    "parameters": [
                        {"name": "limit", "in": "query", "type": "integer", "description": "How many."},
                        {"name": "body", "in": "body", "required": True, "schema": {"$ref": "#/definitions/X"}},
                    ]
                }
            }
        },
        "definitions": {"X": {"type": "object", "properties": {"limit": {"type": "string"}}}},
    }
    (one,) = [one for one in read(document) if isinstance(one, Definition)]
    assert one.function["parameters"] == {
        "type": "object",
        "properties": {"limit": {"type": "integer", "description": "How many."}, "body": {"$ref": "#/$defs/X"}},
        "required": ["body"],
        "$defs": {"X": {"type": "object", "properties": {"limit": {"type": "string"}}}},
    }
    project.write("api.yaml", json.dumps(document))
    assert project.run("functions", "check", "api.yaml").code == 0


def test_an_operation_alone(project: Project) -> None:
    alone = {"operationId": "find", "parameters": [{"name": "q", "in": "query", "schema": {"type": "array"}}]}
    (one,) = [one for one in read(alone) if isinstance(one, Definition)]
    assert (one.shape, one.function["name"], list(one.function["parameters"]["properties"])) == (
        "operation",
        "find",
        ["q"],
    )
    project.write("op.json", json.dumps(alone))
    assert "an array without `items`" in project.run("functions", "check", "op.json").err


def test_evidence_is_shown_on_request(project: Project) -> None:
    project.write("f.json", json.dumps({"name": "f", "description": "d", "parameters": ARRAY}))
    assert "fastcore" not in project.run("functions", "check", "f.json").err
    shown = project.run("functions", "check", "f.json", "--evidence")
    assert "\n    reported (AnswerDotAI/fastcore#798)\n" in shown.err
    rows = project.run("functions", "check", "f.json", "--evidence", "--format", "json").json()["problems"]
    assert {"kind": "reported", "where": "AnswerDotAI/fastcore#798", "date": ""} in rows[0]["evidence"]
    assert {"severity", "file", "line", "column", "rule"} <= rows[0].keys()
    sarif = project.run("functions", "check", "f.json", "--evidence", "--format", "sarif").json()
    assert "fastcore" in sarif["runs"][0]["tool"]["driver"]["rules"][0]["help"]["text"]


@pytest.mark.parametrize(
    ("function", "surface", "said"),
    (
        ({"parameters": {"type": "object", "properties": {"a": {"oneOf": [{"type": "string"}]}}}}, "responses", True),
        ({"parameters": {"type": "object", "properties": {}}, "strict": False}, "responses", False),
        ({"parameters": {"type": "object", "properties": {}, "additionalProperties": False}}, "responses", False),
        ({"parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}, "assistants", False),
        ({"parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}, "agents", False),
    ),
)
def test_without_strict_responses_tries_it(function: dict[str, Any], surface: str, *, said: bool) -> None:
    found = check_unset_strict({"name": "f", "description": "d", **function}, surface)
    assert [one.rule for one in found] == ["strict-unset"] * said


@pytest.mark.skipif(not CASES.is_dir(), reason="the reported cases (../shared/material/cases) are not here")
@pytest.mark.parametrize(
    ("case", "surface", "expected"),
    (
        ("02-nested-oneof-responses", "responses", {"strict-unset": "warning"}),
        ("03-root-allof", "assistants", {"root-combinator": "error"}),
        ("04-array-without-items", "assistants", {"array-items": "error"}),
        ("06-foreign-keyword-in-strict", "responses", {"unknown-keyword": "warning", "strict-required": "error"}),
        ("07-ref-with-description", "responses", {"strict-reference-alone": "error"}),
        ("10-misspelt-keyword", "responses", {"unknown-keyword": "warning"}),
        ("12-enum-against-type", "responses", {"enum-type": "error", "enum-null": "warning"}),
        ("14-propertynames-and-format-uri", "responses", {"strict-keyword": "error", "strict-format": "error"}),
        ("15-no-properties-dangling-ref", "assistants", {"root-properties": "error", "reference": "error"}),
        ("16-required-not-declared", "assistants", {"required-undeclared": "warning"}),
        ("19-required-true-per-property", "assistants", {"schema": "error"}),
    ),
)
def test_reported_cases(case: str, surface: str, expected: dict[str, str], project: Project) -> None:
    (source,) = [path for path in (CASES / case).iterdir() if path.suffix in (".json", ".yaml")]
    result = project.run("functions", "check", str(source), "--surface", surface, "--format", "json")
    found = {one["rule"]: one["severity"] for one in result.json()["problems"]}
    assert expected.items() <= found.items()


@pytest.mark.skipif(not CASES.is_dir(), reason="the reported cases (../shared/material/cases) are not here")
@pytest.mark.parametrize("case", ("06-foreign-keyword-in-strict", "10-misspelt-keyword", "12-enum-against-type"))
def test_fix_refuses_what_it_cannot_mend(case: str, project: Project) -> None:
    text = (CASES / case / "tool.json").read_text(encoding="utf-8")
    path = project.write("tool.json", text)
    result = project.run("functions", "fix", "tool.json", "--write")
    assert result.code == 1
    assert result.err.startswith("tool.json:1:")
    assert path.read_text(encoding="utf-8").strip() == text.strip()
