"""A turn: what a model is asked, how far the answer has come, and the items that it consists of.

Assistants runs, Responses and Agents turns are three faces of this one thing. Nothing here knows a face; each face
makes a turn from its own request and shows the turn, its steps and its items in its own words.

An item is a dictionary in the form of the Responses API, which is the richest (`message`, `function_call`,
`function_call_output`, `file_search_call`, `code_interpreter_call`, `reasoning`, or any other type that a script
plays), with three differences. Every item has `created_at`. What a turn made has `turn`, `agent`, `step` (the id of its
step, or None), `completed_at` and, where it is incomplete, `incomplete`: why. An item that is only kept and shown, not
understood, has all that it came with in `played`. The text of a message is stored without markers, with `citations`
beside it: `{at, file_id, filename, round, number}`, where `at` is the place in the text, counted in characters, before
which the citation belongs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from deployer.server.storage.objects import new_id
from deployer.server.wire import Json

QUEUED, IN_PROGRESS, REQUIRES_ACTION, CANCELLING = "queued", "in_progress", "requires_action", "cancelling"
COMPLETED, INCOMPLETE, FAILED, CANCELLED, EXPIRED = "completed", "incomplete", "failed", "cancelled", "expired"
ACTIVE = (QUEUED, IN_PROGRESS, REQUIRES_ACTION, CANCELLING)
ENDED = (COMPLETED, INCOMPLETE, FAILED, CANCELLED, EXPIRED)

MESSAGE_STEP, TOOL_STEP = "message_creation", "tool_calls"
CALLS = ("function_call", "file_search_call", "code_interpreter_call")
_PREFIXES = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "file_search_call": "fs_",
    "code_interpreter_call": "ci_",
    "reasoning": "rs_",
    "compaction": "cmp_",
    "web_search_call": "ws_",
    "mcp_call": "mcp_",
    "mcp_list_tools": "mcpl_",
    "custom_tool_call": "ctc_",
    "tool_search_call": "tsc_",
    "tool_search_output": "tso_",
    "computer_call": "cu_",
    "apply_patch_call": "apc_",
    "image_generation_call": "ig_",
}
_TEXTS = ("input_text", "output_text", "text")


@dataclass(frozen=True)
class Ask:
    """What a model is asked, in neutral words; tools and formats are in the form of the Responses API.

    `name` is that of the assistant or agent that is asked.

    A `file_search` tool has all its `vector_store_ids`. `last_messages` is how many of the newest messages are read;
    None reads all. `sampling` holds what is only passed on: temperature, top_p, reasoning.
    """

    model: str
    name: str = ""
    instructions: str = ""
    tools: tuple[Json, ...] = ()
    tool_choice: Any = "auto"
    parallel_calls: bool = True
    text_format: Json = field(default_factory=lambda: {"type": "text"})
    max_output_tokens: int | None = None
    max_input_tokens: int | None = None
    last_messages: int | None = None
    sampling: Json = field(default_factory=dict)

    def tool(self, kind: str) -> Json | None:
        """Return the first tool of this type."""
        return next((tool for tool in self.tools if tool["type"] == kind), None)

    def function(self, name: str) -> Json | None:
        return next((tool for tool in self.tools if tool["type"] == "function" and tool["name"] == name), None)


@dataclass(frozen=True)
class Usage:
    """Tokens: how many were read (some of them from a cache) and written (some of them as reasoning)."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0

    def __add__(self, other: Usage) -> Usage:
        sums = (getattr(self, one.name) + getattr(other, one.name) for one in fields(self))
        return Usage(*sums)

    def to_json(self) -> Json:
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True)
class TurnStep:
    """What one answer of the model made: a message, or a set of calls. `ended_at` is the time of any end."""

    id: str
    kind: str
    created_at: int
    status: str = IN_PROGRESS
    ended_at: int | None = None
    usage: Usage | None = None
    error: Json | None = None


