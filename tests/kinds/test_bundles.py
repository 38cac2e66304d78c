"""`api: responses`: an assistant is a bundle, a file that an application loads; the stores are live as everywhere."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from deployer import DeployerError, load_bundle
from deployer.manifest.schema import load
from deployer.server import BackgroundServer
from tests.support.needs import NODE
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
ACCOUNTS = "accounts:\n  live: {api: responses}\n"
TUTOR = """
assistants:
  tutor:
    name: Tutor
    description: Teaches.
    model: MODEL
    instructions: Explain.
    temperature: 0.3
    reasoning_effort: low
    tools:
      - {type: file_search, vector_stores: [docs], max_num_results: 8}
      - {type: code_interpreter, files: [data.csv]}
      - {type: function, name: show, description: Show it., parameters: {type: object, properties: {q: {type: string}}}}
    response_format:
      {type: json_schema, json_schema: {name: answer, schema: {type: object, properties: {a: {type: string}}}}}
    metadata: {team: education}
vector_stores:
  docs: {files: [docs/*.md]}
"""
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}


@pytest.fixture
def school(project: Project) -> Project:
    project.write("docs/a.md", "bread is good")
    project.write("data.csv", "a,b\n")
    project.manifest(ACCOUNTS + TUTOR.replace("MODEL", "gpt-6-luna"))
    return project


def run(project: Project, *command: str, code: int = 0) -> str:
    result = project.run(*command, "--account", "live")
    assert result.code == code, f"{command}\n{result.out}\n{result.err}"
    return result.out + result.err


def bundle(project: Project, key: str = "tutor", folder: str = "bundles/live") -> dict[str, Any]:
    """Return what a file holds, after it was held against the published schema."""
    data: dict[str, Any] = json.loads((project.root / folder / f"{key}.json").read_text(encoding="utf-8"))
    Draft202012Validator(load("bundle.schema.json")).validate(data)
    return data


def files(project: Project) -> list[str]:
    return sorted(path.name for path in (project.root / "bundles" / "live").glob("*"))


def edit(project: Project, **parameters: Any) -> None:
    """Change parameters in the file, as a person would; None takes one out."""
    path = project.root / "bundles" / "live" / "tutor.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    data["parameters"] |= parameters
    data["parameters"] = {name: value for name, value in data["parameters"].items() if value is not None}
    path.write_text(json.dumps(data), encoding="utf-8")


def test_parameters_are_resolved(school: Project) -> None:
    run(school, "apply", "--yes")
    run(school, "plan", "--exit-code")
    found = bundle(school)
    search, interpreter, show = found["parameters"].pop("tools")
    (store,), (file_id,) = search.pop("vector_store_ids"), interpreter["container"].pop("file_ids")
    assert (store[:3], file_id[:5]) == ("vs_", "file-")
    assert search == {"type": "file_search", "max_num_results": 8}
    assert interpreter == {"type": "code_interpreter", "container": {"type": "auto"}}
    assert show == {
        "type": "function", "name": "show", "description": "Show it.", "parameters": SCHEMA, "strict": False
    }  # fmt: skip
    assert found["parameters"] == {
        "model": "gpt-6-luna",
        "instructions": "Explain.",
        "text": {
            "format": {
                "type": "json_schema",
                "name": "answer",
                "schema": {"type": "object", "properties": {"a": {"type": "string"}}},
                "strict": False,
            }
        },
        "reasoning": {"effort": "low"},
        "temperature": 0.3,
        "metadata": {"team": "education"},
    }
    assert (found["name"], found["description"]) == ("Tutor", "Teaches.")
    assert found["provenance"]["address"] == "assistant/tutor"


def test_a_journey(school: Project) -> None:
    """Empty → A → B → A → empty, and after each step the next plan is empty."""
    run(school, "apply", "--yes")
    a, before = bundle(school), (school.root / "assistants.yaml").read_text(encoding="utf-8")
    changed = before.replace("Explain.", "Explain well.").replace(", max_num_results: 8", "").replace("low", "high")
    school.write("assistants.yaml", changed.replace("    temperature: 0.3\n", ""))
    run(school, "apply", "--yes")
    run(school, "plan", "--exit-code")
    b = bundle(school)["parameters"]
    assert (b["instructions"], b["reasoning"], "temperature" in b) == ("Explain well.", {"effort": "high"}, False)
    assert "max_num_results" not in b["tools"][0]
    run(school, "rollback", "--yes")
    assert bundle(school)["parameters"] == a["parameters"]
    school.write("assistants.yaml", before)
    run(school, "plan", "--exit-code")
    assert bundle(school)["id"] == a["id"]
    run(school, "destroy", "--confirm", "test")
    assert files(school) == []
    run(school, "rollback", "--yes")
    assert bundle(school)["parameters"]["instructions"] == "Explain."


@pytest.mark.parametrize(
    ("parameters", "field"),
    (
        ({"temperature": 0.9}, "temperature"),
        ({"temperature": None}, "temperature"),
        ({"instructions": None}, "instructions"),
        ({"reasoning": {"effort": "high"}}, "reasoning_effort"),
        ({"tools": []}, "tools/show"),
        ({"metadata": {}}, "metadata/team"),
        ({"text": None}, "response_format"),
    ),
)
def test_what_somebody_edits_is_drift(school: Project, parameters: dict[str, Any], field: str) -> None:
    run(school, "apply", "--yes")
    before = bundle(school)["parameters"]
    edit(school, **parameters)
    (moved,) = json.loads(run(school, "drift", "--format", "json"))["moved"]
    assert field in [one["path"] for one in moved["fields"]]
    assert "edited on the account since the last apply" in run(school, "apply", "--yes", code=1)
    run(school, "apply", "--yes", "--on-drift", "overwrite")
    assert bundle(school)["parameters"] == before


def test_what_somebody_added_stays(school: Project) -> None:
    run(school, "apply", "--yes")
    edit(school, max_output_tokens=500, instructions="Explain.", reasoning={"effort": "low", "summary": "auto"})
    text = (school.root / "assistants.yaml").read_text(encoding="utf-8")
    school.write("assistants.yaml", text.replace("Explain.", "Explain well.").replace("effort: low", "effort: high"))
    run(school, "apply", "--yes")
    found = bundle(school)["parameters"]
    assert (found["max_output_tokens"], found["reasoning"]) == (500, {"effort": "high", "summary": "auto"})


@pytest.mark.parametrize(
    "damaged",
    (
        "{",
        "[]",
        '{"bundle": 1}',
        '{"bundle": 2, "id": "a", "parameters": {"model": "m"}, "provenance": {"created_at": 1, "stamp": null}}',
        '{"bundle": 1, "id": "a", "parameters": {"tools": 1}, "provenance": {"created_at": 1, "stamp": null}}',
        '{"bundle": 1, "id": "a", "parameters": {"tools": [{"type": "function"}]}, "provenance": {"created_at": 1}}',
        '{"bundle": 1, "id": "../a", "parameters": {"model": "m"}, "provenance": {"created_at": 1, "stamp": null}}',
        '{"bundle": 1, "id": "a", "parameters": {"input": ["x"]}, "provenance": {"created_at": 1, "stamp": null}}',
        '{"bundle": 1, "id": "a", "parameters": {"text": {"format": 1}}, "provenance": {"created_at": 1}}',
        '{"bundle": 1, "id": "a", "parameters": {"model": "m"}, "provenance": {"created_at": "x", "stamp": null}}',
    ),
)
def test_a_damaged_one_is_an_error_that_names_it(school: Project, damaged: str) -> None:
    run(school, "apply", "--yes")
    school.write("bundles/live/tutor.json", damaged)
    said = run(school, "plan", code=1)
    assert "holds tutor.json, which is none of its objects; mend or remove the file" in said


def test_a_file_that_is_in_the_way_is_not_overwritten(school: Project) -> None:
    run(school, "apply", "--yes")
    other = bundle(school)
    run(school, "destroy", "--confirm", "test")
    other["provenance"]["stamp"] = {"deployer": "other/assistant/tutor"}
    path = school.write("bundles/live/tutor.json", json.dumps(other))
    said = run(school, "apply", "--yes", code=1)
    assert "holds tutor.json already, which is not this object" in said
    assert json.loads(path.read_text(encoding="utf-8")) == other
    school.write("bundles/live/copy.json", json.dumps(other))
    assert re.search(r"holds one object twice, in \w+\.json and \w+\.json", run(school, "plan", code=1))


def test_a_file_goes_with_its_address(school: Project) -> None:
    run(school, "apply", "--yes")
    before = bundle(school)["id"]
    text = (school.root / "assistants.yaml").read_text(encoding="utf-8").replace("  tutor:", "  teacher:")
    school.write("assistants.yaml", f"{text}moved:\n  - {{from: assistant/tutor, to: assistant/teacher}}\n")
    run(school, "apply", "--yes")
    run(school, "plan", "--exit-code")
    assert (files(school), bundle(school, "teacher")["id"]) == (["teacher.json"], before)
    run(school, "rollback", "--yes")
    assert files(school) == ["tutor.json"]


def test_they_go_where_the_account_says(school: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "deployed")
    text = (school.root / "assistants.yaml").read_text(encoding="utf-8")
    school.write("assistants.yaml", text.replace("{api: responses}", '{api: responses, bundles: "${env.PLACE}/here"}'))
    run(school, "apply", "--yes")
    assert bundle(school, folder="deployed/here")["parameters"]["model"] == "gpt-6-luna"
    assert str(school.root / "deployed" / "here" / "tutor.json") in run(school, "outputs")
    school.write("assistants.yaml", text.replace("{api: responses}", "{api: responses, bundles: memory://b/here}"))
    run(school, "apply", "--yes")
    run(school, "plan", "--exit-code")
    school.write("assistants.yaml", text.replace("{api: responses}", "{api: responses, bundles: nowhere://b/here}"))
    assert "fsspec has no driver for nowhere://" in run(school, "validate", code=1)


def test_it_knows_where_instructions_go(school: Project) -> None:
    text = ACCOUNTS + TUTOR.replace("MODEL", "gpt-6.2-sol")
    school.manifest(text)
    said = run(school, "apply", "--yes")
    assert "assistant/tutor.temperature: not sent to account live: the model 'gpt-6.2-sol' refuses it" in said
    found = bundle(school)["parameters"]
    assert found["input"] == [{"role": "developer", "content": "Explain."}]
    assert not {"instructions", "temperature"} & found.keys()
    lost = "running conversations lose their reasoning"
    assert lost not in run(school, "plan", "--exit-code")
    school.manifest(text.replace("Explain.", "Explain well."))
    assert f"{lost}: instructions of their beginning changes" in run(school, "plan")
    school.manifest(text.replace("effort: low", "effort: high"))
    assert lost not in run(school, "plan")
    school.manifest(text.replace("gpt-6.2-sol", "gpt-6-luna"))
    run(school, "apply", "--yes")
    assert bundle(school)["parameters"]["instructions"] == "Explain."
    assert "input" not in bundle(school)["parameters"]


def test_an_account_knows_its_models_better(school: Project) -> None:
    told = "{gpt-6.2-sol: {takes: [temperature], instructions: instructions}, ours: {instructions: developer}}"
    accounts = f"accounts:\n  live: {{api: responses, models: {told}}}\n"
    school.manifest(accounts + TUTOR.replace("MODEL", "gpt-6.2-sol"))
    assert "refuses" not in run(school, "apply", "--yes")
    found = bundle(school)["parameters"]
    assert (found["instructions"], found["temperature"]) == ("Explain.", 0.3)
    school.manifest(accounts + TUTOR.replace("MODEL", "ours"))
    run(school, "apply", "--yes")
    assert bundle(school)["parameters"]["input"][0]["role"] == "developer"


def test_a_round_trip(school: Project) -> None:
    for model in ("gpt-6-luna", "gpt-6.2-sol"):
        school.manifest(ACCOUNTS + TUTOR.replace("MODEL", model))
        run(school, "apply", "--yes")
        assert "The next plan is empty." in run(school, "export", ".", "--force", "overwrite", "--yes")


def test_chat_speaks_with_what_the_bundle_says(school: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    school.write(
        "script.yaml", "version: 1\nturns:\n  - times: any\n    answers: [{search: bread}, {text: 'Good【a.md】.'}]\n"
    )
    for model in ("gpt-6-luna", "gpt-6.2-sol"):
        school.manifest(ACCOUNTS + TUTOR.replace("MODEL", model))
        run(school, "apply", "--yes")
        monkeypatch.setattr(sys, "stdin", io.StringIO("Bread?\nAgain?\n"))
        assert "docs/a.md" in run(school, "chat", "assistant/tutor", "--script", "script.yaml")


# Loading


def test_an_application_loads_its_parameters(school: Project) -> None:
    run(school, "apply", "--yes")
    path = school.root / "bundles" / "live" / "tutor.json"
    assert load_bundle(path) == bundle(school)["parameters"]
    assert load_bundle(str(path), "Hi")["input"] == [{"role": "user", "content": "Hi"}]
    opening = {"role": "developer", "content": "Explain."}
    edit(school, input=[opening], instructions=None)
    assert load_bundle(path)["input"] == [opening]
    assert load_bundle(path, "Hi")["input"] == [opening, {"role": "user", "content": "Hi"}]
    assert load_bundle(path, [{"role": "user", "content": "Hi"}], begins=False)["input"] == [
        {"role": "user", "content": "Hi"}
    ]
    assert "input" not in load_bundle(path, begins=False)


@pytest.mark.parametrize(
    ("content", "why"),
    (
        (None, "cannot be read"),
        ("{", "is no bundle"),
        ("[" * 100_000, "is no bundle"),
        ('{"parameters": {}}', "is no bundle"),
        ('{"bundle": 1, "parameters": []}', "is no bundle"),
        ('{"bundle": 7, "parameters": {}}', "is a bundle of version 7"),
    ),
)
def test_what_is_no_bundle_is_said(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "one.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DeployerError, match=why):
        load_bundle(path)


def test_loading_imports_nothing_heavy(tmp_path: Path) -> None:
    script = "import sys; before = {*sys.modules}; from deployer import load_bundle; print(*({*sys.modules} - before))"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    modules = {*done.stdout.split()}
    assert not {"openai", "yaml", "jsonschema", "click", "asyncio", "dataclasses", "deployer.model"} & modules
    assert {one for one in modules if one.startswith("deployer")} == {"deployer", "deployer.bundles", "deployer.errors"}


@NODE
def test_the_same_from_typescript(school: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of the docs has no types to strip, so that every Node runs it as it stands."""
    (code,) = re.findall(r"```ts\n(.*?)```", (ROOT / "docs" / "responses.md").read_text(encoding="utf-8"), re.DOTALL)
    school.write("ask.mjs", code)
    with BackgroundServer(school.root / "served") as server:
        monkeypatch.setenv("SERVED", server.base_url)
        served = '{api: responses, base_url: "${env.SERVED}", api_key: "${env.SERVED}"}'
        school.manifest(f"accounts:\n  live: {served}\n" + TUTOR.replace("MODEL", "gpt-6.2-sol"))
        run(school, "apply", "--yes")
        environ = {**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "any"}
        command = ["node", "ask.mjs", "bundles/live/tutor.json"]
        done = subprocess.run(command, cwd=school.root, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["object"], answer["status"], answer["model"]) == ("response", "completed", "gpt-6.2-sol")
    assert answer["metadata"] == {"team": "education"}
