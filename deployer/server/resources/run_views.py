"""How the Assistants API shows turns: as runs, as steps, and as a stream of events.

Keys and nulls are those of the recordings. In a stream, resources always name the code interpreter's files, and a step
keeps its expiry when it is over; in an answer neither is so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from deployer.server.resources import messages
from deployer.server.resources.streaming import frame
from deployer.server.runs import events
from deployer.server.runs.turn import (
    CANCELLED,
    COMPLETED,
    ENDED,
    EXPIRED,
    FAILED,
    IN_PROGRESS,
    MESSAGE_STEP,
    REQUIRES_ACTION,
    Turn,
    TurnStep,
    Usage,
    pending_calls,
)
from deployer.server.storage.objects import Window, page_of_list
from deployer.server.wire import Json

_REASONS = {"max_output_tokens": "max_completion_tokens", "max_input_tokens": "max_prompt_tokens"}
_FINAL = {REQUIRES_ACTION, *ENDED}


def run_shown(turn: Turn, items: Iterable[Json]) -> Json:
    """A run; `items` are those of the turn, needed only while it waits for outputs."""
    ended = turn.status in ENDED
    return {
        "id": turn.id,
        "object": "thread.run",
        "created_at": turn.created_at,
        "assistant_id": turn.agent,
        "thread_id": turn.parent,
        "status": turn.status,
        "started_at": turn.started_at,
        "expires_at": None if ended else turn.expires_at,
        "cancelled_at": turn.ended_at if turn.status == CANCELLED else None,
        "failed_at": turn.ended_at if turn.status == FAILED else None,
        "completed_at": turn.ended_at if turn.status == COMPLETED else None,
        "required_action": _required_action(items) if turn.status == REQUIRES_ACTION else None,
        "last_error": turn.error,
        "tool_resources": {},
        "incomplete_details": _incomplete(turn),
        "usage": _usage(turn.usage) if ended else None,
        **turn.shown,
    }


def _incomplete(turn: Turn) -> Json | None:
    reason = turn.incomplete_reason
    return None if reason is None else {"reason": _REASONS.get(reason, reason)}


def _required_action(items: Iterable[Json]) -> Json:
    calls = [
        {
            "id": item["call_id"],
            "type": "function",
            "function": {"name": item["name"], "arguments": item["arguments"]},
        }
        for item in pending_calls(list(items))
    ]
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": calls}}


def _usage(usage: Usage) -> Json:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_token_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def step_shown(turn: Turn, step: TurnStep, items: Iterable[Json], *, with_content: bool) -> Json:
    """A step with its details; an expiry stands there while it is open, `expired_at` when it has passed."""
    shown = {
        "id": step.id,
        "object": "thread.run.step",
        "created_at": step.created_at,
        "run_id": turn.id,
        "assistant_id": turn.agent,
        "thread_id": turn.parent,
        "type": step.kind,
        "status": step.status,
        "cancelled_at": step.ended_at if step.status == CANCELLED else None,
        "completed_at": step.ended_at if step.status == COMPLETED else None,
        "expires_at": turn.expires_at if step.status == IN_PROGRESS else None,
        "failed_at": step.ended_at if step.status == FAILED else None,
        "last_error": step.error,
        "step_details": _details(turn, step, list(items), with_content=with_content),
        "usage": None if step.usage is None or step.status == IN_PROGRESS else _usage(step.usage),
    }
    return shown | ({"expired_at": step.ended_at} if step.status == EXPIRED else {})


def page_of_steps(turn: Turn, items: list[Json], wanted: Window, *, with_content: bool) -> Json:
    shown = [step_shown(turn, step, items, with_content=with_content) for step in turn.steps]
    return page_of_list(shown, wanted)


def _details(turn: Turn, step: TurnStep, items: list[Json], *, with_content: bool) -> Json:
    made = [item for item in items if item.get("step") == step.id]
    if step.kind == MESSAGE_STEP:
        message_id = made[0]["id"] if made else None
        return {"type": step.kind, step.kind: {"message_id": message_id}}
    outputs = {item["call_id"]: item["output"] for item in items if item["type"] == "function_call_output"}
    calls = [_call(turn, item, outputs, with_content=with_content) for item in made]
    return {"type": step.kind, step.kind: calls}


def _call(turn: Turn, item: Json, outputs: Json, *, with_content: bool) -> Json:
    if item["type"] == "function_call":
        details = {name: item[name] for name in ("name", "arguments")} | {"output": outputs.get(item["call_id"])}
        return {"id": item["call_id"], "type": "function", "function": details}
    if item["type"] == "code_interpreter_call":
        details = {"input": item["code"], "outputs": [_code_output(output) for output in item["outputs"]]}
        return {"id": item["call_id"], "type": "code_interpreter", "code_interpreter": details}
    results = [_result(result, with_content=with_content) for result in item["results"]]
    details = {"ranking_options": _ranking(turn), "results": results}
    return {"id": item["call_id"], "type": "file_search", "file_search": details}


def _code_output(output: Json) -> Json:
    if output["type"] == "logs":
        return {"type": "logs", "logs": output["logs"]}
    return {"type": "image", "image": {"file_id": output["file_id"]}}


def _ranking(turn: Turn) -> Json:
    tool = turn.ask.tool("file_search") or {}
    given = tool.get("ranking_options") or {}
    ranker = given.get("ranker", "default_2024_08_21")
    return {"ranker": ranker, "score_threshold": given.get("score_threshold", 0.0)}


def _result(result: Json, *, with_content: bool) -> Json:
    shown = {
        "file_id": result["file_id"],
        "file_name": result["filename"],
        "score": result["score"],
        "attributes": result["attributes"],
    }
    return shown | ({"content": [{"type": "text", "text": result["text"]}]} if with_content else {})


class RunRendering:
    """The stream of a run's events, from its creation or from the submission of outputs, until it waits or ends."""

    def __init__(self, *, with_content: bool = False) -> None:
        self.ended = False
        self._with_content = with_content
        self._calls: list[Json] = []
        self._marked: dict[str, list[Json]] = {}
        self._parts: set[tuple[str, int]] = set()
        self._renderers: dict[type, Callable[[Any], Iterator[bytes]]] = {
            events.TurnMoved: self._turn_moved,
            events.StepBegan: self._step_began,
            events.StepEnded: self._step_ended,
            events.ItemBegan: self._item_began,
            events.ItemPiece: self._item_piece,
            events.ItemEnded: self._item_ended,
        }

    def frames(self, event: events.TurnEvent) -> Iterator[bytes]:
        renderer = self._renderers.get(type(event))
        return iter(()) if renderer is None else renderer(event)

    def moved(self, name: str, turn: Turn) -> bytes:
        """Return the frame of a run that has a new status."""
        run = run_shown(turn, self._calls)
        return frame(f"thread.run.{name}", run | {"tool_resources": {"code_interpreter": {"file_ids": []}}})

    def _turn_moved(self, event: events.TurnMoved) -> Iterator[bytes]:
        yield self.moved(event.turn.status, event.turn)
        if event.turn.status in _FINAL:
            self.ended = True
            yield frame("done", "[DONE]")

    def _step_began(self, event: events.StepBegan) -> Iterator[bytes]:
        if event.step.kind != MESSAGE_STEP:  # else the message must have begun, for its step to name it
            yield from self._step_frames(event.turn, event.step, [])

    def _step_frames(self, turn: Turn, step: TurnStep, items: list[Json]) -> Iterator[bytes]:
        shown = step_shown(turn, step, items, with_content=self._with_content)
        yield frame("thread.run.step.created", shown)
        yield frame("thread.run.step.in_progress", shown)

    def _step_ended(self, event: events.StepEnded) -> Iterator[bytes]:
        shown = step_shown(event.turn, event.step, event.items, with_content=self._with_content)
        yield frame(f"thread.run.step.{event.step.status}", shown | {"expires_at": event.turn.expires_at})

    def _item_began(self, event: events.ItemBegan) -> Iterator[bytes]:
        item = event.item
        if item["type"] == "message":
            yield from self._step_frames(event.turn, event.turn.steps[-1], [item])
            shown = self._message(event)
            yield frame("thread.message.created", shown)
            yield frame("thread.message.in_progress", shown)
        elif item["type"] in _DELTAS:
            self._calls.append(item)
            begun = _call(event.turn, item, {}, with_content=self._with_content)
            yield self._step_delta(event, begun)

    def _item_piece(self, event: events.ItemPiece) -> Iterator[bytes]:
        item = event.item
        if item["type"] == "message":
            yield self._message_delta(event)
        else:
            tool, key = _DELTAS[item["type"]]
            yield self._step_delta(event, {"type": tool, tool: {key: event.text}})

    def _item_ended(self, event: events.ItemEnded) -> Iterator[bytes]:
        item = event.item
        if item["type"] == "message":
            yield frame(f"thread.message.{item['status']}", self._message(event))
        elif item["type"] == "code_interpreter_call" and item["outputs"]:
            outputs = [{"index": index} | _code_output(output) for index, output in enumerate(item["outputs"])]
            yield self._step_delta(event, {"type": "code_interpreter", "code_interpreter": {"outputs": outputs}})
        elif item["type"] == "function_call":
            self._calls = [item if one["id"] == item["id"] else one for one in self._calls]

    def _step_delta(self, event: events.ItemEvent, call: Json) -> bytes:
        same_step = [one["id"] for one in self._calls if one["step"] == event.item["step"]]
        index = same_step.index(event.item["id"]) if event.item["id"] in same_step else 0
        details = {"type": "tool_calls", "tool_calls": [{"index": index} | call]}
        data = {"id": event.item["step"], "object": "thread.run.step.delta", "delta": {"step_details": details}}
        return frame("thread.run.step.delta", data)

    @staticmethod
    def _message(event: events.ItemEvent) -> Json:
        return messages.shown(event.item, event.turn.parent)

    def _message_delta(self, event: events.ItemPiece) -> bytes:
        content = self._refusal(event) if event.refusal else self._text(event)
        data = {"id": event.item["id"], "object": "thread.message.delta", "delta": {"content": [content]}}
        return frame("thread.message.delta", data)

    @staticmethod
    def _refusal(event: events.ItemPiece) -> Json:
        return {"index": event.part, "type": "refusal", "refusal": event.text}

    def _text(self, event: events.ItemPiece) -> Json:
        """A piece of text; the first one of a part says that there are no annotations yet, a marker brings its own."""
        place = (event.item["id"], event.part)
        text: Json = {"value": event.text}
        if event.citation is not None:
            before = self._marked.setdefault(event.item["id"], [])
            shift = sum(len(messages.marker(one)) for one in before)
            value = messages.marker(event.citation)
            note = messages.annotation(event.citation, value, event.citation["at"] + shift)
            note["file_citation"] |= {"quote": ""}
            text = {"value": value, "annotations": [{"index": len(before)} | note]}
            before.append(event.citation)
        elif place not in self._parts:
            text["annotations"] = []
        self._parts.add(place)
        return {"index": event.part, "type": "text", "text": text}


# The tool of a call in the words of the API, and the field that grows piece by piece.
_DELTAS = {
    "function_call": ("function", "arguments"),
    "code_interpreter_call": ("code_interpreter", "input"),
    "file_search_call": ("file_search", "results"),
}
