"""A manifest from a live account: everything is made in a hidden folder first, then put in its place, then proven.

The files come into the folder all together, or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer import remote
from deployer.backends import embedded, validate
from deployer.backends.account import Account
from deployer.backends.base import StoredFile
from deployer.engine import stamp
from deployer.engine.adopt import MAX_ATTRIBUTES, lacking_room
from deployer.errors import AccountError, DeployerError, UsageError
from deployer.manifest import Manifest, compile_manifest, digest, export
from deployer.manifest.accounts import EMBEDDED, choose, hosted, unnamed
from deployer.manifest.declaration import Declaration, DocumentPaths, WrittenDocument
from deployer.manifest.export import Choice
from deployer.manifest.knowledge import stands_for_another, unfit
from deployer.manifest.load import Sources, load
from deployer.model import AccountSettings, Action, Address, DesiredFile, LiveFile, Plan, ProblemsFound, Why
from deployer.project.adoption import adopted
from deployer.project.applying import ApplyOptions
from deployer.project.events import OnEvent, ignore
from deployer.project.results import ApplyResult, Exported, ProjectPlan
from deployer.project.session import Session, locked, opened
from deployer.wording import listed, more

OVERWRITE = "overwrite"
"""The name of the guard that keeps files which are there already."""
MANIFEST = "assistants.yaml"
_NAME = "live"
_READY = ("completed", "in_progress")
_SHOWN = 5
_BESIDE = 16


@dataclass(frozen=True, slots=True)
class ExportSource:
    """The account that is exported. `root` is the folder of an embedded account.

    `accounts` is what the new manifest says of accounts; `project` is None where none is known yet.
    """

    root: Path
    settings: AccountSettings
    accounts: Mapping[str, Any]
    project: str | None = None

    @classmethod
    def of_manifest(
        cls, file: Path, account: str | None, environ: Mapping[str, str], *, offline: bool = False
    ) -> ExportSource:
        """Return an account of a manifest, whose resources need not be sound; ProblemsFound when there is none."""
        sources = load(file)
        if sources.main is None:
            raise ProblemsFound(sources.problems)
        if account is None and (declared := hosted(sources)):
            raise UsageError(unnamed(declared))
        settings, problems = choose(sources, account, environ, offline=offline)
        if problems:
            raise ProblemsFound(problems)
        project = sources.main.data.get("project")
        return cls(sources.root, settings, _accounts(sources), project if isinstance(project, str) else None)

    @classmethod
    def of_url(cls, root: Path, api: str, base_url: str, key: tuple[str, str]) -> ExportSource:
        """Return an account that no manifest names yet; `key` is the name of an environment variable and its value."""
        settings = AccountSettings(_NAME, api, base_url, key[1])
        entry = {"api": api, "base_url": base_url.replace("${", "$${"), "api_key": f"${{env.{key[0]}}}"}
        return cls(root, settings, {_NAME: entry})

    @classmethod
    def embedded(cls, root: Path, api: str | None) -> ExportSource:
        """Return the embedded account that is kept in a folder."""
        if api in {None, EMBEDDED.api}:
            return cls(root, EMBEDDED, {})
        return cls(root, AccountSettings(_NAME, str(api), limits=EMBEDDED.limits), {_NAME: {"api": api}})

    @property
    def account(self) -> str | None:
        """What --account must say from now on."""
        return self.settings.name if self.settings.name in self.accounts else None

    def nothing(self) -> DeployerError:
        """Return the error of an account that holds nothing."""
        where = self.settings.base_url or f"embedded in {self.root / embedded.FOLDER}"
        return DeployerError(f"account {self.settings.name} ({where}) holds nothing that can be written")


def _accounts(sources: Sources) -> dict[str, Any]:
    """Return them as they are written, secrets by reference; their variables belong to the other manifest."""
    return {
        name: {key: value for key, value in entry.value.items() if key != "variables"}
        for name, entry in sources.accounts.items()
        if isinstance(entry.value, dict)
    }


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Into which folder, and what: `project` is None for the one that stamps name; `only` are addresses or ids."""

    target: Path
    project: str | None = None
    only: Collection[str] = ()
    overwrite: bool = False

    @property
    def manifest(self) -> Path:
        return self.target / MANIFEST


