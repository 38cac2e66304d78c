"""What resources have in common whose objects are stored as they are shown: finding, listing and deleting."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deployer.server.state import ApiCall
from deployer.server.storage import objects
from deployer.server.storage.objects import window
from deployer.server.wire import ApiError, Json


def _as_stored(body: Json) -> Json:
    return body


@dataclass(frozen=True)
class StoredKind:
    """One kind of object; `parameter` is the part of the path that holds its id.

    `unknown` makes the error for an id that is not there, and `shown` what an answer shows of a stored object.
    """

    kind: str
    parameter: str
    unknown: Callable[[str], ApiError]
    shown: Callable[[Json], Json] = _as_stored

    def found(self, db: sqlite3.Connection, object_id: str) -> Json:
        body = objects.find(db, self.kind, object_id)
        if body is None:
            raise self.unknown(object_id)
        return body

    def of(self, db: sqlite3.Connection, call: ApiCall) -> Json:
        """Return the object that a request's path names."""
        return self.found(db, call.path[self.parameter])

    def get(self, call: ApiCall) -> Json:
        with call.state.storage.read() as db:
            return self.shown(self.of(db, call))

    def index(self, call: ApiCall) -> Json:
        with call.state.storage.read() as db:
            page = objects.page(db, self.kind, window(call.query))
        return page | {"data": [self.shown(body) for body in page["data"]]}

    def delete(self, call: ApiCall) -> dict[str, Any]:
        object_id = call.path[self.parameter]
        with call.state.storage.write() as db:
            if not objects.remove(db, self.kind, object_id):
                raise self.unknown(object_id)
        return {"id": object_id, "object": f"{self.kind}.deleted", "deleted": True}
