"""deployer init: a first manifest, by a few questions or by options."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.carry_out import interruptible
from deployer.commands.options import called
from deployer.errors import EXIT_DONE, EXIT_FAILED
from deployer.project.starter import APIS, MODEL, TEMPLATES, Starter, project_name
from deployer.render.lines import plain_text

if TYPE_CHECKING:
    from deployer.project import Validation


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--project", metavar="NAME", help="The scope of ownership. [the folder's name]")
@click.option("--template", type=click.Choice(list(TEMPLATES)), help="What to begin with. [assistant]")
@click.option("--model", metavar="NAME", help=f"[{MODEL}]")
@click.option("--base-url", metavar="URL", help="Declare a hosted account, production, beside the embedded one.")
@click.option("--api", type=click.Choice(APIS), default=APIS[0], help=f"What that account speaks. [{APIS[0]}]")
def command(  # noqa: PLR0913 (one for each option)
    *, folder: Path, project: str | None, template: str | None, model: str | None, base_url: str | None, api: str
) -> int:
    """Write a first manifest into FOLDER, with what it names; nothing that is there is written over.

    On a terminal it asks for what no option says.

    \b
    Example:
      deployer init
      deployer init bots --template knowledge
      deployer init bots --base-url https://api.openai.com/v1 --api agents
    """
    from deployer.project import Project, starter

    asks = sys.stdin.isatty()
    if template is None and asks:
        click.echo("".join(f"  {name:<10} {text}\n" for name, text in TEMPLATES.items()), nl=False)
    wanted = Starter(
        project or _asked("Project", project_name(folder), asks=asks),
        template or _asked("Template", next(iter(TEMPLATES)), asks=asks, among=list(TEMPLATES)),
        model or _asked("Model", MODEL, asks=asks),
        base_url or "",
        api,
    )
    for name in starter.write(folder, wanted):
        click.echo(f"wrote {(folder / name).as_posix()}")
    found = Project.validate(folder / "assistants.yaml", account="embedded", environ={})
    return _next(folder, found, ["--account", "embedded"] if base_url else [])


def _asked(question: str, otherwise: str, *, asks: bool, among: list[str] | None = None) -> str:
    if not asks:
        return otherwise
    with interruptible():
        answer: str = click.prompt(question, default=otherwise, type=click.Choice(among) if among else str)
    return answer


def _next(folder: Path, found: Validation, account: list[str]) -> int:
    for problem in found.problems:
        click.echo(plain_text(str(problem)), err=True)
    if not found.ok:
        click.echo("correct this in assistants.yaml, then run deployer validate", err=True)
        return EXIT_FAILED
    inside = ["-C", str(folder)] if folder != Path() else []
    click.echo(f"\nIt is valid. Next: {shlex.join([*called(), *inside, 'plan', *account])}")
    return EXIT_DONE