@dataclass(frozen=True, slots=True)
class ExportDraft:
    """What is to be written, made in the staging folder. `notes` tell what is left out or undeclared, and why."""

    items: tuple[Declaration, ...]
    names: frozenset[str]
    notes: tuple[str, ...]

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(item.address for item in self.items)

    @property
    def foreign(self) -> tuple[Declaration, ...]:
        """What the project does not own yet: an apply of the new manifest would create copies of it."""
        return tuple(item for item in self.items if item.stamp is None)


@dataclass(frozen=True, slots=True)
class Export:
    """An open account that is being exported, and what the new manifest will say of its resources."""

    session: Session
    source: ExportSource
    options: ExportOptions
    choice: Choice

    async def draft(self, staging: Staging) -> ExportDraft:
        """Make all files in the staging folder; what would be read back as something else is left out."""
        notes = list(self.choice.notes)
        items = await self._items(staging, notes)
        header = export.Header(self.session.manifest.project, self.source.accounts)
        while True:
            files = export.files(header, items)
            staging.write(files)
            written = compile_manifest(staging.folder / MANIFEST, self.source.account, {}, {}, offline=True)
            wrong = export.misread(written, items, self.session.kinds, self._ids)
            if not wrong:
                documents = (document.path for item in items for document in item.documents)
                return ExportDraft(items, frozenset({*files, *documents}), tuple(notes))
            items, told = export.settled(items, wrong)
            notes += told

    def place(self, staging: Staging, draft: ExportDraft) -> None:
        """Put the files in their places; DeployerError when one is there already and must not be overwritten."""
        if not self.options.overwrite:
            staging.check(draft.names)
        staging.place(draft.names)

    def written(self) -> Export:
        """Return the same account with the manifest that was written."""
        found = compile_manifest(self.options.manifest, self.source.account, {}, {}, offline=True)
        resources = digest(found.root, found.resources)
        manifest = replace(found, settings=self.source.settings, resources=resources)
        return replace(self, session=replace(self.session, manifest=manifest))

    async def adopt(self, foreign: Sequence[Declaration]) -> ApplyResult:
        """Stamp what is foreign, with the documents that were written."""
        from deployer.engine.adopt import Taking, adoption

        resources = {resource.address: resource for resource in self.session.manifest.resources}
        takings = []
        for item in foreign:
            files = {file.path: file for file in resources[item.address].files}
            proven = {one.file.id: files[one.path] for one in item.documents if one.path in files}
            takings.append(Taking(resources[item.address], item.live, proven))
        async with locked(self.session):
            plan = adoption(self.session.scope(), await self.session.plan(), takings)
            return await adopted(self.session, plan, ApplyOptions())

    async def left(self, *, stamp: bool) -> ProjectPlan:
        """Return the next plan. With `stamp`, stamps of an earlier time are brought up to date first."""
        from deployer.apply.execute import execute

        left = await self.session.plan()
        if not (left.pending and stamp and stamps_only(left)):
            return left
        async with locked(self.session):
            await execute(self.session.account, left, self.session.manifest.root, lambda _event: None)
        return await self.session.plan()

    @property
    def _ids(self) -> dict[str, str]:
        return {live_id: str(address) for live_id, address in self.choice.addresses.items()}

    async def _items(self, staging: Staging, notes: list[str]) -> tuple[Declaration, ...]:
        session, ids = self.session, self._ids
        fetcher = Fetcher(session.account, staging.folder, session.manifest.root, DocumentPaths())
        result: list[Declaration] = []
        for live in self.choice.objects:
            kind, address = session.kinds[live.kind], self.choice.addresses[live.id]
            one = export.declared(kind, address, live, ids, export.stamp_of(live, session.manifest.project))
            try:
                result.append(await fetcher.bring(_with_known_stores(one, kind.references(live.raw), ids)))
            except AccountError:
                raise
            except DeployerError as error:
                notes.append(f"{address} ({live.id}) is left out: {error}")
        notes += [f"{one.address}: {remark}" for one in result for remark in one.remarks]
        return export.with_globs(result, lambda folder: (self.options.target / folder).exists())


