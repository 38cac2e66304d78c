"""deployer export: write a manifest from a live account, so that the next plan is empty."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.commands.export import origin
from deployer.engine.files import AGREED
from deployer.errors import EXIT_DONE, EXIT_FAILED, AccountError, DeployerError, UsageError
from deployer.manifest import Manifest, compile_manifest, digest
from deployer.model import Action, Plan
from deployer.project import consent as asking
from deployer.project.safety import locked
from deployer.wording import counted, listed

if TYPE_CHECKING:
    from deployer.commands.export.origin import Origin
    from deployer.commands.export.staging import Staging
    from deployer.export.choice import Choice
    from deployer.export.items import Item
    from deployer.project.session import Session

OVERWRITE = "overwrite"
MANIFEST = "assistants.yaml"


@dataclass(frozen=True, slots=True)
class Intent:
    """What the user asked for; `adopt` is None when it is to be asked."""

    target: Path
    project: str | None
    only: Sequence[str]
    overwrite: bool
    adopt: bool | None


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("-f", "--file", type=click.Path(path_type=Path), metavar="PATH", help="A manifest that names accounts.")
@click.option("--account", envvar="DEPLOYER_ACCOUNT", metavar="NAME", help="An account of that manifest. [embedded]")
@click.option("--api", type=click.Choice(["agents", "assistants"]), help="Without a manifest: what the account speaks.")
@click.option("--base-url", metavar="URL", help="Without a manifest: its URL; the key is read from DEPLOYER_API_KEY.")
@click.option("--project", metavar="NAME", help="The project. [the one that the account's stamps name]")
@click.option("--only", multiple=True, metavar="ADDRESS|ID", help="Write this one, and what it uses.")
@click.option("--yes", is_flag=True, help="Adopt what is written without asking.")
@click.option("--no-adopt", is_flag=True, help="Write the files, and nothing on the account.")
@click.option("--force", multiple=True, type=click.Choice([OVERWRITE]), help="Lift a guard, by its name.")
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

    Ids, defaults and secrets are not written. What is not ours yet is adopted on consent, so that the next plan is
    empty. What a manifest cannot express is named and left as it is. All files are written, or none.

    \b
    Example:
      deployer export taken-over --project quiz-school --yes
      deployer export taken-over -f assistants.yaml --account openai --only assistant/math-tutor
    """
    if yes and no_adopt:
        raise UsageError("--yes adopts and --no-adopt does not; choose one")
    found = _origin(folder, file, account, api, base_url)
    wanted = Intent(folder, project or found.project, only, OVERWRITE in force, True if yes else not no_adopt and None)
    if not wanted.overwrite and (folder / MANIFEST).exists():
        raise DeployerError(f"{folder / MANIFEST} exists; name another folder, or add --force {OVERWRITE}")
    return asyncio.run(_export(found, wanted))


def _origin(folder: Path, file: Path | None, account: str | None, api: str | None, base_url: str | None) -> Origin:
    if base_url:
        return origin.of_url(folder, api, base_url)
    source = file or (folder / MANIFEST if (folder / MANIFEST).exists() else None)
    if source and not api:
        return origin.of_manifest(source, account)
    if account:
        by_variable = os.environ.get("DEPLOYER_ACCOUNT") == account
        raise UsageError(
            f"{'DEPLOYER_ACCOUNT' if by_variable else '--account'} is one of a manifest; name that with -f"
        )
    return origin.embedded(folder, api)


async def _export(found: Origin, wanted: Intent) -> int:
    from deployer.commands.export.staging import staged
    from deployer.export.choice import choose, project_of
    from deployer.project.session import EMBEDDED_FOLDER, opened

    if not (found.settings.base_url or (found.root / EMBEDDED_FOLDER).exists()):
        raise _nothing(found)  # to open it would make it
    stub = Manifest(found.root, wanted.project or "", found.settings, (), ())
    async with opened(stub) as opening:
        live = await opening.read()
        project = _checked(wanted.project or project_of(live))
        session = replace(opening, manifest=replace(stub, project=project))
        if project != stub.project:
            live = await session.read()  # now it is known whose documents are ours
        choice = choose(live, project, session.kinds, wanted.only)
        with staged(wanted.target) as staging:
            items, names = await _made(session, staging, choice, found)
            adopt = _consent([item for item in items if item.mark is None], wanted)
            if not wanted.overwrite:
                staging.check(names)
            staging.place(names)
        return await _finished(session, found, wanted, items, adopt=adopt)


def _nothing(found: Origin) -> DeployerError:
    from deployer.project.session import EMBEDDED_FOLDER

    where = found.settings.base_url or f"embedded in {found.root / EMBEDDED_FOLDER}"
    return DeployerError(f"account {found.settings.name} ({where}) holds nothing that can be written")


