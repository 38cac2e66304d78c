"""Sessions of agents: `/v1/agents/sessions`, with their events, items and turns."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import Any

from starlette.responses import Response

from deployer.server import schemas
from deployer.server.checks import METADATA, array, boolean, choice, fields, free_object, nullable, string, tagged
from deployer.server.resources import agents
from deployer.server.resources.agents import guarded
from deployer.server.resources.session_views import SessionRendering, item_shown, session_shown, turn_shown
from deployer.server.resources.stored import StoredKind
from deployer.server.resources.streaming import EventStream
from deployer.server.runs import records
from deployer.server.runs.events import ItemGiven, TurnMoved
from deployer.server.runs.turn import (
    ENDED,
    REQUIRES_ACTION,
    Ask,
    Turn,
    new_item,
    new_message,
    pending_calls,
    text_part,
)
from deployer.server.runs.worker import TurnTransaction
from deployer.server.state import Answer, ApiCall, Operation, State
from deployer.server.storage import objects
from deployer.server.storage.objects import listing, new_id, window
from deployer.server.wire import ApiError, Json

FACE = "agent_turn"
_TYPE = string()
_MOST_EVENTS = 64
_PART = tagged(
    {
        "input_text": fields({"type": _TYPE, "text": string()}, required=("text",)),
        "input_image": fields({"type": _TYPE, "image_url": nullable(string()), "detail": nullable(string()),
                               "file_id": nullable(string())}),
    },
)  # fmt: skip


def _content(value: Any, path: str) -> Any:
    return string()(value, path) if isinstance(value, str) else array(_PART, longest=1000)(value, path)


_MESSAGE = fields({"type": nullable(string()), "role": choice("user"), "content": _content}, required=("content",))
_MESSAGES = array(_MESSAGE, longest=1000, shortest=1)


def _input(value: Any, path: str) -> Any:
    return [{"content": string(shortest=1)(value, path)}] if isinstance(value, str) else _MESSAGES(value, path)


# What an environment of one's own is called, and whatever else stands there, is the client's affair.
def _environment(value: Any, path: str) -> Any:
    given = free_object(value, path)
    choice("none", "self_hosted")(given.get("type"), f"{path}.type")
    return given


_SETTINGS = {
    "metadata": METADATA,
    "prompt_cache_options": nullable(free_object),
    "review": nullable(choice("none", "auto_review")),
}
_CREATE = fields(
    _SETTINGS
    | {
        "environment": _environment,
        "agent": nullable(agents.OVERRIDES),
        "agent_id": nullable(string()),
        "input": nullable(_input),
        "vault_ids": nullable(array(string(), longest=100)),
        "stream": nullable(boolean),
        "stream_options": nullable(fields({"include_obfuscation": boolean})),
    },
    required=("environment",),
)
_UPDATE = fields(_SETTINGS | {"agent": nullable(agents.OVERRIDES)})
_RESULT = fields(
    {
        "type": _TYPE,
        "turn_id": string(),
        "call_id": string(),
        "success": boolean,
        "output": lambda value, _path: value,
        "error": nullable(string()),
    },
    required=("turn_id", "call_id", "success"),
)
_EVENT = tagged(
    {
        "agent.session.input.message": fields({"type": _TYPE, "input": _MESSAGES}, required=("input",)),
        "agent.session.input.cancel": fields({"type": _TYPE}),
        "agent.session.input.tool_result": _RESULT,
    },
)
_EVENTS = fields({"events": array(_EVENT, longest=_MOST_EVENTS)}, required=("events",))
# What an agent has that is saved, and one in a session has not.
_OF_SAVED_AGENTS = ("object", "created_at", "updated_at", "metadata")
SESSIONS = StoredKind(
    "agent.session",
    "session_id",
    lambda session_id: ApiError(404, f"No session found with id '{session_id}'.", param="session_id"),
)


def create(call: ApiCall) -> Answer:
    wanted, state, now = _CREATE(call.body, ""), call.state, call.state.now()
    if wanted["environment"]["type"] == "none" and not wanted.get("input"):
        raise ApiError(400, "A session without an environment needs an input.", param="input")
    with state.turns.change() as change:
        session: Json = {"id": new_id("sess_"), "object": "agent.session", "created_at": now, "last_active_at": now}
        session |= {
            "agent": _configured(change.db, wanted),
            "environment": _placed(wanted["environment"]),
            "error": None,
        }
        session |= {"metadata": wanted.get("metadata") or {}, "vault_ids": wanted.get("vault_ids") or []}
        session |= {"usage": None, "prompt_cache_options": wanted.get("prompt_cache_options")}
        session["review"] = wanted.get("review")
        objects.add(change.db, SESSIONS.kind, session)
        subscription = state.turns.channels.subscribe(session["id"]) if wanted.get("stream") else None
        active = _speak(state, change, session, wanted["input"]) if wanted.get("input") else None
    if subscription is None:
        return session_shown(session, active)
    rendering = SessionRendering(session, once=True)
    return EventStream(subscription, rendering, rendering.about("created", None))


def _placed(environment: Json) -> Json:
    """Return an environment as it is shown: one of one's own has an id, and the places that it is told of."""
    if environment["type"] == "none":
        return {"type": "none"}
    places = {"capability_directories": [], "remote_url": "", "workspace_directory": ""}
    return {"id": new_id("env_")} | places | {name: value for name, value in environment.items() if value is not None}


