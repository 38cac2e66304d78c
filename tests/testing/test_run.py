"""Running tests on the embedded account, on each surface: what passes, what fails, what cannot be run."""

# ruff: noqa: E501 (tests as they stand in a manifest)
from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from deployer import Project as Library
from deployer.manifest.schema import load
from deployer.server import EmbeddedAccount
from deployer.testing.assertions import RULES
from tests.support.project import Project, Result
from tests.support.whole import whole

MANIFEST = """
accounts:
  local: {api: API}
vector_stores:
  docs: {files: ["docs/*.md"]}
assistants:
  helper:
    name: Helper
    model: m
    tools:
      - {type: file_search, vector_stores: [docs]}
      - type: function
        name: pick
        description: Call it to pick a colour.
        handler: WORK:pick
        parameters: {type: object, properties: {colour: {type: string}}, required: [colour]}
tests:
"""
SCHEMA = Draft202012Validator(load("tests.schema.json"))


@pytest.fixture(params=["assistants", "agents", "responses"])
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


BREAKS = "def pick(colour: str) -> str: ...\nraise RuntimeError('so')\n"
RAISES = "def pick(colour: str) -> str:\n    raise ValueError('red')\n"
WORK = "def pick(colour: str) -> dict[str, str]:\n    return {'picked': colour}\n"


def given(project: Project, tests: str, api: str = "assistants", work: str = WORK) -> None:
    project.write("docs/algebra.md", "Algebra is fun.\n")
    module = f"work_{project.root.name}"  # a module of its own: this process imports each name once
    project.write(f"{module}.py", work)
    text = (
        MANIFEST.replace("API", api).replace("WORK", module)
        + "\n".join(f"  {line}" for line in tests.strip().splitlines())
        + "\n"
    )
    project.manifest(text)
    assert project.run("apply", "--yes", "--account", "local").code == 0


def ran(project: Project, *words: str) -> tuple[int, dict[str, Any]]:
    result = project.run("test", "--account", "local", "--format", "json", *words)
    assert result.out, result.err
    found = result.json()
    SCHEMA.validate(found)
    return result.code, found


