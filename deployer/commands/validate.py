"""deployer validate: everything that can be known offline."""

from __future__ import annotations

import os
from pathlib import Path

import click

from deployer.commands.options import manifest_options, parse_variables
from deployer.engine.plan import losses
from deployer.errors import EXIT_DONE, EXIT_FAILED
from deployer.kinds import SURFACES
from deployer.manifest import Manifest, compile_manifest
from deployer.model import Problem, Severity, Target


@click.command("validate")
@manifest_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="[text]")
def command(file: Path, account: str | None, variables: tuple[str, ...], form: str) -> int:
    """Check the manifest and all files that it names, offline.

    Every problem is reported at once, as file:line:column, the address, what is wrong and what to do. What the chosen
    account's API cannot carry is a warning. Exit code 1 when there is an error.

    \b
    Example:
      deployer validate
      deployer validate --account openai --format json
    """
    found = compile_manifest(file, account, parse_variables(variables), os.environ)
    problems = [*found.problems, *_losses(found)]
    if form == "json":
        from deployer.render import data

        click.echo(data.problems(problems))
    else:
        _print(problems, found)
    return EXIT_FAILED if any(problem.severity is Severity.ERROR for problem in problems) else EXIT_DONE


def _losses(found: Manifest) -> list[Problem]:
    kinds = SURFACES.get(found.settings.api)
    if kinds is None:
        return []
    target = Target(found.settings.name, found.settings.api, "")
    return [problem for resource in found.resources for problem in losses(target, kinds, resource)]


def _print(problems: list[Problem], found: Manifest) -> None:
    from deployer.render.plain import plain

    for problem in problems:
        click.echo(plain(str(problem)), err=True)
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    counts = [_count(errors, "error")] if errors else [f"valid: {_count(len(found.resources), 'resource')}"]
    if warnings := len(problems) - errors:
        counts.append(_count(warnings, "warning"))
    click.echo(", ".join(counts))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