def _checked(project: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", project):
        raise UsageError(f"{project!r} is no name of a project; use a-z, 0-9, - and _")
    return project


async def _made(session: Session, staging: Staging, choice: Choice, found: Origin) -> tuple[tuple[Item, ...], set[str]]:
    """Make all files in the staging folder; give what they say and their names. What is left out is told."""
    from deployer.export import check, text

    notes = list(choice.notes)
    items = await _items(session, staging, choice, notes)
    header = text.Header(session.manifest.project, found.accounts)
    ids = {live_id: str(address) for live_id, address in choice.addresses.items()}
    while True:
        files = text.files(header, items)
        staging.write(files)
        written = compile_manifest(staging.folder / MANIFEST, found.account, {}, os.environ, offline=True)
        wrong = check.misread(written, items, session.kinds, ids)
        if not wrong:
            break
        items, told = check.settled(items, wrong)
        notes += told
    _tell(notes)
    if not items:
        raise _nothing(found)
    return items, {*files, *(document.path for item in items for document in item.documents)}


async def _items(session: Session, staging: Staging, choice: Choice, notes: list[str]) -> tuple[Item, ...]:
    from deployer.commands.export.fetching import Fetcher
    from deployer.export.choice import stamp_of
    from deployer.export.items import item
    from deployer.export.places import Places, common

    ids = {live_id: str(address) for live_id, address in choice.addresses.items()}
    fetcher = Fetcher(session.client, session.kinds, staging.folder, session.manifest.root, Places())
    result: list[Item] = []
    for live in choice.objects:
        kind, address = session.kinds[live.kind], choice.addresses[live.id]
        one = item(kind, address, live, ids, stamp_of(live, session.manifest.project))
        try:
            result.append(await fetcher.bring(_with_known_stores(one, kind.references(live.raw), ids)))
        except AccountError:
            raise
        except DeployerError as error:
            notes.append(f"{address} ({live.id}) is left out: {error}")
    notes += [f"{one.address}: {remark}" for one in result for remark in one.remarks]
    paths = {document.path: str(one.address) for one in result for document in one.documents}
    return tuple(
        replace(one, glob=common(paths, one.folder) and not (staging.target / one.folder).exists() and _inside(one))
        for one in result
    )


def _inside(item: Item) -> bool:
    return all(document.path.startswith(f"{item.folder}/") for document in item.documents)


def _with_known_stores(item: Item, used: Sequence[str], ids: dict[str, str]) -> Item:
    """Leave tools undeclared that search a store which is not written; DeployerError where that cannot be."""
    unknown = [store for store in used if store not in ids]
    if not unknown or "tools" not in item.attrs:
        return item
    why = f"it searches {', '.join(unknown)}, which is not written"
    smaller = item.without("tools", why)
    if smaller is None:
        raise DeployerError(why)
    return smaller


def _tell(notes: Sequence[str]) -> None:
    from deployer.render.lines import plain

    for note in notes:
        click.echo(f"warning: {plain(note)}", err=True)


def _consent(foreign: Sequence[Item], wanted: Intent) -> bool:
    """Ask before anything is written: without the answer the files would be half of what was wanted."""
    if wanted.adopt is not None or not foreign:
        return bool(wanted.adopt)
    asking.answerable("export", "--yes", "--no-adopt")
    names = listed([str(item.address) for item in foreign], 5)
    return asking.confirmed(f"Adopt the {len(foreign)} objects that are not ours yet ({names})?")


async def _finished(session: Session, found: Origin, wanted: Intent, items: Sequence[Item], *, adopt: bool) -> int:
    """Adopt what is foreign, and plan with what was written to prove that nothing is left."""
    click.echo(f"Wrote {wanted.target / MANIFEST}: {counted(len(items), 'object')}.")
    file, foreign = wanted.target / MANIFEST, [item for item in items if item.mark is None]
    options = _options(found, file)
    if foreign and not adopt:
        click.echo(f"{len(foreign)} of them are foreign still: an apply would create copies. Adopt them first.")
        if options:
            click.echo(f"For each of them: deployer adopt ADDRESS ID{options}")
        return EXIT_DONE
    compiled = compile_manifest(file, found.account, {}, os.environ, offline=True)
    here = replace(compiled, settings=found.settings, resources=digest(compiled.root, compiled.resources))
    session = replace(session, manifest=here)
    if foreign and not await _adopted(session, foreign):
        return EXIT_FAILED
    code = await _proven(session, stamp=adopt)
    if options:
        click.echo(f"From now on: deployer plan{options}")
    return code


def _options(found: Origin, file: Path) -> str:
    """Give what every command needs to find this manifest and its account; "" when it has left its own behind."""
    if found.settings.base_url is None and found.root.resolve() != file.parent.resolve():
        return ""
    named = "" if file == Path(MANIFEST) else f" -f {shlex.quote(str(file))}"
    return named + (f" --account {found.account}" if found.account else "")


async def _adopted(session: Session, foreign: Sequence[Item]) -> bool:
    from deployer.commands.adopt import taken_over
    from deployer.engine.adopt import Taking, adoption

    resources = {resource.address: resource for resource in session.manifest.resources}
    takings = []
    for item in foreign:
        files = {file.path: file for file in resources[item.address].files}
        proven = {one.file.id: files[one.path] for one in item.documents if one.path in files}
        takings.append(Taking(resources[item.address], item.live, proven))
    async with locked(session, 0.0):
        return await taken_over(session, adoption(session.scope(), await session.plan(), takings))


async def _proven(session: Session, *, stamp: bool) -> int:
    from deployer.render import text
    from deployer.render.output import Streams

    left = await session.plan()
    if left.pending and stamp and _stamps_only(left):
        left = await _stamped(session, left)
    if _stamps_only(left):
        stamps = "The next apply writes stamps only: what was edited on the account is declared now."
        click.echo(f"\n{stamps if left.pending else 'The next plan is empty.'}")
        return EXIT_DONE
    click.echo("\nBut the next plan is not empty:\n")
    text.plan(left, Streams.standard())
    return EXIT_FAILED


def _stamps_only(plan: Plan) -> bool:
    """Tell whether the objects are as declared, and only their stamps are of an earlier time."""
    settled = all(file.reason.startswith(AGREED) for change in plan.pending for file in change.files)
    return settled and all(change.action is Action.UPDATE and not change.fields for change in plan.pending)


async def _stamped(session: Session, plan: Plan) -> Plan:
    """Bring stamps up to date, with the same consent as an adoption; give what is left."""
    from deployer.apply import execute

    async with locked(session, 0.0):
        await execute(session.client, plan, session.manifest.root, lambda _event: None)
    return await session.plan()
