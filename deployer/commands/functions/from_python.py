"""deployer functions from-python: a function definition made from a typed Python callable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from deployer.errors import EXIT_DONE, UsageError


@click.command("from-python")
@click.argument("callable_", metavar="MODULE:CALLABLE")
@click.option("--strict", is_flag=True, help="Make the schema strict: everything required, every object closed.")
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", help="[yaml]")
def command(callable_: str, *, strict: bool, form: str) -> int:
    """Make a function definition from a typed Python callable.

    Types come from annotations, descriptions from the docstring (Google, NumPy or reST style) and from Annotated. This
    imports the module, so its code runs; the current folder is where it is looked for first. What a model will have
    to guess, because the callable does not say it, is told on standard error.

    \b
    Example:
      deployer functions from-python app.tools:get_weather > functions/get_weather.yaml
      deployer functions from-python app.tools:get_weather --strict --format json
    """
    definition, notes = _definition(callable_, strict=strict)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    click.echo(_text(definition, form), nl=False)
    return EXIT_DONE


def _definition(callable_: str, *, strict: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    from deployer.functions.python.callables import from_callable, notes
    from deployer.manifest.handlers import importable, load, split

    parts = split(callable_)
    if parts is None:
        raise UsageError(f"{callable_!r} names no callable; write it as MODULE:CALLABLE, like app.tools:get_weather")
    with importable([Path.cwd()]):
        function = load(*parts)
        return from_callable(function, strict=strict), notes(function)


def _text(definition: dict[str, Any], form: str) -> str:
    if form == "json":
        return json.dumps(definition, ensure_ascii=False, indent=2) + "\n"
    from deployer.manifest.yaml12 import yaml_text

    return yaml_text(definition)
