"""How the commands that find problems report them: in a format of the table, with the exit code."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.errors import EXIT_DONE, EXIT_FAILED
from deployer.model import Problem, Severity
from deployer.render import formats


def report(problems: Sequence[Problem], form: str, checked: str) -> int:
    """Print problems; `checked` says what was looked at (`3 functions`). 1 when one of them is an error."""
    formats.write("problems", form, formats.Findings(problems, checked))
    return EXIT_FAILED if any(problem.severity is Severity.ERROR for problem in problems) else EXIT_DONE
