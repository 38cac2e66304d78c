"""What is on disk and on the account, looked at again and again while somebody listens.

A look at the disk is a walk over file times, a look at the account its lists; only where one of them shows something
new, documents are read and a plan is made. One account stays open, so that conversations and looks share it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from deployer.errors import DeployerError
from deployer.manifest import Manifest
from deployer.model import LiveObject, Plan
from deployer.playground import view
from deployer.project import models
from deployer.project.events import OnEvent, ignore
from deployer.project.project import Project
from deployer.project.session import Session, opened, renewed
from deployer.project.undo import kept
from deployer.project.watching import signature

_DISK = 1.0
_ACCOUNT = 2.5
_SHARE = 4
"""Between two looks at the account lies so many times the time that one takes, at least."""
_VOLATILE = ("last_active_at",)


@dataclass(slots=True)
class AccountObserver:
    """Keeps the newest plan of a project; `version` grows with everything that the page would show otherwise.

    `answers` is what answers on an embedded account. `error` is a sentence while the account cannot be read,
    `broken` is one while the manifest cannot: then the last one that could is shown.
    """

    load: Callable[[], Project]
    answers: Any = None
    on_event: OnEvent = ignore
    project: Project = field(init=False)
    plan: Plan | None = None
    error: str = ""
    broken: str = ""
    version: int = 0
    _known: view.ViewContext = field(default_factory=view.ViewContext)
    _account: _OpenAccount | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _listeners: int = 0
    _disk: int = 0
    _digest: str = ""
    _shown: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.project = self.load()
        self._disk = signature(self.project.manifest.root)
        self._learn()
        self._show()

    @property
    def live(self) -> tuple[LiveObject, ...]:
        """What was live at the last look."""
        return self.plan.live if self.plan else ()

    async def session(self) -> Session:
        """Return the open account; DeployerError when it cannot be opened."""
        if self._account is None:
            self._account = _OpenAccount.of(self.project.manifest, self.on_event, self.answers)
        try:
            return await self._account.session()
        except DeployerError:
            self._account = None
            raise

    async def close(self) -> None:
        if (account := self._account) is not None:
            self._account = None
            await account.close()

    def state(self) -> dict[str, Any]:
        """Return all that the page shows of the project."""
        return self._shown

    async def look(self) -> None:
        """Look at everything now."""
        async with self._lock:
            self._disk = await asyncio.to_thread(signature, self.project.manifest.root)
            await self._looked(again=True)

    async def watch(self) -> None:
        """Look again and again, until it is cancelled; while no page listens, only the first look is made."""
        await self.look()
        last, pause = time.monotonic(), _ACCOUNT
        while True:
            await asyncio.sleep(_DISK)
            if not self._listeners:
                continue
            async with self._lock:
                moved = await asyncio.to_thread(signature, self.project.manifest.root)
                if moved == self._disk and time.monotonic() - last < pause:
                    continue
                begun, again, self._disk = time.monotonic(), moved != self._disk, moved
                await self._looked(again=again)
                last = time.monotonic()
                pause = max(_ACCOUNT, _SHARE * (last - begun))

    async def changes(self) -> AsyncIterator[int]:
        """Yield the version, now and each time that there is another."""
        self._listeners += 1
        try:
            seen = -1
            while True:
                news = self._news
                if seen != self.version:
                    seen = self.version
                    yield seen
                else:
                    await news.wait()
        finally:
            self._listeners -= 1

    async def _looked(self, *, again: bool) -> None:
        """Make a plan where something is new (`again`: on disk); what goes wrong is shown, and the next look is one."""
        try:
            if again:
                await self._reload()
            session = await self.session()
            digest = _digest(await session.account.listed())
            if again or self.error or digest != self._digest:
                self.plan, self._digest = await session.plan(), digest
                await asyncio.to_thread(self._learn)
            self.error = ""
        except (DeployerError, OSError) as error:
            self.error = str(error)
        self._show()

    async def _reload(self) -> None:
        """Read the manifest anew; an account that is another one is opened anew, a broken manifest is told."""
        try:
            project = await asyncio.to_thread(self.load)
        except (DeployerError, OSError) as error:
            self.broken = str(error)
            return
        self.broken = ""
        before, self.project = self.project.manifest, project
        if self._account is not None and before.settings == project.manifest.settings:
            await self._account.renew(project.manifest)
        elif self._account is not None:
            await self.close()
            self.plan = None

    def _learn(self) -> None:
        applied: dict[str, dict[str, str]] = {}
        target = asdict(self.project.target)
        for one in kept(self.project.manifest):
            if one.data and one.data["account"] == target:
                run = {"time": one.data["time"], "command": one.data["command"], "snapshot": one.name}
                applied |= {str(change["address"]): run for change in one.data["changes"]}
        self._known = view.ViewContext(self.project.shutdowns, applied, models.today())

    def _show(self) -> None:
        """Compose what is shown; the version grows where it is something else."""
        manifest, target = self.project.manifest, self.project.target
        told = view.shown(self.plan, self._known) if self.plan else view.declared(manifest.resources, self._known)
        problems = self.plan.problems if self.plan else self.project.problems
        found = {
            "project": self.project.name,
            "account": {"name": target.name, "api": target.api, "base_url": target.base_url},
            "error": self.error,
            "broken": self.broken,
            "reading": self.plan is None and not self.error,
            "problems": [view.problem(one) for one in problems],
            **told,
        }
        if {**self._shown, "version": 0} != {**found, "version": 0}:
            self.version += 1
            self._shown = {**found, "version": self.version}
            self._news.set()
            self._news = asyncio.Event()


@dataclass(slots=True)
class _OpenAccount:
    """An account that one task opens, keeps and closes: whoever asks for it first may be gone before it closes."""

    opening: asyncio.Future[Session]
    closing: asyncio.Event
    task: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, found: Manifest, on_event: OnEvent, answers: Any) -> _OpenAccount:
        one = cls(asyncio.get_running_loop().create_future(), asyncio.Event())
        one.task = asyncio.create_task(one.keep(found, on_event, answers))
        return one

    async def keep(self, found: Manifest, on_event: OnEvent, answers: Any) -> None:
        try:
            async with opened(found, on_event=on_event, answers=answers) as session:
                self.opening.set_result(session)
                await self.closing.wait()
        except DeployerError as error:
            if self.opening.done():
                raise
            self.opening.set_exception(error)

    async def session(self) -> Session:
        return await asyncio.shield(self.opening)

    async def renew(self, found: Manifest) -> None:
        """Take a manifest that was read anew."""
        session = await renewed(await self.session(), found)
        self.opening = asyncio.get_running_loop().create_future()
        self.opening.set_result(session)

    async def close(self) -> None:
        self.closing.set()
        if self.task:
            await self.task


def _digest(live: tuple[LiveObject, ...]) -> str:
    rows = [{name: value for name, value in one.raw.items() if name not in _VOLATILE} for one in live]
    return sha256(json.dumps(rows, sort_keys=True, default=str).encode()).hexdigest()