@contextlib.asynccontextmanager
async def exporting(source: ExportSource, options: ExportOptions, on_event: OnEvent = ignore) -> AsyncIterator[Export]:
    """Open the account and choose what is written; DeployerError when no project is known, or nothing is there."""
    if not options.overwrite and options.manifest.exists():
        raise DeployerError(f"{options.manifest} exists; name another folder, or add --force {OVERWRITE}")
    if not (source.settings.base_url or (source.root / embedded.FOLDER).exists()):
        raise source.nothing()  # to open it would make it
    stub = Manifest(source.root, options.project or source.project or "", source.settings, (), ())
    async with opened(stub, on_event=on_event) as opening:
        session = opening
        live = await session.read()
        project = _checked(stub.project or export.project_of(live))
        if project != stub.project:
            session = replace(session, manifest=replace(stub, project=project))
            live = await session.read()  # now it is known whose documents are owned
        yield Export(session, source, options, export.choose(live, project, session.kinds, options.only, _defect))


def stamps_only(plan: Plan) -> bool:
    """Whether the objects are as declared, and only their stamps are of an earlier time."""
    settled = all(file.reason.among(Why.AGREED) for change in plan.pending for file in change.files)
    return settled and all(change.action is Action.UPDATE and not change.fields for change in plan.pending)


