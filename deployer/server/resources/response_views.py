"""How the Responses API shows turns: as response objects, and as a stream of events.

Keys and nulls are those of the newest recordings (August 2026). In a stream a response has no `billing`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from deployer.server.resources.response_items import annotation, item_shown, output_text
from deployer.server.resources.streaming import frame
from deployer.server.runs import events
from deployer.server.runs.turn import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    ENDED,
    EXPIRED,
    FAILED,
    IN_PROGRESS,
    INCOMPLETE,
    QUEUED,
    Turn,
    Usage,
)
from deployer.server.wire import Json

_STATUS = {CANCELLING: IN_PROGRESS, EXPIRED: FAILED}
_NO_IMAGES = {"image_tokens": 0, "text_tokens": 0}
_TOOL_USAGE = {
    "image_gen": {
        "input_tokens": 0,
        "input_tokens_details": _NO_IMAGES,
        "output_tokens": 0,
        "output_tokens_details": _NO_IMAGES,
        "total_tokens": 0,
    },
    "web_search": {"num_requests": 0},
}
_NOISE = "f8Zk2QwLr5TnV0xJ"  # what pads pieces to lengths that tell nothing


def response_shown(turn: Turn, made: Iterable[Json], *, streamed: bool = False) -> Json:
    """A response with the items that its turn made."""
    ended = turn.status in ENDED
    include = turn.shown["include"]
    shown = {
        "id": turn.id,
        "object": "response",
        "created_at": turn.created_at,
        "status": _STATUS.get(turn.status, turn.status),
        "completed_at": turn.ended_at if turn.status == COMPLETED else None,
        "error": _error(turn),
        "incomplete_details": {"reason": turn.incomplete_reason} if turn.status == INCOMPLETE else None,
        "output": [item_shown(item, include) for item in made] if ended else [],
        "usage": usage_shown(turn.usage) if turn.status in (COMPLETED, INCOMPLETE) else None,
        "tool_usage": _TOOL_USAGE,
        **turn.shown["echo"],
        "service_tier": turn.shown["echo" if ended and turn.status != CANCELLED else "begun"]["service_tier"],
    }
    return shown if streamed else shown | {"billing": {"payer": "developer"}}


def _error(turn: Turn) -> Json | None:
    if turn.status == EXPIRED:
        return {"code": "server_error", "message": "The response took too long."}
    return turn.error


def usage_shown(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


class ResponseRendering:
    """The stream of a response's events; `after` is the number of the last event that the client has seen."""

    def __init__(self, *, obfuscated: bool = True, after: int = -1) -> None:
        self.ended = False
        self._obfuscated, self._after = obfuscated, after
        self._numbers = itertools.count()
        self._made: list[Json] = []
        self._parts: dict[str, int] = {}
        self._notes: Counter[tuple[str, int]] = Counter()
        self._renderers: dict[type, Callable[[Any], Iterator[bytes]]] = {
            events.TurnMoved: self._turn_moved,
            events.ItemBegan: self._item_began,
            events.ItemPiece: self._item_piece,
            events.ItemEnded: self._item_ended,
        }

    def frames(self, event: events.TurnEvent) -> Iterator[bytes]:
        renderer = self._renderers.get(type(event))
        return iter(()) if renderer is None else renderer(event)

    def begin(self, turn: Turn) -> Iterator[bytes]:
        """The frames before anything has happened."""
        yield from self._about("response.created", turn)
        if turn.shown["echo"]["background"]:
            yield from self._about("response.queued", turn)

    def _frame(self, kind: str, **data: Any) -> Iterator[bytes]:
        number = next(self._numbers)
        if number > self._after:
            yield frame(kind, {"type": kind, **data, "sequence_number": number})

    def _about(self, kind: str, turn: Turn) -> Iterator[bytes]:
        yield from self._frame(kind, response=response_shown(turn, self._made, streamed=True))

    def _turn_moved(self, event: events.TurnMoved) -> Iterator[bytes]:
        turn = event.turn
        if turn.status == IN_PROGRESS:
            yield from self._about("response.in_progress", turn)
        elif turn.status in ENDED:
            self.ended = True
            status = _STATUS.get(turn.status, turn.status)
            yield from self._about(f"response.{FAILED if status == CANCELLED else status}", turn)

    def _item_began(self, event: events.ItemBegan) -> Iterator[bytes]:
        item = event.item
        begun = _blank(item_shown(item, ()))
        yield from self._frame("response.output_item.added", item=begun, output_index=event.index)
        for phase in _BEFORE.get(item["type"], ()):
            yield from self._phase(event, phase)

    def _phase(self, event: events.ItemEvent, phase: str) -> Iterator[bytes]:
        kind = f"response.{event.item['type']}.{phase}"
        yield from self._frame(kind, item_id=event.item["id"], output_index=event.index)

    def _item_piece(self, event: events.ItemPiece) -> Iterator[bytes]:
        place: Json = {"item_id": event.item["id"], "output_index": event.index}
        match event.item["type"]:
            case "message":
                yield from self._message_piece(event, place | {"content_index": event.part})
            case "function_call":
                yield from self._piece("response.function_call_arguments.delta", event.text, place)
            case "code_interpreter_call":
                yield from self._piece("response.code_interpreter_call_code.delta", event.text, place)

    def _piece(self, kind: str, text: str, place: Json) -> Iterator[bytes]:
        noise = {"obfuscation": _NOISE[: 16 - len(text) % 16]} if self._obfuscated else {}
        yield from self._frame(kind, **place, delta=text, **noise)

    def _message_piece(self, event: events.ItemPiece, place: Json) -> Iterator[bytes]:
        if self._parts.get(event.item["id"]) != event.part:
            yield from self._part_done(event)
            self._parts[event.item["id"]] = event.part
            part = {"type": "refusal", "refusal": ""} if event.refusal else output_text("")
            yield from self._frame("response.content_part.added", **place, part=part)
        if event.refusal:
            yield from self._frame("response.refusal.delta", **place, delta=event.text)
        elif event.citation is None:
            yield from self._piece("response.output_text.delta", event.text, place | {"logprobs": []})
        else:
            part_id = (event.item["id"], event.part)
            note = {"annotation": annotation(event.citation), "annotation_index": self._notes[part_id]}
            self._notes[part_id] += 1
            yield from self._frame("response.output_text.annotation.added", **place, **note)

    def _part_done(self, event: events.ItemEvent) -> Iterator[bytes]:
        """The end of the part of a message that is open."""
        index = self._parts.pop(event.item["id"], None)
        if index is None:
            return
        place: Json = {"item_id": event.item["id"], "output_index": event.index, "content_index": index}
        part = item_shown(event.item)["content"][index]
        if part["type"] == "refusal":
            yield from self._frame("response.refusal.done", **place, refusal=part["refusal"])
        else:
            yield from self._frame("response.output_text.done", **place, text=part["text"], logprobs=[])
        yield from self._frame("response.content_part.done", **place, part=part)

    def _item_ended(self, event: events.ItemEnded) -> Iterator[bytes]:
        item = event.item
        place: Json = {"item_id": item["id"], "output_index": event.index}
        self._made.append(item)
        match item["type"]:
            case "message":
                yield from self._part_done(event)
            case "function_call":
                yield from self._frame("response.function_call_arguments.done", **place, arguments=item["arguments"])
            case "code_interpreter_call":
                yield from self._frame("response.code_interpreter_call_code.done", **place, code=item["code"])
            case "reasoning":
                yield from self._summary(item, place)
            case kind if kind in _WRITTEN:
                yield from self._written(item["played"].get(_WRITTEN[kind]) or "", kind, place)
        for phase in _AFTER.get(item["type"], ()):
            failed = phase == COMPLETED and item.get("played", {}).get("error")
            yield from self._phase(event, FAILED if failed else phase)
        shown = item_shown(item, event.turn.shown["include"])
        yield from self._frame("response.output_item.done", item=shown, output_index=event.index)

    def _written(self, text: str, kind: str, place: Json) -> Iterator[bytes]:
        """What a model writes into a call of a tool that a script plays, in one piece."""
        name = f"response.{kind}_{_WRITTEN[kind]}"
        yield from self._piece(f"{name}.delta", text, place)
        yield from self._frame(f"{name}.done", **place, **{_WRITTEN[kind]: text})

    def _summary(self, item: Json, place: Json) -> Iterator[bytes]:
        for index, part in enumerate(item["played"].get("summary") or ()):
            where = place | {"summary_index": index}
            empty = {"type": "summary_text", "text": ""}
            yield from self._frame("response.reasoning_summary_part.added", **where, part=empty)
            yield from self._piece("response.reasoning_summary_text.delta", part["text"], where)
            yield from self._frame("response.reasoning_summary_text.done", **where, text=part["text"])
            yield from self._frame("response.reasoning_summary_part.done", **where, part=part)


