"""What commands do before their own work: compile the manifest, open the account, make the plan."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deployer import cache, manifest
from deployer.apply import Journal
from deployer.apply.reuse import without_files
from deployer.backends.account import read_live
from deployer.backends.http.client import Client, connect
from deployer.engine import plan, stamp
from deployer.engine.plan import Scope
from deployer.errors import DeployerError
from deployer.kinds import HEADERS, SURFACES, Kind
from deployer.model import AccountSettings, LiveObject, OnDrift, Plan, ProblemsFound, Severity, Target
from deployer.project.waiting import Waiting

EMBEDDED_FOLDER = Path(".deployer") / "account"
_EMBEDDED_URL = "http://embedded.invalid/v1"  # never resolved, never shown: the transport is the server itself


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for: delete orphans, what becomes of edits, look behind documents; the commit to be stamped."""

    prune: bool = False
    on_drift: OnDrift = OnDrift.FAIL
    check_files: bool = False
    origin: str | None = None


USUAL = Wishes()


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

    async def plan(self, wishes: Wishes = USUAL) -> Plan:
        """Read the account and compare: the plan of this moment."""
        live = await self.read()
        if wishes.check_files:
            live = await without_files(self.client, live, self.kinds)
        left_over = Journal.of(self.manifest.root, self.client.settings, self.manifest.project).left_over
        return plan.build(self.scope(wishes), self.manifest.resources, live, left_over)

    def scope(self, wishes: Wishes = USUAL) -> Scope:
        return Scope(
            self.manifest.project,
            self.target,
            self.kinds,
            self.origin if wishes.origin is None else wishes.origin,
            wishes.prune,
            wishes.on_drift,
            self.manifest.moved,
            self.client.settings.limits,
            wishes.check_files,
        )


def _owned(project: str, metadata: Mapping[str, Any]) -> bool:
    found = stamp.read(metadata)
    return found is not None and found.project == project


def compiled(file: Path, account: str | None, variables: Mapping[str, str]) -> manifest.Manifest:
    """Give the manifest, or raise with all of its problems."""
    found = manifest.compile_manifest(file, account, variables, os.environ)
    errors = [problem for problem in found.problems if problem.severity is Severity.ERROR]
    if errors:
        raise ProblemsFound(errors)
    return found


@asynccontextmanager
async def opened(found: manifest.Manifest, *, rehash: bool = False) -> AsyncIterator[Session]:
    """Open the account that the manifest chose; digests of files are taken here, when they are first needed."""
    found = replace(found, resources=manifest.digest(found.root, found.resources, rehash=rehash))
    kinds = SURFACES[found.settings.api]
    target = target_of(found)
    async with _client(found) as client:
        client.circuit.told = Waiting(client)
        yield Session(client, found, target, kinds, _commit(found.root))


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
