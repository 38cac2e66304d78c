"""An open account with the manifest that is to go live on it; plans are made here."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer import cache, manifest
from deployer.apply import Journal
from deployer.apply.reuse import without_files
from deployer.backends.account import read_live
from deployer.backends.http.client import Client, connect
from deployer.engine import plan, stamp
from deployer.engine.plan import Scope
from deployer.errors import DeployerError
from deployer.kinds import HEADERS, SURFACES, Kind
from deployer.model import AccountSettings, LiveObject, Target
from deployer.project.events import OnEvent, Watch, ignore
from deployer.project.results import USUAL, PlanOptions, ProjectPlan

if TYPE_CHECKING:
    from deployer.backends.http.lease import Hold, Lease

EMBEDDED_FOLDER = Path(".deployer") / "account"
_EMBEDDED_URL = "http://embedded.invalid/v1"  # never resolved, never shown: the transport is the server itself


@dataclass(frozen=True, slots=True)
class Session:
    """An open account and the manifest that is to go live on it."""

    client: Client
    manifest: manifest.Manifest
    target: Target
    kinds: Mapping[str, Kind]
    origin: str

    async def read(self) -> tuple[LiveObject, ...]:
        project, folder = self.manifest.project, self.manifest.root / cache.FOLDER
        return await read_live(self.client, self.kinds, lambda metadata: _owned(project, metadata), folder)

    async def plan(self, options: PlanOptions = USUAL) -> ProjectPlan:
        """Read the account and compare: the plan of this moment."""
        live = await self.read()
        if options.check_files:
            live = await without_files(self.client, live, self.kinds)
        left_over = Journal.of(self.manifest.root, self.client.settings, self.manifest.project).left_over
        return ProjectPlan.of(plan.build(self.scope(options), self.manifest.resources, live, left_over))

    def again(self, options: PlanOptions) -> Callable[[], Awaitable[ProjectPlan]]:
        """Return what makes the plan that proves a run: with the same options, and the commit of now."""

        async def planned() -> ProjectPlan:
            return await self.plan(replace(options, origin=None))

        return planned

    async def leases(self) -> tuple[Lease, ...]:
        """Return the leases of the project, the oldest first, whether or not they have expired."""
        from deployer.backends.http.lease import leases

        return tuple(await leases(self.client, self.manifest.project))

    async def unlock(self, leases: Sequence[Lease]) -> None:
        """Remove leases; a run whose lease is gone stops."""
        from deployer.backends.http.lease import remove

        for one in leases:
            await remove(self.client, one.id)

    def scope(self, options: PlanOptions = USUAL) -> Scope:
        return Scope(
            self.manifest.project,
            self.target,
            self.kinds,
            self.origin if options.origin is None else options.origin,
            options.prune,
            options.on_drift,
            self.manifest.moved,
            self.client.settings.limits,
            options.check_files,
        )


def _owned(project: str, metadata: Mapping[str, Any]) -> bool:
    found = stamp.read(metadata)
    return found is not None and found.project == project


@asynccontextmanager
async def opened(
    found: manifest.Manifest, *, rehash: bool = False, on_event: OnEvent = ignore
) -> AsyncIterator[Session]:
    """Open the account that the manifest chose; digests of files are taken here, when they are first needed."""
    resources = await asyncio.to_thread(manifest.digest, found.root, found.resources, rehash=rehash)
    found = replace(found, resources=resources)
    kinds = SURFACES[found.settings.api]
    target = target_of(found)
    async with _client(found) as client:
        client.circuit.told = Watch(client, on_event)
        yield Session(client, found, target, kinds, await asyncio.to_thread(_commit, found.root))


@asynccontextmanager
async def locked(session: Session, patience: float = 0.0) -> AsyncIterator[Hold | None]:
    """Hold the account's lease where its settings say so; raise when another run has it after `patience` seconds."""
    if not session.client.settings.lock:
        yield None
        return
    from deployer.backends.http.lease import held

    async with held(session.client, session.manifest.project, patience) as hold:
        yield hold


def target_of(found: manifest.Manifest) -> Target:
    settings = found.settings
    shown = _without_password(settings.base_url) if settings.base_url else f"embedded in {EMBEDDED_FOLDER.as_posix()}"
    return Target(settings.name, settings.api, shown)


def _without_password(url: str) -> str:
    """A URL may carry who is asking (`https://user:secret@host`); a plan must not."""
    scheme, slashes, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{authority.rpartition('@')[2]}{slash}{path}"


@asynccontextmanager
async def _client(found: manifest.Manifest) -> AsyncIterator[Client]:
    if found.settings.base_url:
        async with connect(found.settings, HEADERS) as client:
            yield client
        return
    async with _embedded(found.root / EMBEDDED_FOLDER, found.settings) as client:
        yield client


@asynccontextmanager
async def _embedded(folder: Path, settings: AccountSettings) -> AsyncIterator[Client]:
    import httpx2

    from deployer.server import EmbeddedAccount, explained

    try:
        _hide_from_git(folder.parent)
        account = EmbeddedAccount(folder)
        account.__enter__()
    except (OSError, ValueError, sqlite3.Error) as error:
        why = getattr(explained(error) or error, "strerror", None) or error
        raise DeployerError(f"the embedded account cannot be kept in {folder} ({why})") from None
    try:
        transport = httpx2.ASGITransport(app=account.app)
        settings = replace(settings, base_url=_EMBEDDED_URL)
        async with connect(settings, HEADERS, transport, place=f"the embedded account in {folder}") as client:
            yield client
    finally:
        account.__exit__(None, None, None)


def _hide_from_git(folder: Path) -> None:
    """What the embedded account keeps beside the manifest is nobody's source."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")


def _commit(root: Path) -> str:
    """Give the commit of the manifest's folder, with `+` when it has changes; "" outside git."""
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
