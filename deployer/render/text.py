"""For people: plans, problems and outcomes on a terminal or in a log."""

from __future__ import annotations

from typing import IO

from rich.console import Console
from rich.text import Text

from deployer import catalogue
from deployer.engine import review
from deployer.engine.plan_json import in_order
from deployer.model import Action, Outcome, Plan, Severity, Status
from deployer.render import preview
from deployer.render.formats import Applied, FoundFiles
from deployer.render.lines import Line, plain, plain_text
from deployer.render.output import Streams
from deployer.wording import counted, duration, size

_TONES = {
    "plain": "",
    "label": "",
    "dim": "dim",
    "strong": "bold",
    "new": "green",
    "gone": "red",
    "changed": "yellow",
    "warn": "bold magenta",
}
_SIGN_TONES = {"+": "new", "-": "gone", "~": "changed", "±": "changed", "?": "warn", "!": "warn"}
_NARROW = 20
_STATUS = {Status.DONE: ("✓", "green"), Status.FAILED: ("✗", "bold red"), Status.SKIPPED: ("·", "yellow")}


def console(file: IO[str]) -> Console:
    """A console that wraps nothing, and has colour only on a terminal without NO_COLOR."""
    return _Console(file=file, highlight=False, soft_wrap=True, markup=False, emoji=False)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the caller: rich would end the process, in the middle of whatever is being done."""
        raise BrokenPipeError


def plan(value: Plan, to: Streams, *, errors: bool = True) -> None:
    """Write the whole plan: account, problems, changes, totals, and what it will be refused for.

    Without `errors` these are only counted, and a refusal is left to who refuses.
    """
    value, out = review.reviewed(value), console(to.out)
    out.print(Text(preview.header(value), style="dim"))
    told = [
        one for one in in_order(value.problems) if one.rule not in catalogue.RULES
    ]  # those stand beside the changes
    if found := [one for one in told if errors or one not in value.errors]:
        out.print()
        for problem in found:
            style = "yellow" if problem.severity is Severity.WARNING else "red"
            out.print(Text(plain(str(problem)), style=style))
    for line in preview.changes(value):
        if line.depth == 0:
            out.print()
        _print(out, line)
    out.print()
    out.print(Text(preview.totals(value), style="bold"))
    verdict = review.of(value)
    if verdict.refusal and errors:
        said = plain_text(f"apply will refuse: {verdict.refusal}").replace("\n", "\n  ")  # no name begins a line
        out.print(Text(said, style="yellow"))
    for gate in verdict.failed:
        out.print(Text(plain(f"failed: {gate}"), style="red"))


def _print(out: Console, line: Line) -> None:
    """Print a line; on a terminal that is too narrow for it, what does not fit goes on under its column."""
    sign = f"{line.sign} " if line.sign else ("" if line.depth == 0 else "  ")
    head = Text("    " * line.depth).append(sign, _TONES[_SIGN_TONES.get(line.sign, "plain")])
    body = Text()
    for segment in line.segments:
        (head if segment.tone == "label" else body).append(segment.text, _TONES[segment.tone])
    body.rstrip()
    room = out.width - head.cell_len
    if not out.file.isatty() or body.cell_len <= room or room < _NARROW:
        whole = head + body
        whole.rstrip()
        out.print(whole)
        return
    for number, part in enumerate(body.wrap(out, room)):
        part.rstrip()
        out.print((head if number == 0 else Text(" " * head.cell_len)) + part)


def files(value: FoundFiles, to: Streams) -> None:
    """Write uploaded files that nothing refers to, and what they take together."""
    for one in value.files:
        to.say(plain(f"- {one.id}  {one.name}  {size(one.size)}, {duration(one.age)} old  {one.why}"))
    total = size(sum(one.size for one in value.files))
    nothing = "No unreferenced file that is old enough (see --older-than)."
    to.say(f"{counted(len(value.files), 'unreferenced file')}, {total}." if value.files else nothing)


def outcome(out: Console, value: Outcome) -> None:
    """Print what became of one change, and what the service did otherwise than it was told."""
    mark, style = _STATUS[value.status]
    text = Text(f"{mark} ", style=style)
    text.append(plain(preview.done(value)))
    if value.status is not Status.DONE:
        text.append(f"  {value.status}: {plain(value.why)}", style)
    out.print(text)
    for note in value.notes:
        out.print(Text(f"    note: {plain(note)}", "yellow"))


def files_gone(out: Console, count: int) -> None:
    """Print what became of File objects that are too many to be named."""
    mark, style = _STATUS[Status.DONE]
    out.print(
        Text(f"{mark} ", style=style).append(f"{counted(count, 'File object')}  {preview.PAST[Action.DELETE]}", "")
    )


def drift(value: Plan, to: Streams) -> None:
    """Write what moved on the account since the last apply, and nothing else."""
    out = console(to.out)
    out.print(Text(preview.header(value), style="dim"))
    out.print()
    shown = list(preview.drift(value))
    for line in shown:
        _print(out, line)
    out.print(Text("\n" * bool(shown) + preview.drift_totals(value), style="bold"))


def outcomes(value: Applied, to: Streams) -> None:
    """Write what became of each change, the sum, and what is left."""
    out = console(to.out)
    for one in value.outcomes:
        outcome(out, one)
    end = " The next plan is empty." if value.left == 0 else ""
    out.print(Text(f"\n{preview.outcome_totals(value.outcomes)}.{end}", style="bold"))
    for line in filter(None, (preview.left(value.outcomes), plain_text(value.why))):
        out.print(Text(line))
