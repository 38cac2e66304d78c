"""The options that commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from deployer.errors import UsageError
from deployer.model import OnDrift

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


def plan_options(function: Function) -> Function:
    """Add what a plan is made with; the command gets them as `wishes` and `rehash`."""

    @functools.wraps(function)
    def command(*, prune: bool, on_drift: str, check_files: bool, **others: Any) -> Any:
        from deployer.project.session import Wishes

        return function(wishes=Wishes(prune, OnDrift(on_drift), check_files), **others)

    result: Any = command
    for option in (
        click.option("--rehash", is_flag=True, help="Read every document again, whatever the cache knows."),
        click.option("--check-files", is_flag=True, help="Also look for documents whose File object is gone."),
        click.option(
            "--on-drift",
            type=click.Choice([one.value for one in OnDrift]),
            default=OnDrift.FAIL.value,
            help="What becomes of fields that somebody edited on the account. [fail]",
        ),
        click.option("--prune", is_flag=True, help="Also delete what is ours and no longer in the manifest."),
    ):
        result = option(result)
    return result  # type: ignore[no-any-return]


lock_option = click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait for another run, where the account has lock: true. [0]",
)


def parse_variables(pairs: tuple[str, ...]) -> Mapping[str, str]:
    result = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise UsageError(f"--var {pair}: write it as --var NAME=VALUE")
        result[name] = value
    return result
