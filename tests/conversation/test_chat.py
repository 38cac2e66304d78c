"""Talking to what is deployed, through the real embedded account: in this process and over HTTP, on both surfaces."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from deployer import Project as Library
from deployer.conversation import (
    ConversationNamed,
    FunctionAnswered,
    FunctionCall,
    StepDone,
    TextPiece,
    TurnEnded,
    by_form,
    from_handlers,
    from_outputs,
)
from deployer.server import BackgroundServer
from tests.server.talk import rehearsal
from tests.support.project import Project, Result

ROOT = Path(__file__).parents[2]
MANIFEST = """
accounts:
  local: {api: API}
  served: {api: API, base_url: "${env.SERVED}", api_key: "${env.SERVED_KEY}"}
assistants:
  helper:
    model: m
    tools:
      - type: function
        name: pick
        description: Call it to pick a colour.
        handler: work:pick
        parameters: {type: object, properties: {colour: {type: string}}, required: [colour]}
"""
CALLS: dict[str, Any] = {
    "times": "any",
    "answers": [
        *({"call": "pick", "arguments": {"colour": colour}} for colour in ("red", "blue")),
        {"text": "Both are picked."},
    ],
}


def said(project: Project, monkeypatch: pytest.MonkeyPatch, text: str, *options: str) -> Result:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    return project.run("chat", "assistant/helper", *options)


@pytest.fixture(params=["assistants", "agents"])
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def helper(project: Project, api: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("SERVED", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("SERVED_KEY", "any")
    monkeypatch.setenv("DEPLOYER_ACCOUNT", "local")
    project.write("work.py", "def pick(colour: str) -> dict[str, str]:\n    return {'picked': colour}\n")
    project.manifest(MANIFEST.replace("API", api))
    assert project.run("apply", "--yes").code == 0
    return project


@contextmanager
def scripted(project: Project, *turns: dict[str, Any]) -> Iterator[list[str]]:
    """Options of `chat` for an account in this process that plays turns."""
    path = project.write("script.yaml", yaml.safe_dump({"version": 1, "turns": list(turns)}))
    yield ["--script", str(path)]


def test_parallel_calls_are_answered_by_handlers(helper: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(helper, CALLS) as options:
        found = said(helper, monkeypatch, "Pick\n", "--handlers", *options)
    assert (found.code, found.out) == (0, "Both are picked.\n")
    assert [line for line in found.err.splitlines() if "answered" in line] == [
        '  · pick answered {"picked": "red"}',
        '  · pick answered {"picked": "blue"}',
    ]


def test_handlers_are_imported_only_when_that_is_asked_for(helper: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    helper.write("work.py", "from pathlib import Path\nPath('ran').touch()\ndef pick(colour: str): ...\n")
    with scripted(helper, CALLS) as options:
        found = said(helper, monkeypatch, "Pick\n", *options)
    assert not (helper.root / "ran").exists()
    assert found.err.count("pick failed: nothing answers this function here") == 2
    assert (found.code, found.out) == (0, "Both are picked.\n")


def test_outputs_of_a_file_go_in_order(helper: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    helper.write("answers.yaml", "pick: [first]\n")
    with scripted(helper, CALLS) as options:
        found = said(helper, monkeypatch, "Pick\n", "--answers", "answers.yaml", *options)
    assert "pick answered first" in found.err
    assert "pick failed: it was called more often than there are outputs for it" in found.err


def test_a_conversation_goes_on(helper: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [{"answers": [{"text": f"Answer {number}."}]} for number in (1, 2, 3)]
    with scripted(helper, *turns) as options:
        first = said(helper, monkeypatch, "One\n\nTwo\n", *options, "--transcript", "said.json")
        thread = re.findall(r"--thread (\S+)", first.err)[0]
        again = said(helper, monkeypatch, "Three\n", "--thread", thread)
    assert first.out == "Answer 1.\nAnswer 2.\n"
    assert (again.code, re.findall(r"--thread (\S+)", again.err)) == (0, [thread])
    kept = yaml.safe_load((helper.root / "said.json").read_text())
    texts = [one["text"] for one in kept["entries"] if one["type"] == "message"]
    assert (kept["thread"], texts) == (thread, ["One", "Answer 1.", "Two", "Answer 2."])


def test_whatever_ends_it_there_is_a_way_on(helper: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["One\n"])

    def readline() -> str:
        for line in lines:
            return line
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "readline", readline)
    with scripted(helper, {"answers": [{"text": "Answer."}]}) as options:
        found = helper.run("chat", "assistant/helper", *options, "--transcript", "said.md")
    assert found.code == 130
    assert re.search(rf"go on with: deployer chat assistant/helper {' '.join(options)} --thread \S+", found.err)
    assert "**Assistant:** Answer." in (helper.root / "said.md").read_text()


@pytest.mark.parametrize("api", ("assistants", "agents", "responses"))
def test_calls_that_were_left_waiting_are_answered_first(helper: Project, api: str) -> None:
    project = Library.load(helper.root / "assistants.yaml", account="local")
    named: list[str] = []

    def leave(one: Any) -> None:
        if isinstance(one, ConversationNamed):
            named.append(one.thread)
        if isinstance(one, FunctionCall):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        project.chat("helper", "Pick", server_answers=rehearsal(CALLS), on_happening=leave)
    answers = [from_outputs({"pick": "done"})]
    found = project.chat("helper", "Again", thread=named[-1], answers=answers, server_answers=rehearsal(CALLS))
    kinds = [type(one).__name__ for one in found.happenings if not isinstance(one, TextPiece | StepDone)]
    assert found.ok, api
    assert kinds[0] == "FunctionCall"
    assert kinds.index("MessageSaid") > kinds.index("FunctionAnswered")
    assert kinds.count("TurnEnded") == 2


def test_over_http_text_comes_in_pieces(
    helper: Project, api: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with BackgroundServer(tmp_path / "served", answers=rehearsal(CALLS)) as server:
        monkeypatch.setenv("SERVED", server.base_url)
        assert helper.run("apply", "--yes", "--account", "served").code == 0
        happened: list[Any] = []
        project = Library.load(helper.root / "assistants.yaml", account="served")
        answers = [from_outputs({"pick": [{"n": 1}, {"n": 2}]})]
        found = project.chat("helper", "Pick", answers=answers, on_happening=happened.append)
    assert (found.ok, found.text) == (True, "Both are picked.")
    assert [one.answer.output for one in happened if isinstance(one, FunctionAnswered)] == ['{"n": 1}', '{"n": 2}']
    pieces = [one.text for one in happened if isinstance(one, TextPiece)]
    assert len(pieces) > 1, api
    assert "".join(pieces) == "Both are picked."


@pytest.mark.parametrize(
    ("code", "why"),
    (
        ("raise ValueError('no such colour')", "its handler raised ValueError: no such colour"),
        ("raise SystemExit(3)", "its handler raised SystemExit: 3"),
        ("return {1, 2}", "its output is no JSON (set)"),
        ("return float('nan')", "its output is no JSON (float)"),
        ("__import__('threading').Event().wait()", "its handler did not return within 0.02 s"),
    ),
)
def test_what_goes_wrong_with_a_handler_is_a_failed_output(code: str, why: str) -> None:
    module: dict[str, Any] = {}
    exec(f"def pick(colour: str):\n    {code}\n", module)  # noqa: S102 (the cases stand above)
    answer = from_handlers({"pick": module["pick"]}, 0.02 if "0.02" in why else 60)
    found = asyncio.run(cast("Any", answer(FunctionCall("call_1", "pick", '{"colour": "red"}'))))
    assert (found.failure, json.loads(found.output)) == (f"pick failed: {why}", {"error": why})


def test_a_turn_goes_on_after_a_handler_has_failed(helper: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    helper.write("work.py", "def pick(colour: str):\n    raise ValueError('no such colour')\n")
    with scripted(helper, CALLS) as options:
        found = said(helper, monkeypatch, "Pick\n", "--handlers", "--handler-timeout", "9", *options)
    assert found.err.count("pick failed: its handler raised ValueError: no such colour") == 2
    assert (found.code, found.out) == (0, "Both are picked.\n")


@pytest.fixture(autouse=True)
def _imports() -> Iterator[None]:
    sys.modules.pop("work", None)
    yield
    sys.modules.pop("work", None)


def test_a_turn_that_fails_says_why(helper: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(helper, {"answers": [{"fail": {"message": "The model is ill."}}]}) as options:
        found = said(helper, monkeypatch, "Hello\n", *options)
    assert found.code == 1
    assert "the turn ended as failed: The model is ill." in found.err


@pytest.mark.parametrize("api", ("assistants",))
@pytest.mark.parametrize(
    ("options", "text", "code", "told"),
    (
        ((), "", 1, "there is nothing to say: the input is empty"),
        (("--thread", "none_1"), "Hello\n", 1, "none_1"),
        (("--answers", "none.yaml"), "Hello\n", 1, "none.yaml"),
        (("--answers", "list.yaml"), "Hello\n", 1, "write a function's name: its output"),
        (("--account", "served", "--script", "s.yaml"), "Hello\n", 64, "the server has its own"),
    ),
)
def test_bad_input_gets_a_sentence(  # noqa: PLR0917 (a row of the table)
    helper: Project, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], text: str, code: int, told: str
) -> None:
    helper.write("list.yaml", "- 1\n")
    found = said(helper, monkeypatch, text, *options)
    assert (found.code, told in found.err) == (code, True), found.err


@pytest.mark.parametrize("api", ("assistants",))
def test_input_that_is_no_text_gets_a_sentence(helper: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), encoding="utf-8"))
    found = helper.run("chat", "assistant/helper")
    assert (found.code, found.err) == (1, "the input is not UTF-8 text (invalid start byte); convert it first\n")


@pytest.mark.parametrize("arguments", ("{", "[1]", "[" * 100_000))
def test_arguments_that_are_no_object_are_a_failed_output(arguments: str) -> None:
    answer = from_handlers({"pick": print})
    found = asyncio.run(cast("Any", answer(FunctionCall("call_1", "pick", arguments))))
    assert found.failure.startswith("pick failed: its arguments are no JSON")


def test_only_what_is_declared_and_live_can_be_talked_to(helper: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert helper.run("chat", "assistant/other").code == 1  # nothing was said
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello\n"))
    found = helper.run("chat", "assistant/other")
    assert (found.code, found.err) == (64, "the manifest declares no assistant/other; talk to assistant/helper\n")
    assert helper.run("destroy", "--confirm", "test").code == 0
    gone = said(helper, monkeypatch, "Hello\n")
    assert "assistant/helper is not live on this account; run deployer apply" in gone.err


def test_steps_and_sources_of_the_example(example: Project) -> None:
    assert example.run("apply", "--yes").code == 0
    project = Library.load(account="embedded")
    turn = {"answers": [{"search": "선형대수"}, {"text": "벡터【linear-algebra.md】"}]}
    found = project.chat("math-tutor", "선형대수", server_answers=rehearsal(turn))
    assert found.text == "벡터[knowledge/math/linear-algebra.md]"
    assert [one.kind for one in found.happenings if isinstance(one, StepDone)] == ["file_search"]
    assert "- source: knowledge/math/linear-algebra.md" in found.markdown()
    assert [one for one in found.happenings if isinstance(one, TurnEnded)] == [TurnEnded("completed")]


def piped(project: Project, monkeypatch: pytest.MonkeyPatch, line: str) -> Result:
    """What `echo … | deployer …` leaves."""
    told, command = line.split(" | ")
    [echo, text], [program, *words] = shlex.split(told), shlex.split(command)
    assert (echo, program) == ("echo", "deployer")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n"))
    found = project.run(*words)
    assert found.code == 0, found.err
    return found


def test_the_examples_of_the_pages_run(example: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    page, readme = ((ROOT / name).read_text(encoding="utf-8") for name in ("docs/chat.md", "README.md"))
    example.copy(ROOT, ("rehearsal.yaml",))
    example.write("answers.yaml", re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])
    assert example.run("apply", "--yes").code == 0
    outs = [piped(example, monkeypatch, line).out for line in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)]
    assert outs[0] == re.findall(r"```text\n(.*?)```", page, re.DOTALL)[0]
    assert '["양변을 2로 나눈다", "2x"]' in (example.root / "quiz.md").read_text(encoding="utf-8")
    shown = re.findall(r"```console\n\$ (echo .*?)\n(.*?)```", readme, re.DOTALL)
    assert [(piped(example, monkeypatch, line).out, out) for line, out in shown] == [("x = 1\n", "x = 1\n")]
    demo = (ROOT / "scripts" / "demo.sh").read_text(encoding="utf-8")
    assert f"\n{shown[0][0]}\n" in demo
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], {})  # noqa: S102


@pytest.mark.parametrize(("given", "failed"), (({"n": 1}, False), (EOFError(), True)))
def test_a_form_that_is_not_answered_is_a_failed_output(given: Any, failed: bool) -> None:  # noqa: FBT001 (a case)
    def ask(_text: str, _choices: Any) -> str:
        if isinstance(given, EOFError):
            raise given
        return str(given)

    found = asyncio.run(cast("Any", by_form(ask)(FunctionCall("call_1", "pick", "{}"))))
    assert (found.failure == "pick failed: the input ended before it was answered") == failed


def test_the_quiz_is_taken_on_a_terminal(example: Project) -> None:
    example.copy(ROOT, ("rehearsal.yaml",))
    assert example.run("apply", "--yes").code == 0
    main, side = pty.openpty()
    command = [sys.executable, "-m", "deployer", "chat", "math-tutor", "--script", "rehearsal.yaml"]
    with subprocess.Popen(command, stdin=side, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        os.close(side)
        os.write(main, "퀴즈를 내줘\n나눈다\n9\n1\n\x04".encode())
        out, err = process.communicate(timeout=60)
    os.close(main)
    shown = err.decode()
    assert process.returncode == 0, shown
    assert "choose a number from 1 to 4" in shown
    assert 'display_quiz answered ["나눈다", "2x"]' in shown
    assert "2x입니다." in out.decode()