def _configured(db: sqlite3.Connection, wanted: Json) -> Json:
    """Return the agent of a session: a saved one, an agent given here, or one over the other."""
    saved = agents.AGENTS.found(db, wanted["agent_id"]) if wanted.get("agent_id") is not None else {}
    given = wanted.get("agent") or {}
    if not saved and "model" not in given:
        raise ApiError(400, "A session needs an 'agent_id', or an 'agent' with its model.", param="agent")
    config = agents.defaults() | saved | {name: agents.shown(name, value) for name, value in given.items()}
    return {"id": new_id("agent_")} | {name: value for name, value in config.items() if name not in _OF_SAVED_AGENTS}


def _ask(agent: Json) -> Ask:
    return Ask(
        model=agent["model"],
        name=agent["name"] or "",
        instructions=agent["instructions"] or "",
        tools=tuple(tool for tool in agent["tools"] if tool["type"] == "function"),
        text_format=agent["text"]["format"],
        sampling={"reasoning_effort": agent["reasoning"]["effort"]},
    )


def _speak(state: State, change: TurnTransaction, session: Json, messages: list[Json]) -> Turn:
    """Begin a turn with what the user says, or steer the one that is active."""
    now = state.now()
    items = [_message(message, now) for message in messages]
    active = records.active_turn(change.db, session["id"])
    if active is not None:
        records.add_items(change.db, session["id"], items, active.id)
        change.events += [ItemGiven(active, item, -1) for item in items]
        return active
    agent = session["agent"]
    schemas.refuse_tools(agent["tools"], "tools", "agents")
    turn = Turn(new_id("turn_"), FACE, session["id"], _ask(agent), now, agent=agent["id"], steers=True)
    state.turns.queue(change, turn, items)
    change.events += [TurnMoved(turn), *(ItemGiven(turn, item, -1) for item in items)]
    return turn


def _message(given: Json, now: int) -> Json:
    content = given["content"]
    parts = [text_part(content)] if isinstance(content, str) else [_part(part) for part in content]
    return new_message("user", parts, now)


def _part(given: Json) -> Json:
    return text_part(given["text"]) if given["type"] == "input_text" else given


