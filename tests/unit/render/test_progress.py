"""What an apply shows while it works: a bar on a terminal, one line for each outcome in a log."""

import io

import pytest

from deployer.engine import plan
from deployer.kinds import SURFACES
from deployer.model import Action, Address, Outcome, Plan, Resource, Status, Target
from deployer.render.progress import progress
from deployer.render.text import outcomes


def a_plan() -> Plan:
    scope = plan.Scope("p", Target("t", "assistants", ""), SURFACES["assistants"])
    return plan.build(scope, [Resource(Address("assistant", name), {"model": "m"}) for name in ("a", "b")], [])


RESULTS = (
    Outcome(Address("assistant", "a"), Action.CREATE, Status.DONE),
    Outcome(Address("assistant", "b"), Action.CREATE, Status.FAILED, "the account said \x1b[2Jno"),
)


def run(file: io.StringIO) -> str:
    built = a_plan()
    with progress(file, built) as report:
        for change, outcome in zip(built.pending, RESULTS, strict=True):
            report(change.address, change.stages[0][0], None)
            report(change.address, None, outcome)
    return file.getvalue()


def test_a_log_has_a_line_for_each_outcome() -> None:
    assert run(io.StringIO()) == "✓ assistant/a  created\n✗ assistant/b  create  failed: the account said \\x1b[2Jno\n"


def test_a_terminal_has_a_bar_that_ends_full(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    shown = run(Terminal())
    assert "2/2" in shown
    assert "assistant/a" in shown


def test_the_sum_names_what_failed() -> None:
    assert outcomes(RESULTS) == "1 done, 1 failed"