def _blank(item: Json) -> Json:
    """Return a played item as it is when it begins: what a model or a tool writes into it is not there yet."""
    begun = item | {name: value for name, value in _UNWRITTEN.get(item["type"], {}).items() if name in item}
    if "action" in begun:
        begun["action"] = {name: one for name, one in begun["action"].items() if name == "type"}
    if "status" in begun and item["type"] not in ("message", "function_call"):
        begun["status"] = IN_PROGRESS
    return begun


_UNWRITTEN: dict[str, Json] = {
    "reasoning": {"summary": []},
    "mcp_list_tools": {"tools": []},
    "mcp_call": {"arguments": "", "output": None, "error": None},
    "custom_tool_call": {"input": ""},
    "tool_search_call": {"arguments": {}},
    "image_generation_call": {"result": None},
}
# The field of a played call that is written piece by piece.
_WRITTEN = {"mcp_call": "arguments", "custom_tool_call": "input"}
# What is told of a call before and after it is done.
_BEFORE: dict[str, tuple[str, ...]] = {
    "file_search_call": ("in_progress", "searching"),
    "web_search_call": ("in_progress", "searching"),
    "code_interpreter_call": ("in_progress",),
    "image_generation_call": ("in_progress", "generating"),
    "mcp_list_tools": ("in_progress",),
    "mcp_call": ("in_progress",),
}
_AFTER: dict[str, tuple[str, ...]] = {
    "file_search_call": ("completed",),
    "web_search_call": ("completed",),
    "code_interpreter_call": ("interpreting", "completed"),
    "image_generation_call": ("completed",),
    "mcp_list_tools": ("completed",),
    "mcp_call": ("completed",),
}
WAITING = (QUEUED, IN_PROGRESS)
