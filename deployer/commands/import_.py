"""deployer import: write a manifest from files that people have in hand."""

from __future__ import annotations

from pathlib import Path

import click

from deployer.commands.options import MANIFEST
from deployer.errors import EXIT_DONE
from deployer.wording import counted


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The folder. [this one]")
@click.option("--project", metavar="NAME", help="The project. [the name of the folder]")
def command(*, files: tuple[Path, ...], out: Path, project: str | None) -> int:
    """Write assistants.yaml with its prompts and functions from FILES; no file is ever overwritten.

    Forms that are known: assistants as the API answers them (v1 and v2; one, a list, a page), saved agents, vector
    stores, prompt objects, bundles, the state of Terraform, Microsoft's declarative agents (kind: Prompt), GPTs, and
    functions in every shape that functions check knows. What cannot be carried is named. Nothing is stamped: the last
    lines are the commands that adopt what the files named by its id.

    \b
    Example:
      deployer import assistants.json --out taken-over
      deployer import terraform.tfstate functions/*.json --project quiz-school
    """
    from deployer.project.importing import import_files

    found = import_files(files, out, project)
    click.echo(f"Wrote {found.manifest}: {counted(len(found.addresses), 'resource')}.")
    for note in found.notes:
        click.echo(f"not carried: {note}", err=True)
    if found.ids:
        click.echo("\nTo take over what is live (with --account NAME where the manifest declares its account):")
        there = [] if found.manifest == Path(MANIFEST) else ["-f", str(found.manifest)]
        for address, live_id in found.ids.items():
            click.echo(f"  {' '.join(['deployer', 'adopt', str(address), live_id, *there])}")
    return EXIT_DONE
