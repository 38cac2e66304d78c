"""Responses: `/v1/responses`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from starlette.responses import JSONResponse, Response

from deployer.server import schemas
from deployer.server.checks import (
    METADATA,
    Check,
    array,
    boolean,
    choice,
    decimal,
    fields,
    free_object,
    integer,
    missing,
    nullable,
    string,
    tagged,
)
from deployer.server.resources import conversations
from deployer.server.resources.response_items import (
    INCLUDE,
    demand_pairs,
    item_shown,
    read_items,
)
from deployer.server.resources.response_views import ResponseRendering, response_shown, usage_shown
from deployer.server.resources.streaming import EventStream
from deployer.server.runs import records
from deployer.server.runs.answers import tokens
from deployer.server.runs.events import ItemEnded, Subscription, TurnMoved
from deployer.server.runs.loop import made_by, written
from deployer.server.runs.turn import ACTIVE, ENDED, Ask, Turn, Usage, compacted, unsealed
from deployer.server.state import Answer, ApiCall, Operation, State
from deployer.server.storage.objects import new_id, page_of_list, window
from deployer.server.wire import ApiError, Json

FACE = "response"
SURFACE = "responses"  # as the rules of function schemas call it
_BAD_SCHEMA = "invalid_json_schema"
_TYPE = string()
_EFFORTS = choice("none", "minimal", "low", "medium", "high", "xhigh", "max")
_FORMAT = tagged(
    {
        "text": fields({"type": _TYPE}),
        "json_object": fields({"type": _TYPE}),
        "json_schema": fields(
            {
                "type": _TYPE,
                "name": string(shortest=1, longest=64, pattern="[a-zA-Z0-9_-]+"),
                "schema": free_object,
                "description": nullable(string()),
                "strict": nullable(boolean),
            },
            required=("name", "schema"),
        ),
    },
)
_TEXT = fields({"format": nullable(_FORMAT), "verbosity": nullable(choice("low", "medium", "high"))})
_REASONING = fields(
    {
        "effort": nullable(_EFFORTS),
        "summary": nullable(choice("auto", "concise", "detailed")),
        "generate_summary": nullable(choice("auto", "concise", "detailed")),
        "context": nullable(string()),
        "mode": nullable(string()),
    },
)


_CONVERSATION = fields({"id": string()}, required=("id",))


def _conversation(value: Any, path: str) -> Any:
    return value if isinstance(value, str) else _CONVERSATION(value, path)["id"]


def _tool_choice(value: Any, path: str) -> Any:
    return choice("none", "auto", "required")(value, path) if isinstance(value, str) else free_object(value, path)


def _any(value: Any, _path: str) -> Any:
    return value


_FIELDS: dict[str, Check] = {
    "model": string(shortest=1),
    "input": _any,
    "instructions": nullable(string()),
    "previous_response_id": nullable(string()),
    "conversation": nullable(_conversation),
    "tools": nullable(array(free_object, longest=128)),
    "tool_choice": nullable(_tool_choice),
    "parallel_tool_calls": nullable(boolean),
    "text": nullable(_TEXT),
    "reasoning": nullable(_REASONING),
    "truncation": nullable(choice("auto", "disabled")),
    "metadata": METADATA,
}
_CREATE = fields(
    _FIELDS
    | {
        "include": nullable(array(INCLUDE, longest=20)),
        "temperature": nullable(decimal(0, 2)),
        "top_p": nullable(decimal(0, 1)),
        "frequency_penalty": nullable(decimal(-2, 2)),
        "presence_penalty": nullable(decimal(-2, 2)),
        "max_output_tokens": nullable(integer(16, 2**31)),
        "max_tool_calls": nullable(integer(1, 2**31)),
        "top_logprobs": nullable(integer(0, 20)),
        "store": nullable(boolean),
        "background": nullable(boolean),
        "stream": nullable(boolean),
        "stream_options": nullable(fields({"include_obfuscation": boolean})),
        "service_tier": nullable(choice("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")),
        "user": nullable(string()),
        "safety_identifier": nullable(string(longest=64)),
        "prompt_cache_key": nullable(string()),
        "prompt_cache_retention": nullable(choice("in_memory", "in-memory", "24h")),
        "context_management": nullable(_any),
        "moderation": nullable(_any),
    },
    required=("model",),
)
_COUNT = fields(_FIELDS)
_COMPACT = fields(
    {name: _FIELDS[name] for name in ("model", "input", "instructions", "previous_response_id")}
    | {name: nullable(_any) for name in ("prompt_cache_key", "service_tier")},
    required=("model",),
)
# Tools that this account has itself; every other hosted one needs the outside world, or a script that plays it.
_OWN_TOOLS = ("function", "file_search", "code_interpreter", "custom")
_FILE_SEARCH: Json = {
    "filters": None,
    "max_num_results": 20,
    "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
}


def create(call: ApiCall) -> Answer:
    wanted = {name: value for name, value in _CREATE(call.body, "").items() if value is not None}
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
    if "input" not in wanted and "conversation" not in wanted and "previous_response_id" not in wanted:
        raise missing("input")
    items = read_items(wanted.get("input", []), state.now())
    after, joins = _before(db, wanted)
    echo = _echo(wanted, state)
    shown = {"echo": echo, "include": wanted.get("include", [])}
    shown["begun"] = {"service_tier": wanted.get("service_tier", "auto")}
    turn = Turn(
        new_id("resp_"),
        FACE,
        "",
        _ask(wanted, echo),
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
        raise ApiError(
            400,
            "Mutually exclusive parameters: 'previous_response_id' and 'conversation'. Ensure you are only providing "
            "one of these parameters.",
        )
    if after and records.find_turn(db, FACE, after) is None:
        text = f"Previous response with id '{after}' not found."
        raise ApiError(400, text, param="previous_response_id", code="previous_response_not_found")
    if joins:
        conversations.CONVERSATIONS.found(db, joins)
    return after, joins


def _echo(wanted: Json, state: State) -> Json:
    """Return what the response repeats of its request, with the defaults."""
    reasoning = {"context": None, "effort": None, "mode": None, "summary": None} | wanted.get("reasoning", {})
    text = wanted.get("text", {})
    echo = {
        "background": False,
        "frequency_penalty": 0.0,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "moderation": None,
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": None,
        "model": wanted["model"],
    }
    echo |= {name: wanted[name] for name in echo if name in wanted}
    echo["service_tier"] = "default" if echo["service_tier"] == "auto" else echo["service_tier"]
    echo["reasoning"] = {name: value for name, value in reasoning.items() if name != "generate_summary"}
    echo["text"] = {"format": _format_shown(text.get("format")), "verbosity": text.get("verbosity") or "medium"}
    echo["tools"] = [_tool_shown(tool, index, state) for index, tool in enumerate(wanted.get("tools", []))]
    return echo | ({"conversation": {"id": wanted["conversation"]}} if "conversation" in wanted else {})


def _format_shown(given: Json | None) -> Json:
    if given is None or given["type"] != "json_schema":
        return given or {"type": "text"}
    strict = True if given.get("strict") is None else given["strict"]
    shown = {name: given.get(name) for name in ("type", "description", "name", "schema")} | {"strict": strict}
    schemas.refuse_format(shown, "text.format.schema", SURFACE, _BAD_SCHEMA)
    return shown


def _tool_shown(tool: Json, index: int, state: State) -> Json:
    path = f"tools[{index}]"
    if "type" not in tool:
        raise missing(f"{path}.type")
    kind = string()(tool["type"], f"{path}.type")
    if kind == "function":
        return _function_shown(tool, path)
    if kind == "file_search":
        array(string(), longest=10)(tool.get("vector_store_ids", []), f"{path}.vector_store_ids")
        given = {name: value for name, value in tool.items() if value is not None}
        ranking = _FILE_SEARCH["ranking_options"] | given.get("ranking_options", {})
        return _FILE_SEARCH | given | {"ranking_options": ranking}
    if kind not in _OWN_TOOLS and not state.turns.plays_tools:
        raise ApiError(
            400,
            f"Hosted tool '{kind}' is not supported by the embedded account, which reaches nothing outside itself; a "
            "script can play it.",
            param=path,
            code="unsupported_value",
        )
    return tool


def _function_shown(tool: Json, path: str) -> Json:
    """A function with its defaults: strict where nothing is said of it, and with the schema that this needs."""
    if "name" not in tool:
        raise missing(f"{path}.name")
    strict, parameters = tool.get("strict"), tool.get("parameters")
    shown: Json = {"output_schema": None, **tool, "description": tool.get("description") or None}
    if not parameters:
        shown["parameters"] = {"type": "object", "properties": {}}
    elif strict is None:
        shown["parameters"] = _strict(parameters)
    shown["strict"] = True if strict is None else strict
    schemas.refuse_function(shown, path, SURFACE)
    return shown


def _strict(schema: Json) -> Json:
    """Return a schema whose objects need all their properties and have no others."""
    changed = {name: _strict_part(value) for name, value in schema.items()}
    if schema.get("type") == "object" or "properties" in schema:
        needed = dict.fromkeys([*schema.get("required", ()), *schema.get("properties", {})])
        changed |= {"required": list(needed), "additionalProperties": False}
    return changed


def _strict_part(value: Any) -> Any:
    if isinstance(value, dict):
        return (
            _strict(value)
            if "type" in value or "properties" in value
            else {name: _strict_part(part) for name, part in value.items()}
        )
    return [_strict_part(part) for part in value] if isinstance(value, list) else value


def _ask(wanted: Json, echo: Json) -> Ask:
    return Ask(
        model=wanted["model"],
        instructions=wanted.get("instructions", ""),
        tools=tuple(echo["tools"]),
        tool_choice=_neutral_choice(echo["tool_choice"]),
        parallel_calls=echo["parallel_tool_calls"],
        text_format=echo["text"]["format"],
        max_output_tokens=echo["max_output_tokens"],
        sampling={
            "temperature": wanted.get("temperature"),
            "top_p": wanted.get("top_p"),
            "reasoning_effort": echo["reasoning"]["effort"],
        },
    )


def _neutral_choice(value: Any) -> Any:
    """Return a choice of tools in neutral words: of several that are allowed, one or none must be called."""
    if isinstance(value, dict) and value.get("type") == "allowed_tools":
        return value.get("mode", "auto")
    return value


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


def cancel(call: ApiCall) -> Json:
    with call.state.turns.change() as change:
        turn = _found(change.db, call)
        if not turn.shown["echo"]["background"]:
            raise ApiError(400, "Cannot cancel a synchronous response.")
        if turn.status in ACTIVE and turn.status != "cancelling":
            turn = call.state.turns.cancel(change, turn)
        made = made_by(records.items_of_turn(change.db, turn.id))
    return response_shown(turn, made)


def input_items(call: ApiCall) -> Json:
    """The items that a response was made from: what came before it, and what its request brought."""
    asked = _included(call)
    with call.state.storage.read() as db:
        turn = _found(db, call)
        given = [item for item in records.items_of_turn(db, turn.id) if "step" not in item]
        items = [*records.context_of(db, turn), *given]
    return page_of_list([item_shown(item, asked) for item in items], window(call.query))


def input_tokens(call: ApiCall) -> Json:
    wanted = {name: value for name, value in _COUNT(call.body, "").items() if value is not None}
    with call.state.storage.read() as db:
        items = _all_items(db, call, wanted)
    fixed = tokens(wanted.get("instructions", "")) + sum(tokens(str(tool)) for tool in wanted.get("tools", []))
    return {"object": "response.input_tokens", "input_tokens": fixed + sum(tokens(written(item)) for item in items)}


def compact(call: ApiCall) -> Json:
    wanted = {name: value for name, value in _COMPACT(call.body, "").items() if value is not None}
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
    return unsealed([*records.context_of(db, turn), *read_items(wanted.get("input", []), call.state.now())])


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
