"""For people: plans, problems and outcomes on a terminal or in a log."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from deployer import catalogue
from deployer.engine import review
from deployer.engine.plan_json import in_order
from deployer.model import Action, Outcome, Plan, Severity, Status
from deployer.render import preview
from deployer.render.formats import Applied, FoundFiles
from deployer.render.lines import Line, Segment, plain, plain_text
from deployer.render.output import Streams
from deployer.wording import counted, duration, size

if TYPE_CHECKING:
    from deployer.render.terminal import Terminal

_SIGN_TONES = {"+": "new", "-": "gone", "~": "changed", "±": "changed", "?": "warn", "!": "warn"}
_STATUS = {
    Status.DONE: ("✓", "new"),
    Status.UNKNOWN: ("?", "failed"),
    Status.FAILED: ("✗", "failed"),
    Status.SKIPPED: ("·", "changed"),
}


class Log:
    """A file or a pipe: lines without colour, none wrapped."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def print(self, *segments: Segment) -> None:
        self._file.write("".join(segment.text for segment in segments) + "\n")
        self._file.flush()

    def print_line(self, head: tuple[Segment, ...], body: tuple[Segment, ...]) -> None:
        """Print a line of many: the last `print` brings it out."""
        self._file.write("".join(segment.text for segment in (*head, *body)).rstrip() + "\n")

    def bars(self) -> None:
        """There are none."""


def console(file: IO[str]) -> Log | Terminal:
    """Return what writes to a file; only a terminal needs rich, which takes long to import."""
    if file.isatty() or os.environ.get("FORCE_COLOR") or os.environ.get("TTY_COMPATIBLE"):
        from deployer.render.terminal import Terminal

        return Terminal(file)
    return Log(file)


def plan(value: Plan, to: Streams, *, errors: bool = True) -> None:
    """Write the whole plan: account, problems, changes, totals, and what it will be refused for.

    Without `errors` these are only counted, and a refusal is left to who refuses.
    """
    value, out = review.reviewed(value), console(to.out)
    out.print(Segment(preview.header(value), "dim"))
    told = [
        one for one in in_order(value.problems) if one.rule not in catalogue.RULES
    ]  # those stand beside the changes
    if found := [one for one in told if errors or one not in value.errors]:
        out.print()
        for problem in found:
            out.print(Segment(plain(str(problem)), "changed" if problem.severity is Severity.WARNING else "gone"))
    for line in preview.changes(value):
        if line.depth == 0:
            out.print_line((), ())
        _print(out, line)
    out.print()
    out.print(Segment(preview.totals(value), "strong"))
    verdict = review.of(value)
    if verdict.refusal and errors:
        said = plain_text(f"apply will refuse: {verdict.refusal}").replace("\n", "\n  ")  # no name begins a line
        out.print(Segment(said, "changed"))
    for gate in verdict.failed:
        out.print(Segment(plain(f"failed: {gate}"), "gone"))


def _print(out: Log | Terminal, line: Line) -> None:
    sign = f"{line.sign} " if line.sign else ("" if line.depth == 0 else "  ")
    head = (Segment("    " * line.depth), Segment(sign, _SIGN_TONES.get(line.sign, "plain")))
    labels = tuple(one for one in line.segments if one.tone == "label")
    out.print_line((*head, *labels), tuple(one for one in line.segments if one.tone != "label"))


def files(value: FoundFiles, to: Streams) -> None:
    """Write uploaded files that nothing refers to, and what they take together."""
    for one in value.files:
        to.say(plain(f"- {one.id}  {one.name}  {size(one.size)}, {duration(one.age)} old  {one.why}"))
    total = size(sum(one.size for one in value.files))
    nothing = "No unreferenced file that is old enough (see --older-than)."
    to.say(f"{counted(len(value.files), 'unreferenced file')}, {total}." if value.files else nothing)


def outcome(out: Log | Terminal, value: Outcome) -> None:
    """Print what became of one change, and what the service did otherwise than it was told."""
    mark, tone = _STATUS[value.status]
    why = "" if value.status is Status.DONE else f"  {value.status}: {plain(value.why)}"
    out.print(Segment(f"{mark} {plain(preview.done(value))}{why}", tone))
    for note in value.notes:
        out.print(Segment(f"    note: {plain(note)}", "changed"))


def files_gone(out: Log | Terminal, count: int) -> None:
    """Print what became of File objects that are too many to be named."""
    mark, tone = _STATUS[Status.DONE]
    out.print(Segment(f"{mark} {counted(count, 'File object')}  {preview.PAST[Action.DELETE]}", tone))


def drift(value: Plan, to: Streams) -> None:
    """Write what moved on the account since the last apply, and nothing else."""
    out = console(to.out)
    out.print(Segment(preview.header(value), "dim"))
    out.print()
    shown = list(preview.drift(value))
    for line in shown:
        _print(out, line)
    out.print(Segment("\n" * bool(shown) + preview.drift_totals(value), "strong"))


def outcomes(value: Applied, to: Streams) -> None:
    """Write what became of each change, the sum, and what is left."""
    out = console(to.out)
    for one in value.outcomes:
        outcome(out, one)
    end = " The next plan is empty." if value.left and not value.left.pending else ""
    out.print(Segment(f"\n{preview.outcome_totals(value.outcomes)}.{end}", "strong"))
    for line in filter(None, (preview.left(value.outcomes), plain_text(value.why))):
        out.print(Segment(line))
