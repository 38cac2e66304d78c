"""Talk to what a project has deployed: its live object, the documents behind citations, what answers functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from deployer import knowledge
from deployer.conversation import (
    FACES,
    AnswerCall,
    ConversationNamed,
    FunctionAnswer,
    FunctionCall,
    Happening,
    Transcript,
    first_of,
    from_handlers,
    talk,
)
from deployer.conversation.answers import Answers, failed
from deployer.conversation.faces import Face, unsupported
from deployer.engine import stamp
from deployer.engine.plan import duplicates
from deployer.errors import AccountError, DeployerError, UsageError
from deployer.kinds import kinds_of
from deployer.kinds.agent import SEARCH
from deployer.manifest import Manifest, handlers
from deployer.model import LiveObject, ProblemsFound, Resource
from deployer.project.session import Session

OnHappening = Callable[[Happening], None]


async def chatted(  # noqa: PLR0913, PLR0917 (what a turn needs)
    session: Session, resource: Resource, text: str, thread: str, answer: AnswerCall, on_event: OnHappening
) -> Transcript:
    """Say something to a live assistant, and return what came of it; `thread` is "" for a new conversation."""
    live = await session.read(whole=False)
    face, answer = face_of(session, live, resource, thread), searching(session, live, resource, answer)
    happened, named = list[Happening](), ""
    await face.start()
    async for one in talk(face, text, answer):
        if face.thread != named:
            named = face.thread
            on_event(ConversationNamed(named))
        happened.append(one)
        on_event(one)
    return Transcript(str(resource.address), face.thread, tuple(happened))


def face_of(session: Session, live: Sequence[LiveObject], resource: Resource, thread: str) -> Face:
    """Return the conversation of that name with a live assistant; DeployerError when there is none to talk to."""
    dialogue, opened = session.account.dialogue, FACES.get(session.target.api)
    if dialogue is None or opened is None:
        raise unsupported(session.target.api)
    twins = [one for one in duplicates(session.scope(), live, ()) if one.address == str(resource.address)]
    if twins:
        raise ProblemsFound(twins)
    found = next((one for one in live if _is(session, one, resource)), None)
    if found is None:
        raise DeployerError(f"{resource.address} is not live on this account; run ", run=["apply"])
    documents = {file.id: file.path for one in live for file in one.files if file.path}
    return opened(dialogue, found.raw.get("parameters", found.id), documents, thread)


def searching(session: Session, live: Sequence[LiveObject], resource: Resource, otherwise: AnswerCall) -> AnswerCall:
    """Answer searches in the assistant's stores, where its account has the application do that."""
    if session.account.settings.knowledge_as is None:
        return otherwise
    tools = resource.attrs.get("tools") or ()
    wanted = {name for tool in tools for name in tool.get("vector_stores", ())}
    marks = {one.id: stamp.of(one.raw) for one in live}
    stores = [one for one, mark in marks.items() if mark and str(mark.address) in wanted]

    async def answer(call: FunctionCall) -> FunctionAnswer:
        query, dialogue = knowledge.query_of(call.arguments), session.account.dialogue
        if call.name != SEARCH or query is None or dialogue is None:
            return await otherwise(call)
        try:
            pages = [await dialogue.ask("store.search", {"query": query}, store=one) for one in stores]
        except AccountError as error:
            return failed(call, str(error))
        return FunctionAnswer(knowledge.output(row for page in pages for row in page["data"]))

    return answer


def _is(session: Session, live: LiveObject, resource: Resource) -> bool:
    mine = stamp.of(live.raw)
    return mine is not None and (mine.project, mine.address) == (session.manifest.project, resource.address)


def spoken_to(manifest: Manifest, address: str) -> Resource:
    """Return the assistant of an address, or of its name alone; UsageError when the manifest has none."""
    kinds = kinds_of(manifest.settings.api)
    talking = [one for one in manifest.resources if one.address.kind in kinds and not kinds[one.address.kind].is_store]
    known = {str(one.address): one for one in talking}
    found = known.get(address) or next((one for one in talking if one.address.name == address), None)
    if found is None:
        raise UsageError(f"the manifest declares no {address}; talk to {' or '.join(sorted(known)) or 'an assistant'}")
    return found


def answering(manifest: Manifest, resource: Resource, sources: tuple[Answers, ...], seconds: float) -> AnswerCall:
    """Return what answers calls: the sources that are given, after the handlers of the manifest, imported here."""
    if not seconds:
        return first_of(*sources)
    return first_of(from_handlers(imported(manifest, resource), seconds), *sources)


def imported(manifest: Manifest, resource: Resource) -> dict[str, Callable[..., Any]]:
    """Import the handlers of an assistant; DeployerError where one is not there."""
    found = {name: handlers.split(text) for name, text in resource.handlers.items()}
    with handlers.importable([manifest.root, manifest.root / "src"]):
        return {name: handlers.load(*parts) for name, parts in found.items() if parts}
