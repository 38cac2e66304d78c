"""A conversation as a value, as Markdown and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from deployer.conversation.happenings import (
    FunctionAnswered,
    Happening,
    MessageSaid,
    StepDone,
    TextPiece,
    TurnEnded,
)

_SPEAKERS = {"user": "You", "assistant": "Assistant"}


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said and done with one address. `thread` is the conversation's id on the account: it goes on there."""

    address: str
    thread: str
    happenings: tuple[Happening, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every turn was completed."""
        return all(one.ok for one in self.happenings if isinstance(one, TurnEnded))

    @property
    def text(self) -> str:
        """What the assistant said."""
        said = (one for one in self.happenings if isinstance(one, MessageSaid) and one.role != "user")
        return "\n\n".join(one.text for one in said)

    def to_dict(self) -> dict[str, Any]:
        entries = [_entry(one) for one in self.happenings if not isinstance(one, TextPiece)]
        return {"address": self.address, "thread": self.thread, "entries": entries}

    def markdown(self) -> str:
        parts = (text for one in self.happenings for text in _paragraphs(one))
        return "\n\n".join([f"# Conversation with {self.address}", f"Thread `{self.thread}`", *parts]) + "\n"


def _entry(one: Happening) -> dict[str, Any]:
    return {"type": _TYPES[type(one).__name__], **asdict(one)}


_TYPES = {
    "MessageSaid": "message",
    "StepDone": "step",
    "FunctionCall": "function_call",
    "FunctionAnswered": "function_answer",
    "TurnEnded": "end",
}


def _paragraphs(one: Happening) -> Iterator[str]:
    if isinstance(one, MessageSaid):
        yield f"**{_SPEAKERS.get(one.role, one.role)}:** {one.text}"
        if one.citations:
            yield "\n".join(f"- source: {citation.source}" for citation in one.citations)
    elif isinstance(one, StepDone):
        yield f"*{one.kind}*"
        yield _block(one.data)
    elif isinstance(one, FunctionAnswered):
        yield f"*{one.call.name}* was called with"
        yield _block(one.call.arguments)
        yield one.answer.failure or "and answered"
        yield _block(one.answer.output)
    elif isinstance(one, TurnEnded) and not one.ok:
        yield f"*The turn ended as {one.status}{f': {one.reason}' if one.reason else ''}*"


def _block(value: Any) -> str:
    """Return a block of code whose fence is longer than every one inside."""
    text = value if isinstance(value, str) else json.dumps(dict(value), ensure_ascii=False, indent=2)
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"
