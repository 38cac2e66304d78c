"""The command line as a whole: exit codes, help, the error boundary."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from deployer import __version__, cli
from deployer.manifest import compile_manifest
from deployer.project import project as library
from deployer.project.session import target_of
from tests.support.project import Project


def test_help_lists_every_command_with_the_sentence_of_its_own_help(project: Project) -> None:
    result = project.run("--help")
    assert result.code == 0
    for name, sentence in cli.COMMANDS.items():
        assert f"{name} " in result.out
        assert sentence in " ".join(result.out.split())


@pytest.mark.parametrize("name", tuple(cli.COMMANDS))
def test_every_command_has_help_with_an_example(project: Project, name: str) -> None:
    result = project.run(name, "--help")
    assert result.code == 0
    assert f"Example:\n    deployer {name}" in result.out
    command = cli.app.get_command(click.Context(cli.app), name)
    assert command is not None
    options = [one for one in command.params if isinstance(one, click.Option)]
    assert all(option.help for option in options if not option.hidden)


def test_version(project: Project) -> None:
    assert project.run("--version").out == f"deployer, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    (
        (["plam"], "did you mean 'plan'?"),
        (["xyz"], "use one of: validate, plan"),
        (["plan", "--formt", "json"], "--format"),
        (["plan", "--format", "pdf"], "'pdf' is not one of"),
        (["plan", "--var", "novalue"], "write it as --var NAME=VALUE"),
        (["serve", "--port", "99999"], "99999 is not in the range"),
    ),
)
def test_wrong_usage_is_a_sentence_and_exit_code_64(example: Project, arguments: list[str], said: str) -> None:
    result = example.run(*arguments)
    assert result.code == 64
    assert said in result.err


def test_no_arguments_show_the_help(project: Project) -> None:
    result = project.run()
    assert "Commands:" in result.out + result.err
    assert result.code == 64


@pytest.mark.parametrize("command", ("validate", "plan", "apply", "outputs"))
def test_a_missing_manifest_is_a_sentence(project: Project, command: str) -> None:
    result = project.run(command)
    assert result.code == 1
    assert "assistants.yaml does not exist; create it, or correct the path" in result.err


def test_apply_asks_and_refuses_where_nobody_can_answer(example: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Path("/dev/null").open(encoding="utf-8"))  # noqa: SIM115 (closed with the test)
    result = example.run("apply")
    assert result.code == 64
    assert "nobody can confirm here; add --yes" in result.err
    assert example.run("plan", "--exit-code").code == 2, "nothing was changed"
    sys.stdin.close()


def test_outputs_before_an_apply_name_what_is_missing(example: Project) -> None:
    result = example.run("outputs", "--format", "json")
    assert (result.code, result.json()) == (1, {})
    assert "assistant/math-tutor is not live on this account; run deployer apply" in result.err


def test_outputs_in_every_form(example: Project) -> None:
    assert example.run("apply", "--yes").code == 0
    ids = example.run("outputs", "--format", "json").json()
    assert list(ids) == [
        "assistant/math-tutor",
        "assistant/quiz-generator",
        "vector_store/city-plan",
        "vector_store/math",
    ]
    env = dict(line.split("=") for line in example.run("outputs", "--format", "env").out.splitlines())
    assert env["ASSISTANT_MATH_TUTOR_ID"] == ids["assistant/math-tutor"]
    assert env["VECTOR_STORE_CITY_PLAN_ID"] == ids["vector_store/city-plan"]
    assert [line.split() for line in example.run("outputs").out.splitlines()] == [[*item] for item in ids.items()]


def test_a_bug_is_told_as_one_and_its_trace_is_kept(example: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(library, "check_manifest", broken)
    result = example.run("validate")
    assert result.code == 3
    assert "this is a bug in deployer (ZeroDivisionError)" in result.err
    assert "Traceback" not in result.err
    log = Path(result.err.split()[-1])
    assert "ZeroDivisionError" in log.read_text(encoding="utf-8")
    log.unlink()


def test_a_closed_pipe_is_no_error(example: Project) -> None:
    command = f"{sys.executable} -m deployer plan --format json | head -c 10"
    result = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
    assert example.root.exists()


def test_a_read_only_folder_for_the_embedded_account_is_a_sentence(example: Project) -> None:
    (example.root / ".deployer").write_text("a file where a folder must be", encoding="utf-8")
    result = example.run("plan")
    assert result.code == 1
    assert "the embedded account cannot be kept in" in result.err


def test_prune_shows_orphans_and_deletes_them_only_with_consent(example: Project) -> None:
    assert example.run("apply", "--yes").code == 0
    example.write("assistants.yaml", "version: 1\nproject: quiz-school\n")
    kept = example.run("plan", "--exit-code")
    assert kept.code == 0
    assert "assistant/math-tutor  no longer in the manifest; --prune deletes it" in kept.out
    assert example.run("plan", "--prune", "--exit-code").code == 2
    assert example.run("apply", "--prune", "--yes").code == 0
    assert example.run("plan", "--prune", "--exit-code").code == 0


def test_the_guard_stops_an_apply_that_deletes_too_much(project: Project) -> None:
    project.manifest("assistants:\n" + "".join(f"  a{n}: {{model: m}}\n" for n in range(10)))
    assert project.run("apply", "--yes").code == 0
    project.manifest("assistants:\n" + "".join(f"  a{n}: {{model: m}}\n" for n in range(6)))
    stopped = project.run("apply", "--yes", "--prune")
    assert stopped.code == 1
    assert "deletes 4 of 10 owned objects, more than 30%; if that is meant, add --force prune-limit" in stopped.err
    assert project.run("apply", "--yes", "--prune", "--force", "prune-limit").code == 0


def test_places_can_be_opened_from_where_the_user_stands(project: Project) -> None:
    project.write(
        "deploy/assistants.yaml",
        """
        version: 1
        project: p
        assistants:
          a: {model: m, tools: [{type: function, file: f.yaml}], temprature: 1}
          b: {model: m, tools: [{type: function, file: f.yaml}]}
        """,
    )
    project.write("deploy/f.yaml", "name: not allowed\n")
    result = project.run("validate", "-f", "deploy/assistants.yaml")
    name = '"not allowed" is not allowed here; use up to 64 letters, digits, - and _'
    assert result.err.splitlines() == [
        "deploy/assistants.yaml:4:58: assistant/a: unknown key 'temprature'; did you mean 'temperature'?",
        f"deploy/f.yaml:1:7: assistant/a.tools[0].name: {name}",
        f"deploy/f.yaml:1:7: assistant/b.tools[0].name: {name}",
    ]


@pytest.mark.slow
def test_a_password_in_a_url_is_not_shown(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "http://me:s3cret@127.0.0.1:9/v1")
    monkeypatch.setenv("KEY", "k3y-value")
    project.manifest("accounts: {a: {api: agents, base_url: '${env.WHERE}', api_key: '${env.KEY}'}}")
    found = compile_manifest(project.root / "assistants.yaml", "a", {}, os.environ)
    assert target_of(found).base_url == "http://127.0.0.1:9/v1"
    result = project.run("plan", "--account", "a")
    assert result.code == 1
    assert "s3cret" not in result.out + result.err
    assert "k3y-value" not in result.out + result.err


def test_only_who_calls_an_account_needs_its_secrets(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    project.manifest(
        "accounts: {live: {api: agents, base_url: 'http://127.0.0.1:9/v1', api_key: '${env.NO_SUCH_KEY}'}}"
    )
    assert project.run("validate", "--account", "live").code == 0
    for command in (["plan"], ["apply", "--yes"], ["outputs"]):
        result = project.run(*command, "--account", "live")
        assert result.code == 1
        assert "accounts.live.api_key: the environment variable NO_SUCH_KEY is not set" in result.err


@pytest.mark.parametrize(
    ("url", "said"),
    (
        ("foo", "does not begin with http:// or https://"),
        ("http:///v1", "names no host"),
        ("http://127.0.0.1:99999/v1", "is not a URL"),
        ("http://127.0.0.1:1/v1?x=1", "has a query"),
    ),
)
def test_a_base_url_that_is_none_is_a_sentence(
    project: Project, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("WHERE", url)
    monkeypatch.setenv("KEY", "k3y-value")
    project.manifest("accounts: {a: {api: agents, base_url: '${env.WHERE}', api_key: '${env.KEY}'}}")
    result = project.run("plan", "--account", "a")
    assert result.code == 1
    assert f"account a: base_url {said}" in result.err


def test_a_broken_or_unwritable_embedded_account_is_a_sentence(example: Project) -> None:
    assert example.run("apply", "--yes").code == 0
    assert (example.root / ".deployer/.gitignore").read_text(encoding="utf-8") == "*\n"
    database = example.root / ".deployer/account/account.sqlite3"
    for extra in database.parent.glob("account.sqlite3-*"):
        extra.unlink()
    database.write_bytes(b"not a database" * 100)
    result = example.run("plan")
    assert result.code == 1
    assert "the embedded account cannot be kept in" in result.err


def test_a_full_disk_under_the_output_is_no_bug(example: Project) -> None:
    command = [sys.executable, "-m", "deployer", "plan", "--format", "json"]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        result = subprocess.run(command, cwd=example.root, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr


def test_two_addresses_with_one_variable_are_told(project: Project) -> None:
    project.manifest("assistants: {a-b: {model: m}, a_b: {model: m}}")
    assert project.run("apply", "--yes").code == 0
    result = project.run("outputs", "--format", "env")
    assert result.code == 1
    assert "assistant/a-b and assistant/a_b have the same variable ASSISTANT_A_B_ID" in result.err


@pytest.mark.slow
def test_ctrl_c_ends_the_question_of_an_apply(example: Project) -> None:
    leader, follower = os.openpty()
    command = [sys.executable, "-m", "deployer", "apply"]
    with subprocess.Popen(
        command, cwd=example.root, stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    ) as process:
        seen = read_until(leader, b"[y/N]: ")
        time.sleep(0.5)  # the question is shown a moment before Python waits for the answer
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(20) == 130
        finally:
            process.kill()
    assert b"interrupted" in seen + read_until(leader, b"interrupted")
    os.close(leader)
    os.close(follower)
    assert example.run("plan", "--exit-code").code == 2


def read_until(terminal: int, word: bytes) -> bytes:
    """Give what a terminal shows until the word comes, or nothing more within 20 s."""
    seen = b""
    while word not in seen and select.select([terminal], [], [], 20)[0]:
        seen += os.read(terminal, 10_000)
    return seen


@pytest.mark.parametrize(
    "words", (["validate"], ["plan"], ["drift"], ["outputs"], ["gc"], ["plan", "--account", "nowhere"])
)
def test_what_is_wrong_with_a_manifest_is_json_where_json_was_asked_for(project: Project, words: list[str]) -> None:
    project.manifest("assistants: {a: {modell: m}}\n")
    result = project.run(*words, "--format", "json")
    assert result.code == 1
    problems = result.json()["problems"]
    assert "unknown key 'modell'" in {problem["message"] for problem in problems}
    assert all(problem["severity"] == "error" for problem in problems)
    if words != ["validate"]:
        assert len(result.err.splitlines()) == len(problems), "a person reads them on standard error"


@pytest.mark.parametrize("form", ("text", "html"))
def test_in_other_formats_they_stand_on_standard_error_alone(project: Project, form: str) -> None:
    project.manifest("assistants: {a: {modell: m}}\n")
    result = project.run("plan", "--format", form)
    assert (result.code, result.out) == (1, "")
    assert "unknown key 'modell'" in result.err


@pytest.mark.parametrize("words", (("plan",), ("validate",), ("drift",), ("apply", "--yes")))
def test_a_comment_says_that_there_is_no_plan(project: Project, words: tuple[str, ...]) -> None:
    project.manifest("assistants: {a: {modell: m}}\n")
    result = project.run(*words, "--format", "markdown")
    assert result.code == 1
    assert result.out.startswith(
        "### deployer: failed, 2 errors\n\n- **error** `assistants.yaml:3:14: assistant/a: the key"
    )
