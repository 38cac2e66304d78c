"""deployer gc: delete uploaded files of this project that nobody holds."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.options import lock_option, manifest_options, parse_variables
from deployer.errors import EXIT_DONE, DeployerError
from deployer.manifest import Manifest
from deployer.project import consent
from deployer.project.safety import locked
from deployer.rollback import snapshot
from deployer.rollback.store import read_snapshot, store_of

if TYPE_CHECKING:
    from deployer.apply.usage import Known, Unreferenced
    from deployer.project.session import Session

_HOUR = 3600


@click.command("gc")
@manifest_options
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=1.0,
    metavar="HOURS",
    help="Leave younger files alone: an apply may be about to attach them. [1]",
)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="[text]")
@lock_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    file: Path,
    account: str | None,
    variables: tuple[str, ...],
    older_than: float,
    yes: bool,
    form: str,
    lock_timeout: float,
) -> int:
    """Find files that this project uploaded and that no vector store and no assistant holds; delete them on consent.

    A file is ours when a declared document has its name and size or its bytes, or a snapshot or an interrupted apply
    tells so. Nothing else is ever touched. Where nobody can answer, it only shows them.

    \b
    Example:
      deployer gc
      deployer gc --older-than 24 --format json
      deployer gc --yes --account openai
    """
    from deployer.project.session import compiled

    manifest = compiled(file, account, parse_variables(variables))
    return asyncio.run(_gc(manifest, older_than * _HOUR, lock_timeout, yes=yes, form=form))


async def _gc(manifest: Manifest, older: float, lock_timeout: float, *, yes: bool, form: str) -> int:
    from deployer.project.session import opened

    async with opened(manifest) as session, locked(session, lock_timeout):
        found = await _found(session, older)
        if form == "text":
            _show(found)
        asks = bool(found) and not yes and form == "text" and sys.stdin.isatty()
        if asks:
            _confirm(found)
            still = {one.id for one in await _found(session, older)}  # the answer may have taken long
            found = [one for one in found if one.id in still]
        deleted = asks or yes
        if deleted:
            await _delete(session, found)
        if form == "json":
            click.echo(_json(session, found, deleted=deleted))
        elif found:
            said = f"{len(found):,} deleted." if deleted else "Nothing was deleted: add --yes."
            click.echo(f"\n{said}")
    return EXIT_DONE


async def _found(session: Session, older: float) -> list[Unreferenced]:
    from deployer.apply import Journal
    from deployer.apply.usage import Uploads, unreferenced

    left = Journal.of(session.manifest.root, session.client.settings, session.manifest.project).left_over
    uploads = Uploads.of(list(_known(session.manifest)), left)
    return await unreferenced(session.client, session.kinds, uploads, time.time() - older)


def _known(manifest: Manifest) -> Iterator[Known]:
    from deployer.apply.usage import Known

    for resource in manifest.resources:
        for file in resource.files:
            yield Known(file.path, file.name, file.size, file.sha256)
    place = store_of(manifest)
    for name in place.names():
        for path, sha256, size in snapshot.documents(read_snapshot(place, name)):
            yield Known(f"{path} of snapshot {name}", path.rpartition("/")[2], size, sha256)


def _show(found: Sequence[Unreferenced]) -> None:
    from deployer.render.lines import plain
    from deployer.wording import counted, duration, size

    for one in found:
        old = duration(max(0, time.time() - one.created))
        click.echo(plain(f"- {one.id}  {one.name}  {size(one.size)}, {old} old  {one.why}"))
    total = size(sum(one.size for one in found))
    click.echo(
        f"{counted(len(found), 'file')} of ours, {total}, that nobody holds."
        if found
        else "No orphans that are old enough (see --older-than)."
    )


def _confirm(found: Sequence[Unreferenced]) -> None:
    if not consent.confirmed(f"Delete {'it' if len(found) == 1 else 'them'}?"):
        raise DeployerError("nothing was deleted")


async def _delete(session: Session, found: Sequence[Unreferenced]) -> None:
    from deployer.apply import Journal
    from deployer.apply.usage import delete_files

    journal = Journal.of(session.manifest.root, session.client.settings, session.manifest.project)
    await delete_files(session.client, [one.id for one in found], journal.delete)


def _json(session: Session, found: Sequence[Unreferenced], *, deleted: bool) -> str:
    files = [
        {"id": one.id, "name": one.name, "bytes": one.size, "created_at": one.created, "why": one.why} for one in found
    ]
    account = {"name": session.target.name, "api": session.target.api, "base_url": session.target.base_url}
    result = {"version": 1, "project": session.manifest.project, "account": account, "deleted": deleted, "files": files}
    return json.dumps(result, ensure_ascii=False, indent=2)
