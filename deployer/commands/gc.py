"""deployer gc: delete uploaded files of this project that are unreferenced."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from deployer.commands.carry_out import confirmed, tell
from deployer.commands.options import ProjectChoice, format_option, lock_option, project_options
from deployer.errors import EXIT_DONE, DeployerError
from deployer.model import ProblemsFound
from deployer.render import formats

if TYPE_CHECKING:
    from deployer.project import Project
    from deployer.project.results import Unreferenced

_HOUR = 3600


@click.command("gc")
@project_options
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=1.0,
    metavar="HOURS",
    help="Leave younger files alone: an apply may be about to attach them. [1]",
)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@format_option("files")
@lock_option
def command(*, choice: ProjectChoice, older_than: float, yes: bool, form: str, lock_timeout: float) -> int:
    """Find files that this project uploaded and that no vector store and no assistant holds; delete them on consent.

    A file is owned when a declared document has its name and size or its bytes, or a snapshot or an interrupted apply
    tells so. Nothing else is ever touched. Where no one can answer, it only shows them.

    \b
    Example:
      deployer gc
      deployer gc --older-than 24 --format json
      deployer gc --yes --account openai
    """
    return asyncio.run(_gc(choice.load(), older_than * _HOUR, lock_timeout, yes=yes, form=form))


async def _gc(project: Project, older: float, lock_timeout: float, *, yes: bool, form: str) -> int:
    from deployer.project.session import locked
    from deployer.project.undo import delete_files, unreferenced

    async with project.open(on_event=tell) as session, locked(session, lock_timeout):
        found = await unreferenced(session, older)
        if form == "text":
            formats.write("files", form, _shown(project, found))
        asks = bool(found) and not yes and form == "text" and sys.stdin.isatty()
        if asks:
            _confirm(found)
            still = {one.id for one in await unreferenced(session, older)}  # the answer may have taken long
            found = [one for one in found if one.id in still]
        deleted = asks or yes
        if deleted:
            await delete_files(session, found)
        if form == "json":
            formats.write("files", form, _shown(project, found, deleted=deleted))
        elif found:
            said = f"{len(found):,} deleted." if deleted else "Nothing was deleted: add --yes."
            click.echo(f"\n{said}")
        if twins := await session.duplicates():
            raise ProblemsFound(twins)
    return EXIT_DONE


def _shown(project: Project, found: Sequence[Unreferenced], *, deleted: bool = False) -> formats.FoundFiles:
    now = time.time()
    files = [
        formats.FoundFile(one.id, one.name, one.size, one.created, max(0, now - one.created), one.why) for one in found
    ]
    return formats.FoundFiles(project.name, project.target, files, deleted)


def _confirm(found: Sequence[Unreferenced]) -> None:
    if not confirmed(f"Delete {'it' if len(found) == 1 else 'them'}?"):
        raise DeployerError("nothing was deleted")
