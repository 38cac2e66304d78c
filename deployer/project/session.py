"""An open account with the manifest that is to go live on it; plans are made here."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer import manifest
from deployer.apply.journal import Journal
from deployer.apply.lag import Lag
from deployer.backends import embedded
from deployer.backends.account import Account, open_account
from deployer.backends.base import Held, Lease, without_password
from deployer.engine import plan, stamp
from deployer.engine.draft import Scope
from deployer.errors import AccountError
from deployer.kinds import Kind
from deployer.kinds.losses import strict
from deployer.model import Address, FileAction, LiveObject, Plan, Problem, Resource, Severity, Target
from deployer.project import models
from deployer.project.begun import BegunCreates
from deployer.project.events import OnEvent, Watch, ignore, telling
from deployer.project.results import USUAL, PlanOptions, ProjectPlan
from deployer.remote import is_url
from deployer.wording import counted, listed

_SHOWN = 3
_MOST_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Session:
    """An open account and the manifest that is to go live on it; `answers` is what answers on an embedded one."""

    account: Account
    manifest: manifest.Manifest
    target: Target
    origin: str
    on_event: OnEvent = ignore
    answers: Any = None

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return self.account.kinds

    async def read(self, *, whole: bool = True) -> tuple[LiveObject, ...]:
        """Return all live objects, with those that an earlier run was making and that may not be listed yet.

        Kinds that the manifest does not declare may be missing on the account. A `whole` look raises AccountError
        where this key may not look: what is there could be owned.
        """
        live = await self._read(whole=whole)
        return await self.begun.shown(live, lambda: self._read(whole=whole))

    @property
    def begun(self) -> BegunCreates:
        """What an earlier run was making, by the journal of this moment."""
        return BegunCreates(self.account, self.manifest.project, self.journal, self.lag)

    @property
    def lag(self) -> Lag:
        """How long a list of the account may lag, and who is told of a wait."""
        return Lag(self.account.settings.list_lag, self.on_event)

    @property
    def journal(self) -> Journal:
        """What this machine knows of runs that did not live to their end."""
        return Journal.of(self.manifest.root, self.account.settings, self.manifest.project)

    async def _read(self, *, whole: bool) -> tuple[LiveObject, ...]:
        needed = {one.address.kind for one in self.manifest.resources}
        live = await self.account.read(lambda raw: _owned(self.manifest.project, raw), needed)
        hidden = [error for error in self.account.unlisted.values() if error.forbidden]
        if whole and hidden:
            raise hidden[0]
        return live

    async def plan(self, options: PlanOptions = USUAL) -> ProjectPlan:
        """Read the account and compare: the plan of this moment."""
        live = await self.read(whole=options.prune)
        self._recall(live)
        if options.check_files:
            from deployer.apply.reuse import without_files

            live = await without_files(self.account, live)
        resources = self.manifest.resources
        if options.targets:
            resources = tuple(plan.with_needs(self.kinds, resources, options.targets))
        built = plan.build(self.scope(options), resources, live, self.journal.left_over)
        known = models.known(self.manifest.settings)
        told = [one for resource in resources for one in models.problems(resource, known, self.target.api)]
        if built.pending:
            told += await asyncio.to_thread(self._looked_through, built)
        told += [*unlisted(self.account), *partial(options.targets, needs=bool(resources))]
        told += await self.begun.problems(live)
        problems = (*built.problems, *told)
        return ProjectPlan.of(replace(built, problems=strict(problems) if options.strict_surface else problems))

    async def duplicates(self) -> list[Problem]:
        """Return an error for each address that two live objects carry."""
        return plan.duplicates(self.scope(), await self.account.listed(), ())

    def _looked_through(self, built: Plan) -> list[Problem]:
        """Say what people should know of that which would be sent: secrets in it, and nothing but other line ends."""
        root, sent = self.manifest.root, {change.address for change in built.pending}
        return [
            *manifest.leaking(root, [one for one in built.desired if one.address in sent]),
            *line_ends(root, built),
        ]

    def references(self, made: Plan) -> dict[str, str]:
        """Return by what an application names each live object of a plan, by address."""
        rows = {one.id: one for one in made.live}
        found = {address: rows[live_id] for address, live_id in made.known.items() if live_id in rows}
        return {address: self.account.of(one.kind).reference(one.kind, one.raw) for address, one in found.items()}

    def _recall(self, live: Sequence[LiveObject]) -> None:
        """What is live is better evidence than memory: a document with attributes says that they are kept."""
        able = self.account.capabilities
        if able.attributes is False and any(file.path is not None for one in live for file in one.files):
            able.learn_attributes("documents of the account carry them", kept=True)

    def again(self, options: PlanOptions) -> Callable[[], Awaitable[ProjectPlan]]:
        """Return what makes the plan that proves a run: with the same options, and the commit of now."""

        async def planned() -> ProjectPlan:
            return await self.plan(replace(options, origin=None))

        return planned

    async def leases(self) -> tuple[Lease, ...]:
        """Return the leases of the project, the oldest first, whether or not they have expired."""
        leases = self.account.leases
        return tuple(await leases.listed(self.manifest.project)) if leases else ()

    async def unlock(self, leases: Sequence[Lease]) -> None:
        """Remove leases; a run whose lease is gone stops."""
        if place := self.account.leases:
            for one in leases:
                await place.remove(one.id)

    def scope(self, options: PlanOptions = USUAL) -> Scope:
        return Scope(
            self.manifest.project,
            self.target,
            self.kinds,
            self.origin if options.origin is None else options.origin,
            options.prune,
            options.on_drift,
            self.manifest.moved,
            self.account.settings.limits,
            options.check_files,
            self.account.capabilities.attributes is not False,
            targets=options.targets,
            accepted=self.account.settings.accept_loss,
        )


def line_ends(root: Path, made: Plan) -> list[Problem]:
    """Return a warning for each store of which documents change that differ from the account in line ends alone."""
    problems = []
    for change in made.pending:
        replaced = [
            (one.desired, one.live[0].sha256)
            for one in change.files
            if one.action is FileAction.REPLACE and one.desired and one.live and one.desired.size <= _MOST_BYTES
        ]
        found = [
            wanted.path
            for wanted, sha256 in replaced
            if sha256 and not is_url(wanted.source) and manifest.differs_in_line_ends(root, wanted.source, sha256)
        ]
        if found:
            what = f"{counted(len(found), 'document')} would be sent for other line ends alone: {listed(found, _SHOWN)}"
            remedy = "put '* text=auto eol=lf' into .gitattributes and check them out again"
            problems.append(Problem(what, remedy, f"{change.address}.files", severity=Severity.WARNING))
    return problems


def partial(targets: Sequence[Address], *, needs: bool) -> list[Problem]:
    """Say of a plan with targets that it is not about everything."""
    if not targets:
        return []
    what = f"this plan is partial: it is about {listed(list(map(str, targets)), _SHOWN)}"
    whole = f"{what} and what that needs" if needs else what
    return [Problem(whole, "everything else is neither compared nor changed", "--target", severity=Severity.WARNING)]


def unlisted(account: Account) -> list[Problem]:
    """Return a warning for each kind that the account did not list, because it has none or this key may not look."""
    return [
        Problem(*_unlisted(account.settings.name, error), name, severity=Severity.WARNING)
        for name, error in sorted(account.unlisted.items())
    ]


def _unlisted(account: str, error: AccountError) -> tuple[str, str]:
    if error.forbidden:
        return (
            f"this key may not list them on account {account} (403)",
            "what is owned there is neither seen nor deleted",
        )
    return f"account {account} does not offer them ({error.status})", "none are declared, so none are needed"


def _owned(project: str, raw: Mapping[str, Any]) -> bool:
    found = stamp.owner(raw)
    return found is not None and found[0] == project


@asynccontextmanager
async def opened(
    found: manifest.Manifest,
    *,
    rehash: bool = False,
    on_event: OnEvent = ignore,
    answers: Any = None,
    origin: str | None = None,
) -> AsyncIterator[Session]:
    """Open the account that the manifest chose; digests of files are taken here, when they are first needed.

    Where the `origin` is given, they are taken already: who opens many accounts does so once.
    """
    with telling(on_event) if on_event is not ignore else nullcontext():  # else whoever listens outside goes on
        if origin is None:
            found = replace(found, resources=await _digested(found, rehash=rehash))
            origin = await asyncio.to_thread(commit, found.root)
        async with open_account(found.settings, found.root, Watch(on_event), answers) as account:
            yield Session(account, found, target_of(found), origin, on_event, answers)


async def renewed(session: Session, found: manifest.Manifest) -> Session:
    """Return the open account of a session with a manifest that was read anew; it must choose the same account."""
    found = replace(found, resources=await _digested(found, rehash=False))
    origin = await asyncio.to_thread(commit, found.root)
    return replace(session, manifest=found, target=target_of(found), origin=origin)


async def _digested(found: manifest.Manifest, *, rehash: bool) -> tuple[Resource, ...]:
    """Read documents in threads; being cancelled, end them too, or the event loop would wait for the last of them."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(manifest.digest, found.root, found.resources, rehash=rehash, stop=stop.is_set)
    finally:
        stop.set()


@asynccontextmanager
async def locked(session: Session, patience: float = 0.0) -> AsyncIterator[Held | None]:
    """Hold the account's lease where its settings say so; raise when another run has it after `patience` seconds."""
    leases = session.account.leases
    if not session.account.settings.lock or leases is None:
        yield None
        return
    async with leases.held(session.manifest.project, patience) as hold:
        yield hold


def target_of(found: manifest.Manifest) -> Target:
    settings = found.settings
    folder = (Path(settings.home) / embedded.FOLDER).as_posix()
    shown = without_password(settings.base_url) if settings.base_url else f"embedded in {folder}"
    return Target(settings.name, settings.api, shown)


def commit(root: Path) -> str:
    """Return the commit of the manifest's folder, with `+` when it has changes; "" outside git."""
    try:
        result = subprocess.run(
            ["git", "describe", "--always", "--abbrev=7", "--dirty=+", "--exclude=*"],  # noqa: S607
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
