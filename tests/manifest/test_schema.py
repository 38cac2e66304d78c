"""The published schema against the code, in both directions, and as an editor uses it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from deployer.errors import DeployerError
from deployer.fleet import Fleet
from deployer.manifest import Manifest, compile_manifest, policies, schema
from deployer.manifest.sections import manifest_schema
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
SCHEMA = schema.load("manifest.schema.json")
EDITOR = Draft202012Validator(SCHEMA)
APPLICATORS = {"$ref", "$defs", "properties", "propertyNames", "items", "allOf", "if", "then", "else"}
ANNOTATIONS = {"$schema", "$id", "title", "description", "default", "examples"}
ENVIRON = {"URL": "https://example.org/v1", "KEY": "k"}
FULL: dict[str, Any] = {
    "version": 1,
    "project": "test",
    "silence": ["parameter-description"],
    "include": ["more.yaml"],
    "policies": {
        "allowed_models": ["other-*"],
        "required_metadata": ["owner"],
        "max_instructions": 1,
        "max_temperature": 0.1,
        "strict_functions": True,
        "forbidden": {"tools": ["code_interpreter"], "texts": ["TEACHES"]},
        "coverage": {"assistants": 100, "functions": 50, "documents": 1},
    },
    "tests": [
        {
            "file": "evals.yaml",
            "address": "assistant/tutor",
            "providers": {"p": "assistant/tutor"},
            "prompts": {"q": "x"},
        },
        {
            "description": "D",
            "address": "assistant/tutor",
            "vars": {"x": 1},
            "rehearse": ["x"],
            "turns": ["{{x}}"],
            "assert": [{"type": "contains", "value": "x"}],
            "threshold": 0.5,
            "outputs": {"f": "x"},
            "examples": [{"name": "f", "output": "x"}],
            "tags": ["a"],
            "metadata": {"b": "c"},
        },
    ],
    "fleet": {
        "account": "live",
        "from": {"command": "cat rows.json"},
        "name": "school",
        "waves": [{"where": {"tier": "a"}, "max_parallel": 2, "max_failures": 3}, {}],
        "max_parallel": 4,
        "max_per_host": 5,
        "max_failures": 6,
    },
    "variables": {
        "model": {"default": "gpt-6-luna", "description": "The model."},
        "warmth": {},
        "strict": {"default": False},
    },
    "accounts": {
        "live": {
            "api": "assistants",
            "base_url": "${env.URL}",
            "api_key": "${env.KEY}",
            "organization": "org",
            "query": {"api-version": "v1"},
            "variables": {"warmth": 0.5},
            "limits": {"uploads_per_minute": 1, "attaches_per_minute": 2, "files_per_minute": "none"},
            "lock": True,
            "accept_loss": ["temperature"],
            "knowledge_as": "function",
            "list_lag": 5,
            "keep_versions": 20,
            "overrides": {"assistant/tutor": {"metadata": {"tier": "live"}}},
            "commands": True,
            "snapshots": "snapshots",
            "bundles": "bundles",
            "models": {"mine": {"shutdown": "2030-01-01", "takes": ["temperature"]}},
        }
    },
    "vector_stores": {
        "docs": {
            "name": "Docs",
            "files": [
                "docs/*.md",
                {
                    "path": "laws/*.md",
                    "exclude": ["draft.md"],
                    "attributes": {"year": 2030},
                    "chunking": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50},
                },
            ],
            "chunking": {"max_chunk_size_tokens": 400, "chunk_overlap_tokens": 100},
            "expires_after": {"anchor": "last_active_at", "days": 7},
            "metadata": {"team": "a"},
            "protect": True,
            "exclusive": True,
        }
    },
    "assistants": {
        "tutor": {
            "name": "Tutor",
            "agent_name": "Tutor",
            "description": "Teaches.",
            "model": "${var.model}",
            "instructions": {"file": "tutor.md"},
            "tools": [
                {
                    "type": "file_search",
                    "vector_stores": ["docs"],
                    "max_num_results": 5,
                    "ranking_options": {"ranker": "auto", "score_threshold": 0.5},
                },
                {"type": "code_interpreter", "files": [{"path": "data/*", "exclude": ["draft.csv"]}]},
                {"type": "function", "file": "function.yaml", "defer_loading": True, "async": True},
                {
                    "type": "function",
                    "name": "inline",
                    "description": "D",
                    "parameters": {"type": "object", "properties": {"a": {"type": "string"}}},
                    "strict": "${var.strict}",
                    "examples": [{}],
                    "handler": "shown:inline",
                },
                {
                    "type": "mcp",
                    "server_label": "docs",
                    "transport": {"type": "http", "server_url": "https://example.org", "headers": {"a": "b"}},
                    "allowed_tools": ["find"],
                    "connection_origin": "environment",
                    "credential_id": "cred_1",
                    "request_metadata": {"a": "b"},
                    "required": True,
                },
                {
                    "type": "mcp",
                    "server_label": "local",
                    "transport": {
                        "type": "stdio",
                        "command": "serve",
                        "cwd": "/",
                        "args": ["-v"],
                        "env_vars": ["HOME"],
                    },
                },
                {
                    "type": "web_search",
                    "allowed_domains": ["example.org"],
                    "context_size": "low",
                    "location": {"city": "수원", "country": "KR", "region": "경기", "timezone": "Asia/Seoul"},
                    "mode": "cached",
                },
                {"type": "computer_use", "include_screenshots": True},
                {"type": "programmatic_tool_calling", "enabled": False},
                {"type": "tool_search"},
                {"type": "automations"},
            ],
            "reasoning": {"effort": "low", "summary": "auto"},
            "text": {"verbosity": "low"},
            "service_tier": "flex",
            "multi_agent": {"enabled": True, "max_concurrent_subagents": 3},
            "compaction": {"async": True},
            "experimental": {"time_awareness": True},
            "metadata": {"team": "a"},
            "temperature": "${var.warmth}",
            "top_p": 0.5,
            "response_format": {
                "type": "json_schema",
                "json_schema": {
                    "name": "quiz",
                    "description": "D",
                    "schema": {"type": "object", "properties": {}},
                    "strict": False,
                },
            },
            "protect": True,
        },
        "second": {"model": "gpt-6-luna", "reasoning_effort": "high"},
    },
    "moved": [{"from": "assistant/teacher", "to": "assistant/tutor"}],
}
FILES = {
    "rows.json": '[{"name": "one", "school": "north", "tier": "a"}]',
    "more.yaml": "assistants: {other: {model: gpt-6-luna}}\n",
    "docs/a.md": "Text.",
    "laws/a.md": "Text.",
    "laws/draft.md": "Text.",
    "data/a.csv": "1,2",
    "data/draft.csv": "1,2",
    "tutor.md": "Be brief.",
    "function.yaml": "name: from_file\n",
    "shown.py": "def inline(a: str = '') -> None: ...\n",
}
INLINE = ("assistants", "tutor", "tools", 3)
WITHOUT_EFFECT = {
    ("variables", "model", "description"),  # for the reader of the manifest
    (*INLINE, "examples"),  # these two are only checked
    (*INLINE, "handler"),
}


def _keys(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        if isinstance(value, dict):
            yield (*path, key)
        yield from _keys(item, (*path, key))


def _schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Give every schema inside a schema; what stands in enum, const and required are values."""
    if not isinstance(node, dict):
        return
    yield node
    for key, value in node.items():
        if key in {"properties", "$defs"}:
            for inner in value.values():
                yield from _schemas(inner)
        elif key == "allOf":
            for inner in value:
                yield from _schemas(inner)
        elif isinstance(value, dict) and key not in {"dependentRequired", "default"}:
            yield from _schemas(value)


