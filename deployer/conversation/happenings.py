"""What happens in a conversation, as values; each face translates the events of its API into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file beside a message: its id on the account, and the tools that it is for, where the API asks for them."""

    id: str
    tools: tuple[str, ...] = ("file_search",)


@dataclass(frozen=True, slots=True)
class Citation:
    """A source that a message names: the path of a document, or the file's id where no document is known."""

    source: str


@dataclass(frozen=True, slots=True)
class ConversationNamed:
    """The account has given the conversation an id, by which it goes on; it comes as soon as that is known."""

    thread: str


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A piece of the answer's text, as it comes."""

    text: str


@dataclass(frozen=True, slots=True)
class MessageSaid:
    """A whole message. `role` is user or assistant; sources stand in the text as `[path]` where the API marks them.

    `refusal`: the API marks it as one.
    """

    role: str
    text: str
    citations: tuple[Citation, ...] = ()
    refusal: bool = False


@dataclass(frozen=True, slots=True)
class StepDone:
    """Something that was done on the way: `kind` is the tool's type, `data` what the API shows of it."""

    kind: str
    data: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function that the model wants called; `arguments` is the JSON text that it wrote."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class FunctionAnswer:
    """The output of a call. With a `failure`, a sentence for the person, the output tells the model of it."""

    output: str
    failure: str = ""


@dataclass(frozen=True, slots=True)
class FunctionAnswered:
    """A call that has been answered."""

    call: FunctionCall
    answer: FunctionAnswer


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The end of a turn: its status as the API says it, and why, where it is not `completed`."""

    status: str
    reason: str = ""

    @property
    def ok(self) -> bool:
        return self.status == "completed"


Happening: TypeAlias = (
    ConversationNamed | TextPiece | MessageSaid | StepDone | FunctionCall | FunctionAnswered | TurnEnded
)
