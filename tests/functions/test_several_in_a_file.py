"""A manifest takes a file with several functions: one by its name, or all of them."""

from __future__ import annotations

import json

import pytest

from tests.support.project import Project

TOOLS = """
tools:
  - type: function
    function: {name: search, description: Searches., parameters: {type: object, properties: {}}}
  - name: find
    description: Finds.
    parameters:
      type: object
      properties:
        what: {type: string, description: What.}
"""


PLAIN = "{type: function, file: t.yaml}"
WITH_HANDLER = "{type: function, file: t.yaml, handler: 'a:b'}"


def manifest(project: Project, *tools: str) -> None:
    listed = "".join(f"      - {tool}\n" for tool in tools)
    project.manifest(f"assistants:\n  tutor:\n    model: m\n    tools:\n{listed}")


def names(project: Project) -> list[str]:
    data = project.run("plan", "--format", "json").json()
    (change,) = data["changes"]
    (tools,) = [one for one in change["fields"] if one["path"] == "tools"] or [None]
    if tools is not None:
        return [one["function"]["name"] if "function" in one else one["name"] for one in tools["after"]]
    return [one["path"].removeprefix("tools/") for one in change["fields"] if one["path"].startswith("tools/")]


def test_all_of_them_or_one_by_its_name(project: Project) -> None:
    project.write("tools.yaml", TOOLS)
    manifest(project, "{type: function, file: tools.yaml}")
    assert project.run("validate").code == 0
    assert sorted(names(project)) == ["find", "search"]
    assert project.run("apply", "--yes").code == 0
    manifest(project, "{type: function, file: tools.yaml, name: find}")
    assert project.run("plan", "--exit-code").code == 2
    assert project.run("apply", "--yes").code == 0
    manifest(
        project, "{type: function, file: tools.yaml, name: find}", "{type: function, file: tools.yaml, name: search}"
    )
    assert project.run("apply", "--yes").code == 0
    assert project.run("plan", "--exit-code").code == 0


def test_findings_stand_where_the_function_does(project: Project) -> None:
    project.write("tools.yaml", TOOLS.replace("type: string", "type: str"))
    manifest(project, "{type: function, file: tools.yaml, name: find}")
    assert (
        "tools.yaml:9:22: assistant/tutor.tools[0].parameters.properties.what.type: 'str'"
        in project.run("validate").err
    )
    manifest(project, "{type: function, file: tools.yaml, name: search}")
    assert project.run("validate").code == 0


@pytest.mark.parametrize(
    ("file", "tool", "said"),
    (
        (TOOLS, "{type: function, file: t.yaml, name: serch}", "has no function 'serch'; did you mean 'search'?"),
        ("{name: f}", "{type: function, file: t.yaml, name: g}", "has no function 'g'; it must be f"),
        (TOOLS, WITH_HANDLER, "2 functions, and a handler is that of one"),
        (
            "- {name: f, inputSchema: {type: object, properties: {}}}",
            PLAIN,
            "t.yaml:1:3: assistant/tutor.tools[0]: this is a tool of an MCP server, not a function; convert it:",
        ),
        ("- 1", PLAIN, "t.yaml:1:3: assistant/tutor.tools[0]: this is no function"),
        (f"{TOOLS}  - {{name: find}}", PLAIN, "the tool 'find' stands twice"),
        ("- {name: f, paramaters: {}}", PLAIN, "unknown key 'paramaters'; did you mean"),
        ("{inputSchema: {}, name: f}", PLAIN, "this is a tool of an MCP server"),
        (json.dumps({"type": "object", "properties": {}}), PLAIN, "the key 'name' is missing"),
    ),
)  # fmt: skip
def test_what_is_wrong_with_such_a_file(file: str, tool: str, said: str, project: Project) -> None:
    project.write("t.yaml", file)
    manifest(project, tool)
    result = project.run("validate")
    assert result.code == 1
    assert said in result.err
