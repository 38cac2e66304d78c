"""How the Agents API shows conversations: sessions, their turns and items, and the stream of a session's events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

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
    REQUIRES_ACTION,
    Turn,
    Usage,
)
from deployer.server.storage.objects import new_id
from deployer.server.wire import Json

_STATUS = {REQUIRES_ACTION: "waiting", CANCELLING: IN_PROGRESS, INCOMPLETE: COMPLETED, EXPIRED: FAILED}
_SESSION = {QUEUED: IN_PROGRESS, IN_PROGRESS: IN_PROGRESS, REQUIRES_ACTION: REQUIRES_ACTION, CANCELLING: IN_PROGRESS}
_TURN, _ITEM = "agent.session.turn", "agent.session.turn.item"


def session_shown(session: Json, active: Turn | None, pending: Iterable[Json] = ()) -> Json:
    """A session as it is while a turn is active, or none; `pending` are the calls that wait for outputs."""
    status = _SESSION.get(active.status, "idle") if active is not None else "idle"
    actions = [_action(item) for item in pending] if status == REQUIRES_ACTION else []
    return session | {"status": status, "required_actions": actions}


def _action(item: Json) -> Json:
    return {
        "type": "function_call",
        "turn_id": item["turn"],
        "call_id": item["call_id"],
        "name": item["name"],
        "arguments": _loaded(item["arguments"]),
    }


def turn_shown(turn: Turn) -> Json:
    ended = turn.status in ENDED
    return {
        "id": turn.id,
        "object": _TURN,
        "agent_id": turn.agent,
        "session_id": turn.parent,
        "subagent_id": None,
        "status": _STATUS.get(turn.status, turn.status),
        "created_at": turn.created_at,
        "started_at": turn.started_at,
        "completed_at": turn.ended_at,
        "error": turn.error if turn.status == FAILED else None,
        "usage": _usage(turn.usage) if ended else None,
        "prompt_cache_options": None,
    }


def _usage(usage: Usage) -> Json:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def item_shown(item: Json, turn_id: str, *, waiting: bool = False) -> Json:
    """An item of a turn; a function call is in progress as long as it waits for its output."""
    named = {"id": item["id"], "type": item["type"], "turn_id": turn_id}
    match item["type"]:
        case "message":
            said = item["role"] == "assistant"
            content = [_part_shown(part, said=said) for part in item["content"]]
            return named | {"role": item["role"], "status": item["status"], "phase": None, "content": content}
        case "function_call":
            status = IN_PROGRESS if waiting else item["status"]
            call = {name: item[name] for name in ("call_id", "name")}
            return named | call | {"arguments": _loaded(item["arguments"]), "status": status}
        case "function_call_output":
            error = item.get("error")
            status = FAILED if item.get("success") is False else COMPLETED
            return named | {"call_id": item["call_id"], "output": item["output"], "error": error, "status": status}
        case "reasoning":
            return named | {"summary": item["played"].get("summary", []), "status": item["status"]}
        case _:
            return named | {"status": item["status"], **item.get("played", {})}


def _part_shown(part: Json, *, said: bool) -> Json:
    if part["type"] == "text":
        return {"type": "output_text" if said else "input_text", "text": part["text"]}
    if part["type"] == "refusal":
        return {"type": "output_text", "text": part["refusal"]}
    return part


def _loaded(arguments: str) -> Any:
    """Arguments as the object that they are; text that is none stays as it is."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


