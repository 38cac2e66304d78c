"""An embedded account in this process, with a log of what was asked and a way to make a request fail."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from deployer import cache, manifest
from deployer.apply.execute import execute
from deployer.apply.execution import Waits
from deployer.backends import embedded as places
from deployer.backends.account import Account
from deployer.backends.http.backend import HttpBackend, open_backend
from deployer.backends.http.client import PATIENT, Client, Patience
from deployer.kinds import kinds_of
from deployer.model import UNLIMITED, AccountSettings, OnDrift, Outcome, Severity, Target
from deployer.project import PlanOptions
from deployer.project.events import OnEvent, ignore
from deployer.project.session import Session
from deployer.server import EmbeddedAccount

Message = MutableMapping[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


@dataclass
class Wire:
    """An ASGI app around another: logs `METHOD path`, and refuses where `fails` says so (before any work)."""

    app: App
    fails: Callable[[int, str], bool] = lambda _number, _request: False
    log: list[str] = field(default_factory=list)

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        request = f"{scope['method']} {scope['path'].removeprefix('/v1')}"
        self.log.append(request)
        if not self.fails(len(self.log), request):
            await self.app(scope, receive, send)
            return
        body = json.dumps(
            {"error": {"message": "out of order", "type": "invalid_request_error", "param": None, "code": None}}
        )
        headers = [(b"content-type", b"application/json"), (b"x-should-retry", b"false")]
        await send({"type": "http.response.start", "status": 400, "headers": headers})
        await send({"type": "http.response.body", "body": body.encode()})

    @property
    def writes(self) -> list[str]:
        return [request for request in self.log if not request.startswith("GET")]


@asynccontextmanager
async def session(  # noqa: PLR0917
    root: Path,
    api: str,
    wire: Wire,
    variables: Mapping[str, str] | None = None,
    lag: float = 2.0,
    patience: Patience = PATIENT,
    on_event: OnEvent = ignore,
    **options: Any,
) -> AsyncIterator[Session]:
    """Give a session for the manifest in `root`, on `wire`."""
    found = manifest.compile_manifest(root / "assistants.yaml", None, variables or {}, {})
    assert not [str(one) for one in found.problems if one.severity is Severity.ERROR]
    url = places.URLS.get(api, places.URL)
    settings = AccountSettings("test", api, url, limits=UNLIMITED, list_lag=lag, **options)
    compiled = manifest.Manifest(
        found.root, found.project, settings, manifest.digest(found.root, found.resources), found.problems, found.moved
    )
    transport = httpx2.ASGITransport(app=wire)
    async with open_backend(settings, root / cache.FOLDER, transport=transport, patience=patience) as backend:
        yield Session(account_of(backend), compiled, Target("test", api, "embedded"), "", on_event)


def account_of(backend: HttpBackend) -> Account:
    """Give the account whose kinds are all behind HTTP."""
    kinds = kinds_of(backend.client.settings.api, backend.client.settings)
    return Account(backend.client.settings, kinds, dict.fromkeys(kinds, "http"), {"http": backend})


def http(one: Session) -> Client:
    """Give what a person would send requests with by hand."""
    backend = one.account.of("assistant")
    assert isinstance(backend, HttpBackend)
    return backend.client


QUICK = Waits(ingestion=20.0, poll=0.02)


async def apply(one: Session, *, prune: bool = False, on_drift: OnDrift = OnDrift.OVERWRITE) -> tuple[Outcome, ...]:
    plan = await one.plan(PlanOptions(prune, on_drift))
    return await execute(one.account, plan, one.manifest.root, lambda _event: None, waits=QUICK)


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Wire]:
    with EmbeddedAccount(folder) as account:
        yield Wire(account.app)
