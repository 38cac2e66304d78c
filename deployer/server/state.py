"""What every handler works with: the account's state and the request, read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from deployer.server.runs.worker import Turns
from deployer.server.storage import Storage
from deployer.server.storage.blobs import Blobs
from deployer.server.storage.disk import Complaints
from deployer.server.wire import Json

# What the scope of a request carries between the middleware and the handlers:
FAULTS_KEY = "deployer.faults"  # the numbers of the faults that struck it
LEAVE_KEY = "deployer.leave"  # what a deletion leaves behind
HANG_UP_KEY = "deployer.hang_up"  # over HTTP: a function that closes the connection


@dataclass(frozen=True)
class FoundrySwitches:
    """What is unknown of Microsoft Foundry's service, and so is tried both ways.

    `dedupe`: whether it makes no version of what equals the latest one, by its `definition`, by `all` of it, or never
    (`off`). `attributes`: whether memberships of stores keep attributes.
    """

    dedupe: str = "off"
    attributes: bool = True


USUAL_FOUNDRY = FoundrySwitches()


@dataclass(frozen=True)
class State:
    """The account's data, its clock, its turns, the bell of the ingestion threads, and where trouble is reported."""

    storage: Storage
    blobs: Blobs
    clock: Callable[[], float]
    ring: Callable[[], None]
    complaints: Complaints
    turns: Turns
    foundry: FoundrySwitches = USUAL_FOUNDRY

    def now(self) -> int:
        return int(self.clock())


@dataclass(frozen=True)
class ApiCall:
    """One request, read: path parameters, query, headers and the JSON body; `leave` is what a fault leaves behind."""

    state: State
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    leave: str | None = None


class Deferred(Protocol):
    """An answer that is not there yet: what a handler returns in order not to keep its thread waiting."""

    async def response(self) -> Response: ...


Answer = Json | Response | Deferred
Handler = Callable[[ApiCall], Answer]
Operation = tuple[str, str, Handler]
Upload = Callable[[State, Request], Awaitable[Json]]  # a handler that reads a form from the request by itself
