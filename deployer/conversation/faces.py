"""Assistants threads, Responses and Agents sessions behind one interface: `start`, `send`, `events`, `answer_call`.

The facts are those of the API reference, read 2026-11-28; the events' names are the API's own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from deployer.backends.base import Dialogue, StreamedEvent
from deployer.conversation.happenings import (
    Attachment,
    Citation,
    FunctionAnswer,
    FunctionCall,
    Happening,
    MessageSaid,
    StepDone,
    TextPiece,
    TurnEnded,
)
from deployer.errors import AccountError, DeployerError

_NOT_OFFERED = (404, 405, 501)
_CANCEL = "agent.session.input.cancel"
_PASSAGES = ("code_interpreter_call.outputs", "file_search_call.results")
Documents = Mapping[str, str]
"""Paths of documents by the ids of their files."""
_Stream = AbstractAsyncContextManager[AsyncIterator[StreamedEvent]]


class Face(Protocol):
    """One conversation, in the words of one API."""

    thread: str
    """Its id on the account; "" as long as it has none."""
    waiting: Sequence[FunctionCall]
    """Calls that the conversation's last turn still waits for; they are known when it has been started."""
    passages: bool
    """Whether a search shows the passages that it found, where the API can."""

    async def start(self, history: Sequence[MessageSaid] = ()) -> None:
        """Begin a conversation after `history`, or find that of `thread`; AccountError when there is none."""

    async def send(self, text: str, files: Sequence[Attachment] = ()) -> None:
        """Say something, with files beside it; the turn is begun by `events`."""

    def events(self) -> AsyncIterator[Happening]:
        """Yield what happens until the turn is over or waits for calls: then answer each, and ask for more."""

    async def answer_call(self, call: FunctionCall, answer: FunctionAnswer) -> None:
        """Answer one of the calls that the turn waits for."""

    async def cancel(self) -> None:
        """End the turn that is under way; AccountError where the API cannot."""

    async def close(self) -> None:
        """Delete the conversation, with what the account made for its files."""


def _error(data: Mapping[str, Any]) -> str:
    found = data.get("error") or data.get("last_error") or data
    return str(found.get("message") or found) if isinstance(found, Mapping) else str(found)


def _cited(text: str, notes: Sequence[Any], documents: Documents) -> tuple[str, tuple[Citation, ...]]:
    """Return a text with its markers resolved, and its sources, each once."""
    sources: dict[str, None] = {}
    for note in notes:
        inner = note.get("file_citation") or note.get("file_path") or note
        file_id = inner.get("file_id")
        if not file_id:
            continue
        source = documents.get(file_id) or note.get("filename") or file_id
        sources[source] = None
        if marker := note.get("text"):
            text = text.replace(marker, f"[{source}]")
    return text, tuple(Citation(one) for one in sources)


