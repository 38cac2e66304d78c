"""One manifest, several accounts: overrides, files of variables, secrets by reference."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from deployer.manifest import compile_manifest
from deployer.manifest.document import SourceDocument
from deployer.manifest.yaml12 import PositionTree
from deployer.project import Project as Library
from deployer.project import environment_of
from tests.support.project import Project, Result

LIVE = """
accounts:
  live: {{api: agents, base_url: "https://example.org/v1", api_key: "{key}"{more}}}
assistants: {{tutor: {{model: m}}}}
"""
SECRET = "sk-very-secret"


def resource(project: Project, account: str | None, address: str = "assistant/tutor") -> dict[str, Any]:
    found = compile_manifest(project.root / "assistants.yaml", account, {}, {})
    assert [one.message for one in found.problems] == []
    return next(dict(one.attrs) for one in found.resources if str(one.address) == address)


def problems(project: Project, *words: str) -> list[str]:
    return project.run("validate", *words).err.splitlines()


def test_an_account_overrides_by_a_merge_patch(project: Project) -> None:
    project.manifest("""
        variables: {tone: {default: formal}}
        accounts:
          live:
            api: assistants
            overrides:
              assistant/tutor:
                model: better
                temperature: null
                metadata: {tier: live, draft: null, tone: "${var.tone}"}
                tools: []
        assistants:
          tutor:
            model: m
            temperature: 0.5
            metadata: {team: a, draft: "yes"}
            tools: [{type: code_interpreter}]
          other: {model: m}
    """)
    assert resource(project, "live") == {
        "model": "better",
        "metadata": {"team": "a", "tier": "live", "tone": "formal"},
        "tools": [],
    }
    assert resource(project, None)["temperature"] == 0.5
    assert resource(project, "live", "assistant/other") == {"model": "m"}


def test_the_patch_of_a_resource_in_an_included_file(project: Project) -> None:
    project.manifest("""
        include: [more/a.yaml]
        accounts: {live: {api: assistants, overrides: {assistant/tutor: {instructions: {file: live.md}}}}}
    """)
    project.write("more/a.yaml", "assistants: {tutor: {model: m, instructions: Text.}}")
    project.write("more/live.md", "Live.\n")
    assert resource(project, "live")["instructions"] == "Live."


def test_what_is_wrong_with_a_patch_is_told_where_it_stands(project: Project) -> None:
    project.manifest("""
        accounts:
          live:
            api: assistants
            overrides:
              assistant/tutor:
                temperature: 9
                modle: x
              assistant/tutr: {model: m}
              nonsense: {}
              vector_store/docs: 1
        vector_stores: {docs: {}}
        assistants: {tutor: {model: m, name: T}}
    """)
    found = problems(project, "--account", "live")
    assert [line.split(" ", 1)[0].removeprefix("assistants.yaml:") for line in found] == [
        "9:22:",
        "10:9:",
        "11:7:",
        "12:7:",
        "13:26:",
    ]
    assert "did you mean 'assistant/tutor'?" in "\n".join(found)


RFC_7396: tuple[tuple[Any, Any, Any], ...] = (
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
)


@pytest.mark.parametrize(("target", "patch", "result"), RFC_7396)
def test_a_merge_patch_is_the_one_of_the_standard(target: Any, patch: Any, result: Any) -> None:
    before = json.dumps(target)
    found = SourceDocument("a", {"x": target}, PositionTree(1, 1)).patched(
        ("x",), SourceDocument("b", patch, PositionTree(1, 1))
    )
    assert found.data == {"x": result}
    assert json.dumps(target) == before


VARIABLES = "variables: {model: {default: m}, warmth: {default: 0.1}}\n"
USED = VARIABLES + 'assistants: {tutor: {model: "${var.model}", temperature: "${var.warmth}"}}\n'


def planned(result: Result) -> dict[str, Any]:
    (change,) = result.json()["changes"]
    return {one["path"]: one["new"] for one in change["fields"]}


def test_variables_from_files(project: Project) -> None:
    project.manifest(USED)
    project.write("a.yaml", "model: a\nwarmth: 0.2\n")
    project.write("b.yaml", "model: b\n")
    words = ("plan", "--format", "json", "--var-file", "a.yaml", "--var-file", "b.yaml")
    assert planned(project.run(*words)) == {"model": "b", "temperature": 0.2}
    assert planned(project.run(*words, "--var", "model=c")) == {"model": "c", "temperature": 0.2}


def test_a_printed_command_keeps_the_files_of_variables(project: Project) -> None:
    project.manifest(USED)
    project.write("a.yaml", "model: a\n")
    project.write("dev.env", "X=1\n")
    result = project.run("outputs", "--var-file", "a.yaml", "--var", "warmth=1", "--env-file", "dev.env")
    assert "deployer apply --var-file a.yaml --var warmth=1 --env-file dev.env" in result.err


@pytest.mark.parametrize(
    ("text", "said"),
    (
        ("modle: x\n", "vars.yaml:1:8: modle: the variable 'modle' is not declared; did you mean 'model'?"),
        ("- model\n", "vars.yaml:1:1: this is not a mapping of variables; write NAME: VALUE, one a line"),
        ("model: [a]\n", "vars.yaml:1:1: model: this is no value of a variable; write text, a number, true or false"),
        ("model: \n", "vars.yaml:1:1: model: this is no value of a variable; write text, a number, true or false"),
        ("model: a\nmodel: b\n", "vars.yaml:2:1: "),
        (None, "vars.yaml does not exist"),
    ),
)
def test_a_wrong_file_of_variables(project: Project, text: str | None, said: str) -> None:
    project.manifest(USED)
    if text is not None:
        project.write("vars.yaml", text)
    for command in ("validate", "plan"):
        result = project.run(command, "--var-file", "vars.yaml")
        assert (result.code, result.err.startswith(said)) == (1, True), result.err
    assert not (project.root / ".deployer").exists()


def test_a_variable_without_a_value_is_refused(project: Project) -> None:
    project.manifest('variables: {model: {}}\nassistants: {tutor: {model: "${var.model}"}}\n')
    result = project.run("plan")
    assert (result.code, "the variable 'model' has no value" in result.err) == (1, True)


def settings(project: Project, key: str, more: str = "", **environ: str) -> Any:
    project.manifest(LIVE.format(key=key, more=more))
    return compile_manifest(project.root / "assistants.yaml", "live", {}, environ)


def test_a_secret_in_a_file(project: Project) -> None:
    path = project.write("secrets/key", f"{SECRET}\n")
    path.chmod(0o600)
    found = settings(project, "${file.secrets/key}")
    assert (found.settings.api_key, found.problems) == (SECRET, ())
    assert settings(project, f"${{file.{path}}}").settings.api_key == SECRET


def test_a_secret_that_everybody_may_read_is_a_warning(project: Project) -> None:
    project.write("key", SECRET).chmod(0o644)
    found = settings(project, "${file.key}")
    assert found.settings.api_key == SECRET
    (problem,) = found.problems
    assert (problem.severity, problem.message) == ("warning", "everybody on this machine may read key")


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    (
        (None, 0, "the file key does not exist"),
        (b"", 0o600, "the file key is empty"),
        (b"\n", 0o600, "the file key is empty"),
        (b"a\nb\n", 0o600, "the file key has more than one line"),
        (b"\xff", 0o600, "key is not UTF-8 text"),
        (b"x" * 70_000, 0o600, "key is larger than 65,536 bytes"),
        (b"s", 0o602, "everybody may write key"),
        (b"s", 0o666, "everybody may write key"),
    ),
)
def test_a_wrong_file_of_a_secret(project: Project, content: bytes | None, mode: int, said: str) -> None:
    if content is not None:
        project.write("key", content).chmod(mode)
    project.manifest(LIVE.format(key="${file.key}", more=""))
    result = project.run("plan", "--account", "live")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.startswith(f"assistants.yaml:5:68: accounts.live.api_key: {said}"), result.err


def test_what_is_no_file_is_no_secret_and_never_waited_for(project: Project) -> None:
    project.manifest(LIVE.format(key="${file.key}", more=""))
    (project.root / "key").symlink_to("nowhere")
    assert "key is a link that leads nowhere" in project.run("plan", "--account", "live").err
    os.mkfifo(project.root / "pipe")
    (project.root / "key").unlink()
    (project.root / "key").symlink_to("pipe")
    assert "key is not a regular file" in project.run("plan", "--account", "live").err
    for words in (("plan", "--env-file", "pipe"), ("plan", "--var-file", "pipe"), ("show", "pipe")):
        result = project.run(*words)
        assert (result.code, "pipe is not a regular file; name " in result.err) == (1, True), result.err


@pytest.mark.parametrize("content", (b"\xef\xbb\xbfsecret\r\n", b"secret\r\n", b"secret\n", b"secret"))
def test_a_secret_of_any_editor(project: Project, content: bytes) -> None:
    project.write("key", content).chmod(0o600)
    project.manifest(LIVE.format(key="${file.key}", more=""))
    assert Library.load("assistants.yaml", account="live").manifest.settings.api_key == "secret"


def test_a_folder_is_no_secret(project: Project) -> None:
    (project.root / "key").mkdir()
    (problem,) = settings(project, "${file.key}").problems
    assert problem.message == "key is not a regular file"


def test_validate_needs_no_secret_of_any_sort(project: Project) -> None:
    for key in ("${file.nowhere}", "${env.NOWHERE}", "${cmd.nowhere}"):
        project.manifest(LIVE.format(key=key, more=", commands: true"))
        assert project.run("validate", "--account", "live").code == 0


def test_a_secret_from_a_command(project: Project) -> None:
    found = settings(project, "${cmd.echo 'a secret'}", ", commands: true")
    assert (found.settings.api_key, found.problems) == ("a secret", ())


@pytest.mark.parametrize(
    ("command", "allowed", "said"),
    (
        ("echo x", False, "this account runs no commands"),
        ("false", True, "the command failed (exit code 1)"),
        ("true", True, "what the command prints is empty"),
        ("no-such-program-at-all", True, "the command cannot be run"),
        ("echo 'x", True, "this is no command"),
        ("printf 'a\\\\nb\\\\n'", True, "what the command prints has more than one line"),
        ("echo $HOME; id", True, ""),
    ),
)
def test_a_wrong_command(project: Project, command: str, allowed: bool, said: str) -> None:  # noqa: FBT001
    found = settings(project, f"${{cmd.{command}}}", ", commands: true" if allowed else "")
    if said:
        (problem,) = found.problems
        assert problem.message.startswith(said)
    else:
        assert found.settings.api_key == "$HOME; id", "there is no shell"


def test_what_a_failed_command_says_is_not_repeated(project: Project) -> None:
    project.manifest(LIVE.format(key=f"${{cmd.cat {SECRET}}}", more=", commands: true"))
    result = project.run("plan", "--account", "live")
    assert result.code == 1
    assert SECRET not in result.out + result.err


def test_a_file_of_the_environment_is_read_on_request_alone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.manifest(LIVE.format(key="${env.LIVE_KEY}", more=""))
    project.write(".env", "# keys\nexport LIVE_KEY='from file'\nOTHER=x # note\n\n")
    assert "LIVE_KEY is not set" in project.run("plan", "--account", "live").err
    assert environment_of(Path(".env")) == {"LIVE_KEY": "from file", "OTHER": "x"}
    monkeypatch.setenv("LIVE_KEY", "")
    assert project.run("validate", "--account", "live", "--env-file", ".env").code == 0


@pytest.mark.parametrize(
    ("text", "said"), (("A=1\nbad line\n", "dev.env:2: this is not NAME=VALUE"), (None, "dev.env does not exist"))
)
def test_a_wrong_file_of_the_environment(project: Project, text: str | None, said: str) -> None:
    project.manifest("assistants: {tutor: {model: m}}\n")
    if text:
        project.write("dev.env", text)
    result = project.run("plan", "--env-file", "dev.env")
    assert (result.code, said in result.err) == (1, True)


def test_of_what_could_not_be_read_nothing_is_said(project: Project) -> None:
    project.write("accounts.yaml", "accounts: {live: {api: assistants\n")
    project.manifest("include: [accounts.yaml]\nassistants: {tutor: {model: m}}\n")
    result = project.run("plan", "--account", "live", "--var", "model=m")
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert result.err.startswith("accounts.yaml:1:34: this is not valid YAML")
