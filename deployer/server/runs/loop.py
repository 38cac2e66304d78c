"""The loop that plays a turn: it asks for answers, makes items of them, and moves the turn from status to status.

    queued → in_progress → completed | incomplete | failed
                 ↓   ↑
            requires_action        (only where calls pause the turn; answering all of them queues it again)
    any of these → cancelling → cancelled,  or → expired

Whatever is written is written on the condition that the turn is still in progress and in this process's hands; if it is
not, it was cancelled, has expired or belongs to another process, and playing stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Protocol

from deployer.server.runs import answers
from deployer.server.runs.answers import Answerer, AnswerError, Question, tokens
from deployer.server.runs.events import ItemBegan, ItemEnded, ItemPiece, StepBegan, StepEnded, TurnEvent, TurnMoved
from deployer.server.runs.turn import (
    CALLS,
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    INCOMPLETE,
    MESSAGE_STEP,
    REQUIRES_ACTION,
    TOOL_STEP,
    Turn,
    TurnStep,
    Usage,
    new_item,
    pending_calls,
    text_of,
    unsealed,
)
from deployer.server.storage.objects import new_id
from deployer.server.wire import Json

_MOST_ANSWERS = 100  # of one turn: a model that calls for ever must not run for ever
logger = logging.getLogger(__name__)


class TurnLostError(Exception):
    """The turn is no longer in progress, or no longer this process's to play."""


class SteeredError(Exception):
    """The turn was given something that the model has not read yet."""


class Stage(Protocol):
    """What a turn is played on: the database, the clock, those who listen, and the index of files."""

    def now(self) -> int:
        """Return the time in seconds."""

    def context(self, turn: Turn) -> list[Json]:
        """Return the items that came before the turn, oldest first."""

    def own_items(self, turn: Turn) -> list[Json]:
        """Return the items of the turn itself: what it was given, what it made, and outputs of its calls."""

    def write(
        self,
        turn: Turn,
        events: Iterable[TurnEvent],
        *,
        new: Iterable[Json] = (),
        changed: Iterable[Json] = (),
        given: int | None = None,
    ) -> None:
        """Store a turn with new and changed items, and publish events; TurnLostError if the turn is lost.

        SteeredError if the turn was given more than `given` items.
        """

    def publish(self, event: TurnEvent) -> None:
        """Publish an event that changes nothing in the database."""

    def keep_image(self, output: Json) -> Json:
        """Return an output of code as it is stored: an image's bytes become a file."""

    async def search(self, tool: Json, queries: Iterable[str]) -> list[Json]:
        """Return what the turn's vector stores hold on some queries, best first."""


@dataclass
class _Open:
    """The item that is being made, and its place among those that the turn made."""

    item: Json
    index: int


