"""What answers on the embedded account while tests run: each conversation by the rehearsal of its own test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deployer.conversation.faces import Face
from deployer.server import Answerer, Rehearsal, ScriptError, read_script
from deployer.server.runs.answers import AnswerError, Memory, Part, Question

Answers = Sequence[Sequence[Mapping[str, Any]]]


@dataclass(slots=True)
class _Rehearsed:
    """One conversation: what a model would say, and how often it was asked."""

    answers: Answers
    folder: Path
    asked: int = 0

    def next(self) -> Rehearsal:
        """Return what plays the next answer; AnswerError when there is none."""
        self.asked += 1
        if self.asked > len(self.answers):
            count = len(self.answers)
            raise AnswerError("server_error", f"rehearse has {count} answers, and the model was asked once more")
        parts = [dict(one) for one in self.answers[self.asked - 1]]
        try:
            return Rehearsal(read_script({"version": 1, "turns": [{"answers": [parts]}]}, self.folder))
        except ScriptError as error:  # a file that it names has gone meanwhile, for example
            raise AnswerError("server_error", f"rehearse: {error}") from None


class RehearsedConversations(Answerer):
    """Answers each conversation that it knows by its own rehearsal, and others by `otherwise`.

    Most conversations have an id before anything is said. A session of an agent gets its id with the first message:
    so one after the other is begun.
    """

    def __init__(self, folder: Path, otherwise: Answerer | None = None) -> None:
        self._folder, self._otherwise = folder, otherwise or Rehearsal()
        self._known: dict[str, _Rehearsed] = {}
        self._beginning: _Rehearsed | None = None
        self._turn = asyncio.Lock()

    def plays(self, tool: str) -> bool:
        """Whether a tool of the outside world may be played: whether a rehearsal does, shows when it is asked."""
        del tool
        return True

    async def answer(self, question: Question) -> AsyncGenerator[Part, None]:
        key = question.turn.joins or question.turn.parent
        if key not in self._known and self._beginning:
            self._known[key], self._beginning = self._beginning, None
        rehearsed = self._known.get(key)
        if rehearsed is None:
            async for part in self._otherwise.answer(question):
                yield part
            return
        fresh = replace(question, turn=replace(question.turn, answers=0, memory={}))
        async for part in rehearsed.next().answer(fresh):
            if not isinstance(part, Memory):
                yield part

    @asynccontextmanager
    async def conversation(self, face: Face, answers: Answers) -> AsyncIterator[_Begun]:
        """Let a conversation that was started be answered by `answers`."""
        rehearsed = _Rehearsed(answers, self._folder)
        begun = _Begun(rehearsed)
        if face.thread:
            self._known[face.thread] = rehearsed
        else:
            await self._turn.acquire()
            self._beginning, begun.turn = rehearsed, self._turn
        try:
            yield begun
        finally:
            begun.named()
            self._known.pop(face.thread, None)


@dataclass(slots=True)
class _Begun:
    """A conversation with its rehearsal; `named` is called as soon as it has an id."""

    rehearsed: _Rehearsed
    turn: asyncio.Lock | None = field(default=None)

    def named(self) -> None:
        if self.turn:
            self.turn.release()
            self.turn = None

    @property
    def left(self) -> int:
        """How many answers the model was not asked for."""
        return max(0, len(self.rehearsed.answers) - self.rehearsed.asked)