def _without(path: tuple[str | int, ...]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(json.dumps(FULL))
    inner: Any = result
    for part in path[:-1]:
        inner = inner[part]
    del inner[path[-1]]
    return result


def _compiled(project: Project, data: dict[str, Any]) -> Manifest:
    project.write("assistants.yaml", json.dumps(data))
    return compile_manifest(project.root / "assistants.yaml", "live", {}, ENVIRON)


def _meaning(found: Manifest) -> tuple[Any, ...]:
    resources = [
        (one.address, json.dumps(one.attrs, sort_keys=True), one.files, one.protect, one.exclusive)
        for one in found.resources
    ]
    broken = [problem.message for problem in found.problems if problem.rule == policies.RULE]
    wrong = [problem.message for problem in found.problems if problem.rule != policies.RULE]
    tests = [one.value for one in found.tests]
    return (
        found.project,
        found.settings,
        resources,
        wrong,
        found.moved,
        broken,
        tests,
        found.coverage,
        _fleet(found.root),
    )


def _fleet(root: Path) -> Any:
    """Return what the manifest says of its fleet, or why that cannot be known."""
    try:
        found = Fleet.load(root / "assistants.yaml")
    except DeployerError as error:
        return str(error)
    return found.account, found.waves


def test_it_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_full_manifest_uses_every_key_of_the_schema() -> None:
    known = {key for one in _schemas(SCHEMA) for key in one.get("properties", ())}
    used = {path[-1] for path in _keys(FULL)}
    assert known - used == set()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("path", sorted(_keys(FULL), key=str), ids=lambda path: ".".join(map(str, path)))
def test_every_key_has_an_effect(project: Project, path: tuple[str | int, ...]) -> None:
    for name, text in FILES.items():
        project.write(name, text)
    whole = _meaning(_compiled(project, FULL))
    assert whole[3] == []
    less = _meaning(_compiled(project, _without(path)))
    assert (less == whole) is (path in WITHOUT_EFFECT)


def test_every_rule_of_the_schema_has_a_sentence() -> None:
    rules = {key for one in _schemas(SCHEMA) for key in one} - APPLICATORS - ANNOTATIONS
    said = {"type", "enum", "const", "pattern", "required", "dependentRequired", "additionalProperties", "uniqueItems"}
    said |= {"minLength", "maxLength", "minItems", "maxItems", "maxProperties", "minimum", "maximum"}
    assert rules - said == set()


def test_every_pattern_is_explained() -> None:
    patterns = {one["pattern"] for one in _schemas(SCHEMA) if "pattern" in one}
    patterns.remove(SCHEMA["$defs"]["reference"]["pattern"])
    for pattern in patterns:
        finding = schema.SchemaFinding("pattern", "x y", pattern, (), (), about_a_key=False)
        assert pattern not in schema.explain(finding, manifest_schema().patterns)[1]


def test_numbers_may_come_from_variables_in_an_editor() -> None:
    places = [one for one in _schemas(SCHEMA) if one.get("if") == {"$ref": "#/$defs/reference"}]
    assert len(places) >= 10
    for one in places:
        check = Draft202012Validator({**one, "$defs": SCHEMA["$defs"]})
        assert check.is_valid("${var.x}")
        assert not check.is_valid("x ${var.x}")


@pytest.mark.parametrize("data", (FULL, yaml.safe_load((ROOT / "assistants.yaml").read_text(encoding="utf-8"))))
def test_an_editor_accepts_the_examples_as_they_are_written(data: dict[str, Any]) -> None:
    assert [error.message for error in EDITOR.iter_errors(data)] == []


@pytest.mark.parametrize("file", sorted((ROOT / "functions").iterdir()), ids=lambda file: file.name)
def test_the_functions_of_the_example_are_valid(file: Path) -> None:
    check = Draft202012Validator({"$ref": "#/$defs/function", "$defs": SCHEMA["$defs"]})
    assert [error.message for error in check.iter_errors(yaml.safe_load(file.read_text(encoding="utf-8")))] == []


def _documented() -> list[str]:
    files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    blocks = [
        block
        for file in files
        if file.exists()
        for block in re.findall(r"^```ya?ml\n(.*?)^```", file.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    ]
    scripts = re.compile(r"^turns:", re.MULTILINE)  # what the embedded account is to answer: another format
    return [block for block in blocks if re.search(r"^version:", block, re.MULTILINE) and not scripts.search(block)]


def test_every_manifest_in_the_documentation_is_valid() -> None:
    for block in _documented():
        assert [error.message for error in EDITOR.iter_errors(yaml.safe_load(block))] == [], block


def test_a_line_end_is_no_part_of_what_a_pattern_allows(project: Project) -> None:
    project.write("assistants.yaml", json.dumps({"version": 1, "project": "test\n"}))
    assert "project: " in project.run("validate").err
