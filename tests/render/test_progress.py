"""What an apply shows while it works: bars on a terminal, a line every few seconds in a log, outcomes always."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import click
import pytest

from deployer.model import Action, Address, Change, Create, Limits, Outcome, Plan, Status
from deployer.render.preview import left, outcome_totals
from deployer.render.progress import Tally, progress
from deployer.render.text import console, outcome
from tests.render.plans import STORE, Terminal, a_plan, added, document, store, why

SMALL = a_plan(
    *(
        Change(one, Action.CREATE, why(""), operations=(Create(one, {}),))
        for one in (Address("assistant", "a"), Address("assistant", "b"))
    )
)
RESULTS = (
    Outcome(Address("assistant", "a"), Action.CREATE, Status.DONE),
    Outcome(Address("assistant", "b"), Action.CREATE, Status.FAILED, "the account said \x1b[2Jno"),
)
SAID = "✓ assistant/a  created\n✗ assistant/b  create  failed: the account said \\x1b[2Jno\n"


@dataclass
class Clock:
    """A clock that a test sets."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Apply:
    """An apply of 1,000 documents of 120 kB each, in 10 batches."""

    file: io.StringIO
    clock: Clock = field(default_factory=Clock)
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        files = [document(number, 120_000) for number in range(1_000)]
        self.plan = a_plan(store(*map(added, files), uploads=files, batch=100))

    def run(self) -> Iterator[str]:
        """Half of the uploads in 20 s, the rest in 20 s, then the batches in 5 s; give what is new after each part."""
        steps = self.plan.changes[0].operations
        done = Outcome(STORE, Action.UPDATE, Status.DONE)
        with progress(self.file, self.plan, self.clock) as report:
            for step in steps[:500]:
                self.clock.now += 0.04
                report(STORE, bytes=120_000)
                report(STORE, step)
            yield self._new()
            for step in steps[500:1000]:
                self.clock.now += 0.04
                report(STORE, step)
            yield self._new()
            for step in steps[1000:]:
                self.clock.now += 0.5
                report(STORE, ready=60)
                report(STORE, step)
            report(STORE, outcome=done)
        yield self._new()

    def _new(self) -> str:
        found = self.file.getvalue()
        self.file.truncate(0)
        self.file.seek(0)
        return found


def run_small(file: io.StringIO) -> str:
    with progress(file, SMALL) as report:
        for change, result in zip(SMALL.pending, RESULTS, strict=True):
            report(change.address, change.operations[0])
            report(change.address, outcome=result)
    return file.getvalue()


def test_a_quick_apply_shows_outcomes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert run_small(io.StringIO()) == SAID
    bare = run_small(Terminal())
    assert "━" not in bare
    assert re.sub(r"\x1b\[\d*m", "", bare) == SAID, "nothing but bold"


def test_a_log_has_a_line_every_few_seconds() -> None:
    first, second, third = Apply(io.StringIO()).run()
    lines = first.split("\n")[:-1]
    assert len(lines) == 4, "at 3, 8, 13 and 18 seconds"
    assert lines[0] == "  uploading 74 of 1,000 files, 9.0 of 120.0 MB, about 38 s left"
    assert lines[-1].startswith("  uploading 449 of 1,000 files, 54.0 of 120.0 MB, about 23 s left")
    assert len(second.split("\n")[:-1]) == 4
    assert third.split("\n") == [
        "  660 of 1,000 documents ready, about 22 s left",
        "✓ vector_store/docs  updated",
        "",
    ]


