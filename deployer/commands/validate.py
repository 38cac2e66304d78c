"""deployer validate: everything that can be known offline."""

from __future__ import annotations

import os
from pathlib import Path

import click

from deployer.commands.findings import report
from deployer.commands.options import manifest_options, parse_variables
from deployer.engine.data import in_order
from deployer.engine.plan import losses
from deployer.kinds import SURFACES
from deployer.manifest import Manifest, compile_manifest
from deployer.model import Problem, Target
from deployer.render import formats
from deployer.wording import counted


@click.command("validate")
@manifest_options
@click.option("--format", "form", type=click.Choice(formats.names("problems")), default="text", help="[text]")
@click.option("--import-handlers", is_flag=True, help="Import the Python code of handlers, to compare them in full.")
def command(*, file: Path, account: str | None, variables: tuple[str, ...], form: str, import_handlers: bool) -> int:
    """Check the manifest and all files that it names, offline.

    Every problem is reported at once, as file:line:column, the address, what is wrong and what to do. What the chosen
    account's API cannot carry is a warning. Handlers are read, never run, but with --import-handlers. Exit code 1 when
    there is an error.

    \b
    Example:
      deployer validate
      deployer validate --account openai --format sarif
    """
    values = parse_variables(variables)
    found = compile_manifest(file, account, values, os.environ, import_handlers=import_handlers, offline=True)
    count = len(found.resources)
    return report(in_order([*found.problems, *_losses(found)]), form, counted(count, "resource"))


def _losses(found: Manifest) -> list[Problem]:
    kinds = SURFACES.get(found.settings.api)
    if kinds is None:
        return []
    target = Target(found.settings.name, found.settings.api, "")
    return [problem for resource in found.resources for problem in losses(target, kinds, resource)]
