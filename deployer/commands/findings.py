"""How the commands that find problems tell them: text, JSON or SARIF, and the exit code."""

from __future__ import annotations

from collections.abc import Sequence

import click

from deployer.errors import EXIT_DONE, EXIT_FAILED
from deployer.functions.rules import RULES
from deployer.model import Problem, Severity
from deployer.wording import counted

FORMATS = ("text", "json", "sarif")


def report(problems: Sequence[Problem], form: str, checked: str) -> int:
    """Print problems; `checked` says what was looked at (`3 functions`). 1 when one of them is an error."""
    if form == "json":
        from deployer.render import data

        click.echo(data.problems(problems))
    elif form == "sarif":
        from deployer.render import sarif

        click.echo(sarif.problems(problems, {rule.id: rule.sentence for rule in RULES.values()}))
    else:
        _text(problems, checked)
    return EXIT_FAILED if any(problem.severity is Severity.ERROR for problem in problems) else EXIT_DONE


def _text(problems: Sequence[Problem], checked: str) -> None:
    from deployer.render.plain import plain

    for problem in problems:
        click.echo(plain(str(problem)), err=True)
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    counts = [counted(errors, "error")] if errors else [f"valid: {checked}"]
    if warnings := len(problems) - errors:
        counts.append(counted(warnings, "warning"))
    click.echo(", ".join(counts))