class Player:
    """One turn being played."""

    def __init__(self, stage: Stage, answerer: Answerer, turn: Turn) -> None:
        self._stage, self._answerer, self.turn = stage, answerer, turn
        self._own: list[Json] = []
        self._made: list[Json] = []
        self._open: _Open | None = None
        self._budget: int | None = None  # characters that may still be written
        self._told = False

    @property
    def half(self) -> Json | None:
        """The item that is being made right now."""
        return None if self._open is None else self._open.item

    async def play(self) -> None:
        """Play until the turn ends, waits for outputs, or is lost."""
        try:
            context = self._stage.context(self.turn)
            self._own = self._stage.own_items(self.turn)
            self._made = made_by(self._own)
            if (most := self.turn.ask.max_output_tokens) is not None:
                self._budget = (most - self.turn.usage.output) * answers.CHARACTERS_PER_TOKEN
            while self.turn.status == IN_PROGRESS:
                await self._answer(context)
        except AnswerError as error:
            self._fail(error.code, error.message)
        except (TurnLostError, asyncio.CancelledError, sqlite3.Error):
            raise
        except Exception:
            # A thread's boundary: whatever goes wrong, the turn ends and the others go on.
            logger.exception("could not play %s", self.turn.id)
            self._fail("server_error", "The server had an error while processing your request.")

    # ---- one answer of the model

    async def _answer(self, context: list[Json]) -> None:
        if self.turn.answers >= _MOST_ANSWERS:
            raise AnswerError("server_error", f"The model answered {_MOST_ANSWERS} times without coming to an end.")
        before, self._told = len(self._made), False
        if self.turn.steers:
            self._own = self._stage.own_items(self.turn)
        question = Question(self.turn, unsealed([*context, *self._own]), self._own)
        read = _size(question)
        if (most := self.turn.ask.max_input_tokens) is not None and self.turn.usage.input + read > most:
            self._stop("max_input_tokens")
            return
        self.turn = replace(self.turn, answers=self.turn.answers + 1)
        reason: str | None = None
        async with contextlib.aclosing(self._answerer.answer(question)) as parts:
            async for part in parts:
                reason = part.reason if isinstance(part, answers.EarlyEnd) else await self._take(part)
                if reason is not None:
                    break
        self._use(before, read)
        if reason is None:
            self._close_item()
            self._after(self._made[before:])
        else:
            self._stop(reason)

    async def _take(self, part: answers.Part) -> str | None:
        """Make something of a part; return the reason why the turn must stop, if there is one."""
        match part:
            case answers.Text() | answers.Refusal():
                return self._text(part)
            case answers.Call():
                made = {"call_id": part.call_id or new_id("call_"), "name": part.name, "note": part.note}
                self._begin("function_call", **made, arguments="")
            case answers.Arguments():
                return self._grow("arguments", part.text)
            case answers.Code():
                return self._code(part.text)
            case answers.CodeOutputs():
                self._put_out(part.outputs)
            case answers.Search():
                await self._search(part)
            case answers.Whole():
                self._begin(part.kind, played=part.fields)
                self._close_item()
            case _:
                self._note(part)
        return None

    def _note(self, part: answers.Part) -> None:
        """Take a part that makes no item."""
        match part:
            case answers.Used():
                self._settle(part.usage)
                self._told = True
            case answers.Memory():
                self.turn = replace(self.turn, memory=part.data)
            case answers.End():
                self._close_item()

    def _text(self, part: answers.Text | answers.Refusal) -> str | None:
        refusal = isinstance(part, answers.Refusal)
        if self._open is None or self._open.item["type"] != "message":
            self._begin("message", role="assistant", content=[])
        assert self._open is not None  # noqa: S101 (just begun)
        content = self._open.item["content"]
        kind = "refusal" if refusal else "text"
        if not content or content[-1]["type"] != kind:
            content.append({"type": kind, kind: ""} | ({} if refusal else {"citations": []}))
        citation = None
        if isinstance(part, answers.Text) and part.citation is not None:
            citation = part.citation | {"at": len(content[-1]["text"])}
            content[-1]["citations"].append(citation)
        content[-1][kind] += part.text
        self._piece(part.text, len(content) - 1, refusal=refusal, citation=citation)
        return self._spend(part.text)

    def _code(self, text: str) -> str | None:
        if self._open is None or self._open.item["type"] != "code_interpreter_call":
            self._begin("code_interpreter_call", call_id=new_id("call_"), code="", outputs=[])
        return self._grow("code", text)

    def _put_out(self, outputs: Sequence[Json]) -> None:
        assert self._open is not None  # noqa: S101 (code has been given)
        self._open.item["outputs"] = [self._stage.keep_image(output) for output in outputs]
        self._close_item()

    def _grow(self, key: str, text: str) -> str | None:
        """Add to the arguments or the code of the open call."""
        assert self._open is not None  # noqa: S101 (a call has begun)
        self._open.item[key] += text
        self._piece(text)
        return self._spend(text)

    def _piece(self, text: str, part: int = 0, *, refusal: bool = False, citation: Json | None = None) -> None:
        assert self._open is not None  # noqa: S101 (there is an item to grow)
        item, index = self._open.item, self._open.index
        event = ItemPiece(self.turn, item, index, text, part=part, refusal=refusal, citation=citation)
        self._stage.publish(event)

    def _spend(self, text: str) -> str | None:
        if self._budget is None:
            return None
        self._budget -= len(text)
        return "max_output_tokens" if self._budget < 0 else None

    async def _search(self, part: answers.Search) -> None:
        tool = self.turn.ask.tool("file_search") or {"type": "file_search", "vector_store_ids": []}
        self._begin("file_search_call", call_id=new_id("call_"), queries=list(part.queries), results=[])
        assert self._open is not None  # noqa: S101 (just begun)
        found = list(part.results) if part.results is not None else await self._stage.search(tool, part.queries)
        self._open.item["results"] = found
        self._close_item()

    # ---- items and steps

    def _begin(self, kind: str, **given: Any) -> None:
        """Begin an item, in the step that it belongs to."""
        self._close_item()
        now = self._stage.now()
        events: list[TurnEvent] = []
        step = self._step_for(kind, now, events)
        item = new_item(kind, now, status=IN_PROGRESS, turn=self.turn.id, agent=self.turn.agent, step=step, **given)
        self._open = _Open(item, len(self._made))
        self._made.append(item)
        self._own.append(item)
        self._stage.write(self.turn, [*events, ItemBegan(self.turn, deepcopy(item), self._open.index)], new=[item])

    def _step_for(self, kind: str, now: int, events: list[TurnEvent]) -> str | None:
        """Return the id of the open step for an item of this kind; items of other kinds belong to no step."""
        wanted = MESSAGE_STEP if kind == "message" else TOOL_STEP if kind in CALLS else None
        if wanted is None:
            return None
        last = self.turn.steps[-1] if self.turn.steps else None
        if last is not None and last.status == IN_PROGRESS:
            if last.kind == wanted == TOOL_STEP:
                return last.id
            self._end_step(last, events)
        step = TurnStep(new_id("step_"), wanted, now)
        self.turn = self.turn.with_step(step)
        events.append(StepBegan(self.turn, step))
        return step.id

    def _close_item(self, incomplete: str | None = None) -> None:
        if self._open is None:
            return
        opened, self._open = self._open, None
        opened.item.update(_closed(incomplete, self._stage.now()))
        self._stage.write(self.turn, [ItemEnded(self.turn, opened.item, opened.index)], changed=[opened.item])

    def _end_step(
        self, step: TurnStep, events: list[TurnEvent], status: str = COMPLETED, error: Json | None = None
    ) -> None:
        used = step.usage or Usage()
        ended = replace(step, status=status, ended_at=self._stage.now(), error=error, usage=used)
        self.turn = self.turn.with_step(ended)
        events.append(StepEnded(self.turn, ended, self._items_of(step)))

    def _items_of(self, step: TurnStep) -> tuple[Json, ...]:
        return tuple(item for item in self._made if item.get("step") == step.id)

    # ---- usage

    def _settle(self, usage: Usage) -> None:
        """Note the tokens that the last step took."""
        self.turn = replace(self.turn, usage=self.turn.usage + usage)
        if self.turn.steps:
            step = self.turn.steps[-1]
            self.turn = self.turn.with_step(replace(step, usage=(step.usage or Usage()) + usage))

    def _use(self, before: int, read: int) -> None:
        """Estimate the tokens of an answer that has not told them."""
        if not self._told:
            self._settle(Usage(read, sum(tokens(written(item)) for item in self._made[before:])))

    # ---- what comes after an answer

    def _after(self, made: list[Json]) -> None:
        """Decide what follows: outputs are waited for, the next answer is wanted, or the turn has ended."""
        waiting = pending_calls(self._own)
        if waiting:
            self._pause() if self.turn.waits else self._end(COMPLETED)
            return
        events: list[TurnEvent] = []
        if self.turn.steps and self.turn.steps[-1].status == IN_PROGRESS:
            self._end_step(self.turn.steps[-1], events)
        if not _wants_more(made):
            turn, self.turn = self.turn, replace(self.turn, status=COMPLETED, ended_at=self._stage.now())
            try:
                self._stage.write(self.turn, [*events, TurnMoved(self.turn)], given=self._given())
            except SteeredError:
                self.turn = turn
            else:
                return
        self._stage.write(self.turn, events)

    def _given(self) -> int | None:
        """How many items the model has read that the turn was given; None where it is not given any later."""
        return sum("turn" not in item for item in self._own) if self.turn.steers else None

    def _pause(self) -> None:
        """Wait for the outputs of function calls: the step stays open."""
        self.turn = replace(self.turn, status=REQUIRES_ACTION)
        self._stage.write(self.turn, [TurnMoved(self.turn)])

    def _stop(self, reason: str) -> None:
        """End early; what is half written stays, as incomplete."""
        self._close_item(reason)
        self._end(INCOMPLETE, incomplete_reason=reason)

    def _fail(self, code: str, message: str) -> None:
        self._close_item(FAILED)
        error, events = {"code": code, "message": message}, list[TurnEvent]()
        if self.turn.steps and self.turn.steps[-1].status == IN_PROGRESS:
            self._end_step(self.turn.steps[-1], events, FAILED, error)
        self._end(FAILED, events, error=error)

    def _end(self, status: str, events: Iterable[TurnEvent] = (), **change: Any) -> None:
        before = list(events)
        if self.turn.steps and self.turn.steps[-1].status == IN_PROGRESS:
            self._end_step(self.turn.steps[-1], before)
        self.turn = replace(self.turn, status=status, ended_at=self._stage.now(), **change)
        self._stage.write(self.turn, [*before, TurnMoved(self.turn)])