@pytest.mark.parametrize("environment", ({"TERM": "dumb"}, {"FORCE_COLOR": "1", "TERM": "xterm-256color"}))
def test_a_dumb_terminal_and_a_coloured_log_get_no_bars(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = "".join(Apply(Terminal() if environment["TERM"] == "dumb" else io.StringIO()).run())
    assert "━" not in found
    assert "\x1b[?25l" not in found, "the cursor is never hidden"
    assert "uploading 74 of 1,000 files" in found


def test_a_terminal_has_a_bar_for_each_sort_of_work_and_keeps_only_the_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    first, _, third = Apply(Terminal()).run()
    assert "━" in first + third
    assert third.rstrip().endswith("\x1b[2K"), "the bars are gone at the end"
    assert "vector_store/docs  updated" in third


def test_the_bars_tell_files_bytes_speed_documents_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("NO_COLOR", "1")
    _, _, third = Apply(Terminal()).run()
    assert "1,000 of 1,000 files, 120.0 of 120.0 MB" in third
    assert "MB/s" in third
    assert "1,000 of 1,000 ready" in third
    assert "1,020 of 1,020" in third


@pytest.mark.parametrize("errors", (Terminal(), io.StringIO()))
def test_what_is_said_on_stderr_stands_above_the_bars_and_in_a_file_by_itself(
    monkeypatch: pytest.MonkeyPatch, errors: io.StringIO
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stderr", errors)
    said = f"account live answered 503; waiting for it{' for very long' * 5}"
    shown = Terminal()
    parts = Apply(shown).run()
    next(parts)
    click.echo(said, err=True)
    found = shown.getvalue()
    list(parts)
    assert errors.getvalue() == ("" if errors.isatty() else f"{said}\n")
    if errors.isatty():
        assert f"\x1b[2K{said}\n" in found, "in place of the bars, in one piece"
        assert "━" in found.partition(said)[2], "which are drawn again below"


def test_what_is_told_twice_is_not_counted_twice() -> None:
    """A repeated upload sends its bytes again; one that was found on the account sends none."""
    files = [document(number, 100) for number in range(4)]
    change = store(*map(added, files), uploads=files)
    tally = Tally(a_plan(change))
    tally.count(None, 300, 0)
    tally.count(None, -100, 0)
    assert tally.bytes.done == 200
    tally.count(None, 100, 0)
    tally.count(change.operations[0], 0, 0)
    assert tally.bytes.done == 300
    for step in change.operations[1:4]:
        tally.count(step, 100, 0)
    assert (tally.bytes.done, tally.bytes.open) == (400, False)
    tally.count(change.operations[4], 0, 0)
    assert str(tally.documents) == "4 of 4"
    assert str(tally.requests) == "6 of 6"


def test_the_time_that_is_left_is_never_less_than_the_limits_allow() -> None:
    files = [document(number) for number in range(100)]
    change = store(*map(added, files), uploads=files)
    slow, fast = Tally(a_plan(change, limits=Limits(uploads=100))), Tally(a_plan(change))
    for tally in (slow, fast):
        for step in change.operations[:50]:
            tally.count(step, 0, 0)
    assert round(slow.left(2.0)) == 58
    assert round(fast.left(2.0)) == 2


def test_notes_stand_under_their_outcome() -> None:
    out = io.StringIO()
    note = "the service answered temperature 1.0 where 0.3 was sent"
    outcome(console(out), Outcome(STORE, Action.UPDATE, Status.DONE, notes=(note, "so\x1b")))
    assert out.getvalue() == f"✓ vector_store/docs  updated\n    note: {note}\n    note: so\\x1b\n"


def test_the_sum_names_what_failed() -> None:
    assert outcome_totals(RESULTS) == "1 done, 1 failed"


def test_what_is_left_is_named_while_it_is_little() -> None:
    assert left(RESULTS[:1]) == ""
    assert left(RESULTS) == "Left: 1 of 2 changes: create assistant/b"
    many = [Outcome(Address("assistant", f"a{n}"), Action.DELETE, Status.SKIPPED, "interrupted") for n in range(1_012)]
    assert left([*RESULTS, *many]).startswith("Left: 1,013 of 1,014 changes: create assistant/b, delete assistant/a0, ")
    assert left([*RESULTS, *many]).endswith("delete assistant/a8 and 1,003 more")