def retrieve(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        return _shown(db, SESSIONS.of(db, call))


def _shown(db: sqlite3.Connection, session: Json) -> Json:
    active = records.active_turn(db, session["id"])
    waiting = pending_calls(records.items_of_turn(db, active.id)) if active is not None else []
    return session_shown(session, active, waiting)


def index(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        page = objects.page(db, SESSIONS.kind, window(call.query))
        return page | {"data": [_shown(db, session) for session in page["data"]]}


def update(call: ApiCall) -> Json:
    wanted = _UPDATE(call.body, "")
    with call.state.storage.write() as db:
        session = SESSIONS.of(db, call)
        given = {name: agents.shown(name, value) for name, value in (wanted.get("agent") or {}).items()}
        session["agent"] |= given
        session |= {name: wanted[name] for name in ("review", "prompt_cache_options") if name in wanted}
        if "metadata" in wanted:
            session["metadata"] = wanted["metadata"] or {}
        objects.replace(db, session)
        return _shown(db, session)


def delete(call: ApiCall) -> Json:
    with call.state.storage.write() as db:
        session = SESSIONS.of(db, call)
        if records.active_turn(db, session["id"]) is not None:
            raise ApiError(409, f"Session '{session['id']}' has a turn that is not over: cancel it first.")
        records.remove_conversation(db, session["id"])
        objects.remove(db, SESSIONS.kind, session["id"])
    return {"id": session["id"], "object": "agent.session.deleted", "deleted": True}


def stream(call: ApiCall) -> Answer:
    """The events of a session from now on; the headers go out at once, because clients wait for them."""
    with call.state.turns.change() as change:
        session = SESSIONS.of(change.db, call)
        active = records.active_turn(change.db, session["id"])
        waiting = pending_calls(records.items_of_turn(change.db, active.id)) if active is not None else []
        subscription = call.state.turns.channels.subscribe(session["id"])
    return EventStream(subscription, SessionRendering(session, waiting), b": listening\n\n")


def add_events(call: ApiCall) -> Answer:
    """Take a batch of events, all or none; one that has come before under its key has no effect."""
    wanted, state = _EVENTS(call.body, ""), call.state
    with state.turns.change() as change:
        session = SESSIONS.of(change.db, call)
        if not _is_repeated(change.db, session, call, wanted):
            for event in wanted["events"]:
                _HANDLERS[event["type"]](state, change, session, event)
            session["last_active_at"] = state.now()
            objects.replace(change.db, session)
    return Response(status_code=202)


def _is_repeated(db: sqlite3.Connection, session: Json, call: ApiCall, wanted: Json) -> bool:
    key = call.headers.get("idempotency-key")
    if key is None:
        return False
    key_id = f"{session['id']}:{key}"
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    known = objects.find(db, "idempotency", key_id, session["id"])
    if known is None:
        objects.add(db, "idempotency", {"id": key_id, "digest": digest}, session["id"])
        return False
    if known["digest"] != digest:
        raise ApiError(409, "This Idempotency-Key was used for another batch of events.", code="idempotency_conflict")
    return True


def _say(state: State, change: TurnTransaction, session: Json, event: Json) -> None:
    _speak(state, change, session, event["input"])


def _cancel(state: State, change: TurnTransaction, session: Json, _event: Json) -> None:
    active = records.active_turn(change.db, session["id"])
    if active is not None and active.status != "cancelling":
        state.turns.cancel(change, active)


def _answer_call(state: State, change: TurnTransaction, session: Json, event: Json) -> None:
    turn = records.find_turn(change.db, FACE, event["turn_id"], session["id"])
    items = records.items_of_turn(change.db, turn.id) if turn is not None else []
    output = _output(event, state.now())
    given = next((item for item in items if item.get("call_id") == event["call_id"] and "success" in item), None)
    if given is not None:
        if any(given[name] != output[name] for name in ("output", "success", "error")):
            raise ApiError(409, f"The result of the call '{event['call_id']}' was another one.")
        return
    if turn is not None and turn.status in ENDED:
        raise ApiError(409, f"The turn '{turn.id}' is over.")
    waiting = {item["call_id"] for item in pending_calls(items)}
    if turn is None or event["call_id"] not in waiting or turn.status != REQUIRES_ACTION:
        raise ApiError(400, f"Unknown pending tool call: {event['call_id']}")
    state.turns.answer_calls(change, turn, [output])


def _output(event: Json, now: int) -> Json:
    output, error = event.get("output"), event.get("error")
    text = error if output is None and error is not None else output
    extra = {"success": event["success"], "error": error, "output": "" if text is None else text}
    return new_item("function_call_output", now, call_id=event["call_id"], status="completed", **extra)


_HANDLERS = {
    "agent.session.input.message": _say,
    "agent.session.input.cancel": _cancel,
    "agent.session.input.tool_result": _answer_call,
}


def items(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        session = SESSIONS.of(db, call)
        return _page(db, call, "parent = ?", session["id"])


def turn_items(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        return _page(db, call, "turn_id = ?", _turn(db, call).id)


def _page(db: sqlite3.Connection, call: ApiCall, source: str, owner: str) -> Json:
    page = records.page_of_items(db, source, [owner], window(call.query))
    shown = []
    for item in page["data"]:
        turn_id = records.turn_of_item(db, item["id"])
        waiting = item["type"] == "function_call" and item in pending_calls(records.items_of_turn(db, turn_id))
        shown.append(item_shown(item, turn_id, waiting=waiting))
    return page | {"data": shown}


def turns(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        session = SESSIONS.of(db, call)
        found, has_more = records.page_of_turns(db, FACE, session["id"], window(call.query))
    return listing([turn_shown(turn) for turn in found], has_more)


def get_turn(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        return turn_shown(_turn(db, call))


def _turn(db: sqlite3.Connection, call: ApiCall) -> Turn:
    session = SESSIONS.of(db, call)
    turn = records.find_turn(db, FACE, call.path["turn_id"], session["id"])
    if turn is None:
        raise ApiError(404, f"No turn found with id '{call.path['turn_id']}'.", param="turn_id")
    return turn


def nothing(call: ApiCall) -> Json:
    """Return an empty page of what only a hosted environment or several agents bring: artifacts, subagents, traces."""
    with call.state.storage.read() as db:
        SESSIONS.of(db, call)
    window(call.query)
    return listing([], has_more=False)


def no_artifact(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        SESSIONS.of(db, call)
    raise ApiError(404, f"No artifact found with id '{call.path['artifact_id']}'.", param="artifact_id")


_ROOT = "/v1/agents/sessions"
OPERATIONS: list[Operation] = [
    ("POST", _ROOT, guarded(create)),
    ("GET", _ROOT, guarded(index)),
    ("GET", _ROOT + "/{session_id}", guarded(retrieve)),
    ("POST", _ROOT + "/{session_id}", guarded(update)),
    ("DELETE", _ROOT + "/{session_id}", guarded(delete)),
    ("GET", _ROOT + "/{session_id}/events", guarded(stream)),
    ("POST", _ROOT + "/{session_id}/events", guarded(add_events)),
    ("GET", _ROOT + "/{session_id}/items", guarded(items)),
    ("GET", _ROOT + "/{session_id}/turns", guarded(turns)),
    ("GET", _ROOT + "/{session_id}/turns/{turn_id}", guarded(get_turn)),
    ("GET", _ROOT + "/{session_id}/turns/{turn_id}/items", guarded(turn_items)),
    *(("GET", f"{_ROOT}/{{session_id}}/{name}", guarded(nothing)) for name in ("artifacts", "subagents", "traces")),
    ("GET", _ROOT + "/{session_id}/artifacts/{artifact_id}", guarded(no_artifact)),
    ("GET", _ROOT + "/{session_id}/artifacts/{artifact_id}/content", guarded(no_artifact)),
    ("DELETE", _ROOT + "/{session_id}/artifacts/{artifact_id}", guarded(no_artifact)),
]
