"""deployer import: what people have in hand becomes a manifest, and nothing disappears silently."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient

from deployer.engine.canonical import same
from deployer.kinds import assistant
from deployer.manifest import importing
from deployer.project.importing import import_files
from deployer.server import EmbeddedAccount
from tests.server.recordings import MATERIAL
from tests.support.project import Project

FUNCTION = {"name": "show", "description": "Show it.", "parameters": {"type": "object", "properties": {}}}
V2: dict[str, Any] = {
    "id": "asst_1",
    "object": "assistant",
    "created_at": 1,
    "name": "Math Tutor",
    "description": None,
    "model": "gpt-4o",
    "instructions": "Explain.\nIn steps.",
    "tools": [
        {"type": "file_search", "file_search": {"max_num_results": 5}},
        {"type": "code_interpreter"},
        {"type": "function", "function": {**FUNCTION, "strict": False}},
        {"type": "browser"},
    ],
    "tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}, "code_interpreter": {"file_ids": ["file-1"]}},
    "metadata": {"team": "a"},
    "temperature": 0.3,
    "top_p": 1.0,
    "response_format": "auto",
    "odd": 7,
}
V1 = {"id": "asst_2", "object": "assistant", "model": "gpt-4", "tools": [{"type": "retrieval"}], "file_ids": ["file-2"]}
STORE = {"id": "vs_1", "object": "vector_store", "name": "Docs", "file_counts": {"total": 3}, "metadata": {}}
AGENT = {
    "id": "agent_1",
    "object": "agent",
    "name": "Helper",
    "model": "gpt-6-luna",
    "tools": [{"type": "web_search", "mode": "live"}, {"type": "function", **FUNCTION}, {"type": "tomorrow"}],
    "reasoning": {"effort": "low", "summary": None},
    "text": {"format": {"type": "json_schema", "schema": {"type": "object", "properties": {}}}, "verbosity": "low"},
    "multi_agent": {"enabled": False, "max_concurrent_subagents": None},
}
DEFINITION = {
    "kind": "prompt",
    "model": "gpt-6-luna",
    "instructions": "Answer.",
    "temperature": 0.2,
    "tools": [
        {"type": "file_search", "vector_store_ids": ["vs_1"], "max_num_results": 5},
        {"type": "function", **FUNCTION, "strict": False},
        {"type": "bing_grounding", "bing_grounding": {}},
    ],
    "text": {"format": {"type": "json_object"}},
    "rai_config": {"rai_policy_name": "strict"},
}
VERSION = {
    "object": "agent.version",
    "id": "CityGuide:3",
    "name": "CityGuide",
    "version": "3",
    "definition": DEFINITION,
}
NAMED_AGENT = {
    "object": "agent",
    "id": "CityGuide",
    "name": "CityGuide",
    "versions": {"latest": {**VERSION, "description": "Guides.", "metadata": {"team": "a"}}},
}
PROMPT = {
    "object": "prompt",
    "id": "pmpt_1",
    "name": "Quiz",
    "model": "gpt-6-luna",
    "instructions": "Ask.",
    "tools": [{"type": "function", **FUNCTION, "strict": True}],
    "variables": {"city": {}},
}
TERRAFORM = {
    "version": 4,
    "terraform_version": "1.9.0",
    "resources": [
        {
            "type": "openai_assistant",
            "name": "tutor",
            "instances": [
                {
                    "attributes": {
                        "id": "asst_9",
                        "name": "Tutor",
                        "model": "gpt-4o",
                        "tools": [
                            {
                                "type": "function",
                                "function": [{**FUNCTION, "parameters": json.dumps(FUNCTION["parameters"])}],
                            }
                        ],
                    }
                }
            ],
        },
        {
            "type": "openai_vector_store",
            "name": "docs",
            "instances": [{"attributes": {"id": "vs_9", "name": "Docs", "file_ids": ["file-9"]}}],
        },
        {"type": "openai_file", "name": "a", "instances": [{"attributes": {"id": "file-9", "filename": "a.pdf"}}]},
        {"type": "openai_project", "name": "p", "instances": [{"attributes": {"id": "proj_1"}}]},
    ],
}
DECLARATIVE = """
kind: Prompt
name: helper
displayName: Helper
instructions: Help.
model: {id: gpt-4o, options: {temperature: 0.2, maxOutputTokens: 10}}
tools:
  - {kind: function, name: show, description: Show it., parameters: {properties: {q: {kind: string, required: true}}}}
  - {kind: codeInterpreter}
  - {kind: openapi, name: weather}
