"""Vector stores: `/v1/vector_stores`."""

from __future__ import annotations

import json
import sqlite3

from deployer.server import stores
from deployer.server.paging import listing, rows, window
from deployer.server.state import Call, Operation
from deployer.server.store_fields import STORE_CREATE, STORE_UPDATE
from deployer.server.wire import Json


def create(call: Call) -> Json:
    wanted = STORE_CREATE(call.body, "")
    with call.state.storage.write() as db:
        shown = _shown(db, call, stores.add(db, call.state.now(), wanted))
    call.state.ring()
    return shown


def get(call: Call) -> Json:
    with call.state.storage.read() as db:
        return _shown(db, call, call.path["vector_store_id"])


def index(call: Call) -> Json:
    with call.state.storage.read() as db:
        page, has_more = rows(db, "vector_stores WHERE TRUE", (), window(call.query))
        return listing(stores.shown(db, page, call.state.now()), has_more)


def update(call: Call) -> Json:
    """Change name, expiry and metadata: nothing else of a store can be changed."""
    wanted = STORE_UPDATE(call.body, "")
    store_id = call.path["vector_store_id"]
    with call.state.storage.write() as db:
        stores.found(db, store_id)
        if "name" in wanted:
            db.execute("UPDATE vector_stores SET name = ? WHERE id = ?", (wanted["name"], store_id))
        if "metadata" in wanted:
            metadata = json.dumps(wanted["metadata"] or {})
            db.execute("UPDATE vector_stores SET metadata = ? WHERE id = ?", (metadata, store_id))
        if "expires_after" in wanted:
            days = (wanted["expires_after"] or {}).get("days")
            db.execute("UPDATE vector_stores SET expires_days = ? WHERE id = ?", (days, store_id))
        return _shown(db, call, store_id)


def delete(call: Call) -> Json:
    """Delete a store with its memberships; the files stay."""
    store_id = call.path["vector_store_id"]
    with call.state.storage.write() as db:
        stores.found(db, store_id)
        db.execute("DELETE FROM vector_stores WHERE id = ?", (store_id,))
    return {"id": store_id, "object": "vector_store.deleted", "deleted": True}


def _shown(db: sqlite3.Connection, call: Call, store_id: str) -> Json:
    return stores.shown(db, [stores.found(db, store_id)], call.state.now())[0]


OPERATIONS: list[Operation] = [
    ("POST", "/v1/vector_stores", create),
    ("GET", "/v1/vector_stores", index),
    ("GET", "/v1/vector_stores/{vector_store_id}", get),
    ("POST", "/v1/vector_stores/{vector_store_id}", update),
    ("DELETE", "/v1/vector_stores/{vector_store_id}", delete),
]
