"""Say something, answer the calls of functions, until the turn is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from deployer.backends.base import Dialogue
from deployer.conversation.answers import AnswerCall
from deployer.conversation.faces import AgentFace, AssistantFace, Documents, Face, ResponseFace, foundry_face
from deployer.conversation.happenings import (
    Attachment,
    FunctionAnswered,
    FunctionCall,
    Happening,
    MessageSaid,
    TurnEnded,
)

FACES: Mapping[str, Callable[[Dialogue, Any, Documents, str], Face]] = MappingProxyType(
    {"assistants": AssistantFace, "agents": AgentFace, "responses": ResponseFace, "foundry": foundry_face}
)
"""By surface. A face takes the id of what is live; that of Responses takes the parameters of a bundle."""


async def talk(face: Face, text: str, answer: AnswerCall, files: Sequence[Attachment] = ()) -> AsyncIterator[Happening]:
    """Say `text` in a conversation that has been started, and yield what happens until the turn is over.

    Calls that an earlier turn still waits for, because its client went away, are answered first. Functions that are
    called beside each other are answered beside each other. A stream that breaks off before its end is a turn that
    ended as `interrupted`: what was said stays in the conversation.
    """
    waiting, face.waiting = face.waiting, ()
    for call in waiting:
        yield call
    if waiting:
        async for one in _turn(face, answer, waiting):
            yield one
    yield MessageSaid("user", text)
    await face.send(text, files)
    async for one in _turn(face, answer, ()):
        yield one


async def _turn(face: Face, answer: AnswerCall, waiting: Sequence[FunctionCall]) -> AsyncIterator[Happening]:
    """Answer calls, and yield what happens until the turn is over."""
    import asyncio  # here: who only reads tests needs no event loop

    while True:
        answers = await asyncio.gather(*(answer(call) for call in waiting))
        for call, given in zip(waiting, answers, strict=True):
            await face.answer_call(call, given)
            yield FunctionAnswered(call, given)
        calls, over = list[FunctionCall](), False
        async for one in face.events():
            yield one
            over = over or isinstance(one, TurnEnded)
            if isinstance(one, FunctionCall):
                calls.append(one)
        if over:
            return
        if not calls:
            yield TurnEnded("interrupted", "the account ended its stream before the turn was over")
            return
        waiting = calls
