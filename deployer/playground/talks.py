"""Conversations that are held open: one turn after the other, whoever of the project's assistants answers it.

What happens is told in entries, which are only ever added: a page that comes later, or again, reads them from the
beginning. A call of a function waits for a form, unless a handler answers it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from deployer.conversation import (
    Attachment,
    ConversationNamed,
    FunctionAnswer,
    FunctionAnswered,
    FunctionCall,
    Happening,
    MessageSaid,
    StepDone,
    TextPiece,
    TurnEnded,
    talk,
)
from deployer.conversation.answers import failed
from deployer.conversation.faces import Face, ResponseFace
from deployer.errors import DeployerError
from deployer.kinds.agent import SEARCH
from deployer.model import LiveFile, Resource
from deployer.playground import view
from deployer.playground.observer import AccountObserver
from deployer.project import chatting

logger = logging.getLogger(__name__)
_STOPPING = 3.0
_SHARED = ("assistants", "responses", "foundry")
"""Surfaces on which several assistants can speak in one conversation; a session of the Agents API has one agent."""
_PARSED = (".csv", ".json", ".jsonl", ".xlsx", ".xml", ".png", ".jpg", ".jpeg", ".py", ".zip")
"""What code looks into; every other file is searched."""
MOST_CONVERSATIONS = 200


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that the page uploaded: its id on the account, and its name."""

    id: str
    name: str


@dataclass(slots=True)
class ConversationTurn:
    """What one message of the user brought about, and to whom it was said."""

    address: str
    text: str
    files: tuple[AttachedFile, ...] = ()
    happenings: list[Happening] = field(default_factory=list)

    @property
    def messages(self) -> list[MessageSaid]:
        return [one for one in self.happenings if isinstance(one, MessageSaid)]

    @property
    def half(self) -> str:
        """What was said since the last whole message: a turn that was stopped has no more of it."""
        pieces: list[str] = []
        for one in self.happenings:
            if isinstance(one, MessageSaid):
                pieces = []
            elif isinstance(one, TextPiece):
                pieces.append(one.text)
        return "".join(pieces)


@dataclass(slots=True)
class OpenConversation:
    """A conversation: `thread` is its id on the account, `entries` what the page is told, in order."""

    id: str
    thread: str = ""
    turns: list[ConversationTurn] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    waiting: dict[str, asyncio.Future[FunctionAnswer]] = field(default_factory=dict)
    face: Face | None = None
    task: asyncio.Task[None] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def busy(self) -> bool:
        return self.task is not None and not self.task.done()

    @property
    def title(self) -> str:
        return self.turns[0].text if self.turns else ""

    def tell(self, kind: str, /, **what: Any) -> None:
        self.entries.append({"n": len(self.entries), "turn": len(self.turns) - 1, "type": kind, **what})
        self.news.set()
        self.news = asyncio.Event()

    async def follow(self, after: int) -> AsyncIterator[dict[str, Any]]:
        """Yield the entries from number `after` on, until the turn that is under way is over."""
        while True:
            news, busy = self.news, self.busy
            while after < len(self.entries):
                yield self.entries[after]
                after += 1
            if not busy:
                return
            waits = asyncio.ensure_future(news.wait())
            await asyncio.wait({waits, self.task} if self.task else {waits}, return_when=asyncio.FIRST_COMPLETED)
            waits.cancel()

    def history(self) -> list[MessageSaid]:
        """Return what was said before the last turn."""
        return [replace(one, citations=()) for turn in self.turns[:-1] for one in turn.messages if one.text]

    def expect(self, call: FunctionCall) -> asyncio.Future[FunctionAnswer]:
        """Return what the form of a call will set: it may be sent before anybody asks for it."""
        if call.id not in self.waiting:
            self.waiting[call.id] = asyncio.get_running_loop().create_future()
        return self.waiting[call.id]

    async def ask(self, call: FunctionCall) -> FunctionAnswer | None:
        """Wait for the form."""
        try:
            return await self.expect(call)
        finally:
            self.waiting.pop(call.id, None)