def only(project: Project, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = ran(project, *words)[1]["tests"][0]
    return found


WHOLE = """
- address: assistant/helper
  description: picks and searches
  rehearse:
    - {call: pick, arguments: {colour: red}}
    - Red is picked.
    - [{call: pick, arguments: {colour: blue}, id: call_a}, {call: pick, arguments: {colour: green}, id: call_b}]
    - {search: algebra}
    - "It is fun 【algebra.md】."
  turns:
    - user: Pick red
      calls: [{name: pick, args: {colour: red}, mode: exact}]
      assert: [{type: contains, value: Red}]
    - user: And more
      calls:
        - {name: pick, args: {type: object, required: [colour]}, mode: schema}
        - {name: pick, output: given}
  assert:
    - {type: trajectory:tool-sequence, value: {steps: [pick, pick, pick]}}
    - {type: is-valid-openai-tools-call}
    - {type: contains, value: fun}
"""


def test_a_conversation_with_calls_and_knowledge_passes_on_every_surface(project: Project, api: str) -> None:
    given(project, WHOLE, api)
    code, found = ran(project, "--handlers")
    assert (code, found["tests"][0]["why"]) == (0, "")
    assert [check["type"] for check in found["tests"][0]["checks"]] == [
        "calls",
        "contains",
        "calls",
        "trajectory:tool-sequence",
        "is-valid-openai-tools-call",
        "contains",
    ]
    assert [check["turn"] for check in found["tests"][0]["checks"]] == [1, 1, 2, None, None, None]


@pytest.mark.parametrize(
    "api", ("agents", *(pytest.param(one, marks=pytest.mark.nightly) for one in ("assistants", "responses")))
)
def test_it_always_goes_alike_and_leaves_nothing_behind(project: Project, api: str) -> None:
    given(project, WHOLE, api)
    with EmbeddedAccount(project.root / ".deployer" / "account") as account:
        before = whole(account).told
    for _ in range(2):
        assert ran(project, "--handlers", "--repeat", "3", "--concurrency", "3")[0] == 0
    with EmbeddedAccount(project.root / ".deployer" / "account") as account:
        assert whole(account).told == before


def test_what_failed_is_shown_with_its_conversation(project: Project) -> None:
    given(
        project,
        "- {rehearse: [{call: pick, arguments: {colour: red}}, no], turns: [hi], assert: [{type: contains, value: x}]}",
    )
    result = project.run("test", "--account", "local", "--handlers")
    assert result.code == 1
    assert result.out.splitlines()[:8] == [
        "✗ assistant/helper: hi",
        "    assistants.yaml:20:5",
        "    assistants.yaml:20:84: contains: the answer does not contain 'x'",
        "      You: hi",
        '      · calls pick {"colour": "red"}',
        '      · answered {"picked": "red"}',
        "      Assistant: no",
        "",
    ]
    assert result.out.splitlines()[8] == "1 test: 0 passed, 1 failed, 0 could not be run."


def test_a_place_that_the_reason_names_is_not_said_before_it(project: Project) -> None:
    given(project, "- {turns: [hi]}")
    lines = project.run("test", "--account", "local").out.splitlines()
    assert lines[1].startswith("    assistants.yaml:20:5: no model is behind the embedded account")


@pytest.mark.parametrize(
    ("words", "said"),
    (
        (("--tag", "smok"), "none of 2 tests has this tag; there are: slow, smoke\n"),
        (("assistant/helper", "--tag", "smok"), "none of 2 tests has this address and this tag; leave one out\n"),
    ),
)
def test_a_tag_that_no_test_has(project: Project, words: tuple[str, ...], said: str) -> None:
    given(project, "- {turns: [hi], tags: [smoke]}\n- {turns: [hi], tags: [slow, smoke]}")
    result = project.run("test", "--account", "local", *words)
    assert (result.code, result.err) == (1, said)


ERRORS: dict[str, tuple[str, str]] = {
    "no rehearsal": ("- {turns: [hi]}", "no model is behind the embedded account; add rehearse:, or use --script"),
    "nothing answers": ("- {turns: [hi], rehearse: [{call: pick, arguments: {colour: a}}]}", "nothing answers pick"),
    "a misspelled function": (
        "- {turns: [hi], rehearse: [{call: pikc, arguments: {}}]}",
        "nothing answers pikc: assistant/helper has no such function; did you mean 'pick'?",
    ),
    "too few": ("- {turns: [hi, again], rehearse: [a]}", "rehearse has 1 answers, and the model was asked once more"),
    "too many": ("- {turns: [hi], rehearse: [a, b]}", "rehearse has 1 answer that the model was not asked for"),
    "a judge": (
        "- {turns: [hi], rehearse: [a], assert: [{type: llm-rubric, value: polite}]}",
        "name one with --judge URL",
    ),
    "python": (
        "- {turns: [hi], rehearse: [a], assert: [{type: python, value: 'True'}]}",
        "allow it with --allow-python",
    ),
    "cost": (
        "- {turns: [hi], rehearse: [a], assert: [{type: cost, threshold: 1}]}",
        "the assertion cost is not supported",
    ),
    "a file": ("- {turns: [{user: hi, files: [none.md]}], rehearse: [a]}", "there is no file none.md"),
    "a variable": ("- {turns: ['{{x}}'], rehearse: [a]}", "{{x}} has no value; add x to vars"),
    "a template": ("- {turns: ['{% if x %}'], rehearse: [a]}", "a {% … %} of a template is not supported"),
    "a failed turn": ("- {turns: [hi], rehearse: [{fail: {message: Too many.}}]}", "turn 1 ended as failed: Too many."),
}


def test_what_cannot_be_run_is_an_error_with_its_place(project: Project) -> None:
    given(project, "\n".join(tests for tests, _ in ERRORS.values()))
    code, found = ran(project)
    assert code == 1
    assert [one["status"] for one in found["tests"]] == ["error"] * len(ERRORS)
    for line, (one, (_, why)) in enumerate(zip(found["tests"], ERRORS.values(), strict=True), 20):
        assert why in one["why"]
        assert one["why"].startswith(f"assistants.yaml:{line}:")


WRONG: dict[str, tuple[str, str]] = {
    "unknown": ("{type: contain, value: a}", "there is no assertion 'contain'; did you mean 'contains'?"),
    "not unknown": (
        "{type: not-contian, value: a}",
        "there is no assertion 'not-contian'; did you mean 'not-contains'?",
    ),
    "expression": ("{type: regex, value: '('}", "regex: '(' is no regular expression"),
    "schema": ("{type: is-json, value: {type: objekt}}", "is-json: its value is no JSON Schema"),
    "a key": ("{type: contains, valeu: a}", "unknown key 'valeu'; did you mean 'value'?"),
    "bounds": ("{type: word-count, value: many}", "word-count: its value must be a number, or have min or max"),
    "no steps": ("{type: 'trajectory:tool-sequence', value: {mode: exact}}", "its value must have steps"),
    "latency": ("{type: latency, value: 5}", "latency: it needs a threshold, in milliseconds"),
}


def test_bad_input_gets_a_sentence_with_its_place(project: Project) -> None:
    given(project, "\n".join(f"- {{turns: [hi], rehearse: [a], assert: [{one}]}}" for one, _ in WRONG.values()))
    for result in (project.run("test", "--account", "local"), project.run("validate", "--account", "local")):
        assert result.code == 1
        told = [line for line in result.err.splitlines() if "tests[" in line]
        assert len(told) == len(WRONG)
        for number, (line, (_, why)) in enumerate(zip(told, WRONG.values(), strict=True), 20):
            assert why in line
            assert line.startswith(f"assistants.yaml:{number}:")


def test_a_handler_that_is_missing_is_an_error_with_its_place(project: Project) -> None:
    given(project, "- {rehearse: [{call: pick, arguments: {colour: red}}, no], turns: [hi]}", work=BREAKS)
    found = only(project, "--handlers")
    assert found["status"] == "error"
    assert found["why"].startswith("assistants.yaml:")
    assert "fails at work_" in found["why"]
    assert "RuntimeError: so" in found["why"]


def test_a_handler_that_raises_fails_the_test(project: Project) -> None:
    given(project, "- {rehearse: [{call: pick, arguments: {colour: red}}, no], turns: [hi]}", work=RAISES)
    found = only(project, "--handlers")
    assert (found["status"], found["why"]) == ("failed", "pick failed: its handler raised ValueError: red")


def test_outputs_come_from_the_test_and_its_examples(project: Project) -> None:
    tests = """
    - turns: [{user: a}, {user: b, assert: [{type: trajectory:step-count, value: {type: tool, max: 1}}]}]
      outputs: {pick: [first, second]}
      examples: [{name: pick, args: {colour: blue}, output: {by: example}}]
      rehearse:
        - {call: pick, arguments: {colour: red}}
        - one
        - {call: pick, arguments: {colour: blue}}
        - two
      assert: [{type: contains, value: never}]
    """
    given(project, tests.replace("\n    ", "\n"))
    entries = only(project)["transcript"]["entries"]
    assert [one["answer"]["output"] for one in entries if one["type"] == "function_answer"] == [
        "first",
        '{"by": "example"}',
    ]


def test_thresholds_and_weights(project: Project) -> None:
    tests = """
- {turns: [hi], rehearse: [a b], threshold: 0.5, assert: [{type: contains, value: a}, {type: contains, value: z}]}
- {turns: [hi], rehearse: [a b], threshold: 0.7, assert: [{type: contains, value: a, weight: 2}, {type: contains, value: z}]}
- {turns: [hi], rehearse: [a b], assert: [{type: contains, value: z, weight: 0}]}
- {turns: [hi], rehearse: [a b], assert: [{type: assert-set, threshold: 0.5, assert: [{type: equals, value: z}, {type: contains, value: a}]}]}
"""
    given(project, tests)
    code, found = ran(project)
    assert code == 1
    assert [(one["status"], one["score"]) for one in found["tests"]] == [
        ("passed", 0.5),
        ("failed", pytest.approx(2 / 3, abs=1e-6)),
        ("passed", 1.0),
        ("passed", 0.5),
    ]


def test_addresses_and_tags_choose(project: Project) -> None:
    tests = "- {turns: [hi], rehearse: [a], tags: [smoke]}\n- {turns: [ho], rehearse: [a], metadata: {area: b}}\n"
    given(project, tests)
    assert [one["name"] for one in ran(project, "--tag", "smoke")[1]["tests"]] == ["hi"]
    assert [one["name"] for one in ran(project, "--tag", "area=b")[1]["tests"]] == ["ho"]
    assert len(ran(project, "helper")[1]["tests"]) == 2
    assert project.run("test", "--account", "local", "nobody").code == 64
    assert project.run("test", "--account", "local", "--tag", "none").code == 1


def test_repeats_and_retries(project: Project) -> None:
    given(project, "- {turns: [hi], rehearse: [a], assert: [{type: equals, value: b}]}")
    found = ran(project, "--repeat", "2", "--retries", "1")[1]["tests"]
    assert [(one["repeat"], one["attempts"], one["status"]) for one in found] == [(1, 2, "failed"), (2, 2, "failed")]


def test_a_script_answers_what_has_no_rehearsal(project: Project) -> None:
    given(project, "- {turns: [hi], assert: [{type: equals, value: by script}]}")
    project.write("script.yaml", "version: 1\nturns: [{answers: [{text: by script}]}]\n")
    assert ran(project, "--script", "script.yaml")[0] == 0


def test_python_runs_where_it_is_allowed(project: Project) -> None:
    tests = """
- {turns: [hi], rehearse: [a], assert: [{type: python, value: "len(output) == 1"}]}
- {turns: [hi], rehearse: [a], assert: [{type: python, value: "return {'pass': False, 'score': 0, 'reason': 'so'}"}]}
- {turns: [hi], rehearse: [a], assert: [{type: python, value: "file://check.py"}]}
- {turns: [hi], rehearse: [a], assert: [{type: python, value: "1 / 0"}]}
"""
    given(project, tests)
    project.write("check.py", "def get_assert(output, context):\n    return 0.5\n")
    _, found = ran(project, "--allow-python")
    assert [one["status"] for one in found["tests"]] == ["passed", "failed", "passed", "error"]
    assert "python raised ZeroDivisionError" in found["tests"][3]["why"]


def test_attachments_are_searched_and_gone_afterwards(project: Project) -> None:
    given(
        project,
        "- {turns: [{user: see, files: [note.md]}], rehearse: [{search: zebra}, 'It is 【note.md】.'],"
        " assert: [{type: cites, value: note.md}]}".replace("note.md]}", "docs/algebra.md]}", 1),
    )
    result = ran(project)[1]["tests"][0]
    assert result["status"] in ("passed", "failed")
    with EmbeddedAccount(project.root / ".deployer" / "account") as account, TestClient(account.app) as client:
        files = client.get("/v1/files").json()["data"]
        assert [one["filename"] for one in files] == ["algebra.md"]
        assert len(client.get("/v1/vector_stores", headers={"OpenAI-Beta": "assistants=v2"}).json()["data"]) == 1


def test_coverage_and_its_policy(project: Project) -> None:
    given(project, "- {turns: [hi], rehearse: [a]}")
    text = (project.root / "assistants.yaml").read_text(encoding="utf-8")
    project.write("assistants.yaml", text + "policies: {coverage: {assistants: 100, functions: 100}}\n")
    code, found = ran(project)
    assert code == 1
    assert found["coverage"]["functions"] == {"all": 1, "percent": 0.0, "missing": ["pick"]}
    assert found["broken"] == ["tests touch 0 % of the functions; the policy wants 100 %: not pick"]
    result = project.run("validate", "--account", "local")
    assert result.code == 1
    assert "policy: tests touch 0 % of the functions; the policy wants 100 %: not pick" in result.out + result.err


@pytest.mark.parametrize(
    "form", ("text", "html", *(pytest.param(one, marks=pytest.mark.nightly) for one in ("json", "junit", "markdown")))
)
def test_every_format_names_what_failed(project: Project, form: str) -> None:
    given(
        project, "- {turns: [hi], rehearse: [a], description: the <b>bold</b> one, assert: [{type: equals, value: b}]}"
    )
    result: Result = project.run("test", "--account", "local", "--format", form)
    assert result.code == 1
    assert "bold" in result.out
    assert ("<b>bold" in result.out) is (form in ("text", "json"))


def test_the_library_returns_a_report(project: Project) -> None:
    given(project, "- {turns: [hi], rehearse: [a]}")
    report = Library.load(Path("assistants.yaml"), account="local").test()
    assert report.ok
    assert report.counts == {"passed": 1, "failed": 0, "error": 0}
    assert json.loads(json.dumps(report.to_dict()))["ok"] is True


def test_a_manifest_without_tests_is_told_so(project: Project) -> None:
    project.manifest("assistants: {a: {model: m}}\n")
    result = project.run("test")
    assert (result.code, result.err) == (1, "the manifest has no tests; write some under tests:, see docs/tests.md\n")


def test_what_is_not_live_is_an_error(project: Project) -> None:
    project.manifest("assistants: {a: {model: m}}\ntests: [{turns: [hi], rehearse: [a]}]\n")
    result = project.run("test")
    assert result.code == 1
    assert "assistant/a is not live on this account" in result.out


def test_the_first_example_of_the_docs_passes(project: Project) -> None:
    page = (Path(__file__).parents[2] / "docs" / "tests.md").read_text(encoding="utf-8")
    project.manifest(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])
    assert project.run("apply", "--yes", "--test", "--rollback-on-fail").code == 0
    result = project.run("test", "--tag", "smoke")
    assert (result.code, result.out.splitlines()[0]) == (0, "✓ assistant/math-tutor: a quiz")


