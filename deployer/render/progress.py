"""What happens during an apply: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deployer.model import Address, Outcome, Plan, Step
from deployer.render import text

Report = Callable[[Address, Step | None, Outcome | None], None]


@contextmanager
def progress(file: IO[str], plan: Plan) -> Iterator[Report]:
    """Give the function to call for each step or outcome while a plan is executed."""
    out = text.console(file)
    if not out.is_terminal:
        yield lambda _address, _step, outcome: text.outcome(out, outcome) if outcome else None
        return
    steps = sum(len(stage) for change in plan.pending for stage in change.stages)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("applying", total=steps)

        def report(address: Address, step: Step | None, outcome: Outcome | None) -> None:
            if step:
                bar.update(task, advance=1, description=str(address))
            if outcome:
                text.outcome(bar.console, outcome)

        yield report