def _checked(project: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", project):
        raise UsageError(f"{project!r} is no name of a project; use a-z, 0-9, - and _")
    return project


def _defect(raw: Mapping[str, Any]) -> str | None:
    return validate.odd_metadata(raw) or validate.odd_object(raw)


def _with_known_stores(item: Declaration, used: Sequence[str], ids: Mapping[str, str]) -> Declaration:
    """Leave tools undeclared that search a store which is not written; DeployerError where that cannot be."""
    unknown = [store for store in used if store not in ids]
    if not unknown or "tools" not in item.attrs:
        return item
    why = f"it searches {', '.join(unknown)}, which is not written"
    smaller = item.without("tools", why)
    if smaller is None:
        raise DeployerError(why)
    return smaller


@dataclass(frozen=True, slots=True)
class Fetcher:
    """`staging` takes the files; in `project` the documents of earlier applies may lie, which need no download."""

    account: Account
    staging: Path
    project: Path
    places: DocumentPaths

    async def bring(self, item: Declaration) -> Declaration:
        """Return the item with its documents; DeployerError when an owned one cannot be had: it would be removed."""
        files = await self._files(item)
        if self.account.kinds[item.live.kind].is_store and item.stamp is None:
            item = replace(item, live=replace(item.live, files=tuple(files)))
        attached = [file for file in files if file.sha256 and item.stamp]
        foreign = [file for file in files if not item.stamp]
        if item.stamp and len(attached) < len(files):
            item = item.saying(f"documents that deployer did not attach stay undeclared: {len(files) - len(attached)}")
        held = await self.account.files.described([file.id for file in (*attached, *foreign) if not file.path])
        wanted, told = self._placed(item, [*attached, *foreign], held)
        told += await self._fetched(item, wanted)
        if told and attached:
            raise DeployerError(f"{told[0][1]} (of {len(told)})" if len(told) > 1 else told[0][1])
        gone = {file_id for file_id, _ in told}
        documents = tuple(one for one in wanted if one.file.id not in gone)
        return _remarked(replace(item, documents=documents), [why for _, why in told], len(files))

    async def _files(self, item: Declaration) -> Sequence[LiveFile]:
        """Return what it holds. An owned store was read already; a stamp without room takes no files."""
        if self.account.kinds[item.live.kind].is_store:
            return item.live.files if item.stamp else await self.account.files.members(item.live.id)
        held = self.account.kinds[item.live.kind].held(item.live.raw)
        if item.stamp is None and lacking_room(item.live, files=True):
            return ()
        known = [item.stamp.files.get(stamp.name_of(one)) if item.stamp else None for one in held]
        return [LiveFile(one, None, mark, "completed", None, 0) for one, mark in zip(held, known, strict=True)]

    def _placed(
        self, item: Declaration, files: Sequence[LiveFile], held: Mapping[str, StoredFile]
    ) -> tuple[list[WrittenDocument], list[tuple[str, str]]]:
        """Return each file its path, and the ids of those that cannot be declared, with the reason."""
        result, told = [], []
        for file in files:
            if file.path is None and file.id not in held:
                told.append((file.id, f"{file.id}: its File object is gone"))
            elif not item.stamp and file.status not in _READY:
                told.append((file.id, f"{held[file.id].name if file.id in held else file.path}: it is {file.status}"))
            elif not item.stamp and len(file.attributes) > MAX_ATTRIBUTES:
                told.append((file.id, f"{file.id}: it has more than {MAX_ATTRIBUTES} attributes"))
            elif file.path and self.places.keep(file.path, file.sha256 or file.id):
                result.append(WrittenDocument(file, file.path))
            elif file.path and item.stamp:
                told.append((file.id, f"{file.path} cannot be written where it was"))
            else:
                name = (file.path or held[file.id].name).rpartition("/")[2] if file.path else held[file.id].name
                result.append(WrittenDocument(file, self.places.find(item.folder, name, file.id)))
        return result, told

    async def _fetched(self, item: Declaration, documents: Sequence[WrittenDocument]) -> list[tuple[str, str]]:
        """Bring the bytes; when the account refuses the first, it is not asked for the others."""
        left = [one for one in documents if not await asyncio.to_thread(self._copied, one)]
        told = [(one.file.id, why) for one in left[:1] if (why := await self._one(item, one))]
        if told:
            return [(one.file.id, told[0][1]) for one in left]
        gate = asyncio.Semaphore(_BESIDE)

        async def one_more(one: WrittenDocument) -> tuple[str, str]:
            async with gate:
                return one.file.id, await self._one(item, one)

        return [found for found in await asyncio.gather(*map(one_more, left[1:])) if found[1]]

    def _copied(self, document: WrittenDocument) -> bool:
        """Use what lies in the project already, if it is the very content that was applied."""
        source = self.project / document.path
        if not (document.file.path and document.file.sha256 and source.is_file()):
            return False
        with source.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != document.file.sha256:
                return False
        path = self.staging / document.path
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
        return True

    async def _one(self, item: Declaration, document: WrittenDocument) -> str:
        """Return why a document cannot be had or declared; "" when it is there."""
        path = self.staging / document.path
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        if why := await self._download(document.file.id, path):
            return f"{document.path} cannot be downloaded: {why}"
        size = (await asyncio.to_thread(path.stat)).st_size
        file = DesiredFile(document.path, size, "", source=document.path)
        wrong = [what for what, _ in unfit(self.staging, file, item.taker)] if item.taker else []
        if found := stands_for_another(self.staging, file):
            wrong.append(f"{document.path} is {found[0]}")
        if wrong:
            await asyncio.to_thread(path.unlink)
        return wrong[0] if wrong else ""

    async def _download(self, file_id: str, path: Path) -> str:
        """Write what a File object holds to `path`; return "" when done, else why the account does not show it."""
        try:
            async with remote.opened(str(path), lambda _: path.open("wb")) as file:
                async for piece in self.account.files.download(file_id):
                    file.write(piece)
        except AccountError as error:
            await asyncio.to_thread(path.unlink)
            if not error.refused:
                raise
            return str(error)
        return ""


def _remarked(item: Declaration, told: Sequence[str], count: int) -> Declaration:
    """Say beside the item what of its documents is not declared: in one line where it is all of them."""
    if told and not item.documents:
        return item.saying(f"no files: its {count} documents stay as they are, undeclared ({told[0]})")
    for why in told[:_SHOWN]:
        item = item.saying(f"stays as it is, undeclared: {why}")
    return item.saying(more(len(told) - _SHOWN)) if len(told) > _SHOWN else item


@dataclass(slots=True)
class Staging:
    """A hidden folder inside `target`, in which everything is made first."""

    target: Path
    folder: Path
    texts: set[str] = field(default_factory=set)
    made: list[Path] = field(default_factory=list)

    def write(self, files: Mapping[str, str]) -> None:
        """Write text files, instead of those of the last time."""
        for name in self.texts - files.keys():
            (self.folder / name).unlink()
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
        self.texts = set(files)

    def check(self, names: Collection[str]) -> None:
        """Raise when one of them is in the target already."""
        there = [name for name in sorted(names) if os.path.lexists(self.target / name)]
        if there:
            raise DeployerError(
                f"{listed(there, _SHOWN)} exist in {self.target}; name another folder, or add --force overwrite"
            )

    def place(self, names: Collection[str]) -> None:
        """Move files to the target; when one cannot be moved, everything is put back as it was."""
        aside = self.folder / ".before"
        moved: list[tuple[Path, Path]] = []
        try:
            for name in sorted(names):
                if os.path.lexists(self.target / name):
                    _move(self.target / name, aside / name, moved)
                self.made += make((self.target / name).parent)
                _move(self.folder / name, self.target / name, moved)
        except OSError:
            for source, end in reversed(moved):
                source.parent.mkdir(parents=True, exist_ok=True)
                os.replace(end, source)  # noqa: PTH105 (as below)
            raise


def make(folder: Path) -> list[Path]:
    """Make a folder and those above it; return those that were not there."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _move(source: Path, end: Path, moved: list[tuple[Path, Path]]) -> None:
    end.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, end)  # noqa: PTH105 (the name says that nothing in between is ever seen)
    moved.append((source, end))


@contextlib.contextmanager
def staged(target: Path) -> Iterator[Staging]:
    """Return an empty staging folder on the disk of the target; it goes away, and so do folders that stay empty."""
    made = make(target)
    folder = Path(tempfile.mkdtemp(prefix=".deployer-export-", dir=target))
    staging = Staging(target, folder, made=made)
    try:
        yield staging
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for one in reversed(staging.made):
            with contextlib.suppress(OSError):  # what was meant to be there is in it
                one.rmdir()


async def exported(
    file: Path, manifest: Manifest, options: ExportOptions, on_event: OnEvent, *, adopt: bool
) -> Exported:
    """Write a manifest from what is live on the account of another one; `adopt` stamps what is not owned yet."""
    found = ExportSource.of_manifest(file, manifest.settings.name, {}, offline=True)
    source = replace(found, settings=manifest.settings, project=manifest.project)
    async with exporting(source, options, on_event) as export:
        with staged(options.target) as staging:
            draft = await export.draft(staging)
            if not draft.items:
                raise source.nothing()
            export.place(staging, draft)
        result = Exported(export.options.manifest, draft.addresses, draft.notes)
        foreign = tuple(item.address for item in draft.foreign)
        if foreign and not adopt:
            return replace(result, foreign=foreign)
        written = export.written()
        adopted = await written.adopt(draft.foreign) if foreign else None
        return replace(result, adopted=adopted, left=await written.left(stamp=adopt))