outputSchema: {properties: {a: {kind: string}}}
"""
GPT = {
    "gizmo": {
        "id": "g-1",
        "instructions": "Be brief.",
        "display": {"name": "Brief", "description": "Says little.", "prompt_starters": ["Hi"]},
        "files": [{"id": "f", "name": "a.pdf"}],
    },
    "tools": [{"type": "python"}, {"type": "browser"}, {"type": "dalle"}],
}


def imported(project: Project, *files: Any, code: int = 0) -> tuple[dict[str, Any], str]:
    """Import data, each in a file of its own; return the manifest and what was said. What was written validates."""
    names = []
    for number, one in enumerate(files):
        text = one if isinstance(one, str) else json.dumps(one)
        names.append(str(project.write(f"in/{number}.{'yaml' if isinstance(one, str) else 'json'}", text)))
    result = project.run("import", *names, "--out", "out", "--project", "test")
    assert result.code == code, result.err
    if code:
        return {}, result.err
    checked = project.run("validate", "-f", "out/assistants.yaml")
    assert checked.code == 0, checked.err
    text = (project.root / "out" / "assistants.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text), result.out + result.err


def test_assistants_of_v2_and_v1_and_their_stores(project: Project) -> None:
    manifest, said = imported(project, {"object": "list", "data": [V2, V1], "has_more": True}, [STORE])
    tutor = manifest["assistants"]["math-tutor"]
    assert (tutor["model"], tutor["temperature"], "top_p" in tutor) == ("gpt-4o", 0.3, False)
    assert tutor["tools"] == [
        {"type": "file_search", "max_num_results": 5, "vector_stores": ["docs"]},
        {"type": "code_interpreter"},
        {"type": "function", "file": "functions/show.yaml"},
    ]
    assert (project.root / "out/prompts/math-tutor.md").read_text(encoding="utf-8") == "Explain.\nIn steps.\n"
    assert manifest["assistants"]["asst-2"]["tools"] == [{"type": "file_search"}]
    assert manifest["vector_stores"] == {"docs": {"name": "Docs"}}
    for told in (
        "assistant/math-tutor (asst_1): files file-1:",
        "assistant/math-tutor (asst_1): the tool browser is not carried",
        "assistant/math-tutor (asst_1): odd is not carried",
        "assistant/asst-2 (asst_2): files file-2:",
        "this is one page of a list",
    ):
        assert told in said
    assert "deployer adopt vector_store/docs vs_1 -f out/assistants.yaml" in said


def test_a_saved_agent(project: Project) -> None:
    manifest, said = imported(project, AGENT)
    assert manifest["assistants"]["helper"] == {
        "name": "Helper",
        "model": "gpt-6-luna",
        "tools": [{"type": "web_search"}, {"type": "function", "file": "functions/show.yaml"}],
        "reasoning_effort": "low",
        "text": {"verbosity": "low"},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object", "properties": {}}},
        },
    }
    assert "the tool tomorrow is not carried" in said


def test_an_agent_of_foundry(project: Project) -> None:
    flow = {"object": "agent.version", "name": "flow", "definition": {"kind": "workflow"}}
    manifest, said = imported(project, {"object": "list", "data": [NAMED_AGENT]}, [STORE], flow)
    entry = manifest["assistants"]["cityguide"]
    assert entry["agent_name"] == "CityGuide"
    assert (entry["description"], entry["temperature"], entry["metadata"]) == ("Guides.", 0.2, {"team": "a"})
    assert entry["tools"][0] == {"type": "file_search", "max_num_results": 5, "vector_stores": ["docs"]}
    assert entry["response_format"] == {"type": "json_object"}
    for told in (
        "the tool bing_grounding is not carried",
        "rai_config is not carried",
        "a workflow agent is not carried",
    ):
        assert told in said
    assert "CityGuide -f out/assistants.yaml" in said


@pytest.mark.parametrize("data", (VERSION, DEFINITION), ids=("version", "definition"))
def test_a_version_and_a_definition_of_foundry(project: Project, data: Any) -> None:
    manifest, _ = imported(project, data)
    (entry,) = manifest["assistants"].values()
    assert (entry["model"], entry["instructions"]) == ("gpt-6-luna", "Answer.")


def test_a_prompt_object(project: Project) -> None:
    manifest, said = imported(project, PROMPT)
    assert manifest["assistants"]["quiz"]["instructions"] == "Ask."
    assert "variables city are not carried" in said
    assert "pmpt_1 itself cannot be adopted" in said


def test_state_of_terraform(project: Project) -> None:
    manifest, said = imported(project, TERRAFORM)
    assert manifest["assistants"]["tutor"]["tools"] == [{"type": "function", "file": "functions/show.yaml"}]
    assert manifest["vector_stores"] == {"docs": {"name": "Docs"}}
    for told in (
        "openai_file.a: the document a.pdf (file-9) is not in the state",
        "openai_project.p is not carried",
        "vector_store/docs (vs_9): files file-9:",
        "deployer adopt assistant/tutor asst_9",
    ):
        assert told in said


def test_a_declarative_agent(project: Project) -> None:
    manifest, said = imported(project, DECLARATIVE)
    assert manifest["assistants"]["helper"]["temperature"] == 0.2
    function = yaml.safe_load((project.root / "out/functions/show.yaml").read_text(encoding="utf-8"))
    assert function["parameters"] == {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}
    for told in ("model.options.maxOutputTokens is not carried", "the tool weather is not carried", "outputSchema"):
        assert told in said


def test_a_gpt(project: Project) -> None:
    manifest, said = imported(project, GPT)
    assert [one["type"] for one in manifest["assistants"]["brief"]["tools"]] == ["code_interpreter", "web_search"]
    for told in ("prompt_starters", "the tool dalle is not carried", "documents a.pdf", "the file names no model"):
        assert told in said


@pytest.mark.parametrize(
    "data",
    (
        FUNCTION,
        [FUNCTION],
        {"type": "function", "function": FUNCTION},
        {"name": "show", "description": "Show it.", "inputSchema": FUNCTION["parameters"]},
        {"name": "show", "description": "Show it.", "input_schema": FUNCTION["parameters"]},
        {"tools": [{"type": "function", "function": FUNCTION}]},
    ),
)
def test_functions_of_every_shape(project: Project, data: Any) -> None:
    manifest, _ = imported(project, data)
    (assistant,) = manifest["assistants"].values()
    assert assistant["tools"] == [{"type": "function", "file": "functions/show.yaml"}]


@pytest.mark.parametrize(
    ("text", "why"),
    (
        ("{", "in/0.yaml:1:2:"),
        ("just words", "nothing in these files can be imported"),
        ("{}", "nothing in these files can be imported"),
        ('{"object": "list", "data": []}', "nothing in these files can be imported"),
    ),
)
def test_what_is_nothing_is_said(project: Project, text: str, why: str) -> None:
    assert why in imported(project, text, code=1)[1]
    assert not (project.root / "out" / "assistants.yaml").exists()


def test_no_file_is_ever_overwritten(project: Project) -> None:
    project.write("out/prompts/math-tutor.md", "Mine.")
    assert "prompts/math-tutor.md exist" in imported(project, V2, code=1)[1]
    assert (project.root / "out/prompts/math-tutor.md").read_text(encoding="utf-8") == "Mine."
    project.write("out/assistants.yaml", "mine")
    assert "exists; name another folder with --out" in imported(project, V1, code=1)[1]


def test_after_the_commands_that_it_prints_the_next_plan_is_empty(project: Project) -> None:
    """A dump of an account, imported into another folder, and adopted there."""
    folder, beta = project.root / ".deployer" / "account", {"OpenAI-Beta": "assistants=v2"}
    with EmbeddedAccount(folder) as account:
        api = TestClient(account.app, headers=beta)
        file = api.post("/v1/files", data={"purpose": "assistants"}, files={"file": ("a.md", b"A document.")}).json()
        store = api.post("/v1/vector_stores", json={"name": "Docs", "file_ids": [file["id"]]}).json()
        tools = [one for one in V2["tools"] if one["type"] != "browser"]
        resources = {
            "file_search": {"vector_store_ids": [store["id"]]},
            "code_interpreter": {"file_ids": [file["id"]]},
        }
        fields = {name: V2[name] for name in ("name", "model", "instructions", "metadata", "temperature")}
        made = api.post("/v1/assistants", json={**fields, "tools": tools, "tool_resources": resources})
        assert made.status_code == 200, made.text
        dumped = [api.get("/v1/assistants").json(), api.get("/v1/vector_stores").json()]
    _, said = imported(project, *dumped)
    commands = [line.split()[1:] for line in said.splitlines() if line.startswith("  deployer adopt ")]
    assert len(commands) == 2
    (project.root / "out" / ".deployer").mkdir(parents=True, exist_ok=True)
    folder.rename(project.root / "out" / ".deployer" / "account")
    for command in commands:
        result = project.run(*command, "--yes")
        assert result.code == 0, result.err
    result = project.run("plan", "-f", "out/assistants.yaml", "--exit-code")
    assert result.code == 0, result.out


@pytest.mark.skipif(not MATERIAL.exists(), reason="the recordings lie in ../shared, which is not here")
def test_every_recorded_assistant_is_imported_without_an_unreported_loss(tmp_path: Path) -> None:
    found = {one["id"]: one for one in recorded_assistants()}
    assert len(found) >= 20
    kind = assistant.KIND
    for live_id, raw in found.items():
        read = [one for one in importing.read(raw, "x") if isinstance(one, importing.Imported)]
        (one,) = read
        assert one.live_id == live_id
        whole = kind.canonical(raw, {})
        told = " ".join(one.notes)
        for name, value in whole.items():
            if value is None or same(value, kind.defaults.get(name)) or name == "metadata":
                continue
            if name == "tools":
                assert {*value} - {*one.attrs["tools"]} <= {word for word in value if word in told}
            else:
                assert same(one.attrs[name], value), (live_id, name)
        held = kind.held(raw)
        assert all(file in told for file in held[:3]), live_id
    path = tmp_path / "all.json"
    path.write_text(json.dumps([*found.values()]), encoding="utf-8")
    result = import_files([path], tmp_path / "out", "recorded")
    assert {*result.ids.values()} >= {*found}, [note for note in result.notes if "left out" in note]


def recorded_assistants() -> Iterator[dict[str, Any]]:
    for name in ("recorded.jsonl", "recorded-2.jsonl"):
        for line in (MATERIAL / name).read_text(encoding="utf-8").splitlines():
            yield from _objects(json.loads(line))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("object") == "assistant" and "model" in value:
            yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


SAMPLES: tuple[Any, ...] = (
    V2,
    V1,
    STORE,
    AGENT,
    NAMED_AGENT,
    VERSION,
    PROMPT,
    TERRAFORM,
    yaml.safe_load(DECLARATIVE),
    GPT,
)
JUNK: tuple[Any, ...] = (None, 1, "x", [], {}, [1], {"a": 1}, [{}], True, {"type": 1}, [{"type": "function"}])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(inner, (*path, key))


def damaged(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    result = json.loads(json.dumps(value))
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    return result


@pytest.mark.parametrize("sample", SAMPLES, ids=range(len(SAMPLES)))
def test_whatever_has_another_form_is_told_and_the_rest_goes_on(sample: Any) -> None:
    """Every part of every form is replaced by what may not stand there: nothing is raised, and something is said."""
    for path in places(sample):
        for junk in JUNK:
            found = list(importing.read(damaged(sample, path, junk), "x"))
            assert all(isinstance(one, importing.Imported | importing.NotCarried) for one in found)
    wrong = damaged(V2, ("tools",), "x")
    assert "x: tools has a form that is unknown, and is not carried" in [
        one.what for one in importing.read(wrong, "x") if isinstance(one, importing.NotCarried)
    ]


def test_a_damaged_file_is_imported_as_far_as_it_goes(project: Project) -> None:
    manifest, said = imported(project, {**V2, "tools": [7, *V2["tools"]], "temperature": "warm", "metadata": {"a": 1}})
    assert [one["type"] for one in manifest["assistants"]["math-tutor"]["tools"]] == [
        "file_search",
        "code_interpreter",
        "function",
    ]
    for told in ("tools[0] has a form", "temperature has a form", "metadata.a has a form"):
        assert told in said


def test_a_folder_is_no_file(project: Project) -> None:
    result = project.run("import", ".", "--out", "out")
    assert result.code == 1
    assert "Traceback" not in result.err