@dataclass(slots=True)
class AssistantFace:
    """A thread of the Assistants API: each turn is a run of one assistant."""

    dialogue: Dialogue
    assistant: str
    documents: Documents
    thread: str = ""
    waiting: Sequence[FunctionCall] = ()
    passages: bool = False  # shown until functions are answered: that request has no such parameter
    _run: str = ""
    _outputs: list[dict[str, str]] = field(default_factory=list)

    async def start(self, history: Sequence[MessageSaid] = ()) -> None:
        if self.thread:
            await self.dialogue.ask("thread.get", thread=self.thread)
            self.waiting = await self._left_behind()
            return
        body = {"messages": [{"role": one.role, "content": one.text} for one in history]} if history else {}
        self.thread = str((await self.dialogue.ask("thread.create", body))["id"])

    async def _left_behind(self) -> list[FunctionCall]:
        """Return the calls that the newest run waits for; where runs are not listed, none are known."""
        try:
            runs = await self.dialogue.ask("run.list", thread=self.thread)
        except AccountError as error:
            if error.status not in _NOT_OFFERED:
                raise
            return []
        return [call for run in runs["data"][:1] for call in self._waits_for(run)]

    async def send(self, text: str, files: Sequence[Attachment] = ()) -> None:
        beside = [{"file_id": one.id, "tools": [{"type": tool} for tool in one.tools]} for one in files]
        body = {"role": "user", "content": text} | ({"attachments": beside} if beside else {})
        await self.dialogue.ask("message.create", body, thread=self.thread)

    async def answer_call(self, call: FunctionCall, answer: FunctionAnswer) -> None:
        self._outputs.append({"tool_call_id": call.id, "output": answer.output})

    async def cancel(self) -> None:
        if self._run:
            await self.dialogue.ask("run.cancel", {}, thread=self.thread, run=self._run)

    async def close(self) -> None:
        """A store that the account made for files of messages goes, too: nothing else would name it."""
        if not self.thread:
            return
        resources = (await self.dialogue.ask("thread.get", thread=self.thread)).get("tool_resources") or {}
        for store in (resources.get("file_search") or {}).get("vector_store_ids") or ():
            await self.dialogue.ask("store.delete", store=str(store))
        await self.dialogue.ask("thread.delete", thread=self.thread)

    async def events(self) -> AsyncIterator[Happening]:
        async with self._begun() as stream:
            async for event in stream:
                for one in self._translated(event):
                    yield one

    def _begun(self) -> _Stream:
        """All outputs go in one request: the API refuses a part of them."""
        if self._outputs:
            body: dict[str, Any] = {"tool_outputs": self._outputs, "stream": True}
            self._outputs = []
            return self.dialogue.stream("run.answer", body, thread=self.thread, run=self._run)
        begun = "run.create_with_passages" if self.passages else "run.create"
        return self.dialogue.stream(begun, {"assistant_id": self.assistant, "stream": True}, thread=self.thread)

    def _translated(self, event: StreamedEvent) -> list[Happening]:
        name, data = event.name, event.data
        if name == "thread.message.delta":
            return self._pieces(data["delta"].get("content") or ())
        if name in ("thread.message.completed", "thread.message.incomplete"):
            texts = [part["text"] for part in data["content"] if part["type"] == "text"]
            notes = [note for text in texts for note in text.get("annotations") or ()]
            said, citations = _cited("".join(text["value"] for text in texts), notes, self.documents)
            refused = [part["refusal"] for part in data["content"] if part["type"] == "refusal"]
            return [MessageSaid("assistant", said + "".join(refused), citations, refusal=bool(refused))]
        if name == "thread.run.step.completed":
            calls = data["step_details"].get("tool_calls") or ()
            return [StepDone(one["type"], one[one["type"]]) for one in calls if one["type"] != "function"]
        if name == "error":
            return [TurnEnded("failed", _error(data))]
        return self._moved(name.removeprefix("thread.run."), data) if name.startswith("thread.run.") else []

    def _pieces(self, parts: Sequence[Any]) -> list[Happening]:
        texts = [part["text"] for part in parts if part.get("type") == "text"]
        resolved = [_cited(text.get("value") or "", text.get("annotations") or (), self.documents)[0] for text in texts]
        return [TextPiece(one) for one in resolved if one]

    def _waits_for(self, run: Mapping[str, Any]) -> list[FunctionCall]:
        if run["status"] != "requires_action":
            return []
        self._run = str(run["id"])
        calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        return [FunctionCall(one["id"], one["function"]["name"], one["function"]["arguments"]) for one in calls]

    def _moved(self, status: str, run: Mapping[str, Any]) -> list[Happening]:
        if run.get("object") == "thread.run":
            self._run = str(run["id"])
        if status == "requires_action":
            return [*self._waits_for(run)]
        if status == "completed":
            return [TurnEnded(status)]
        if status in ("failed", "expired", "cancelled", "incomplete"):
            why = (run.get("last_error") or {}).get("message") or (run.get("incomplete_details") or {}).get("reason")
            return [TurnEnded(status, str(why or ""))]
        return []