@dataclass(slots=True)
class Conversations:
    """All conversations of this process; `handler_seconds` is 0 where no handler is to run."""

    observer: AccountObserver
    handler_seconds: float = 0.0
    all: dict[str, OpenConversation] = field(default_factory=dict)

    def begin(self) -> OpenConversation:
        """Open a conversation; it is on the account as soon as something is said in it."""
        while len(self.all) >= MOST_CONVERSATIONS:
            oldest = next((one for one in self.all.values() if not one.busy), None)
            if oldest is None:
                raise DeployerError(f"{MOST_CONVERSATIONS} conversations are under way; stop one of them first")
            del self.all[oldest.id]
        one = OpenConversation(secrets.token_hex(8))
        self.all[one.id] = one
        return one

    def say(
        self, talked: OpenConversation, address: str, text: str, files: Sequence[AttachedFile], before: int | None
    ) -> None:
        """Begin a turn; with `before`, as if nothing from that turn on had been said; not while one goes on."""
        if talked.busy:
            raise DeployerError("a turn is under way in this conversation; wait for its end, or stop it")
        resource = chatting.spoken_to(self.observer.project.manifest, address)
        if before is not None and 0 <= before < len(talked.turns):
            del talked.turns[before:]
            talked.thread = ""
            talked.tell("forked", before=before)
        if talked.turns and talked.turns[-1].address != str(resource.address) and not self._shares:
            talked.thread = ""
        talked.turns.append(ConversationTurn(str(resource.address), text, tuple(files)))
        told = {"address": str(resource.address), "text": text, "files": [asdict(one) for one in files]}
        talked.tell("turn", **told)
        talked.task = asyncio.create_task(self._turn(talked, resource))

    @property
    def _shares(self) -> bool:
        return self.observer.project.target.api in _SHARED

    def answer(self, talked: OpenConversation, call: str, output: str, failure: str) -> None:
        """Answer a call that waits for its form; with a `failure` the model is told that it failed."""
        future = talked.waiting.get(call)
        if future is None or future.done():
            raise DeployerError("this function is not waiting for an answer")
        name = next(one["name"] for one in talked.entries if one.get("id") == call)
        given = failed(FunctionCall(call, name, ""), failure) if failure else FunctionAnswer(output)
        future.set_result(given)

    async def stop(self, talked: OpenConversation) -> None:
        """End the turn: on the account where its API can, and here in any case."""
        task, face = talked.task, talked.face
        if task is None or task.done():
            return
        if face is not None and await _cancelled(face) and not talked.waiting:
            await asyncio.wait({task}, timeout=_STOPPING)
        task.cancel()
        await asyncio.wait({task})

    async def close(self) -> None:
        """End every turn that is under way."""
        for one in [one for one in self.all.values() if one.busy]:
            await self.stop(one)

    async def _turn(self, talked: OpenConversation, resource: Resource) -> None:
        turn = talked.turns[-1]
        said = partial(self._happened, talked, resource, turn)
        try:
            await self._talk(talked, resource, turn, said)
        except DeployerError as error:
            said(TurnEnded("failed", str(error)))
        except asyncio.CancelledError:
            if not any(isinstance(one, TurnEnded) for one in turn.happenings):
                said(TurnEnded("cancelled", "stopped here"))
        except Exception:
            logger.exception("a turn with %s failed", turn.address)
            said(TurnEnded("failed", "this is a bug in deployer; its trace is on the terminal"))
        finally:
            talked.face = None
            talked.waiting.clear()

    async def _talk(
        self, talked: OpenConversation, resource: Resource, turn: ConversationTurn, said: Callable[[Happening], None]
    ) -> None:
        session = await self.observer.session()
        face = talked.face = await self._face(talked, resource)
        answers = chatting.answering(session.manifest, resource, (talked.ask,), self.handler_seconds)
        answer = chatting.searching(session, self.observer.live, resource, answers)
        await face.start(talked.history() if not talked.thread else ())
        files = [Attachment(one.id, _tools(one.name, resource)) for one in turn.files]
        async for one in talk(face, turn.text, answer, files):
            if face.thread != talked.thread:
                talked.thread = face.thread
                talked.tell("named", thread=face.thread)
            said(one)

    async def _face(self, talked: OpenConversation, resource: Resource) -> Face:
        """Return the conversation with what is live: looked at again where it was not at the last look."""
        session = await self.observer.session()
        try:
            face = chatting.face_of(session, self.observer.live, resource, talked.thread)
        except DeployerError:
            await self.observer.look()
            face = chatting.face_of(await self.observer.session(), self.observer.live, resource, talked.thread)
        return _showing(face, self.observer.project.target.api)

    def _happened(
        self, talked: OpenConversation, resource: Resource, turn: ConversationTurn, happening: Happening
    ) -> None:
        if isinstance(happening, TurnEnded) and (half := turn.half):
            turn.happenings.append(MessageSaid("assistant", half))
        turn.happenings.append(happening)
        documents = {one.id: one for each in self.observer.live for one in each.files}
        match happening:
            case TextPiece():
                talked.tell("text", text=happening.text)
            case MessageSaid(role="user") | ConversationNamed():
                pass  # the page has it as the beginning of the turn
            case MessageSaid():
                sources = [one.source for one in happening.citations]
                talked.tell("message", role=happening.role, text=happening.text, citations=sources)
            case StepDone():
                talked.tell("step", **step(happening, documents))
            case FunctionCall():
                told = self._call(happening, resource)
                if told["by"] == "form":
                    talked.expect(happening)
                talked.tell("call", **told)
            case FunctionAnswered():
                given = happening.answer
                talked.tell("answered", id=happening.call.id, output=given.output, failure=given.failure)
            case TurnEnded():
                talked.tell("end", status=happening.status, reason=happening.reason, ok=happening.ok)

    def _call(self, call: FunctionCall, resource: Resource) -> dict[str, Any]:
        """Return what a form is made of, and whether somebody else answers."""
        declared = next((one for one in view.functions(resource) if one.get("name") == call.name), None)
        by = "account" if declared is None and call.name == SEARCH else "form"
        if declared and self.handler_seconds and resource.handlers.get(call.name):
            by = "handler"
        found = {"id": call.id, "name": call.name, "arguments": call.arguments, "by": by}
        return found | {"parameters": (declared or {}).get("parameters")}


