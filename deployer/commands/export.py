"""deployer export: write a manifest from a live account, so that the next plan is empty."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.commands import consent as asking
from deployer.engine.files import AGREED
from deployer.errors import EXIT_DONE, EXIT_FAILED, AccountError, DeployerError, UsageError
from deployer.kinds import SURFACES
from deployer.manifest import Manifest, compile_manifest, digest
from deployer.manifest.accounts import EMBEDDED, choose
from deployer.manifest.load import Sources, load
from deployer.model import AccountSettings, Action, Plan, ProblemsFound
from deployer.project.applying import ApplyOptions
from deployer.wording import counted, listed

if TYPE_CHECKING:
    from deployer.manifest.declaration import Declaration
    from deployer.manifest.export import Choice
    from deployer.project.export import Staging
    from deployer.project.results import ProjectPlan
    from deployer.project.session import Session

OVERWRITE = "overwrite"
MANIFEST = "assistants.yaml"
KEYS = ("DEPLOYER_API_KEY", "OPENAI_API_KEY")
_NAME = "live"


@dataclass(frozen=True, slots=True)
class Origin:
    """`accounts` is what the new manifest says of accounts, `root` the folder of an embedded account.

    `project` is None where none is known yet.
    """

    root: Path
    settings: AccountSettings
    accounts: Mapping[str, Any]
    project: str | None

    @property
    def account(self) -> str | None:
        """Return what --account must say from now on."""
        return self.settings.name if self.settings.name in self.accounts else None


def _of_manifest(file: Path, account: str | None) -> Origin:
    """Return an account of a manifest, whose resources need not be sound."""
    sources = load(file)
    if sources.main is None:
        raise ProblemsFound(sources.problems)
    settings, problems = choose(sources, account, os.environ, offline=False)
    if problems:
        raise ProblemsFound(problems)
    project = sources.main.data.get("project")
    return Origin(sources.root, settings, _accounts(sources), project if isinstance(project, str) else None)


def _accounts(sources: Sources) -> dict[str, Any]:
    """Return them as they are written, secrets by reference; their variables belong to the other manifest."""
    return {
        name: {key: value for key, value in entry.value.items() if key != "variables"}
        for name, entry in sources.accounts.items()
        if isinstance(entry.value, dict)
    }


def _of_url(root: Path, api: str | None, base_url: str) -> Origin:
    """Return an account that no manifest names yet; its key comes from the environment."""
    if api is None:
        raise UsageError("--base-url needs --api: which API does the account speak?")
    if "@" in base_url.partition("://")[2].partition("/")[0]:
        raise UsageError("--base-url holds a password, and the URL is written into the manifest; take it out")
    key = next((name for name in KEYS if os.environ.get(name)), None)
    if key is None:
        raise UsageError(f"set the account's key in {' or '.join(KEYS)}")
    settings = AccountSettings(_NAME, api, base_url, os.environ[key])
    entry = {"api": api, "base_url": base_url.replace("${", "$${"), "api_key": f"${{env.{key}}}"}
    return Origin(root, settings, {_NAME: entry}, None)


def _embedded(root: Path, api: str | None) -> Origin:
    if api in (None, EMBEDDED.api):
        return Origin(root, EMBEDDED, {}, None)
    return Origin(root, AccountSettings(_NAME, str(api), limits=EMBEDDED.limits), {_NAME: {"api": api}}, None)


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
@click.option("--api", type=click.Choice(sorted(SURFACES)), help="Without a manifest: what the account speaks.")
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
        return _of_url(folder, api, base_url)
    source = file or (folder / MANIFEST if (folder / MANIFEST).exists() else None)
    if source and not api:
        return _of_manifest(source, account)
    if account:
        by_variable = os.environ.get("DEPLOYER_ACCOUNT") == account
        raise UsageError(
            f"{'DEPLOYER_ACCOUNT' if by_variable else '--account'} is one of a manifest; name that with -f"
        )
    return _embedded(folder, api)


async def _export(found: Origin, wanted: Intent) -> int:
    from deployer.manifest.export import choose, project_of
    from deployer.project.export import staged
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
        choice = choose(live, project, session.kinds, wanted.only, _defect)
        with staged(wanted.target) as staging:
            items, names = await _made(session, staging, choice, found)
            adopt = _consent([item for item in items if item.stamp is None], wanted)
            if not wanted.overwrite:
                staging.check(names)
            staging.place(names)
        return await _finished(session, found, wanted, items, adopt=adopt)


def _defect(raw: Mapping[str, Any]) -> str | None:
    from deployer.backends import validate

    return validate.odd_metadata(raw) or validate.odd_object(raw)


def _nothing(found: Origin) -> DeployerError:
    from deployer.project.session import EMBEDDED_FOLDER

    where = found.settings.base_url or f"embedded in {found.root / EMBEDDED_FOLDER}"
    return DeployerError(f"account {found.settings.name} ({where}) holds nothing that can be written")


def _checked(project: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", project):
        raise UsageError(f"{project!r} is no name of a project; use a-z, 0-9, - and _")
    return project


async def _made(
    session: Session, staging: Staging, choice: Choice, found: Origin
) -> tuple[tuple[Declaration, ...], set[str]]:
    """Make all files in the staging folder; return what they say and their names. What is left out is told."""
    from deployer.manifest import export

    notes = list(choice.notes)
    items = await _items(session, staging, choice, notes)
    header = export.Header(session.manifest.project, found.accounts)
    ids = {live_id: str(address) for live_id, address in choice.addresses.items()}
    while True:
        files = export.files(header, items)
        staging.write(files)
        written = compile_manifest(staging.folder / MANIFEST, found.account, {}, os.environ, offline=True)
        wrong = export.misread(written, items, session.kinds, ids)
        if not wrong:
            break
        items, told = export.settled(items, wrong)
        notes += told
    _tell(notes)
    if not items:
        raise _nothing(found)
    return items, {*files, *(document.path for item in items for document in item.documents)}


async def _items(session: Session, staging: Staging, choice: Choice, notes: list[str]) -> tuple[Declaration, ...]:
    from deployer.manifest.declaration import DocumentPaths
    from deployer.manifest.export import declared, stamp_of, with_globs
    from deployer.project.export import Fetcher

    ids = {live_id: str(address) for live_id, address in choice.addresses.items()}
    fetcher = Fetcher(session.client, session.kinds, staging.folder, session.manifest.root, DocumentPaths())
    result: list[Declaration] = []
    for live in choice.objects:
        kind, address = session.kinds[live.kind], choice.addresses[live.id]
        one = declared(kind, address, live, ids, stamp_of(live, session.manifest.project))
        try:
            result.append(await fetcher.bring(_with_known_stores(one, kind.references(live.raw), ids)))
        except AccountError:
            raise
        except DeployerError as error:
            notes.append(f"{address} ({live.id}) is left out: {error}")
    notes += [f"{one.address}: {remark}" for one in result for remark in one.remarks]
    return with_globs(result, lambda folder: (staging.target / folder).exists())


def _with_known_stores(item: Declaration, used: Sequence[str], ids: dict[str, str]) -> Declaration:
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


def _consent(foreign: Sequence[Declaration], wanted: Intent) -> bool:
    """Ask before anything is written: without the answer the files would be half of what was wanted."""
    if wanted.adopt is not None or not foreign:
        return bool(wanted.adopt)
    asking.answerable("export", "--yes", "--no-adopt")
    names = listed([str(item.address) for item in foreign], 5)
    return asking.confirmed(f"Adopt the {len(foreign)} objects that are not ours yet ({names})?")


async def _finished(
    session: Session, found: Origin, wanted: Intent, items: Sequence[Declaration], *, adopt: bool
) -> int:
    """Adopt what is foreign, and plan with what was written to prove that nothing is left."""
    click.echo(f"Wrote {wanted.target / MANIFEST}: {counted(len(items), 'object')}.")
    file, foreign = wanted.target / MANIFEST, [item for item in items if item.stamp is None]
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
    """Return what every command needs to find this manifest and its account; "" when it has left its own behind."""
    if found.settings.base_url is None and found.root.resolve() != file.parent.resolve():
        return ""
    named = "" if file == Path(MANIFEST) else f" -f {shlex.quote(str(file))}"
    return named + (f" --account {found.account}" if found.account else "")


async def _adopted(session: Session, foreign: Sequence[Declaration]) -> bool:
    from deployer.commands.adopt import taken_over
    from deployer.engine.adopt import Taking, adoption
    from deployer.project.adoption import adopted
    from deployer.project.session import locked

    resources = {resource.address: resource for resource in session.manifest.resources}
    takings = []
    for item in foreign:
        files = {file.path: file for file in resources[item.address].files}
        proven = {one.file.id: files[one.path] for one in item.documents if one.path in files}
        takings.append(Taking(resources[item.address], item.live, proven))
    async with locked(session, 0.0):
        plan = adoption(session.scope(), await session.plan(), takings)
        return taken_over(await adopted(session, plan, ApplyOptions()), plan)


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
    """Whether the objects are as declared, and only their stamps are of an earlier time."""
    settled = all(file.reason.startswith(AGREED) for change in plan.pending for file in change.files)
    return settled and all(change.action is Action.UPDATE and not change.fields for change in plan.pending)


async def _stamped(session: Session, plan: Plan) -> ProjectPlan:
    """Bring stamps up to date, with the same consent as an adoption; give what is left."""
    from deployer.apply import execute
    from deployer.project.session import locked

    async with locked(session, 0.0):
        await execute(session.client, plan, session.manifest.root, lambda _event: None)
    return await session.plan()