def test_the_docs_name_every_assertion() -> None:
    page = (Path(__file__).parents[2] / "docs" / "tests.md").read_text(encoding="utf-8")
    aliases = {"is-valid-openai-function-call", "is-valid-function-call"}
    assert [name for name in RULES if f"`{name}`" not in page and name not in aliases] == []


def test_a_rehearsal_that_is_wrong_is_a_problem_at_its_place(project: Project) -> None:
    given(project, "- turns: [hi]\n  rehearse:\n    - good\n    - {cal: pick}\n    - [{text: a}, {call: 5}]")
    result = project.run("validate", "--account", "local")
    told = [line.partition(": ")[::2] for line in result.err.splitlines() if "rehearse" in line]
    assert result.code == 1
    assert [place for place, _ in told] == ["assistants.yaml:23:9", "assistants.yaml:24:28"]
    assert "a part must have one of text, refusal, call" in told[0][1]


def test_nothing_of_the_account_is_loaded_to_check_tests(project: Project) -> None:
    given(
        project,
        "- {turns: [hi], rehearse: [a, {call: pick, arguments: {colour: b}}], assert: [{type: contains, value: a}]}",
    )
    code = (
        "import sys; from deployer import cli; code = cli.run(['validate', '--account', 'local']);"
        "sys.exit(code or any(name in sys.modules for name in ('starlette', 'openai', 'rich')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project.root, check=False, capture_output=True)
    assert done.returncode == 0
