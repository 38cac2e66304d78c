"""What a face can do beside talking: begin after a history, bring files, show passages, cancel; on each surface."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from deployer import Project as Library
from deployer.backends.http.backend import HttpBackend
from deployer.conversation import Attachment, Happening, MessageSaid, StepDone, TextPiece, TurnEnded, first_of, talk
from deployer.conversation.faces import Face
from deployer.errors import DeployerError
from deployer.project.chatting import face_of
from deployer.project.session import Session, opened
from deployer.server import Rehearsal, read_script
from tests.support.project import Project

MANIFEST = """
accounts:
  local: {api: API}
vector_stores:
  docs: {files: ["docs/*.md"]}
assistants:
  helper:
    model: m
    tools: [{type: file_search, vector_stores: [docs]}]
"""
HISTORY = (MessageSaid("user", "I am Mina."), MessageSaid("assistant", "Hello, Mina."))
FOUND: dict[str, Any] = {"answers": [{"search": "bread"}, {"text": "Bread【food.md】."}]}
SLOW: dict[str, Any] = {"answers": [[{"text": "One "}, {"delay": 3_600}, {"text": "two."}]]}
SURFACES = ("assistants", "responses", "agents")
SEARCHING = ("assistants", "responses")


def deployed(project: Project, api: str) -> Library:
    project.write("docs/food.md", "bread is good\n")
    project.manifest(MANIFEST.replace("API", api))
    assert project.run("apply", "--yes", "--account", "local").code == 0
    return Library.load(account="local")


def on(library: Library, work: Callable[[Session, Face], Coroutine[Any, Any, Any]], *turns: Any) -> Any:
    """Do something with a conversation that has not begun, where an account plays turns."""
    script = Rehearsal(read_script({"version": 1, "turns": [*turns]}, library.manifest.root))

    async def session() -> Any:
        async with opened(library.manifest, answers=script) as one:
            resource = next(each for each in one.manifest.resources if each.address.kind == "assistant")
            return await work(one, face_of(one, await one.read(whole=False), resource, ""))

    return asyncio.run(session())


async def said(face: Face, text: str, files: tuple[Attachment, ...] = ()) -> list[Happening]:
    return [one async for one in talk(face, text, first_of(), files)]


KEPT = {
    "assistants": "/threads/{}/messages",
    "responses": "/conversations/{}/items",
    "agents": "/agents/sessions/{}/items",
}


@pytest.mark.parametrize("api", SURFACES)
def test_a_conversation_begins_after_a_history(project: Project, api: str) -> None:
    async def work(session: Session, face: Face) -> str:
        await face.start(HISTORY)
        await said(face, "Who am I?")
        backend = session.account.of("vector_store")
        assert isinstance(backend, HttpBackend)
        return str((await backend.client.get(KEPT[api].format(face.thread))).data)

    kept = on(deployed(project, api), work, {"answers": [{"text": "You are Mina."}]})
    assert [text for text in ("I am Mina.", "Hello, Mina.", "Who am I?", "You are Mina.") if text not in kept] == []


@pytest.mark.parametrize("api", SEARCHING)
def test_files_go_beside_a_message_and_passages_are_shown(project: Project, api: str) -> None:
    async def work(session: Session, face: Face) -> list[Happening]:
        data = b"the word is plum\n"
        file_id, _ = await session.account.files.upload("note.md", io.BytesIO(data), len(data))
        face.passages = True
        await face.start()
        return await said(face, "Bread?", (Attachment(file_id),))

    happened = on(deployed(project, api), work, FOUND)
    (step,) = [one for one in happened if isinstance(one, StepDone)]
    assert "bread is good" in str(step.data)
    assert happened[-1] == TurnEnded("completed")


def test_a_session_takes_no_files(project: Project) -> None:
    async def work(_session: Session, face: Face) -> None:
        await face.start()
        await face.send("Look", (Attachment("file-1"),))

    with pytest.raises(DeployerError, match="takes no files"):
        on(deployed(project, "agents"), work)


@pytest.mark.parametrize("api", SURFACES)
def test_a_turn_is_cancelled(project: Project, api: str) -> None:
    """A turn that is cancelled while it speaks ends as that, and not as completed."""

    async def work(_session: Session, face: Face) -> list[Happening]:
        if api == "responses":
            face.parameters = {**face.parameters, "background": True}  # type: ignore[attr-defined]
        await face.start()
        happened = list[Happening]()
        async for one in talk(face, "Count", first_of()):
            if isinstance(one, TextPiece) and not any(isinstance(each, TextPiece) for each in happened):
                await face.cancel()
            happened.append(one)
        return happened

    happened = on(deployed(project, api), work, SLOW)
    (end,) = [one for one in happened if isinstance(one, TurnEnded)]
    assert end.status == "cancelled"
