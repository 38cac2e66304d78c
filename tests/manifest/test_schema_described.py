"""What an editor shows of the manifest's schema: a description, an example and a default of each property."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import extend

from deployer.manifest import schema
from deployer.manifest.compile import compile_manifest
from deployer.manifest.document import read
from deployer.manifest.schema import of_fragments
from deployer.manifest.sections import manifest_schema
from deployer.model import Problem, Severity
from tests.support import problems
from tests.support.project import Project

SCHEMA = schema.load("manifest.schema.json")
Editor = extend(Draft202012Validator, {"pattern": schema._pattern})  # type: ignore[no-untyped-call]
WHOLE, INCLUDED = Editor(SCHEMA), Editor(of_fragments())


def properties(node: Any, path: tuple[str, ...] = (), *, asks: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the schema of each property; what stands behind `if` only asks, and `type: true` says it elsewhere."""
    for key, value in node.items() if isinstance(node, dict) else ():
        if key == "properties":
            for name, one in value.items():
                if isinstance(one, dict) and not asks:
                    yield "/".join((*path, name)), one
                yield from properties(one, (*path, name))
        elif key == "$defs":
            for name, one in value.items():
                yield from properties(one, (f"${name}",))
        elif key not in {"default", "examples"}:
            for one in value if isinstance(value, list) else [value]:
                yield from properties(one, (*path, key), asks=key == "if")


PROPERTIES = dict(properties(SCHEMA))


def referred(node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else {}
    return {**found, **node}


def test_every_property_has_a_description() -> None:
    assert len(PROPERTIES) > 80
    assert [name for name, node in PROPERTIES.items() if "description" not in referred(node)] == []


def test_every_property_of_the_manifest_has_an_example() -> None:
    sections = {f"{owner}{name}" for owner in ("", "$fragment/") for name in ("vector_stores", "assistants")}
    assert {name for name, node in PROPERTIES.items() if "examples" not in node} - sections == set()


@pytest.mark.parametrize("name", PROPERTIES)
def test_examples_and_defaults_are_what_the_schema_accepts(name: str) -> None:
    node = PROPERTIES[name]
    check = Draft202012Validator({**node, "$defs": SCHEMA["$defs"]})
    shown = [*node.get("examples", ()), *([node["default"]] if "default" in node else [])]
    assert [one for one in shown if not check.is_valid(one)] == []


def test_each_enum_is_completed_also_where_a_variable_may_stand() -> None:
    for name, node in PROPERTIES.items():
        hidden = [node[key].get("enum", ()) for key in ("then", "else") if isinstance(node.get(key), dict)]
        for values in hidden:
            assert [one for one in values if one not in node["examples"]] == [], name


def test_both_schemas_say_who_they_are() -> None:
    assert SCHEMA["$id"] != of_fragments()["$id"]
    for one in (SCHEMA, of_fragments()):
        Draft202012Validator.check_schema(one)


def test_an_included_file_has_a_schema_of_its_own() -> None:
    included = {"assistants": {"tutor": {"model": "m"}}}
    assert INCLUDED.is_valid(included)
    assert not WHOLE.is_valid(included)
    assert not INCLUDED.is_valid({**included, "project": "test"})


@pytest.mark.parametrize("file", problems.CASES, ids=lambda file: file.stem)
def test_an_editor_and_the_tool_agree_on_every_manifest_of_the_cases(file: Any, project: Project) -> None:
    """What the schema refuses as it is written, the tool refuses; what the tool accepts, the schema accepts."""
    case = problems.read(file)
    problems.write(project, case)
    text = project.root / "assistants.yaml"
    if not text.is_file():
        pytest.skip("there is no manifest in this case")
    document = read(text, "assistants.yaml")
    if isinstance(document, Problem):
        return  # no schema gets to see it
    found = compile_manifest(text, None, {}, {}, offline=True)
    refused = any(one.severity is Severity.ERROR for one in found.problems)
    assert refused or WHOLE.is_valid(document.data)
    if "${" not in text.read_text(encoding="utf-8"):
        assert WHOLE.is_valid(document.data) is (manifest_schema().check(document, document.data) == [])
