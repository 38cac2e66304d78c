"""The options that commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from deployer.errors import UsageError

Function = TypeVar("Function", bound=Callable[..., Any])


def manifest_options(function: Function) -> Function:
    """Add -f/--file, --account and --var."""
    for option in (
        click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Set a variable."),
        click.option(
            "--account", envvar="DEPLOYER_ACCOUNT", metavar="NAME", help="An account of the manifest. [embedded]"
        ),
        click.option(
            "-f",
            "--file",
            type=click.Path(path_type=Path),
            default=Path("assistants.yaml"),
            metavar="PATH",
            help="The manifest. [assistants.yaml]",
        ),
    ):
        function = option(function)
    return function


def parse_variables(pairs: tuple[str, ...]) -> Mapping[str, str]:
    result = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise UsageError(f"--var {pair}: write it as --var NAME=VALUE")
        result[name] = value
    return result
