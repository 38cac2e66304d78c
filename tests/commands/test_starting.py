"""From an empty folder to a plan: init, schema, completion, -C, one id, and what could be adopted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deployer.project.starter import APIS, TEMPLATES
from tests.commands.test_drift import ask
from tests.support.project import Project

TUTOR = "assistants: {tutor: {model: m}}\n"


@pytest.mark.parametrize("more", ((), ("--base-url", "https://api.openai.com/v1")), ids=("embedded", "hosted"))
@pytest.mark.parametrize("template", TEMPLATES)
def test_what_init_writes_is_valid_at_the_first_attempt(project: Project, template: str, more: tuple[str, ...]) -> None:
    result = project.run("init", "--template", template, *more)
    assert (result.code, result.err) == (0, ""), result.err
    printed = result.out.splitlines()[-1].removeprefix("It is valid. Next: deployer ")
    assert project.run(*printed.split()).code == 0
    validated = project.run("validate")
    assert (validated.code, validated.err) == (0, "")


@pytest.mark.parametrize("api", APIS)
def test_every_api_can_be_begun_with(project: Project, api: str) -> None:
    assert project.run("init", "--base-url", "https://example.org/v1", "--api", api).code == 0
    assert yaml.safe_load((project.root / "assistants.yaml").read_text())["accounts"]["production"]["api"] == api


def test_init_into_another_folder_says_how_to_go_on_there(project: Project) -> None:
    result = project.run("init", "my bots")
    assert result.out.splitlines()[-1] == "It is valid. Next: deployer -C 'my bots' plan"
    assert project.run("-C", "my bots", "plan").code == 0
    assert not (project.root / ".deployer").exists()


@pytest.mark.parametrize("there", ("assistants.yaml", "prompts/guide.md", ".gitattributes"))
def test_init_writes_over_nothing_and_then_writes_nothing(project: Project, there: str) -> None:
    project.write(there, "mine")
    result = project.run("init")
    assert result.code == 1
    assert there in result.err
    assert [path.read_text() for path in project.root.rglob("*") if path.is_file()] == ["mine"]


def test_a_name_that_no_manifest_takes_is_refused_before_anything_is_written(project: Project) -> None:
    result = project.run("init", "--project", "My Bots")
    assert (result.code, list(project.root.iterdir())) == (1, [])
    assert "use up to 63 small letters" in result.err


def test_a_model_with_any_name_is_written_as_yaml(project: Project) -> None:
    assert project.run("init", "--model", 'odd: {name} "#1').code == 0
    data = yaml.safe_load((project.root / "assistants.yaml").read_text(encoding="utf-8"))
    assert data["variables"]["model"]["default"] == 'odd: {name} "#1'


def test_a_folder_without_a_manifest_is_led_to_init(project: Project) -> None:
    assert "deployer init writes a first one" in project.run("plan").err


def test_init_asks_on_a_terminal(project: Project) -> None:
    pty = pytest.importorskip("pty")
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "deployer", "init"]
    with subprocess.Popen(
        command, cwd=project.root, stdin=child, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as run:
        os.close(child)
        os.write(parent, b"shop\nknowledge\n\n")
        out = run.communicate(timeout=60)[0].decode()
        os.close(parent)
    assert run.returncode == 0, out
    data = yaml.safe_load((project.root / "assistants.yaml").read_text())
    assert (data["project"], list(data["vector_stores"])) == ("shop", ["docs"])


def test_schema_prints_what_is_published(project: Project) -> None:
    whole, fragment = project.run("schema").json(), project.run("schema", "--fragment").json()
    assert whole["required"] == ["version", "project"]
    assert "required" not in fragment
    assert json.loads(Path(__file__).parents[2].joinpath("schemas/manifest.schema.json").read_text()) == whole


@pytest.mark.parametrize("shell", ("bash", "zsh", "fish"))
def test_completion_prints_a_script(project: Project, shell: str) -> None:
    result = project.run("completion", shell)
    assert result.code == 0
    assert f"_DEPLOYER_COMPLETE={shell}_complete" in result.out


@pytest.mark.parametrize(
    ("words", "expected"),
    (
        ("deployer outputs ass", ["assistant/tutor"]),
        ("deployer adopt ", ["assistant/tutor"]),
        ("deployer plan --account ", ["embedded", "live"]),
        ("deployer -C inner outputs a", ["assistant/other"]),
        ("deployer outputs -f inner/assistants.yaml a", ["assistant/other"]),
        ("deployer comp", ["completion"]),
    ),
)
def test_a_shell_completes_commands_accounts_and_addresses(project: Project, words: str, expected: list[str]) -> None:
    project.manifest("accounts: {live: {api: agents}}\n" + TUTOR)
    project.write("inner/assistants.yaml", "version: 1\nproject: test\nassistants: {other: {model: m}}\n")
    position = str(len(words.split(" ")) - 1)
    environ = {**os.environ, "_DEPLOYER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": position}
    command = [sys.executable, "-c", "from deployer.cli import app; app.main(prog_name='deployer')"]
    found = subprocess.run(command, cwd=project.root, env=environ, capture_output=True, text=True, check=False)
    assert found.stderr == ""
    assert [line.partition(",")[2] for line in found.stdout.splitlines()] == expected


def test_a_command_that_is_printed_keeps_the_folder(project: Project) -> None:
    project.write("inner/assistants.yaml", "version: 1\nproject: test\n" + TUTOR)
    assert "run deployer -C inner apply" in project.run("-C", "inner", "outputs").err


def test_one_output_is_the_bare_id(project: Project) -> None:
    project.manifest(TUTOR)
    missing = project.run("outputs", "assistant/tutor")
    assert (missing.code, missing.out) == (1, "")
    assert "assistant/tutor is not live" in missing.err
    project.run("apply", "--yes")
    live = project.run("outputs", "--format", "json").json()["assistant/tutor"]
    found = project.run("outputs", "assistant/tutor")
    assert (found.code, found.out, found.err) == (0, f"{live}\n", "")
    assert project.run("outputs", "assistant/tutor", "--format", "json").json() == {"assistant/tutor": live}


def test_an_output_of_an_address_that_is_not_declared(project: Project) -> None:
    project.manifest(TUTOR)
    result = project.run("outputs", "assistant/tutr")
    assert (result.code, result.out) == (1, "")
    assert "did you mean 'assistant/tutor'?" in result.err


def test_what_is_foreign_is_listed_with_its_owner(project: Project) -> None:
    project.manifest(TUTOR)
    assert project.run("adopt", "--list").out == ""
    project.run("apply", "--yes")
    made = ask(project, "POST", "/assistants", {"model": "m", "name": "By\thand"})["id"]
    result = project.run("adopt", "--list")
    assert result.out == f"assistant\t{made}\tBy\\thand\n"
    assert project.run("adopt", "--list", "assistant/tutor").code == 64
    project.write("assistants.yaml", "version: 1\nproject: another\n" + TUTOR)
    assert "\tof project test, as assistant/tutor\n" in project.run("adopt", "--list").out


def test_two_accounts_at_once_are_refused(project: Project) -> None:
    project.manifest("accounts: {a: {api: agents}, b: {api: agents}}\n" + TUTOR)
    result = project.run("plan", "--account", "a", "--account", "b")
    assert (result.code, "--account names a, b; name one" in result.err) == (64, True)
    assert project.run("plan", "--account", "a", "--account", "a").code == 0


def test_a_remedy_can_be_written_as_it_stands(project: Project) -> None:
    project.manifest("""
        vector_stores: {docs: {expires_after: {days: 3}}}
        assistants: {tutor: {model: m, tools: [functions/x.yaml]}}
    """)
    said = project.run("validate").err
    assert "the key 'anchor' is missing; add anchor: last_active_at\n" in said
    assert "this is not a mapping; write {type: function, file: functions/x.yaml}\n" in said


@pytest.mark.parametrize("url", ("nonsense", "ftp://example.org"))
def test_what_would_not_be_valid_is_not_written(project: Project, url: str) -> None:
    result = project.run("init", "shop", "--base-url", url)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.startswith("nothing is written, since it would not be valid: ")
    assert not (project.root / "shop").exists()