class SessionRendering:
    """The stream of a session's events; with `once`, until the session is idle again."""

    def __init__(self, session: Json, pending: Iterable[Json] = (), *, once: bool = False) -> None:
        self.ended = False
        self._session, self._once = session, once
        self._pending = {item["call_id"]: item for item in pending}
        self._opened: set[tuple[str, int]] = set()
        self._renderers: dict[type, Callable[[Any], Iterator[bytes]]] = {
            events.TurnMoved: self._turn_moved,
            events.ItemGiven: self._item_given,
            events.ItemBegan: self._item_began,
            events.ItemPiece: self._item_piece,
            events.ItemEnded: self._item_ended,
            events.ItemAnswered: self._item_answered,
        }

    def frames(self, event: events.TurnEvent) -> Iterator[bytes]:
        renderer = self._renderers.get(type(event))
        return iter(()) if renderer is None else renderer(event)

    def about(self, name: str, turn: Turn | None) -> bytes:
        """Return the frame of what has become of the session."""
        return self._frame(f"agent.session.{name}", session=session_shown(self._session, turn, self._pending.values()))

    @staticmethod
    def _frame(kind: str, **data: Any) -> bytes:
        return frame(kind, {"type": kind, "event_id": new_id("event_"), **data})

    def _of_turn(self, kind: str, of: Turn, /, **data: Any) -> bytes:
        return self._frame(kind, session_id=of.parent, turn_id=of.id, **data)

    def _turn_moved(self, event: events.TurnMoved) -> Iterator[bytes]:
        turn = event.turn
        if turn.status == QUEUED and not turn.answers:
            yield self._of_turn(f"{_TURN}.created", turn, turn=turn_shown(turn))
        elif turn.status == IN_PROGRESS:
            yield self.about("in_progress", turn)
            if not turn.answers:
                yield self._of_turn(f"{_TURN}.in_progress", turn, turn=turn_shown(turn))
        elif turn.status == REQUIRES_ACTION:
            yield self.about("requires_action", turn)
        elif turn.status in ENDED:
            yield from self._turn_ended(turn)

    def _turn_ended(self, turn: Turn) -> Iterator[bytes]:
        shown = turn_shown(turn)
        self._pending.clear()
        if turn.error is not None:
            error = {"type": "server_error", "param": None} | turn.error
            yield self._frame("error", session_id=turn.parent, error=error)
        status = CANCELLED if turn.status == CANCELLED else shown["status"]
        yield self._of_turn(f"{_TURN}.{status}", turn, turn=shown, usage=shown["usage"])
        yield self.about("idle", None)
        self.ended = self._once

    def _item_given(self, event: events.ItemGiven) -> Iterator[bytes]:
        item = item_shown(event.item, event.turn.id)
        yield self._of_turn(f"{_ITEM}.added", event.turn, output_index=None, item=item)

    def _item_began(self, event: events.ItemBegan) -> Iterator[bytes]:
        item = event.item
        if item["type"] == "function_call":  # its arguments come as a whole, so it is told when they are there
            return
        shown = item_shown(item, event.turn.id)
        yield self._of_turn(f"{_ITEM}.added", event.turn, output_index=event.index, item=shown)

    def _item_piece(self, event: events.ItemPiece) -> Iterator[bytes]:
        if event.item["type"] != "message" or event.citation is not None:
            return
        if (event.item["id"], event.part) not in self._opened:
            self._opened.add((event.item["id"], event.part))
            yield self._part(event, "content_part.added", event.part, part={"type": "output_text", "text": ""})
        yield self._part(event, "output_text.delta", event.part, delta=event.text)

    def _part(self, event: events.ItemEvent, name: str, index: int, **data: Any) -> bytes:
        place = {"item_id": event.item["id"], "output_index": event.index, "content_index": index}
        return self._of_turn(f"{_TURN}.{name}", event.turn, **place, **data)

    def _item_ended(self, event: events.ItemEnded) -> Iterator[bytes]:
        item = event.item
        if item["type"] == "function_call":
            self._pending[item["call_id"]] = item
            shown = item_shown(item, event.turn.id, waiting=True)
            yield self._of_turn(f"{_ITEM}.added", event.turn, output_index=event.index, item=shown)
            return
        shown = item_shown(item, event.turn.id)
        if item["type"] == "message":
            for index, part in enumerate(shown["content"]):
                yield self._part(event, "output_text.done", index, text=part["text"])
                yield self._part(event, "content_part.done", index, part=part)
        yield self._of_turn(f"{_ITEM}.done", event.turn, output_index=event.index, item=shown)

    def _item_answered(self, event: events.ItemAnswered) -> Iterator[bytes]:
        """The output of a call has come, and the call is done."""
        output = item_shown(event.item, event.turn.id)
        yield self._of_turn(f"{_ITEM}.added", event.turn, output_index=None, item=output)
        call = self._pending.pop(event.item["call_id"], None)
        if call is not None:
            shown = item_shown(call, event.turn.id) | {"status": output["status"]}
            yield self._of_turn(f"{_ITEM}.done", event.turn, output_index=event.index, item=shown)
