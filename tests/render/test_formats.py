"""The table of output formats: every row is a renderer that writes what it is given, and loads only what it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from deployer.model import Action, Address, Outcome, Position, Problem, Severity, Status, Target
from deployer.render.formats import FORMATS, Applied, Findings, FoundFile, FoundFiles, names, rendered
from tests.render.plans import a_plan, assistant, edited

DONE = Outcome(Address("assistant", "a"), Action.UPDATE, Status.DONE, live_id="asst_1", notes=("so\x1b",))
FAILED = Outcome(Address("assistant", "b"), Action.CREATE, Status.FAILED, "429: slow down")
PROBLEM = Problem("the \x1b model is unknown", "name another", position=Position("a.yaml", 3, 5), rule="size")
WARNING = Problem("nobody uses it", "remove it", severity=Severity.WARNING)
VALUES: dict[str, Any] = {
    "plan": a_plan(assistant("a", edited("name", "old", "new"))),
    "drift": a_plan(assistant("a", edited("name", "old", "new"))),
    "outcomes": Applied((DONE, FAILED), converged=False),
    "problems": Findings((PROBLEM, WARNING), "2 resources"),
    "files": FoundFiles(
        "test",
        Target("a", "agents", "https://x.example"),
        [FoundFile("file-1", "so\x1b", 9, 1, 5.0, "its name")],
        deleted=False,
    ),
    "outputs": {Address("assistant", "a"): "asst_1"},
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
    assert rendered("outcomes", "text", Applied((DONE,), converged=True)).endswith(
        "\n1 done. The next plan is empty.\n"
    )


def test_outcomes_in_json_say_what_became_of_each_change() -> None:
    found = json.loads(rendered("outcomes", "json", VALUES["outcomes"]))
    assert (found["version"], found["converged"]) == (1, False)
    assert found["outcomes"][1] == {
        "address": "assistant/b",
        "action": "create",
        "status": "failed",
        "why": "429: slow down",
        "id": None,
        "notes": [],
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
