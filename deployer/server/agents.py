"""Agents: `/v1/agents`, the beta API where persisted assistants live today."""

from __future__ import annotations

import functools
import sqlite3

from starlette.responses import Response

from deployer.server import documents
from deployer.server.agent_fields import CREATE, UPDATE, defaults, shown
from deployer.server.ids import new_id
from deployer.server.paging import window
from deployer.server.state import Call, Handler, Operation
from deployer.server.wire import ApiError, Json

_KIND = "agent"
_BETA = "agents=v1"


def _beta(handler: Handler) -> Handler:
    """Guard a handler with the beta's header; every invalid field has one code there (docs: agents-api/errors)."""

    @functools.wraps(handler)
    def guarded(call: Call) -> Json | Response:
        if _BETA not in call.headers.get("openai-beta", "").replace(" ", "").split(","):
            raise ApiError(400, f"This endpoint needs the header 'OpenAI-Beta: {_BETA}'.", code="invalid_beta")
        try:
            return handler(call)
        except ApiError as error:
            error.code = "not_found_error" if error.status == 404 else "invalid_request_error"
            raise

    return guarded


def create(call: Call) -> Json:
    wanted, now = CREATE(call.body, ""), call.state.now()
    agent = {"id": new_id("agent_"), "object": _KIND, "created_at": now, "updated_at": now} | defaults()
    agent |= {name: shown(name, value) for name, value in wanted.items()}
    with call.state.storage.write() as db:
        documents.add(db, _KIND, agent)
    return agent


def update(call: Call) -> Json:
    """Omitted fields stay, objects and lists replace, null resets; only `experimental` is merged by key."""
    wanted = UPDATE(call.body, "")
    with call.state.storage.write() as db:
        agent = _found(db, call.path["agent_id"])
        if "experimental" in wanted:
            wanted["experimental"] = agent["experimental"] | wanted["experimental"]
        agent |= {name: shown(name, value) for name, value in wanted.items()}
        agent["updated_at"] = call.state.now()
        documents.replace(db, agent)
    return agent


def get(call: Call) -> Json:
    with call.state.storage.read() as db:
        return _found(db, call.path["agent_id"])


def index(call: Call) -> Json:
    with call.state.storage.read() as db:
        return documents.page(db, _KIND, window(call.query))


def delete(call: Call) -> Json:
    agent_id = call.path["agent_id"]
    with call.state.storage.write() as db:
        if not documents.remove(db, _KIND, agent_id):
            raise _unknown(agent_id)
    return {"id": agent_id, "object": "agent.deleted", "deleted": True}


def _found(db: sqlite3.Connection, agent_id: str) -> Json:
    agent = documents.find(db, _KIND, agent_id)
    if agent is None:
        raise _unknown(agent_id)
    return agent


def _unknown(agent_id: str) -> ApiError:
    return ApiError(404, f"No agent found with id '{agent_id}'.", param="agent_id")


OPERATIONS: list[Operation] = [
    ("POST", "/v1/agents", _beta(create)),
    ("GET", "/v1/agents", _beta(index)),
    ("GET", "/v1/agents/{agent_id}", _beta(get)),
    ("POST", "/v1/agents/{agent_id}", _beta(update)),
    ("DELETE", "/v1/agents/{agent_id}", _beta(delete)),
]
