"""drift --write: what somebody edited on the account comes into the files, comments kept, and the next plan agrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.commands.test_drift import ask, ids
from tests.support.project import Project

MANIFEST = """\
version: 1
project: test
# The team's assistants.
variables:
  model: {default: small}
vector_stores:
  docs: {name: Docs}   # searched
assistants:
  tutor:
    model: ${var.model}
    name: Tutor          # shown
    temperature: 0.3
    instructions: {file: prompts/tutor.md}
    metadata: {team: a, stage: draft}
    tools:
      # finds passages
      - {type: file_search, vector_stores: [docs], max_num_results: 5}
      - {type: function, file: functions/f.yaml}
      - type: function
        name: g
        description: Old.   # read by the model
        parameters: {type: object, properties: {}}
"""
FUNCTION = """\
# Opens a ticket.
name: f
description: Old.
parameters:
  type: object
  properties:
    a: {type: string}  # one
"""


@pytest.fixture
def tutor(project: Project) -> Project:
    project.write("assistants.yaml", MANIFEST.encode())
    project.write("prompts/tutor.md", b"Be brief.\n")
    project.write("functions/f.yaml", FUNCTION.encode())
    result = project.run("apply", "--yes")
    assert result.code == 0, result.err
    return project


def edit(project: Project, body: Mapping[str, Any]) -> None:
    ask(project, "POST", f"/assistants/{ids(project)['assistant/tutor']}", body)


def live_tools(project: Project) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(project, "GET", f"/assistants/{ids(project)['assistant/tutor']}")["tools"]
    return found


def read(project: Project, name: str = "assistants.yaml") -> str:
    return (project.root / name).read_text(encoding="utf-8")


def agree(project: Project) -> None:
    """No drift is left, and an apply changes nothing but stamps."""
    assert project.run("drift", "--exit-code").code == 0
    before = live_tools(project)
    assert project.run("apply", "--yes").code == 0
    assert live_tools(project) == before
    assert project.run("plan", "--exit-code").code == 0


def test_values_and_prompts_are_written_and_comments_stay(tutor: Project) -> None:
    edit(tutor, {"name": "By ${hand}", "temperature": 0.9, "instructions": "Be\nlong."})
    result = tutor.run("drift", "--write")
    assert (result.code, result.err) == (0, "")
    assert {"wrote assistants.yaml", "wrote prompts/tutor.md"} <= set(result.out.splitlines())
    expected = MANIFEST.replace("name: Tutor ", "name: By $${hand} ").replace("0.3", "0.9")
    assert read(tutor).replace("'", "").replace('"', "").split() == expected.replace("'", "").split()
    assert read(tutor, "prompts/tutor.md") == "Be\nlong.\n"
    agree(tutor)


def test_metadata_that_came_changed_or_went(tutor: Project) -> None:
    live = ask(tutor, "GET", f"/assistants/{ids(tutor)['assistant/tutor']}")["metadata"]
    edit(tutor, {"metadata": {**{k: v for k, v in live.items() if k != "stage"}, "team": "b"}})
    assert tutor.run("drift", "--write").code == 0
    assert "metadata: {team: b}" in read(tutor)
    agree(tutor)


def test_functions_are_written_where_they_stand(tutor: Project) -> None:
    tools = live_tools(tutor)
    for tool in tools:
        if tool["type"] == "function":
            tool["function"]["description"] = "New."
    tools[1]["function"]["parameters"]["properties"]["b"] = {"type": "integer"}
    edit(tutor, {"tools": tools})
    assert tutor.run("drift", "--write").code == 0
    text = read(tutor, "functions/f.yaml")
    assert text.startswith("# Opens a ticket.\nname: f\ndescription: New.\n")
    assert "    a: {type: string}  # one\n" in text
    assert "description: New.   # read by the model" in read(tutor)
    agree(tutor)


def test_a_setting_of_file_search(tutor: Project) -> None:
    tools = live_tools(tutor)
    tools[0]["file_search"]["max_num_results"] = 9
    edit(tutor, {"tools": tools})
    assert tutor.run("drift", "--write").code == 0
    assert "      # finds passages\n      - {type: file_search, vector_stores: [docs], max_num_results: 9}\n" in read(
        tutor
    )
    agree(tutor)


def test_what_comes_from_a_variable_is_left_and_named(tutor: Project) -> None:
    edit(tutor, {"model": "large", "temperature": 0.9})
    result = tutor.run("drift", "--write")
    assert result.code == 1
    assert result.err == "left: assistant/tutor: model: it is ${var.model}; change the variable\n"
    assert read(tutor) == MANIFEST.replace("0.3", "0.9")


def test_what_an_account_overrides_is_left_and_named(project: Project) -> None:
    project.manifest("""
        accounts: {live: {api: assistants, overrides: {assistant/tutor: {model: large}}}}
        assistants: {tutor: {model: small}}
    """)
    assert project.run("apply", "--yes", "--account", "live").code == 0
    live = project.run("outputs", "assistant/tutor", "--account", "live").out.strip()
    ask(project, "POST", f"/assistants/{live}", {"model": "other"})
    result = project.run("drift", "--write", "--account", "live")
    assert (result.code, "account live overrides it; change it there" in result.err) == (1, True)


def test_a_tool_that_came_is_left_and_named(tutor: Project) -> None:
    edit(tutor, {"tools": [*live_tools(tutor), {"type": "code_interpreter"}]})
    result = tutor.run("drift", "--write")
    assert (result.code, read(tutor)) == (1, MANIFEST)
    assert "left: assistant/tutor: tools/code_interpreter: a tool came or went on the account" in result.err


def test_without_drift_nothing_is_written(tutor: Project) -> None:
    assert tutor.run("drift", "--write").out.endswith("Nothing moved on the account.\n")
    assert read(tutor) == MANIFEST


def test_an_included_file_is_written_where_it_is(project: Project) -> None:
    project.manifest("include: [more/a.yaml]\n")
    project.write("more/a.yaml", "assistants:\n  # mine\n  tutor: {model: m, instructions: {file: t.md}}\n")
    project.write("more/t.md", "Old")
    assert project.run("apply", "--yes").code == 0
    ask(project, "POST", f"/assistants/{ids(project)['assistant/tutor']}", {"model": "n", "instructions": "New"})
    assert project.run("drift", "--write").code == 0
    assert read(project, "more/a.yaml") == "assistants:\n  # mine\n  tutor: {model: n, instructions: {file: t.md}}\n"
    assert read(project, "more/t.md") == "New"
