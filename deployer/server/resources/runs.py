"""Runs: `/v1/threads/{id}/runs` with their steps, and `/v1/threads/runs`; how the Assistants API shows a turn."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Any

from deployer.server import schemas
from deployer.server.checks import (
    METADATA,
    array,
    boolean,
    choice,
    decimal,
    fields,
    identifier,
    integer,
    nullable,
    string,
    tagged,
)
from deployer.server.resources import assistants, messages, threads
from deployer.server.resources.run_views import RunRendering, page_of_steps, run_shown, step_shown
from deployer.server.resources.streaming import EventStream, frame
from deployer.server.runs import records
from deployer.server.runs.turn import (
    ACTIVE,
    CANCELLING,
    IN_PROGRESS,
    REQUIRES_ACTION,
    Ask,
    Turn,
    new_item,
    pending_calls,
)
from deployer.server.runs.worker import TurnTransaction
from deployer.server.state import Answer, ApiCall, Operation, State
from deployer.server.storage.objects import listing, new_id, window
from deployer.server.wire import ApiError, Json

FACE = "run"
LIFETIME = 600  # seconds (every recorded run)
_INCLUDE = choice("step_details.tool_calls[*].file_search.results[*].content")
_TYPE = string()


def _tool_choice(value: Any, path: str) -> Any:
    named = fields({"name": string()}, required=("name",))
    tools = {
        "function": fields({"type": _TYPE, "function": named}, required=("function",)),
        "file_search": fields({"type": _TYPE}),
        "code_interpreter": fields({"type": _TYPE}),
    }
    return choice("none", "auto", "required")(value, path) if isinstance(value, str) else tagged(tools)(value, path)


_TRUNCATION = fields(
    {"type": choice("auto", "last_messages"), "last_messages": nullable(integer(1, 2**31))}, required=("type",)
)
_OVERRIDES = {
    "model": nullable(string(shortest=1)),
    "instructions": nullable(string(longest=256_000)),
    "tools": nullable(array(assistants.TOOL, longest=20)),
    "metadata": METADATA,
    "temperature": nullable(decimal(0, 2)),
    "top_p": nullable(decimal(0, 1)),
    "response_format": nullable(assistants.response_format),
    "max_prompt_tokens": nullable(integer(256, 2**31)),
    "max_completion_tokens": nullable(integer(256, 2**31)),
    "truncation_strategy": nullable(_TRUNCATION),
    "tool_choice": nullable(_tool_choice),
    "parallel_tool_calls": nullable(boolean),
    "stream": nullable(boolean),
    "assistant_id": identifier("asst"),
}
_CREATE = fields(
    _OVERRIDES
    | {
        "additional_instructions": nullable(string(longest=256_000)),
        "additional_messages": nullable(array(messages.MESSAGE, longest=10_000)),
        "reasoning_effort": assistants.REASONING_EFFORT,
    },
    required=("assistant_id",),
)
_CREATE_WITH_THREAD = fields(
    _OVERRIDES | {"thread": nullable(threads.CREATE), "tool_resources": nullable(assistants.RESOURCES)},
    required=("assistant_id",),
)
_UPDATE = fields({"metadata": METADATA})
_OUTPUTS = fields(
    {
        "tool_outputs": array(fields({"tool_call_id": string(), "output": nullable(string())}), longest=1000),
        "stream": nullable(boolean),
    },
    required=("tool_outputs",),
)


def create(call: ApiCall) -> Answer:
    wanted = _CREATE(call.body, "")
    rendering = RunRendering(with_content=_included(call))
    with call.state.turns.change() as change:
        thread = threads.THREADS.of(change.db, call)
        turn = _turn(change.db, call.state, thread, wanted)
        active = records.active_turn(change.db, thread["id"])
        if active is not None:
            raise ApiError(400, f"Thread {thread['id']} already has an active run {active.id}.")
        threads.add_messages(change.db, call.state, thread, wanted.get("additional_messages") or [])
        return _begun(call.state, change, turn, rendering if wanted.get("stream") else None)


def create_with_thread(call: ApiCall) -> Answer:
    wanted = _CREATE_WITH_THREAD(call.body, "")
    with call.state.turns.change() as change:
        thread = threads.add(change.db, call.state, wanted.get("thread") or {})
        turn = _turn(change.db, call.state, thread, wanted)
        created = frame("thread.created", threads.shown(thread))
        return _begun(call.state, change, turn, RunRendering() if wanted.get("stream") else None, created)


def _begun(
    state: State, change: TurnTransaction, turn: Turn, rendering: RunRendering | None, opening: bytes = b""
) -> Answer:
    """Queue a run, and return the answer: the run, or the stream of its events."""
    state.turns.queue(change, turn)
    if rendering is None:
        return run_shown(turn, [])
    opening += rendering.moved("created", turn) + rendering.moved("queued", turn)
    return EventStream(state.turns.channels.subscribe(turn.id), rendering, opening)


def _turn(db: sqlite3.Connection, state: State, thread: Json, wanted: Json) -> Turn:
    assistant = assistants.find(db, wanted["assistant_id"])
    given = {name: value for name, value in wanted.items() if value is not None}
    merged = assistant | {name: given[name] for name in _OVERRIDES if name in given and name != "metadata"}
    merged["reasoning_effort"] = given.get("reasoning_effort", assistant["reasoning_effort"])
    merged["tools"] = assistants.shown("tools", merged["tools"])
    if "additional_instructions" in given:
        merged["instructions"] = "\n".join(filter(None, (merged["instructions"], given["additional_instructions"])))
    schemas.refuse_tools(merged["tools"], "tools", assistants.SURFACE)
    _demand_a_question(db, thread, merged, given)
    now = state.now()
    kept = ("reasoning_effort", "temperature", "top_p", "response_format", "model", "instructions", "tools")
    shown = {name: merged[name] for name in kept} | {
        "metadata": given.get("metadata", {}),
        "max_prompt_tokens": given.get("max_prompt_tokens"),
        "max_completion_tokens": given.get("max_completion_tokens"),
        "truncation_strategy": {"type": "auto", "last_messages": None} | given.get("truncation_strategy", {}),
        "tool_choice": given.get("tool_choice", "auto"),
        "parallel_tool_calls": given.get("parallel_tool_calls", True),
    }
    _demand_choice(shown["tool_choice"], merged["tools"])
    resources = _resources(assistant, thread, assistants.resolved(db, state, given.get("tool_resources", {})))
    return Turn(
        new_id("run_"),
        FACE,
        thread["id"],
        _ask(assistant["name"] or "", shown, resources),
        now,
        agent=assistant["id"],
        expires_at=now + LIFETIME,
        shown=shown,
    )


def _demand_a_question(db: sqlite3.Connection, thread: Json, merged: Json, given: Json) -> None:
    """Refuse a run that would have nothing to answer (recorded in the words of the API)."""
    if merged["instructions"] or given.get("additional_messages"):
        return
    if not any(item["role"] == "user" for item in records.newest_messages(db, thread["id"], 1000)):
        message = "Run creation requires a Thread with a user message or an assistant with instructions."
        raise ApiError(400, message, code="invalid_thread")


def _demand_choice(wanted: Any, tools: list[Json]) -> None:
    """Refuse a choice of tools that are not there."""
    if wanted == "required" and not tools:
        raise ApiError(400, "Tool choice 'required' must be specified with 'tools' parameter.", param="tool_choice")
    if isinstance(wanted, dict) and not any(_is_chosen(tool, wanted) for tool in tools):
        text = f"Tool choice '{wanted['type']}' not found in 'tools' parameter."
        raise ApiError(400, text, param="tool_choice")


def _is_chosen(tool: Json, wanted: Json) -> bool:
    same = bool(tool["type"] == wanted["type"])
    return same and (tool["type"] != "function" or bool(tool["function"]["name"] == wanted["function"]["name"]))


def _resources(assistant: Json, thread: Json, given: Json) -> Json:
    """Return what the tools may use: stores of the assistant and of the thread, files of both."""
    sources = (assistant["tool_resources"] | given, thread["tool_resources"])
    stores = [one for source in sources for one in source.get("file_search", {}).get("vector_store_ids", ())]
    held = [one for source in sources for one in source.get("code_interpreter", {}).get("file_ids", ())]
    awaited = thread["tool_resources"].get("file_search", {}).get("vector_store_ids", [])
    found = {"vector_store_ids": list(dict.fromkeys(stores)), "file_ids": list(dict.fromkeys(held))}
    return found | {"awaited": awaited}


def _ask(name: str, shown: Json, resources: Json) -> Ask:
    strategy = shown["truncation_strategy"]
    return Ask(
        model=shown["model"],
        name=name,
        instructions=shown["instructions"] or "",
        tools=tuple(_neutral_tool(tool, resources) for tool in shown["tools"]),
        tool_choice=_neutral_choice(shown["tool_choice"]),
        parallel_calls=shown["parallel_tool_calls"],
        text_format=_neutral_format(shown["response_format"]),
        max_output_tokens=shown["max_completion_tokens"],
        max_input_tokens=shown["max_prompt_tokens"],
        last_messages=strategy["last_messages"] if strategy["type"] == "last_messages" else None,
        sampling={name: shown[name] for name in ("temperature", "top_p", "reasoning_effort")},
    )


def _neutral_tool(tool: Json, resources: Json) -> Json:
    if tool["type"] == "function":
        return {"type": "function", **tool["function"]}
    if tool["type"] == "file_search":
        stores = {name: resources[name] for name in ("vector_store_ids", "awaited")}
        return {"type": "file_search", **stores, **tool["file_search"]}
    return {"type": "code_interpreter", "file_ids": resources["file_ids"]}


def _neutral_choice(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return {"type": value["type"]} | value.get("function", {})


def _neutral_format(value: Any) -> Json:
    if isinstance(value, str):
        return {"type": "text"}
    return {"type": value["type"], **value.get("json_schema", {})}


def index(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        thread = threads.THREADS.of(db, call)
        turns, has_more = records.page_of_turns(db, FACE, thread["id"], window(call.query))
        return listing([_shown(db, turn) for turn in turns], has_more)


def get(call: ApiCall) -> Json:
    with call.state.storage.read() as db:
        return _shown(db, _found(db, call))


def update(call: ApiCall) -> Json:
    wanted = _UPDATE(call.body, "")
    with call.state.turns.change() as change:
        turn = _found(change.db, call)
        if turn.status in (IN_PROGRESS, CANCELLING):
            raise ApiError(400, f"Cannot update run with status '{turn.status}'.")
        if "metadata" in wanted:
            turn = replace(turn, shown=turn.shown | {"metadata": wanted["metadata"] or {}})
            records.save_turn(change.db, turn)
        return _shown(change.db, turn)


def cancel(call: ApiCall) -> Json:
    with call.state.turns.change() as change:
        turn = _found(change.db, call)
        if turn.status not in ACTIVE or turn.status == CANCELLING:
            raise ApiError(400, f"Cannot cancel run with status '{turn.status}'.")
        return run_shown(call.state.turns.cancel(change, turn), [])


def submit_tool_outputs(call: ApiCall) -> Answer:
    """Take the outputs of all waiting calls, in one request, and go on."""
    wanted = _OUTPUTS(call.body, "")
    state = call.state
    with state.turns.change() as change:
        turn = _found(change.db, call)
        if turn.status != REQUIRES_ACTION:
            raise ApiError(400, f'Runs in status "{turn.status}" do not accept tool outputs.')
        waiting = [item["call_id"] for item in pending_calls(records.items_of_turn(change.db, turn.id))]
        given = [output.get("tool_call_id") for output in wanted["tool_outputs"]]
        if sorted(waiting) != sorted(map(str, given)):
            raise ApiError(400, f"Expected tool outputs for call_ids {waiting}, got {given}")
        outputs = [_output(output, state.now()) for output in wanted["tool_outputs"]]
        turn = state.turns.answer_calls(change, turn, outputs)
        subscription = state.turns.channels.subscribe(turn.id) if wanted.get("stream") else None
    return EventStream(subscription, RunRendering()) if subscription else run_shown(turn, [])


def _output(given: Json, now: int) -> Json:
    output = given.get("output") or ""
    return new_item("function_call_output", now, call_id=given["tool_call_id"], output=output, status="completed")


def steps(call: ApiCall) -> Json:
    with_content = _included(call)
    with call.state.storage.read() as db:
        turn = _found(db, call)
        items = records.items_of_turn(db, turn.id)
    return page_of_steps(turn, items, window(call.query), with_content=with_content)


def step(call: ApiCall) -> Json:
    with_content = _included(call)
    step_id = call.path["step_id"]
    with call.state.storage.read() as db:
        turn = _found(db, call)
        items = records.items_of_turn(db, turn.id)
    found = next((one for one in turn.steps if one.id == step_id), None)
    if found is None:
        raise ApiError(404, f"No run step found with id '{step_id}'.")
    return step_shown(turn, found, items, with_content=with_content)


def _included(call: ApiCall) -> bool:
    """Whether the contents of search results are asked for."""
    asked = [call.query[name] for name in ("include[]", "include") if name in call.query]
    return bool([_INCLUDE(one, "include[]") for one in asked])


def _shown(db: sqlite3.Connection, turn: Turn) -> Json:
    return run_shown(turn, records.items_of_turn(db, turn.id) if turn.status == REQUIRES_ACTION else [])


def _found(db: sqlite3.Connection, call: ApiCall) -> Turn:
    thread = threads.THREADS.of(db, call)
    turn = records.find_turn(db, FACE, call.path["run_id"], thread["id"])
    if turn is None:
        raise ApiError(404, f"No run found with id '{call.path['run_id']}'.")
    return turn


OPERATIONS: list[Operation] = [
    ("POST", "/v1/threads/runs", create_with_thread),
    ("POST", "/v1/threads/{thread_id}/runs", create),
    ("GET", "/v1/threads/{thread_id}/runs", index),
    ("GET", "/v1/threads/{thread_id}/runs/{run_id}", get),
    ("POST", "/v1/threads/{thread_id}/runs/{run_id}", update),
    ("POST", "/v1/threads/{thread_id}/runs/{run_id}/cancel", cancel),
    ("POST", "/v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs", submit_tool_outputs),
    ("GET", "/v1/threads/{thread_id}/runs/{run_id}/steps", steps),
    ("GET", "/v1/threads/{thread_id}/runs/{run_id}/steps/{step_id}", step),
]
