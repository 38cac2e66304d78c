"""deployer functions check: the rules, on files and folders, without a manifest."""

from __future__ import annotations

import os
from pathlib import Path

import click

from deployer.errors import EXIT_DONE, EXIT_FAILED, DeployerError
from deployer.functions.rules import RULES, SURFACES
from deployer.model import Problem, Severity
from deployer.render import formats
from deployer.wording import counted

HINTS = [rule.id for rule in RULES.values() if rule.strictness == "hint"]


@click.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--surface", type=click.Choice(SURFACES), default="assistants", help="[assistants]")
@click.option("--silence", multiple=True, type=click.Choice(HINTS), help="Leave a hint out, by its rule.")
@click.option("--format", "form", type=click.Choice(formats.names("problems")), default="text", help="[text]")
@click.option("--evidence", is_flag=True, help="Show why each rule is believed: recorded answers, reports, guides.")
def command(
    paths: tuple[Path, ...],
    surface: str,
    silence: tuple[str, ...],
    form: str,
    evidence: bool,  # noqa: FBT001 (click gives it)
) -> int:
    """Check function definitions in YAML and JSON files, and in all such files of folders.

    A file holds functions (also of an assistant's JSON or of a manifest), response formats, tools of MCP servers or of
    Anthropic's API, an OpenAPI document, or a bare JSON Schema. It finds what an API would refuse, at its line, with
    the rule and a remedy; it needs no manifest and no network, so that it can be a pre-commit hook. Exit code 1 when
    there is an error.

    \b
    Example:
      deployer functions check functions/
      deployer functions check functions/display_quiz.yaml --surface agents --format sarif
    """
    from deployer.manifest import function_files

    missing = [str(path) for path in paths if not os.path.lexists(path)]
    if missing:
        raise DeployerError(f"{', '.join(missing)} does not exist; name a file or a folder")
    count, problems = 0, list[Problem]()
    for path in function_files.files(paths):
        found, wrong = function_files.check_file(path, surface)
        count += found
        problems += wrong
    if not count and not problems:
        raise DeployerError(f"{', '.join(map(str, paths))}: no YAML or JSON file here; name another folder")
    kept = [problem for problem in problems if problem.severity is Severity.ERROR or problem.rule not in silence]
    formats.write("problems", form, formats.Findings(kept, counted(count, "function"), evidence))
    return EXIT_FAILED if any(problem.severity is Severity.ERROR for problem in kept) else EXIT_DONE
