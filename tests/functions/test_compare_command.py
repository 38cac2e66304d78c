"""`deployer functions compare`: text, JSON, exit codes, and what is no function."""

from __future__ import annotations

from tests.support.project import Project

OLD = """
    name: quiz
    parameters:
      type: object
      properties:
        title: {type: string}
        questions:
          type: array
          items:
            type: object
            properties:
              text: {type: string}
              choices: {type: array, items: {type: string}}
            required: [text]
      required: [title]
    """


def _new(project: Project) -> None:
    project.write("old.yaml", OLD)
    changed = OLD.replace("text: {type: string}", "text: {type: [string, 'null']}")
    project.write("new.yaml", changed.replace("items: {type: string}}", "items: {type: string}, minItems: 4}"))


def test_each_difference_stands_at_its_line(project: Project) -> None:
    _new(project)
    result = project.run("functions", "compare", "old.yaml", "new.yaml")
    assert result.out.splitlines() == [
        "new.yaml:11:11: breaking: quiz: questions[].text may be null now (nullable-added)",
        "new.yaml:12:57: compatible: quiz: questions[].choices minItems was not set, is 4 now (bound-tightened)",
        "1 breaking, 1 compatible",
    ]
    assert (result.code, result.err) == (0, "")


def test_breaking_fails_only_when_asked(project: Project) -> None:
    _new(project)
    assert project.run("functions", "compare", "old.yaml", "new.yaml", "--fail-on", "breaking").code == 1
    assert project.run("functions", "compare", "old.yaml", "old.yaml", "--fail-on", "breaking").code == 0
    assert project.run("functions", "compare", "old.yaml", "old.yaml").out == "no differences\n"


def test_json(project: Project) -> None:
    _new(project)
    found = project.run("functions", "compare", "old.yaml", "new.yaml", "--format", "json").json()
    assert (found["version"], found["breaking"], found["compatible"]) == (1, 1, 1)
    assert found["differences"][0] == {
        "function": "quiz",
        "pointer": ["parameters", "properties", "questions", "items", "properties", "text"],
        "place": "questions[].text",
        "kind": "nullable-added",
        "breaking": True,
        "what": "may be null now",
        "position": "new.yaml:11:11",
    }


def test_bare_schemas_in_json_and_yaml(project: Project) -> None:
    project.write("old.json", '{"type": "object", "properties": {"a": {"type": "string"}}}')
    project.write("new.yaml", "type: object\nproperties:\n  a: {type: integer}\n")
    result = project.run("functions", "compare", "old.json", "new.yaml")
    assert result.out.splitlines()[0] == (
        "new.yaml:3:3: breaking: a may be of type integer now, was string (type-added)"
    )


def test_several_functions_by_their_names(project: Project) -> None:
    project.write("old.yaml", "- {name: a, parameters: {type: object, properties: {x: {type: string}}}}\n- {name: b}\n")
    project.write("new.yaml", "- {name: c, parameters: {type: object, properties: {x: {type: string}}}}\n")
    result = project.run("functions", "compare", "old.yaml", "new.yaml")
    assert result.out.splitlines() == [
        "new.yaml:1:4: breaking: c: name was a, is c now (function-renamed)",
        "old.yaml:2:3: compatible: b: is gone (function-removed)",
        "1 breaking, 1 compatible",
    ]


def test_what_cannot_be_compared(project: Project) -> None:
    project.write("old.yaml", OLD)
    project.write("twice.yaml", "- {name: a}\n- {name: a}\n")
    project.write("list.yaml", "- 1\n")
    for name, why in (
        ("missing.yaml", "missing.yaml does not exist"),
        ("twice.yaml", "twice.yaml:1:3: there is the name 'a' twice"),
        ("list.yaml", "list.yaml:1:3: this is no function definition"),
    ):
        result = project.run("functions", "compare", "old.yaml", name)
        assert (result.code, result.out) == (1, "")
        assert why in result.err
