"""What is summed up, in which order findings are read, and what the last line says when nothing can be applied."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from deployer.engine import plan
from deployer.engine.plan_json import in_order
from deployer.model import Action, Address, Outcome, Plan, Position, Problem, Severity, Status
from deployer.render import text
from deployer.render.formats import rendered
from deployer.render.output import Streams
from deployer.render.progress import progress
from tests.render.plans import a_plan, assistant, edited, shown, totals

WHY = "left over by an interrupted run"


def left_over(count: int) -> Plan:
    return a_plan(*plan.left_over_files([f"file-{number:04}" for number in range(count)]))


def test_a_few_left_over_files_are_named() -> None:
    found = [line for line in shown(left_over(3)) if line]
    assert found == [f"- {f'file/file-{number:04}':<40}  {WHY}" for number in range(3)]


def test_many_left_over_files_are_one_change() -> None:
    plan = left_over(1_000)
    assert shown(plan) == [
        f"- {'1,000 File objects':<40}  {WHY}",
        "    - file-0000",
        "    - file-0001",
        "    - file-0002",
        "      … and 997 more",
    ]
    assert totals(plan) == "1,000 to delete · 1,000 requests"
    assert rendered("plan", "markdown", plan).count("```diff") == 1
    assert len(json.loads(rendered("plan", "json", plan))["changes"]) == 1_000


@pytest.mark.parametrize(
    ("count", "said"),
    (
        (3, "✓ file/file-0000  deleted\n✗ file/file-0001  delete  failed: no\n✓ file/file-0002  deleted\n"),
        (4, "✗ file/file-0001  delete  failed: no\n✓ 3 File objects  deleted\n"),
    ),
)
def test_the_outcomes_of_many_are_one_line_and_failures_are_named(count: int, said: str) -> None:
    out, plan = io.StringIO(), left_over(count)
    with progress(out, plan) as report:
        for number, change in enumerate(plan.changes):
            status, why = (Status.FAILED, "no") if number == 1 else (Status.DONE, "")
            report(change.address, outcome=Outcome(change.address, Action.DELETE, status, why))
    assert out.getvalue() == said


def found(file: str, line: int, column: int, name: str, *, severity: Severity = Severity.WARNING) -> Problem:
    return Problem("odd", "mend it", f"assistant/{name}", Position(file, line, column), severity)


def test_findings_are_read_by_file_line_and_column() -> None:
    expected = [
        found("a.yaml", 2, 9, "z"),
        found("a.yaml", 10, 1, "b", severity=Severity.ERROR),
        found("a.yaml", 10, 5, "a"),
        found("b.yaml", 1, 1, "a"),
        Problem("no place", "", "assistant/a", severity=Severity.ERROR),
    ]
    plan = replace(a_plan(), problems=tuple(reversed(expected)))
    assert in_order(plan.problems) == expected
    assert [str(one) for one in expected] == shown(plan)[: len(expected)]
    places = [
        (one["file"], one["line"], one["column"]) for one in json.loads(rendered("plan", "json", plan))["problems"]
    ]
    assert places == [("a.yaml", 2, 9), ("a.yaml", 10, 1), ("a.yaml", 10, 5), ("b.yaml", 1, 1), (None, None, None)]
    told = [line for line in rendered("plan", "markdown", plan).splitlines() if line.startswith("- ")]
    assert [line.rpartition("`")[0].rpartition("`")[2] for line in told] == [
        str(one).replace(" warning:", "") for one in expected
    ]


def test_a_plan_with_an_error_does_not_say_that_there_is_nothing_to_do() -> None:
    error = Problem("both are live", "delete one", "assistant/b")
    plan = replace(a_plan(assistant("a", action=Action.NO_OP)), problems=(error, error))
    assert totals(plan) == "Cannot be applied: 2 errors, 1 object as declared."
    headline = rendered("plan", "markdown", plan).splitlines()[2]
    assert headline == "### deployer: Cannot be applied: 2 errors, 1 object as declared."
    pending = replace(a_plan(assistant("a", edited("name", 1, 2, kept=True))), problems=(error,))
    assert totals(pending).startswith("Cannot be applied: 1 error, 1 to update, ")


def test_a_warning_keeps_nothing_from_being_applied() -> None:
    warning = Problem("odd", "", "assistant/b", severity=Severity.WARNING)
    out = io.StringIO()
    text.plan(replace(a_plan(), problems=(warning,)), Streams(out, out))
    assert out.getvalue().endswith("Nothing to do: 0 objects as declared.\n")


def test_an_address_is_no_file_object_by_its_name() -> None:
    plan = a_plan(*(replace(assistant(f"file{n}"), address=Address("assistant", f"file{n}")) for n in range(9)))
    assert sum(line.startswith("~ ") for line in shown(plan)) == 9
