"""deployer export: write a manifest from a live account, so that the next plan is empty."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.carry_out import answerable, confirmed, tell
from deployer.commands.options import MANIFEST, VARIABLE, account_option, force_option
from deployer.errors import EXIT_DONE, EXIT_FAILED, UsageError
from deployer.kinds import SURFACES
from deployer.model import ProblemsFound
from deployer.wording import counted, listed

if TYPE_CHECKING:
    from deployer.manifest.declaration import Declaration
    from deployer.project.export import Export, ExportOptions, ExportSource

KEYS = ("DEPLOYER_API_KEY", "OPENAI_API_KEY")
_SHOWN = 5


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("-f", "--file", type=click.Path(path_type=Path), metavar="PATH", help="A manifest that names accounts.")
@account_option("An account of that manifest. [embedded]")
@click.option("--api", type=click.Choice(sorted(SURFACES)), help="Without a manifest: what the account speaks.")
@click.option("--base-url", metavar="URL", help="Without a manifest: its URL; the key is read from DEPLOYER_API_KEY.")
@click.option("--project", metavar="NAME", help="The project. [the one that the account's stamps name]")
@click.option("--only", multiple=True, metavar="ADDRESS|ID", help="Write this one, and what it uses.")
@click.option("--yes", is_flag=True, help="Adopt what is written without asking.")
@click.option("--no-adopt", is_flag=True, help="Write the files, and nothing on the account.")
@force_option("overwrite")
def command(  # noqa: PLR0913 (one for each option)
    *,
    folder: Path,
    file: Path | None,
    account: str | None,
    api: str | None,
    base_url: str | None,
    project: str | None,
    only: tuple[str, ...],
    yes: bool,
    no_adopt: bool,
    force: tuple[str, ...],
) -> int:
    """Write a manifest, prompts, functions and documents from a live account into FOLDER.

    Ids, defaults and secrets are not written. What is foreign is adopted on consent, so that the next plan is
    empty. What a manifest cannot express is named and left as it is. All files are written, or none.

    \b
    Example:
      deployer export taken-over --project quiz-school --yes
      deployer export taken-over -f assistants.yaml --account openai --only assistant/math-tutor
    """
    from deployer.project.export import ExportOptions

    if yes and no_adopt:
        raise UsageError("--yes adopts and --no-adopt does not; choose one")
    source = _of_url(folder, api, base_url) if base_url else _source(folder, file, account, api)
    options = ExportOptions(folder, project, only, overwrite=bool(force))
    return asyncio.run(_export(source, options, adopt=True if yes else not no_adopt and None))


def _source(folder: Path, file: Path | None, account: str | None, api: str | None) -> ExportSource:
    """Return the account of a manifest, or else the embedded one."""
    from deployer.project.export import ExportSource

    found = file or (folder / MANIFEST if (folder / MANIFEST).exists() else None)
    if found and not api:
        return ExportSource.of_manifest(found, account, os.environ)
    if account:
        by_variable = os.environ.get(VARIABLE) == account
        raise UsageError(f"{VARIABLE if by_variable else '--account'} is one of a manifest; name that with -f")
    return ExportSource.embedded(folder, api)


def _of_url(folder: Path, api: str | None, base_url: str) -> ExportSource:
    from deployer.project.export import ExportSource

    if api is None:
        raise UsageError("--base-url needs --api: which API does the account speak?")
    if "@" in base_url.partition("://")[2].partition("/")[0]:
        raise UsageError("--base-url holds a password, and the URL is written into the manifest; take it out")
    key = next(((name, value) for name in KEYS if (value := os.environ.get(name))), None)
    if key is None:
        raise UsageError(f"set the account's key in {' or '.join(KEYS)}")
    return ExportSource.of_url(folder, api, base_url, key)


async def _export(source: ExportSource, options: ExportOptions, *, adopt: bool | None) -> int:
    """Write everything, on consent; `adopt` is None when it is to be asked."""
    from deployer.project.export import exporting, staged

    async with exporting(source, options, tell) as export:
        with staged(options.target) as staging:
            draft = await export.draft(staging)
            _tell(draft.notes)
            if not draft.items:
                raise source.nothing()
            adopts = _consent(draft.foreign) if adopt is None else adopt
            export.place(staging, draft)
        click.echo(f"Wrote {options.manifest}: {counted(len(draft.items), 'object')}.")
        return await _finished(export, draft.foreign, adopt=adopts)


def _tell(notes: Sequence[str]) -> None:
    from deployer.render.lines import plain

    for note in notes:
        click.echo(f"warning: {plain(note)}", err=True)


def _consent(foreign: Sequence[Declaration]) -> bool:
    """Ask before anything is written: without the answer the files would be half of what was wanted."""
    if not foreign:
        return False
    answerable("export", "--yes", "--no-adopt")
    names = listed([str(item.address) for item in foreign], _SHOWN)
    return confirmed(f"Adopt the {len(foreign)} objects that are foreign ({names})?")


async def _finished(export: Export, foreign: Sequence[Declaration], *, adopt: bool) -> int:
    """Adopt what is foreign, and plan with what was written to prove that nothing is left."""
    from deployer.commands.adopt import taken_over

    options = _options(export.source, export.options.manifest)
    if foreign and not adopt:
        click.echo(f"{len(foreign)} of them are foreign still: an apply would create copies. Adopt them first.")
        if options:
            click.echo(f"For each of them: deployer adopt ADDRESS ID{options}")
        return EXIT_DONE
    written = export.written()
    if foreign and not taken_over(await written.adopt(foreign), f"deployer plan{options}"):
        return EXIT_FAILED
    code = await _proven(written, stamp=adopt)
    if options:
        click.echo(f"From now on: deployer plan{options}")
    return code


def _options(source: ExportSource, file: Path) -> str:
    """Return what every command needs to find this manifest and its account; "" when it has left its own behind."""
    if source.settings.base_url is None and source.root.resolve() != file.parent.resolve():
        return ""
    named = "" if file == MANIFEST else f" -f {shlex.quote(str(file))}"
    return named + (f" --account {source.account}" if source.account else "")


async def _proven(export: Export, *, stamp: bool) -> int:
    from deployer.project.export import stamps_only
    from deployer.render import text
    from deployer.render.output import Streams

    left = await export.left(stamp=stamp)
    if stamps_only(left):
        if left.errors:
            raise ProblemsFound(left.errors)
        stamps = "The next apply writes stamps only: what was edited on the account is declared now."
        click.echo(f"\n{stamps if left.pending else 'The next plan is empty.'}")
        return EXIT_DONE
    click.echo("\nBut the next plan is not empty:\n")
    text.plan(left, Streams.standard())
    return EXIT_FAILED