async def _cancelled(face: Face) -> bool:
    """End a turn on the account; False where its API cannot: then it is only no longer listened to."""
    try:
        await face.cancel()
    except DeployerError:
        return False
    return True


def _showing(face: Face, api: str) -> Face:
    """Ask also for what searches found; a response can be cancelled only in the background."""
    face.passages = True
    if isinstance(face, ResponseFace) and api == "responses":
        face.parameters = {**face.parameters, "background": True}
    return face


def _tools(name: str, resource: Resource) -> tuple[str, ...]:
    """Return what a file beside a message is for: of what its assistant has, else it is searched."""
    has = {str(one.get("type")) for one in resource.attrs.get("tools") or ()}
    wanted = "code_interpreter" if name.lower().endswith(_PARSED) else "file_search"
    return (wanted,) if wanted in has or "code_interpreter" not in has else ("code_interpreter",)


def step(one: StepDone, documents: Mapping[str, LiveFile]) -> dict[str, Any]:
    """Return a step in one form, whichever API showed it: queries with passages, or code with its outputs."""
    data = one.data
    found: dict[str, Any] = {"kind": one.kind, "queries": list(data.get("queries") or ())}
    if one.kind == "file_search":
        found["passages"] = [_passage(row, documents) for row in data.get("results") or ()]
    elif one.kind == "code_interpreter":
        found["code"] = str(data.get("input") or data.get("code") or "")
        found["outputs"] = [_output(row) for row in data.get("outputs") or ()]
    else:
        found["data"] = dict(data)
    return found


def _passage(row: Mapping[str, Any], documents: Mapping[str, LiveFile]) -> dict[str, Any]:
    text = row.get("text") or "\n".join(str(part.get("text") or "") for part in row.get("content") or ())
    name = row.get("file_name") or row.get("filename") or ""
    known = documents.get(str(row.get("file_id")))
    return {"source": (known and known.path) or name, "score": row.get("score"), "text": text}


def _output(row: Mapping[str, Any]) -> dict[str, str]:
    if row.get("type") == "logs":
        return {"logs": str(row.get("logs") or "")}
    image = (row.get("image") or {}).get("file_id") if isinstance(row.get("image"), Mapping) else None
    place = str(row.get("url") or "").split("/files/")
    return {"image": str(image or (place[1].split("/")[0] if len(place) > 1 else ""))}
