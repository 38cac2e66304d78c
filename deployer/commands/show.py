"""deployer show: a plan that was saved, in every format."""

from __future__ import annotations

from pathlib import Path

import click

from deployer.commands.options import format_option
from deployer.commands.plan import shown


@click.command("show")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@format_option("plan")
@click.option("--exit-code", is_flag=True, help="Exit with 2 when there are changes.")
def command(*, file: Path, form: str, exit_code: bool) -> int:
    """Show a plan that `plan --out` saved, as it was shown then; neither manifest nor account is looked at.

    Exit code 1 when the plan has errors or did not pass its --fail-on.

    \b
    Example:
      deployer show plan.json
      deployer show plan.json --format markdown > comment.md
      deployer show plan.json --format html > plan.html
    """
    from deployer.project import saved

    return shown(saved.shown(saved.read(file)), form, exit_code=exit_code)