def made_by(items: Iterable[Json]) -> list[Json]:
    """Return those of a turn's items that the turn made itself."""
    return [item for item in items if "step" in item]


def interrupted(
    turn: Turn, items: Iterable[Json], status: str, now: int, error: Json | None = None
) -> tuple[Turn, list[Json], list[TurnEvent]]:
    """Return a turn that is ended from outside, the items that this leaves half done, and the events.

    What was half written stays, as incomplete; the open step ends as the turn does.
    """
    made = made_by(items)
    halves = [item | _closed(status, now) for item in made if item["status"] == IN_PROGRESS]
    by_id = {item["id"]: item for item in [*made, *halves]}
    events: list[TurnEvent] = [
        ItemEnded(turn, by_id[item["id"]], index) for index, item in enumerate(made) if item["status"] == IN_PROGRESS
    ]
    for step in turn.steps:
        if step.status == IN_PROGRESS:
            ended = replace(step, status=status, ended_at=now, error=error)
            turn = turn.with_step(ended)
            events.append(StepEnded(turn, ended, tuple(item for item in by_id.values() if item["step"] == step.id)))
    turn = replace(turn, status=status, ended_at=now, error=error)
    return turn, halves, [*events, TurnMoved(turn)]


def _closed(incomplete: str | None, now: int) -> Json:
    """Return the fields of an item that is over; `incomplete` is why it stays incomplete."""
    if incomplete is None:
        return {"status": COMPLETED, "completed_at": now}
    return {"status": INCOMPLETE, "completed_at": now, "incomplete": incomplete}


def _wants_more(made: list[Json]) -> bool:
    """Whether the model has still to see what its last calls brought; a message after them is the last word."""
    for item in reversed(made):
        if item["type"] == "message":
            return False
        if item["type"] in ("file_search_call", "code_interpreter_call"):
            return True
    return False


def _size(question: Question) -> int:
    """Return about how many tokens a model would read."""
    ask = question.turn.ask
    fixed = tokens(ask.instructions) + sum(tokens(str(tool)) for tool in ask.tools)
    return fixed + sum(tokens(written(item)) for item in question.items)


def written(item: Json) -> str:
    """Return what of an item a model reads or writes."""
    match "" if "played" in item else item["type"]:
        case "message":
            return text_of(item) + "".join(part.get("refusal", "") for part in item["content"])
        case "function_call":
            return f"{item['name']}{item['arguments']}"
        case "function_call_output":
            return str(item["output"])
        case "file_search_call":
            return " ".join(item["queries"]) + "".join(result["text"] for result in item["results"] or ())
        case "code_interpreter_call":
            return f"{item['code']}{item['outputs']}"
        case _:
            return ""