@dataclass(slots=True)
class ResponseFace:
    """A conversation of the Responses API: each turn is made with the same resolved parameters.

    A `thread` that is a response goes on after that response. Input among the parameters begins a conversation.
    """

    dialogue: Dialogue
    parameters: Mapping[str, Any]
    documents: Documents
    thread: str = ""
    waiting: Sequence[FunctionCall] = ()
    passages: bool = False
    _input: list[dict[str, Any]] = field(default_factory=list)
    _calls: list[FunctionCall] = field(default_factory=list)
    _response: str = ""

    async def start(self, history: Sequence[MessageSaid] = ()) -> None:
        if not self.thread:
            self.thread = str((await self.dialogue.ask("conversation.create", {}))["id"])
            self._input.extend(self.parameters.get("input", ()))
            self._input.extend({"role": one.role, "content": one.text} for one in history)
        elif self._after_response:
            self.waiting = _unanswered((await self.dialogue.ask("response.get", thread=self.thread))["output"])
        else:
            self.waiting = _unanswered(
                (await self.dialogue.ask("conversation.items", thread=self.thread))["data"][::-1]
            )

    @property
    def _after_response(self) -> bool:
        return self.thread.startswith("resp_")

    async def send(self, text: str, files: Sequence[Attachment] = ()) -> None:
        beside = [{"type": "input_file", "file_id": one.id} for one in files]
        content = [*beside, {"type": "input_text", "text": text}] if beside else text
        self._input.append({"role": "user", "content": content})

    async def answer_call(self, call: FunctionCall, answer: FunctionAnswer) -> None:
        self._input.append({"type": "function_call_output", "call_id": call.id, "output": answer.output})

    async def cancel(self) -> None:
        """Only what runs in the background can be cancelled: `background` is one of the parameters."""
        if self._response:
            await self.dialogue.ask("response.cancel", {}, response=self._response)

    async def close(self) -> None:
        """A response that another one was to follow stays: it was there before."""
        if self.thread and not self._after_response:
            await self.dialogue.ask("conversation.delete", thread=self.thread)

    async def events(self) -> AsyncIterator[Happening]:
        place = {"previous_response_id" if self._after_response else "conversation": self.thread}
        body = {**self.parameters, **place, "input": self._input, "stream": True}
        if self.passages:
            body["include"] = sorted({*body.get("include", ()), *_PASSAGES})
        self._input, self._calls = [], []
        async with self.dialogue.stream("response.create", body) as stream:
            async for event in stream:
                for one in self._translated(event):
                    yield one

    def _translated(self, event: StreamedEvent) -> list[Happening]:
        name, data = event.name, event.data
        if name == "response.created":
            self._response = str(data["response"]["id"])
        if name in ("response.output_text.delta", "response.refusal.delta"):
            return [TextPiece(str(data["delta"]))]
        if name == "response.output_item.done":
            return self._item(data["item"])
        if name in ("response.completed", "response.incomplete", "response.failed", "response.cancelled"):
            return self._ended(data["response"])
        return [TurnEnded("failed", _error(data))] if name == "error" else []

    def _item(self, item: Mapping[str, Any]) -> list[Happening]:
        kind = str(item["type"])
        if kind == "message":
            parts = item["content"]
            notes = [note for part in parts for note in part.get("annotations") or ()]
            text = "".join(part.get("text") or part.get("refusal") or "" for part in parts)
            refused = any(part.get("type") == "refusal" for part in parts)
            return [MessageSaid("assistant", *_cited(text, notes, self.documents), refusal=refused)]
        if kind == "function_call":
            self._calls.append(FunctionCall(item["call_id"], item["name"], item["arguments"]))
            return []
        return [StepDone(kind.removesuffix("_call"), item)]

    def _ended(self, response: Mapping[str, Any]) -> list[Happening]:
        """A response that calls functions is complete; the turn is not."""
        if self._after_response:
            self.thread = str(response["id"])
        if response["status"] == "completed":
            return [*self._calls] or [TurnEnded("completed")]
        why = (response.get("error") or {}).get("message") or (response.get("incomplete_details") or {}).get("reason")
        return [TurnEnded(str(response["status"]), str(why or ""))]


def foundry_face(dialogue: Dialogue, agent: str, documents: Documents, thread: str = "") -> ResponseFace:
    """Return a conversation with a named agent, by its latest version: all that a request says is who answers."""
    reference = {"type": "agent_reference", "name": agent}
    return ResponseFace(dialogue, {"agent_reference": reference}, documents, thread)


def _unanswered(items: Sequence[Mapping[str, Any]]) -> list[FunctionCall]:
    """Return the calls among items, oldest first, that have no output: the API takes nothing else before that."""
    answered = {item["call_id"] for item in items if item["type"] == "function_call_output"}
    calls = [item for item in items if item["type"] == "function_call" and item["call_id"] not in answered]
    return [FunctionCall(item["call_id"], item["name"], item["arguments"]) for item in calls]


