"""Responses: `/v1/responses`."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from starlette.responses import JSONResponse, Response

from deployer.server.resources import conversations, vector_stores
from deployer.server.resources.response_items import INCLUDE, dated, demand_pairs, item_shown, resolved
from deployer.server.resources.response_requests import COMPACT, COUNT, CREATE, CREATE_BY_PROMPT, asked, echoed
from deployer.server.resources.response_views import ResponseRendering, response_shown, usage_shown
from deployer.server.resources.streaming import EventStream
from deployer.server.runs import records
from deployer.server.runs.answers import tokens
from deployer.server.runs.events import ItemEnded, Subscription, TurnMoved
from deployer.server.runs.loop import made_by, written
from deployer.server.runs.turn import ACTIVE, CANCELLING, ENDED, Ask, Turn, Usage, compacted, unsealed
from deployer.server.state import Answer, ApiCall, Operation, State
from deployer.server.storage.objects import new_id, page_of_list, window
from deployer.server.wire import ApiError, Json

FACE = "response"
_LOOK_SECONDS, _MOST_LOOKS = 0.02, 500  # how often is looked whether a cancelled turn has ended, and how many times


def create(call: ApiCall) -> Answer:
    check = CREATE_BY_PROMPT if call.body.get("prompt") else CREATE
    wanted = {name: value for name, value in check(call.body, "").items() if value is not None}
    state = call.state
    with state.turns.change() as change:
        turn, items = _turn(change.db, state, wanted)
        state.turns.queue(change, turn, items)
        if wanted.get("background") and not wanted.get("stream"):
            return response_shown(turn, [])
        subscription = state.turns.channels.subscribe(turn.id)
        if not wanted.get("stream"):
            return _WhenEnded(subscription, turn)
        if wanted.get("background"):
            state.turns.channels.keep(turn.id)
    obfuscated = wanted.get("stream_options", {}).get("include_obfuscation", True)
    rendering = ResponseRendering(obfuscated=obfuscated)
    return EventStream(subscription, rendering, b"".join(rendering.begin(replace(turn, status=_first(turn)))))


def _first(turn: Turn) -> str:
    """The status that a stream begins with: only what runs in the background is ever seen queued."""
    return "queued" if turn.shown["echo"]["background"] else "in_progress"


class _WhenEnded:
    """The response of a turn, once that has ended."""

    def __init__(self, subscription: Subscription, turn: Turn) -> None:
        self._subscription, self._turn = subscription, turn

    async def response(self) -> Response:
        made: list[Json] = []
        with self._subscription as subscription:
            async for batch in subscription.batches(60):
                for event in batch:
                    if isinstance(event, ItemEnded):
                        made.append(event.item)
                    elif isinstance(event, TurnMoved) and event.turn.status in ENDED:
                        return JSONResponse(response_shown(event.turn, made))
        error = ApiError(500, "The server stopped while it was working on this.", code="server_error")
        return JSONResponse(error.body(), error.status)


def _turn(db: sqlite3.Connection, state: State, wanted: Json) -> tuple[Turn, list[Json]]:
    """Return the turn that a request asks for, and the items that it brings."""
    after, joins = _before(db, wanted)
    if not (wanted.get("input") or after or joins):
        text = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."
        raise ApiError(400, text, code="missing_required_parameter")
    if joins and records.any_joining(db, joins):
        text = "Another process is currently operating on this conversation. Please retry in a few seconds."
        raise ApiError(400, text, param="conversation", code="conversation_locked")
    items = dated(resolved(db, wanted["input"]), state.now())
    echo = echoed(wanted, plays=state.turns.plays)
    for store_id in [one for tool in echo["tools"] for one in tool.get("vector_store_ids", ())]:
        vector_stores.found(db, store_id)
    shown = {"echo": echo, "include": wanted.get("include", [])}
    shown["begun"] = {"service_tier": wanted.get("service_tier", "auto")}
    turn = Turn(
        new_id("resp_"),
        FACE,
        "",
        asked(wanted, echo),
        state.now(),
        after=after,
        joins=joins,
        waits=False,
        keep=echo["store"] or echo["background"],
        shown=shown,
    )
    demand_pairs(items, records.context_of(db, turn))
    return turn, items


def _before(db: sqlite3.Connection, wanted: Json) -> tuple[str, str]:
    """Return the response that is followed, or the conversation that is joined."""
    after, joins = wanted.get("previous_response_id", ""), wanted.get("conversation", "")
    if after and joins:
        text = "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or 'conversation'."
        raise ApiError(400, text, code="mutually_exclusive_parameters")
    if joins:
        conversations.CONVERSATIONS.found(db, joins)
    if "prompt" in wanted:  # none is kept here
        raise ApiError(404, f"Prompt with id '{wanted['prompt']['id']}' not found.")
    if after and records.find_turn(db, FACE, after) is None:
        text = f"Previous response with id '{after}' not found."
        raise ApiError(400, text, param="previous_response_id", code="previous_response_not_found")
    return after, joins


def retrieve(call: ApiCall) -> Answer:
    if call.query.get("stream") == "true":
        return _resumed(call)
    with call.state.storage.read() as db:
        turn = _found(db, call)
        made = made_by(records.items_of_turn(db, turn.id))
    asked = _included(call)
    return response_shown(replace(turn, shown=turn.shown | {"include": [*turn.shown["include"], *asked]}), made)


def _resumed(call: ApiCall) -> Answer:
    """The stream of a response that runs in the background, from after an event that the client has seen."""
    after = call.query.get("starting_after", "-1")
    if not after.removeprefix("-").isdigit():
        raise ApiError(400, f"Invalid 'starting_after': {after!r} is no number.", param="starting_after")
    with call.state.turns.change() as change:
        turn = _found(change.db, call)
        if not turn.shown["echo"]["background"]:
            raise ApiError(400, "Only a response that was created with background and stream can be streamed again.")
        subscription = call.state.turns.channels.subscribe(turn.id, replay=True)
        if not subscription.replayed and turn.status in ENDED:
            subscription.replay(_retold(turn, made_by(records.items_of_turn(change.db, turn.id))))
    rendering = ResponseRendering(after=int(after))
    queued = replace(turn, status="queued", started_at=None, ended_at=None, usage=Usage(), error=None)
    return EventStream(subscription, rendering, b"".join(rendering.begin(queued)))


def _retold(turn: Turn, made: list[Json]) -> Iterable[Any]:
    """Return the events of a turn whose own are not kept any longer: its items come as a whole."""
    yield TurnMoved(replace(turn, status="in_progress", ended_at=None))
    for index, item in enumerate(made):
        yield ItemEnded(turn, item, index)
    yield TurnMoved(turn)


def delete(call: ApiCall) -> Json:
    with call.state.turns.change() as change:
        turn = _found(change.db, call)
        records.remove_turn(change.db, turn.id)
        change.rings = True
    return {"id": turn.id, "object": "response.deleted", "deleted": True}


def cancel(call: ApiCall) -> Answer:
    with call.state.turns.change() as change:
        turn = _found(change.db, call)
        if not turn.shown["echo"]["background"]:
            raise ApiError(400, "Cannot cancel a synchronous response.")
        if turn.status in ACTIVE and turn.status != CANCELLING:
            turn = call.state.turns.cancel(change, turn)
    return _WhenCancelled(call)


class _WhenCancelled:
    """A response, once nothing works on it any longer: a client that reads "cancelled" may go on at once."""

    def __init__(self, call: ApiCall) -> None:
        self._call = call

    async def response(self) -> Response:
        turn, made = self._now()
        for _ in range(_MOST_LOOKS):  # by the database: a turn may be played by another process of the same account
            if turn.status in ENDED:
                break
            await asyncio.sleep(_LOOK_SECONDS)
            turn, made = self._now()
        return JSONResponse(response_shown(turn, made))

    def _now(self) -> tuple[Turn, list[Json]]:
        with self._call.state.storage.read() as db:
            turn = _found(db, self._call)
            return turn, made_by(records.items_of_turn(db, turn.id))


def input_items(call: ApiCall) -> Json:
    """The items that a response was made from: what came before it, and what its request brought."""
    asked = _included(call)
    with call.state.storage.read() as db:
        turn = _found(db, call)
        given = [item for item in records.items_of_turn(db, turn.id) if "step" not in item]
        items = [*records.context_of(db, turn), *given]
    return page_of_list([item_shown(item, asked) for item in items], window(call.query))


def input_tokens(call: ApiCall) -> Json:
    wanted = {name: value for name, value in COUNT(call.body, "").items() if value is not None}
    with call.state.storage.read() as db:
        items = _all_items(db, call, wanted)
    fixed = tokens(wanted.get("instructions", "")) + sum(tokens(str(tool)) for tool in wanted.get("tools", []))
    return {"object": "response.input_tokens", "input_tokens": fixed + sum(tokens(written(item)) for item in items)}


def compact(call: ApiCall) -> Json:
    wanted = {name: value for name, value in COMPACT(call.body, "").items() if value is not None}
    now = call.state.now()
    with call.state.storage.read() as db:
        items = _all_items(db, call, wanted)
    output = compacted(items, now)
    read, wrote = (sum(tokens(written(item)) for item in several) for several in (items, output))
    return {
        "id": new_id("resp_"),
        "object": "response.compaction",
        "created_at": now,
        "output": [item_shown(item) for item in output],
        "usage": usage_shown(Usage(read, wrote)),
    }


def _all_items(db: sqlite3.Connection, call: ApiCall, wanted: Json) -> list[Json]:
    """Return what a model would read of a request: what came before, and what it brings."""
    after, joins = _before(db, wanted)
    turn = Turn("", FACE, "", Ask(""), call.state.now(), after=after, joins=joins)
    given = dated(resolved(db, wanted.get("input", [])), call.state.now())
    return unsealed([*records.context_of(db, turn), *given])


def _included(call: ApiCall) -> list[str]:
    return [INCLUDE(call.query[name], "include") for name in ("include[]", "include") if name in call.query]


def _found(db: sqlite3.Connection, call: ApiCall) -> Turn:
    turn = records.find_turn(db, FACE, call.path["response_id"])
    if turn is None:
        raise ApiError(404, f"Response with id '{call.path['response_id']}' not found.")
    return turn


OPERATIONS: list[Operation] = [
    ("POST", "/v1/responses", create),
    ("POST", "/v1/responses/input_tokens", input_tokens),
    ("POST", "/v1/responses/compact", compact),
    ("GET", "/v1/responses/{response_id}", retrieve),
    ("DELETE", "/v1/responses/{response_id}", delete),
    ("POST", "/v1/responses/{response_id}/cancel", cancel),
    ("GET", "/v1/responses/{response_id}/input_items", input_items),
]
