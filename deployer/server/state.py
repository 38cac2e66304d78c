"""What every handler works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from deployer.server.blobs import Blobs
from deployer.server.disk import Complaints
from deployer.server.storage import Storage
from deployer.server.wire import Json

LEAVE_KEY = "deployer.leave"  # in the scope of a request: what a deletion leaves behind


@dataclass(frozen=True)
class State:
    """The account's data, its clock, the bell that tells the ingestion threads of new work, who hears of trouble."""

    storage: Storage
    blobs: Blobs
    clock: Callable[[], float]
    ring: Callable[[], None]
    complaints: Complaints

    def now(self) -> int:
        return int(self.clock())


@dataclass(frozen=True)
class Call:
    """One request, read: path parameters, query, headers and the JSON body; `leave` is what a fault leaves behind."""

    state: State
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    leave: str | None = None


Handler = Callable[[Call], Json | Response]
Operation = tuple[str, str, Handler]