@dataclass(slots=True)
class AgentFace:
    """A session of the Agents API. Its events are listened to before anything is sent: none comes a second time."""

    dialogue: Dialogue
    agent: str
    documents: Documents
    thread: str = ""
    waiting: Sequence[FunctionCall] = ()
    passages: bool = False
    _pending: list[dict[str, Any]] = field(default_factory=list)
    _said: list[dict[str, Any]] = field(default_factory=list)
    _turns: dict[str, str] = field(default_factory=dict)
    _end: TurnEnded | None = None

    async def start(self, history: Sequence[MessageSaid] = ()) -> None:
        """A session takes messages of a user alone: what was said before is told in one."""
        if self.thread:
            session = await self.dialogue.ask("session.get", thread=self.thread)
            if session["status"] == "requires_action":
                self.waiting = [self._call(one) for one in _of_functions(session)]
        elif history:
            told = "\n\n".join(f"{one.role}: {one.text}" for one in history)
            self._said = [_message(f"What was said before in this conversation:\n\n{told}")]

    async def send(self, text: str, files: Sequence[Attachment] = ()) -> None:
        if files:
            raise DeployerError("a session of the Agents API takes no files; put them into a store of the manifest")
        self._said.append(_message(text))

    async def cancel(self) -> None:
        if self.thread:
            await self.dialogue.tell("session.say", {"events": [{"type": _CANCEL}]}, thread=self.thread)

    async def close(self) -> None:
        if self.thread:
            await self.dialogue.ask("session.delete", thread=self.thread)

    async def answer_call(self, call: FunctionCall, answer: FunctionAnswer) -> None:
        result = {"type": "agent.session.input.tool_result", "turn_id": self._turns[call.id], "call_id": call.id}
        told = {"success": False, "error": answer.output} if answer.failure else {"success": True}
        self._pending.append({**result, **told, **({} if answer.failure else {"output": answer.output})})

    async def events(self) -> AsyncIterator[Happening]:
        self._end = None
        said, self._said = self._said, []
        if not self.thread:  # a session without an environment begins with its first input
            body = {"agent_id": self.agent, "environment": {"type": "none"}, "input": said, "stream": True}
            async with self.dialogue.stream("session.create", body) as stream:
                async for one in self._heard(stream):
                    yield one
            return
        async with self.dialogue.stream("session.listen", thread=self.thread) as stream:
            message = {"type": "agent.session.input.message", "input": said}
            await self.dialogue.tell("session.say", {"events": self._pending or [message]}, thread=self.thread)
            self._pending = []
            async for one in self._heard(stream):
                yield one

    async def _heard(self, stream: AsyncIterator[StreamedEvent]) -> AsyncIterator[Happening]:
        async for event in stream:
            for one in self._translated(event.name.removeprefix("agent.session."), event.data):
                yield one
                if isinstance(one, TurnEnded):
                    return
            if event.name == "agent.session.requires_action":
                return

    def _translated(self, name: str, data: Mapping[str, Any]) -> list[Happening]:
        if name in ("created", "requires_action", "idle", "failed"):
            return self._session(name, data["session"])
        if name == "turn.output_text.delta":
            return [TextPiece(str(data["delta"]))]
        if name == "turn.item.done":
            return _agent_item(data["item"])
        if name in ("turn.completed", "turn.failed", "turn.cancelled"):
            why = (data["turn"].get("error") or {}).get("message") or ""
            self._end = TurnEnded(name.removeprefix("turn."), str(why))
        return []

    def _session(self, name: str, session: Mapping[str, Any]) -> list[Happening]:
        self.thread = str(session["id"])
        if name == "requires_action":
            return [self._call(one) for one in _of_functions(session)]
        if name == "failed":
            return [self._end or TurnEnded("failed", str(session.get("error") or ""))]
        return [self._end] if name == "idle" and self._end else []

    def _call(self, action: Mapping[str, Any]) -> FunctionCall:
        self._turns[action["call_id"]] = action["turn_id"]
        arguments = action["arguments"]
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return FunctionCall(action["call_id"], action["name"], text)


def _message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "input_text", "text": text}]}


def _of_functions(session: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in session["required_actions"] if one["type"] == "function_call"]


def _agent_item(item: Mapping[str, Any]) -> list[Happening]:
    kind = str(item["type"])
    if kind == "message":
        return [MessageSaid("assistant", "".join(str(part.get("text") or "") for part in item["content"]))]
    return [] if kind.startswith("function_call") else [StepDone(kind.removesuffix("_call"), item)]


def unsupported(api: str) -> DeployerError:
    return DeployerError(f"nothing can be talked to on an account with api: {api}; choose another account (--account)")
