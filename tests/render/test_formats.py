"""The table of output formats: every row is a renderer that writes what it is given, and loads only what it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from deployer.conversation import MessageSaid, Transcript, TurnEnded
from deployer.manifest import schema
from deployer.model import Action, Address, Outcome, Position, Problem, Severity, Status, Target
from deployer.project import ApplyResult, ApplyStatus, ProjectPlan
from deployer.render.formats import FORMATS, Findings, FoundFile, FoundFiles, names, rendered
from deployer.testing.cases import TestCase
from deployer.testing.verdict import TestReport, TestResult, TestStatus, Touched
from tests.render.plans import a_plan, assistant, edited

DONE = Outcome(Address("assistant", "a"), Action.UPDATE, Status.DONE, live_id="asst_1", notes=("so\x1b",))
FAILED = Outcome(Address("assistant", "b"), Action.CREATE, Status.FAILED, "429: slow down")
PROBLEM = Problem("the \x1b model is unknown", "name another", position=Position("a.yaml", 3, 5), rule="size")
WARNING = Problem("nobody uses it", "remove it", severity=Severity.WARNING)
LEFT = ProjectPlan.of(a_plan(assistant("b")))
VALUES: dict[str, Any] = {
    "plan": a_plan(assistant("a", edited("name", "old", "new"))),
    "drift": a_plan(assistant("a", edited("name", "old", "new"))),
    "outcomes": ApplyResult(ApplyStatus.INCOMPLETE, None, (DONE, FAILED), snapshot="s-1", left=LEFT),
    "problems": Findings((PROBLEM, WARNING), "2 resources"),
    "files": FoundFiles(
        "test",
        Target("a", "agents", "https://x.example"),
        [FoundFile("file-1", "so\x1b", 9, 1, 5.0, "its name")],
        deleted=False,
    ),
    "provenance": {"id": "asst_1", "commit": "", "run": {"time": "so\x1b", "note": ""}},
    "diagnosis": {
        "account": {"name": "a", "api": "agents", "base_url": "https://x.example"},
        "abilities": [{"what": "so\x1b", "able": None, "how": "h", "therefore": "t"}],
    },
    "outputs": {Address("assistant", "a"): "asst_1"},
    "tests": TestReport(
        "test",
        Target("a", "agents", "https://x.example"),
        (
            TestResult(
                TestCase("so\x1b", "assistant/a", (), position=Position("a.yaml", 3, 5)),
                TestStatus.FAILED,
                why="contains: \x1b",
                transcript=Transcript(
                    "assistant/a", "t", (MessageSaid("assistant", "\x1b</pre>"), TurnEnded("failed", "so"))
                ),
            ),
            TestResult(TestCase("good", "assistant/a", ()), TestStatus.PASSED),
        ),
        {"documents": Touched(("a\x1b.md",), frozenset())},
        ("tests touch 0 % of the documents\x1b",),
        (WARNING,),
    ).to_dict(),
    "fleet": {
        "project": "so\x1b",
        "fleet": "tenant",
        "verb": "plan",
        "status": "failed",
        "stopped": "so\x1b",
        "counts": {"failed": 1, "left": 0},
        "waves": [{"number": 1, "where": {"a": ["so\x1b"]}, "accounts": 1, "ok": 0, "failed": 1, "left": 0}] * 2,
        "changes": [
            {
                "address": "assistant/so\x1b",
                "action": "update",
                "paths": ["so\x1b"],
                "everywhere": True,
                "accounts": 1,
                "names": ["so\x1b"],
                "more_forms": 1,
                "forms": [
                    {
                        "accounts": 1,
                        "names": ["so\x1b"],
                        "reason": "",
                        "files": {"add": ["so\x1b"]},
                        "fields": [{"path": "so\x1b", "old": "so\x1b```", "new": "so\x1b"}],
                    }
                ],
            }
        ],
        "failures": [{"why": "so\x1b\nso\x1b", "accounts": 1, "names": ["so\x1b"], "first": "t.csv:2:1"}],
        "warnings": [{"what": "so\x1b", "accounts": 1, "names": ["so\x1b"]}],
        "accounts": [
            {
                "name": "so\x1b",
                "row": 1,
                "where": "so\x1b",
                "wave": 1,
                "status": "failed",
                "why": "so\x1b",
                "changes": 1,
            }
        ],
    },
}
ROWS = tuple((subject, form) for subject in FORMATS for form in names(subject))


@pytest.mark.parametrize(("subject", "form"), ROWS)
def test_every_row_writes_something_that_is_harmless(subject: str, form: str) -> None:
    shown = rendered(subject, form, VALUES[subject])
    assert "\x1b" not in shown
    assert shown.endswith("\n")
    assert not shown.endswith("\n\n")


def test_text_is_the_default_of_every_subject() -> None:
    assert {names(subject)[0] for subject in FORMATS} == {"text"}


def test_outcomes_in_text_end_with_what_is_left() -> None:
    assert rendered("outcomes", "text", VALUES["outcomes"]) == (
        "✓ assistant/a  updated\n    note: so\\x1b\n✗ assistant/b  create  failed: 429: slow down\n"
        "\n1 done, 1 failed.\nLeft: 1 of 2 changes: create assistant/b\n"
    )
    done = ApplyResult(ApplyStatus.DONE, None, (DONE,), left=ProjectPlan.of(a_plan()))
    assert rendered("outcomes", "text", done).endswith("\n1 done. The next plan is empty.\n")


def test_outcomes_in_json_say_what_became_of_each_change() -> None:
    found = json.loads(rendered("outcomes", "json", VALUES["outcomes"]))
    Draft202012Validator(schema.load("apply.schema.json")).validate(found)
    assert (found["version"], found["status"], found["left"], found["snapshot"]) == (1, "incomplete", 1, "s-1")
    assert found["outcomes"][1] == {
        "address": "assistant/b",
        "action": "create",
        "status": "failed",
        "why": "429: slow down",
        "id": None,
        "notes": [],
        "requests": [],
    }


def test_problems_in_text_end_with_their_number() -> None:
    assert rendered("problems", "text", VALUES["problems"]).splitlines()[-1] == "1 error, 1 warning"
    assert rendered("problems", "text", Findings((), "2 resources")) == "valid: 2 resources\n"


def test_problems_are_written_without_what_draws_on_terminals() -> None:
    code = (
        "import sys; from deployer.render.formats import Findings, names, rendered;"
        "[rendered('problems', form, Findings((), 'x')) for form in names('problems')];"
        "sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_annotations_for_github_cannot_be_forged() -> None:
    odd = Problem("100 % wrong\n::stop-commands::x", "mend: it", position=Position("a,b:c.yaml", 3, 5), rule="size")
    assert rendered("problems", "github", Findings((odd, WARNING), "x")).splitlines() == [
        "::error file=a%2Cb%3Ac.yaml,line=3,col=5,title=size::100 %25 wrong⏎::stop-commands::x; mend: it",
        "::warning title=manifest::nobody uses it; remove it",
        "1 error, 1 warning",
    ]


def parsed(value: Findings) -> ET.Element:
    return ET.fromstring(rendered("problems", "junit", value).partition("\n")[2])  # noqa: S314 (it is our own)


def test_junit_has_a_case_for_each_problem() -> None:
    suite = parsed(VALUES["problems"])
    assert suite.attrib == {"name": "deployer", "failures": "1", "errors": "0", "skipped": "0", "tests": "2"}
    failed, warned = suite.findall("testcase")
    assert failed.attrib == {"classname": "size", "name": "a.yaml:3:5", "file": "a.yaml", "line": "3"}
    failure = failed.find("failure")
    assert failure is not None
    assert failure.get("message") == "the \\x1b model is unknown; name another"
    assert warned.findtext("system-out") == "warning: nobody uses it; remove it"


def test_junit_has_one_case_where_all_is_well() -> None:
    suite = parsed(Findings((), "2 resources"))
    assert [case.attrib for case in suite] == [{"classname": "manifest", "name": "2 resources"}]


def test_sarif_escapes_what_turns_text_around() -> None:
    shown = rendered("problems", "sarif", Findings((Problem("a\u202eb", ""),), "x"))
    assert "\u202e" not in shown
    assert json.loads(shown)["runs"][0]["results"][0]["message"]["text"] == "a\u202eb"


def test_a_new_format_is_a_module_and_a_row(tmp_path: Path) -> None:
    """The command takes it, and says that it has it, with nothing else touched."""
    code = """
import sys, types
toy = types.ModuleType("deployer.render.toy")
toy.plan = lambda value, to: to.say(f"{len(value.changes)} changes of {value.project}")
sys.modules["deployer.render.toy"] = toy
from deployer.render.formats import FORMATS
FORMATS["plan"]["toy"] = "toy.plan"
from deployer.cli import run
sys.exit(run(["plan", "--format", "toy"]) or run(["plan", "--help"]))
"""
    manifest = "version: 1\nproject: school\nassistants: {a: {model: m}}\n"
    (tmp_path / "assistants.yaml").write_text(manifest, encoding="utf-8")
    said = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert said.startswith("1 changes of school\n")
    assert "toy" in said.partition("--format")[2]