@dataclass(frozen=True)
class Turn:
    """One turn, whole but for its items. `face` names who made it; `shown` is what only that face knows of it.

    `agent` is the id of the assistant or agent that is asked, if there is one.

    `parent` is the conversation to which its items belong while they are made; `joins` the one to which they are
    appended when it has ended, and `after` the turn that it follows: at most one of the three is given. `waits` says
    whether a function call pauses the turn until its output is there; else calls end it. One that `steers` reads what
    it is given while it goes on. One that is not to be kept is gone when it has ended. `answers` counts the answers so
    far; `memory` is what their answerer keeps there.
    """

    id: str
    face: str
    parent: str
    ask: Ask
    created_at: int
    agent: str = ""
    status: str = QUEUED
    joins: str = ""
    after: str = ""
    waits: bool = True
    steers: bool = False
    keep: bool = True
    expires_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    error: Json | None = None
    incomplete_reason: str | None = None
    usage: Usage = Usage()
    answers: int = 0
    steps: tuple[TurnStep, ...] = ()
    memory: Json = field(default_factory=dict)
    shown: Json = field(default_factory=dict)

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    def with_step(self, step: TurnStep) -> Turn:
        """Return the turn with this step: in the place of the one with its id, or else as the newest."""
        others = tuple(step if one.id == step.id else one for one in self.steps)
        return replace(self, steps=others if step in others else (*others, step))


def turn_to_json(turn: Turn) -> Json:
    """Return a turn as plain data, without what its row has in columns of its own."""
    data = {one.name: getattr(turn, one.name) for one in fields(turn)}
    data["ask"] = {one.name: getattr(turn.ask, one.name) for one in fields(turn.ask)}
    data["usage"] = turn.usage.to_json()
    data["steps"] = [_step_to_json(step) for step in turn.steps]
    return data


def turn_from_json(data: Json) -> Turn:
    ask = Ask(**data["ask"] | {"tools": tuple(data["ask"]["tools"])})
    steps = tuple(_step_from_json(step) for step in data["steps"])
    return Turn(**data | {"ask": ask, "usage": Usage(**data["usage"]), "steps": steps})


def _step_to_json(step: TurnStep) -> Json:
    data = {one.name: getattr(step, one.name) for one in fields(step)}
    return data | {"usage": None if step.usage is None else step.usage.to_json()}


def _step_from_json(data: Json) -> TurnStep:
    return TurnStep(**data | {"usage": None if data["usage"] is None else Usage(**data["usage"])})


def new_item(kind: str, now: int, **given: Any) -> Json:
    """Return a new item; `given` are its other fields."""
    return {"id": new_id(_PREFIXES.get(kind, "item_")), "type": kind, "created_at": now, **given}


def new_message(role: str, content: Sequence[Json], now: int, **given: Any) -> Json:
    """Return a new message; a part of its content is `{type, text, citations}` or any other part of the API."""
    return new_item("message", now, status=COMPLETED, role=role, content=list(content)) | given


def text_part(text: str, citations: Sequence[Json] = ()) -> Json:
    return {"type": "text", "text": text, "citations": list(citations)}


def text_of(item: Mapping[str, Any]) -> str:
    """Return all text of a message."""
    return "\n".join(part["text"] for part in item.get("content", ()) if part["type"] in _TEXTS)


def pending_calls(items: Sequence[Json]) -> list[Json]:
    """Return the function calls that have no output yet."""
    answered = {item["call_id"] for item in items if item["type"] == "function_call_output"}
    return [item for item in items if item["type"] == "function_call" and item["call_id"] not in answered]


def compacted(items: Iterable[Json], now: int) -> list[Json]:
    """Return what is left of a conversation: what was said to the model, and an item that holds the rest."""
    rest = [text_of(item) for item in items if item["type"] == "message" and item["role"] == "assistant"]
    kept = [item for item in items if item["type"] == "message" and item["role"] != "assistant"]
    sealed = base64.b64encode(json.dumps(rest).encode()).decode()
    return [*kept, new_item("compaction", now, played={"encrypted_content": sealed})]


def unsealed(items: Iterable[Json]) -> list[Json]:
    """Return items as a model reads them: a compaction that was made here is opened again."""
    found: list[Json] = []
    for item in items:
        texts = _unsealed(item["played"]["encrypted_content"]) if item["type"] == "compaction" else []
        found += [new_message("assistant", [text_part(text)], item["created_at"]) for text in texts] or [item]
    return found


def _unsealed(sealed: str) -> list[str]:
    try:
        texts: Any = json.loads(base64.b64decode(sealed, validate=True))
    except ValueError:
        return []  # another service's
    return [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else []
